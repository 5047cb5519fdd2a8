"""Which parameters mattered: PED-ANOVA over the trials of the search.

Watanabe, Bansal and Hutter 2023 (arXiv 2304.10255): the share of variance that each parameter
explains among the best trials. It says how much a parameter's choice matters within this space, not
which value is best, and it depends on the ranges that were searched.
"""

import warnings
from collections.abc import Container, Mapping
from datetime import datetime

import numpy as np
import optuna
import pandas as pd
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import FrozenTrial, TrialState

from sweeper.search.quiet import quiet
from sweeper.statistics.sizes import FEWEST_TRIALS, every_nth

COLUMNS = ["parameter", "importance", "low", "high", "chance"]
Coded = tuple[list[object], BaseDistribution]
"""Values of a parameter as Optuna takes them, and their distribution."""
SHUFFLES = 19
"""Shuffles of the scores: a value above all of them has a probability of 1 in 20 where nothing matters."""
BLOCK = 10
"""Trials among which scores are shuffled."""
RESAMPLES = 40
"""Bootstrap samples of the trials."""
NOW = datetime(2020, 1, 1)
"""Optuna's trials must have begun and ended; when does not matter."""


def importances(trials: pd.DataFrame, parameters: list[str]) -> pd.DataFrame:
    """Columns as in `COLUMNS`, one row per parameter, the largest importance first.

    importance: shares that sum to 1. low, high: 95 % of `RESAMPLES` bootstrap samples of the trials, and the
    share itself, which lies outside of them where resampled trials lie further apart.
    chance: the most that the parameter reaches in `SHUFFLES` shuffles of the scores (`_shuffled`), over the
    same total as these shares, so it may be above 1: what does not matter has a larger share in one of twenty
    studies. It depends on the parameter: a range of which some parts were hardly tried reaches more by luck.

    Empty where there is nothing to state: for few trials, or when the best ones cannot be told from
    the rest. `trials` are rows of the ``trials`` table; those that failed are left out, diverged ones
    count as the worst. A parameter counts when every trial has it and it takes at least two values.
    """
    search = trials[(trials["phase"] != "confirm") & (trials["outcome"] != "failed")]
    search = search.iloc[:: every_nth(len(search))]
    columns = [p for p in dict.fromkeys(parameters) if search[p].notna().all() and search[p].nunique() > 1]
    objective = search["objective"].astype(float)
    objective = objective.where(np.isfinite(objective))
    if len(search) < FEWEST_TRIALS or not columns or objective.notna().sum() < FEWEST_TRIALS // 2:
        return pd.DataFrame(columns=COLUMNS).astype(dict.fromkeys(COLUMNS[1:], float))
    coded = {name: _coded(search[name]) for name in columns}
    values = objective.fillna(objective.max()).to_numpy()
    rng, own = np.random.default_rng(0), np.arange(len(values))
    divergences = _divergences(coded, values, own)
    if not sum(divergences.values()) > 0:
        return pd.DataFrame(columns=COLUMNS).astype(dict.fromkeys(COLUMNS[1:], float))
    shuffled = pd.DataFrame(_divergences(coded, _shuffled(values, rng), own) for _ in range(SHUFFLES))
    drawn = [_divergences(coded, values, rng.integers(0, len(own), len(own))) for _ in range(RESAMPLES)]
    shares = pd.DataFrame([_shares(each) for each in drawn if sum(each.values()) > 0])
    frame = pd.DataFrame({"parameter": list(divergences), "importance": list(_shares(divergences).values())})
    ends = shares[list(divergences)].quantile([0.025, 0.975]) if len(shares) else None
    low, high = (np.nan, np.nan) if ends is None else (ends.iloc[0].to_numpy(), ends.iloc[1].to_numpy())
    frame["low"] = np.minimum(low, frame["importance"])
    frame["high"] = np.maximum(high, frame["importance"])
    frame["chance"] = (shuffled[list(divergences)].max() / sum(divergences.values())).array
    frame = frame.astype({"parameter": "str"})
    return frame[COLUMNS].sort_values("importance", ascending=False, ignore_index=True)


def _shuffled(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Scores shuffled among `BLOCK` or a few more trials that were proposed one after the other.

    A search goes where scores were good, so late trials are alike and good at once, whatever made them so:
    over the whole search, shuffled scores would take that for an effect of every setting that it narrowed
    down.
    """
    blocks = np.array_split(values, max(len(values) // BLOCK, 1))
    return np.concatenate([rng.permutation(block) for block in blocks])


class _Trials(optuna.Study):
    """A study of given trials; `add_trials` would copy each of them deeply, sixty times over."""

    def __init__(self, trials: list[FrozenTrial]) -> None:
        storage = optuna.storages.InMemoryStorage()
        super().__init__(optuna.create_study(storage=storage).study_name, storage)
        self._given = trials

    def get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        return self._given


def _divergences(coded: Mapping[str, Coded], values: np.ndarray, rows: np.ndarray) -> dict[str, float]:
    """PED-ANOVA of some `rows`, not divided by their sum; zeros where the best trials are no others."""
    distributions = {name: distribution for name, (_, distribution) in coded.items()}
    trials = [
        FrozenTrial(
            number=number,
            trial_id=number,
            state=TrialState.COMPLETE,
            value=float(values[row]),
            datetime_start=NOW,
            datetime_complete=NOW,
            params={name: column[row] for name, (column, _) in coded.items()},
            distributions=distributions,
            user_attrs={},
            system_attrs={},
            intermediate_values={},
        )
        for number, row in enumerate(rows.tolist())
    ]
    study = _Trials(trials)
    with quiet(), warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        try:
            return get_param_importances(study, evaluator=PedAnovaImportanceEvaluator(), normalize=False)
        except UserWarning:  # the best trials are no others than the rest: Optuna would give equal shares
            return dict.fromkeys(coded, 0.0)


def _shares(divergences: Mapping[str, float]) -> dict[str, float]:
    whole = sum(divergences.values())
    return {name: value / whole for name, value in divergences.items()}


def _coded(column: "pd.Series[object]") -> Coded:
    """Values and distribution for Optuna; positive numbers on a log scale, exact zeros a decade below."""
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        values = column.tolist()
        return values, CategoricalDistribution(sorted(set(values), key=str))
    numbers = column.to_numpy(dtype=float)
    positive = numbers[numbers > 0]
    if (numbers >= 0).all() and positive.max() / positive.min() > 10:
        numbers = np.log10(np.where(numbers > 0, numbers, positive.min() / 10))
    return list(map(float, numbers)), FloatDistribution(float(numbers.min()), float(numbers.max()))
