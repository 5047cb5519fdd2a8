"""How exactly the learning rate must be met, where training breaks, and whether ranges were wide enough."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from sweeper.report.section import Evidence, Section, Shown
from sweeper.tables.basins import ANY
from sweeper.wording import count, listing, number, percent


def answer(evidence: Evidence) -> tuple[str, ...]:
    """The basin of each optimizer, what a blind rate loses, the divergence boundary, crowded edges."""
    frame = _whole(evidence.tables["basins"]).dropna(subset=["low"])
    if frame.empty:
        return ("No rate that was tried learned anything, so none is good.",)
    ranked = frame.sort_values("decades", ascending=False, kind="stable").to_dict("records")
    basins = [_basin(row) for row in ranked]
    said = [f"Within 10 % of its own lowest {evidence.metric}: {'; '.join(basins)}. One seed each."]
    lost = frame.dropna(subset=["lost_share"]).sort_values("lost_share")
    if len(lost):
        shares = [f"{percent(row['lost_share'])} with {row['optimizer']}" for row in lost.to_dict("records")]
        said.append(
            f"A rate drawn blindly from those tried loses {listing(shares)} of what could be learned."
        )
    return (*said, *_breaks(evidence.tables["divergence"]), *_crowded(evidence.tables["range_edges"]))


def _whole(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["activation"] == ANY]


def _basin(row: Mapping[Any, Any]) -> str:
    if row["low"] == row["high"]:
        return f"{row['optimizer']} at {number(row['low'])} alone"
    width = f"{number(row['decades'], 2)} decades"
    return f"{row['optimizer']} from {number(row['low'])} to {number(row['high'])} ({width})"


def _breaks(frame: pd.DataFrame) -> tuple[str, ...]:
    rows = _whole(frame).dropna(subset=["boundary"]) if len(frame) else frame
    said = [
        f"{number(row['boundary'])} with {row['optimizer']}{_ends(row)}, where {row['diverged']} of "
        f"{count(row['trials'], 'trial')} diverged"
        for row in rows.to_dict("records")
    ]
    return (f"Training begins to diverge at about {'; '.join(said)}.",) if said else ()


def _ends(row: Mapping[Any, Any]) -> str:
    if not (math.isfinite(row["low"]) and math.isfinite(row["high"])):
        return ""
    return f" (95 % interval {number(row['low'])} to {number(row['high'])})"


def _crowded(frame: pd.DataFrame) -> tuple[str, ...]:
    if frame.empty:
        return ()
    at_edge = frame[frame["at_edge"].astype(bool)]
    if at_edge.empty:
        return (f"The best trials crowd at no bound of the {count(len(frame), 'range')} looked at.",)
    return tuple(
        f"More than half of the best {row['best_trials']} trials lie at the {row['side']} end of "
        f"{row['key']} ({number(row[row['side']])}): better ones may lie outside. Widen it with "
        f"{row['suggestion']}."
        for row in at_edge.to_dict("records")
    )


SECTION = Section(
    key="basins",
    question="How exactly must the learning rate be met?",
    answer=answer,
    figure="basins",
    shown=(
        Shown("basins", "Basins by optimizer and activation"),
        Shown("divergence", "Where training diverges"),
        Shown("range_edges", "Whether the best trials crowd at a bound"),
    ),
    how=(
        "A basin holds the rates of trials whose loss is within 10 % of the lowest of their group. Other "
        "settings vary and each trial has one seed, so a lucky trial narrows a basin. What a blind rate "
        "loses is the mean of min(loss, loss before training) − lowest over log-uniform rates, as a share of "
        "what could be learned (Wortsman et al. 2023, arXiv 2309.14322).",
        "The divergence boundary is that of a logistic curve in log10 of the rate; pruned trials count as "
        "not diverged. A range is crowded where more than half of the best trials lie in the outer 15 % "
        "of it.",
    ),
)
