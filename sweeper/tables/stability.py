"""Sharpness × learning rate along trainings, against the limit of the trial's optimizer."""

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from sweeper.answer.rows import labels, search_trials
from sweeper.components.optimizers import OPTIMIZERS
from sweeper.records.schema import decode
from sweeper.tables.source import Source

SHARPNESS, PRECONDITIONED = "sharpness", "preconditioned_sharpness"
LOSS, RATE = "sharpness_loss", "next_learning_rate"
METRICS = [SHARPNESS, PRECONDITIONED, LOSS, RATE]
"""Of the ``curves`` table."""
INTACT = 2.0
"""A loss up to this multiple of the first one has not begun to explode."""
COLUMNS = [
    "trial",
    "label",
    "optimizer",
    "outcome",
    "step",
    "sharpness",
    "preconditioned_sharpness",
    "loss",
    "learning_rate",
    "limit",
    "ratio",
]
SUMMARY = [
    "trial",
    "label",
    "optimizer",
    "outcome",
    "points",
    "first",
    "largest",
    "last",
    "above_at",
    "above_intact",
]


def stability(source: Source) -> pd.DataFrame:
    """One row per trial and step at which the sharpness λ was measured, best trials first.

    loss: that whose sharpness it is. learning_rate: η of the step that follows. limit: largest stable η·λ
    (`sweeper.components.optimizers`); λ is the preconditioned sharpness for optimizers that divide the
    gradient. ratio = η·λ / limit: above 1, linear theory says, the step grows along the sharpest direction.
    Null where the optimizer has no limit or has not averaged anything yet (step 0).
    """
    rows = source.curves[source.curves["metric"].isin(METRICS)]
    if rows.empty:
        return pd.DataFrame(columns=COLUMNS)
    wide = rows.pivot_table(index=["trial", "seed", "step"], columns="metric", values="value")
    wide = wide.reindex(columns=METRICS).reset_index()
    search = search_trials(source.trials)
    search = search.assign(label=labels(search))
    frame = wide.merge(search.drop(columns=["learning_rate"]), on=["trial", "seed"])
    frame = frame.rename(columns={RATE: "learning_rate", LOSS: "loss"}).dropna(subset=["learning_rate"])
    found = [_limit(row) for row in frame.to_dict("records")]
    frame = frame.assign(
        limit=pd.Series([each[0] for each in found], index=frame.index, dtype="float64"),
        ratio=pd.Series([each[1] for each in found], index=frame.index, dtype="float64"),
        lost=frame["outcome"] == "diverged",
    )
    return frame.sort_values(["lost", "objective", "trial", "step"], ignore_index=True)[COLUMNS]


def _limit(row: Mapping[Hashable, Any]) -> tuple[float, float]:
    optimizer = OPTIMIZERS[str(row["optimizer"])]
    if optimizer.limit is None:
        return float("nan"), float("nan")
    given = {key: decode(row[key]) for key in optimizer.options if key in row and not pd.isna(row[key])}
    limit = optimizer.limit.value(optimizer.chosen(given), int(row["step"]))
    curvature = row[PRECONDITIONED] if optimizer.limit.preconditioned else row[SHARPNESS]
    return limit, float(row["learning_rate"]) * float(curvature) / limit


def stability_trials(source: Source) -> pd.DataFrame:
    """One row per trial of `stability` that has a ratio: where it began, how high it got, how it ended.

    points: steps with a ratio. first, largest, last: ratios. above_at: the first measured step at which the
    ratio was above 1; null if it never was. above_intact: whether it was above 1 at a look before the loss
    had passed `INTACT` × its first value; a loss that explodes is sharp, so what comes later proves nothing.
    """
    frame = stability(source)
    rows = [_summary(part) for _, part in frame.groupby("trial", sort=False) if part["ratio"].notna().any()]
    return pd.DataFrame(rows, columns=SUMMARY)


def _summary(part: pd.DataFrame) -> list[Any]:
    intact = (part["loss"] <= INTACT * part["loss"].iloc[0]).cummin()
    above = part.loc[part["ratio"] > 1, "step"]
    ratios = part["ratio"].dropna()
    head = part.iloc[0][["trial", "label", "optimizer", "outcome"]].tolist()
    ends = [float(ratios.iloc[0]), float(ratios.max()), float(ratios.iloc[-1])]
    first = float(above.iloc[0]) if len(above) else float("nan")
    return [*head, len(ratios), *ends, first, bool((intact & (part["ratio"] > 1)).any())]
