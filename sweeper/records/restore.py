"""Records -> results: what an interrupted run goes on from."""

from collections.abc import Iterable, Sequence

import pandas as pd

from sweeper.records.schema import TRIALS, decode
from sweeper.records.store import Records
from sweeper.search.trial import Trial
from sweeper.training.result import Outcome, TrialResult


def finished(records: Records) -> set[tuple[int, int]]:
    """(trial, seed) of every recorded training, whatever its outcome."""
    return set(zip(records.trials["trial"], records.trials["seed"], strict=True))


def search_results(records: Records, metrics: Sequence[str]) -> list[TrialResult]:
    """The recorded trials of the search phases with their curves of `metrics`; layers are not read."""
    trials = records.trials[records.trials["phase"] != "confirm"]
    curves = records.curves[records.curves["metric"].isin(metrics)].sort_values("step")
    by_trial = {key: group for key, group in curves.groupby(["trial", "seed"])}
    return [_result(row, by_trial.get((row["trial"], row["seed"]))) for _, row in trials.iterrows()]


def _result(row: pd.Series, curve: pd.DataFrame | None) -> TrialResult:
    names: Iterable[str] = [name for name in row.index if name not in TRIALS.names]
    parameters = {name: decode(_plain(row[name])) for name in names if not pd.isna(row[name])}
    trial = Trial(int(row["trial"]), str(row["phase"]), int(row["seed"]), parameters)
    points = () if curve is None else tuple(zip(curve["step"], curve["metric"], curve["value"], strict=True))
    return TrialResult(
        trial,
        Outcome(row["outcome"]),
        float(row["objective"]),
        int(row["steps"]),
        float(row["seconds"]),
        str(row["engine"]),
        str(row["reason"]),
        tuple((int(step), str(metric), float(value)) for step, metric, value in points),
    )


def _plain(value: object) -> object:
    return value.item() if hasattr(value, "item") else value
