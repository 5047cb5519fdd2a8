"""Sharpness × learning rate along trainings, against the limit of the trial's optimizer."""

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from sweeper.components.optimizers import OPTIMIZERS
from sweeper.records.schema import decode
from sweeper.tables.select import labels, search_trials
from sweeper.tables.source import Source
from sweeper.theory.stability import limit

SHARPNESS, PRECONDITIONED, RATE = "sharpness", "preconditioned_sharpness", "next_learning_rate"
"""Metrics of the ``curves`` table."""
COLUMNS = [
    "trial",
    "label",
    "optimizer",
    "outcome",
    "step",
    "sharpness",
    "preconditioned_sharpness",
    "learning_rate",
    "limit",
    "ratio",
]
SUMMARY = ["trial", "label", "optimizer", "outcome", "points", "first", "largest", "last", "above_at"]


def stability(source: Source) -> pd.DataFrame:
    """One row per trial and step at which the sharpness λ was measured, best trials first.

    learning_rate: η of the step that follows. limit: largest stable η·λ (`sweeper.theory.stability.limit`);
    λ is the preconditioned sharpness for optimizers that divide the gradient. ratio = η·λ / limit: above 1,
    linear theory says, the step grows along the sharpest direction. Null where the optimizer has no limit
    or has not averaged anything yet (step 0).
    """
    rows = source.curves[source.curves["metric"].isin([SHARPNESS, PRECONDITIONED, RATE])]
    if rows.empty:
        return pd.DataFrame(columns=COLUMNS)
    wide = rows.pivot_table(index=["trial", "seed", "step"], columns="metric", values="value")
    wide = wide.reindex(columns=[SHARPNESS, PRECONDITIONED, RATE]).reset_index()
    search = search_trials(source.trials)
    search = search.assign(label=labels(search))
    frame = wide.merge(search.drop(columns=["learning_rate"]), on=["trial", "seed"])
    frame = frame.rename(columns={RATE: "learning_rate"}).dropna(subset=["learning_rate"])
    found = [_limit(row) for row in frame.to_dict("records")]
    frame = frame.assign(
        limit=pd.Series([each[0] for each in found], index=frame.index, dtype="float64"),
        ratio=pd.Series([each[1] for each in found], index=frame.index, dtype="float64"),
        lost=frame["outcome"] == "diverged",
    )
    return frame.sort_values(["lost", "objective", "trial", "step"], ignore_index=True)[COLUMNS]


def _limit(row: Mapping[Hashable, Any]) -> tuple[float, float]:
    name = str(row["optimizer"])
    taken = {key: row[key] for key in OPTIMIZERS[name].options if key in row}
    options = {key: decode(value) for key, value in taken.items() if not pd.isna(value)}
    known = limit(name, options, int(row["step"]))
    if known is None:
        return float("nan"), float("nan")
    curvature = row[PRECONDITIONED] if known.preconditioned else row[SHARPNESS]
    return known.value, float(row["learning_rate"]) * float(curvature) / known.value


def stability_trials(source: Source) -> pd.DataFrame:
    """One row per trial of `stability` that has a ratio: where it began, how high it got, how it ended.

    points: steps with a ratio. first, largest, last: ratios. above_at: the first measured step at which the
    ratio was above 1; null if it never was. All of them lie before the divergence of a diverged trial.
    """
    frame = stability(source).dropna(subset=["ratio"])
    rows = [_summary(part) for _, part in frame.groupby("trial", sort=False)]
    return pd.DataFrame(rows, columns=SUMMARY)


def _summary(part: pd.DataFrame) -> list[Any]:
    ratios = part["ratio"]
    above = part.loc[ratios > 1, "step"]
    head = part.iloc[0][["trial", "label", "optimizer", "outcome"]].tolist()
    ends = [float(ratios.iloc[0]), float(ratios.max()), float(ratios.iloc[-1])]
    return [*head, len(part), *ends, float(above.iloc[0]) if len(above) else float("nan")]
