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
from optuna.trial import create_trial

FEW = 20
"""Trials below which no importance is worth stating."""


def importances(trials: pd.DataFrame, parameters: list[str]) -> pd.DataFrame:
    """Columns ``parameter`` and ``importance`` (shares that sum to 1), largest first; empty for few trials.

    `trials` are rows of the ``trials`` table; those that failed are left out, diverged ones count as
    the worst. A parameter counts when every trial has it and it takes at least two values.
    """
    search = trials[(trials["phase"] != "confirm") & (trials["outcome"] != "failed")]
    columns = [p for p in parameters if search[p].notna().all() and search[p].nunique() > 1]
    objective = search["objective"].astype(float)
    if len(search) < FEW or not columns or objective.notna().sum() < FEW // 2:
        return pd.DataFrame({"parameter": pd.Series(dtype=str), "importance": pd.Series(dtype=float)})
    worst = float(objective.max())
    coded = {name: _coded(search[name]) for name in columns}
    study = optuna.create_study()
    for row in range(len(search)):
        params = {name: values[row] for name, (values, _) in coded.items()}
        distributions = {name: distribution for name, (_, distribution) in coded.items()}
        value = objective.iloc[row]
        study.add_trial(
            create_trial(params=params, distributions=distributions, value=worst if np.isnan(value) else value)
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        evaluator = optuna.importance.PedAnovaImportanceEvaluator()
        found = optuna.importance.get_param_importances(study, evaluator=evaluator)
    frame = pd.DataFrame({"parameter": list(found), "importance": [float(v) for v in found.values()]})
    return frame[frame["importance"].notna()].sort_values("importance", ascending=False, ignore_index=True)


def _coded(column: pd.Series) -> tuple[list[object], BaseDistribution]:
    """Values and distribution for Optuna; positive numbers on a log scale, exact zeros a decade below."""
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        values = [v.item() if hasattr(v, "item") else v for v in column]
        return list(values), CategoricalDistribution(sorted(set(values), key=str))
    numbers = column.to_numpy(dtype=float)
    positive = numbers[numbers > 0]
    if (numbers >= 0).all() and positive.max() / positive.min() > 10:
        numbers = np.log10(np.where(numbers > 0, numbers, positive.min() / 10))
    return list(map(float, numbers)), FloatDistribution(float(numbers.min()), float(numbers.max()))
