"""Which parameters mattered: PED-ANOVA over the trials of the search.

Watanabe, Bansal and Hutter 2023 (arXiv 2304.10255): the share of variance that each parameter
explains among the best trials. It says how much a parameter's choice matters within this space, not
which value is best, and it depends on the ranges that were searched.
"""

import warnings

import numpy as np
import optuna
import pandas as pd
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import create_trial

from sweeper.search.quiet import quiet

FEW = 20
"""Trials below which no importance is worth stating."""
MANY = 2000
"""Trials above which every k-th is left out: shares no longer change, and Optuna copies each trial."""


def importances(trials: pd.DataFrame, parameters: list[str]) -> pd.DataFrame:
    """Columns ``parameter`` and ``importance`` (shares that sum to 1), largest first.

    Empty where there is nothing to state: for few trials, or when the best ones cannot be told from
    the rest. `trials` are rows of the ``trials`` table; those that failed are left out, diverged ones
    count as the worst. A parameter counts when every trial has it and it takes at least two values.
    """
    search = trials[(trials["phase"] != "confirm") & (trials["outcome"] != "failed")]
    search = search.iloc[:: 1 + len(search) // MANY]
    columns = [p for p in dict.fromkeys(parameters) if search[p].notna().all() and search[p].nunique() > 1]
    objective = search["objective"].astype(float)
    objective = objective.where(np.isfinite(objective))
    if len(search) < FEW or not columns or objective.notna().sum() < FEW // 2:
        return _frame({})
    coded = {name: _coded(search[name]) for name in columns}
    distributions = {name: distribution for name, (_, distribution) in coded.items()}
    study = optuna.create_study()
    for row, value in enumerate(objective.fillna(objective.max()).tolist()):
        params = {name: values[row] for name, (values, _) in coded.items()}
        study.add_trial(create_trial(params=params, distributions=distributions, value=value))
    return _frame(_shares(study))


def _shares(study: optuna.Study) -> dict[str, float]:
    with quiet(), warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        try:
            return get_param_importances(study, evaluator=PedAnovaImportanceEvaluator())
        except UserWarning:  # the best trials are no others than the rest: Optuna would give equal shares
            return {}


def _frame(shares: dict[str, float]) -> pd.DataFrame:
    frame = pd.DataFrame({"parameter": list(shares), "importance": [float(v) for v in shares.values()]})
    frame = frame.astype({"parameter": "str", "importance": float})
    return frame[frame["importance"].notna()].sort_values("importance", ascending=False, ignore_index=True)


def _coded(column: "pd.Series[object]") -> tuple[list[object], BaseDistribution]:
    """Values and distribution for Optuna; positive numbers on a log scale, exact zeros a decade below."""
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        values = column.tolist()
        return values, CategoricalDistribution(sorted(set(values), key=str))
    numbers = column.to_numpy(dtype=float)
    positive = numbers[numbers > 0]
    if (numbers >= 0).all() and positive.max() / positive.min() > 10:
        numbers = np.log10(np.where(numbers > 0, numbers, positive.min() / 10))
    return list(map(float, numbers)), FloatDistribution(float(numbers.min()), float(numbers.max()))
