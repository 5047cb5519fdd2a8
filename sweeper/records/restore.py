"""Records -> results: what an interrupted run goes on from."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sweeper.records.schema import parameter_columns, restore
from sweeper.records.store import load_curves
from sweeper.study.space import Space
from sweeper.trial import Outcome, Trial, TrialResult


def confirmed_scores(trials: pd.DataFrame) -> dict[tuple[int, int], float]:
    """(trial, seed) -> objective of every confirmation on record; NaN if it diverged or failed."""
    confirm = trials[trials["phase"] == "confirm"]
    keys = zip(confirm["trial"].tolist(), confirm["seed"].tolist(), strict=True)
    return dict(zip(keys, confirm["objective"].astype(float).tolist(), strict=True))


def search_results(folder: Path, trials: pd.DataFrame, space: Space, metric: str) -> Iterator[TrialResult]:
    """The recorded trials of the search phases, with their curves of `metric` and without layers."""
    columns = parameter_columns(space)
    curves = load_curves(folder, metric)
    number, step, value = (curves[name].to_numpy() for name in ("trial", "step", "value"))
    seed = curves["seed"].to_numpy()
    for row in trials[trials["phase"] != "confirm"].to_dict("records"):
        first, last = np.searchsorted(number, [row["trial"], row["trial"] + 1])
        mine = [k for k in range(first, last) if seed[k] == row["seed"]]
        points = tuple((int(step[k]), metric, float(value[k])) for k in mine)
        yield _result({str(name): entry for name, entry in row.items()}, space, columns, points)


def _result(
    row: dict[str, Any], space: Space, columns: Any, points: tuple[tuple[int, str, float], ...]
) -> TrialResult:
    trial = Trial(int(row["trial"]), row["phase"], int(row["seed"]), restore(space, row, columns))
    return TrialResult(
        trial,
        Outcome(row["outcome"]),
        float(row["objective"]),
        int(row["steps"]),
        float(row["seconds"]),
        row["engine"],
        row["reason"],
        points,
    )
