"""From which learning rate on training diverges, optimizer by optimizer."""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from sweeper.answer.rows import begun, search_trials, with_names
from sweeper.questions.run_data import RunData, once
from sweeper.statistics.learning_rates import boundary
from sweeper.wording import capital, count, every, listing, number, whole

FEWEST = 3
"""Diverged trials from which a boundary is stated."""
ANY = "any"
"""Stands for all activations together."""
BOUNDARY_COLUMNS = [
    "optimizer",
    "activation",
    "trials",
    "diverged",
    "highest_completed",
    "lowest_diverged",
    "boundary",
    "low",
    "high",
    "tried_low",
    "tried_high",
    "pooled",
]


@once
def boundaries(run: RunData) -> pd.DataFrame:
    """One row per optimizer (activation ``any``) and per optimizer × activation, see `BOUNDARY_COLUMNS`.

    highest_completed and lowest_diverged are rates of trials; where they overlap, other settings decide
    too. boundary, low, high: see `boundary`; null unless `FEWEST` trials diverged and some did not, where
    the boundary lies outside the rates tried, beyond which nothing is known, and where those that diverged
    have no higher rates than others. Pruned trials count as not diverged: they were finite when they were
    stopped. Trials that were not finite before their first step are left out: no rate had any part in it.
    pooled: activations behind the row. Empty where no trial diverged.
    """
    search = with_names(search_trials(run.trials), run.default_activation)
    search = begun(search[(search["outcome"] != "failed") & (search["learning_rate"] > 0)])
    search = search.assign(lost=search["outcome"] == "diverged", place=np.log10(search["learning_rate"]))
    if not search["lost"].any():
        return pd.DataFrame(columns=BOUNDARY_COLUMNS)
    rows = []
    for optimizer, part in search.groupby("optimizer"):
        rows.append((optimizer, ANY, *_edge(part)))
        rows += [(optimizer, name, *_edge(group)) for name, group in part.groupby("activation")]
    return pd.DataFrame(rows, columns=BOUNDARY_COLUMNS)


def _edge(rows: pd.DataFrame) -> tuple[float, ...]:
    lost, rates = rows["lost"], rows["learning_rate"]
    done = rates[rows["outcome"] == "completed"]
    middle, low, high = boundary(rows["place"].to_numpy(float), lost.to_numpy(bool))
    lowest, tried, pooled = float(rates.min()), float(rates.max()), rows["activation"].nunique()
    known = lowest <= middle <= tried and lost.sum() >= FEWEST
    known &= bool(rates[lost].median() > rates[~lost].median())  # else it is not the rate that decides
    ends = (middle, max(low, lowest), min(high, tried)) if known else (np.nan,) * 3
    return (len(rows), int(lost.sum()), done.max(), rates[lost].min(), *ends, lowest, tried, pooled)


def breaks(frame: pd.DataFrame) -> tuple[str, ...]:
    """From which rate on half of the trials of each optimizer diverge, and what that pools."""
    rows = [_alone(own) for _, own in frame.groupby("optimizer", sort=False)]
    known = [row for row in rows if _located(row)]
    unknown = [row for row in rows if row["diverged"] and not _located(row)]
    few = [row["optimizer"] for row in unknown if row["diverged"] < min(FEWEST, row["trials"])]
    said = []
    if known:
        text = "; ".join(
            f"{number(row['boundary'])} with {row['optimizer']} ({_basis(row)})" for row in known
        )
        said.append(
            f"Half of the trials diverge from about {text}. Where other settings decide too, it is no sharp "
            "limit."
        )
    if few:
        said.append(f"Too few trials diverged with {listing(few)} to say from which rate on.")
    return (*said, *(_nowhere(row) for row in unknown if row["optimizer"] not in few))


SELDOM = 0.05
"""Probability below which it is no accident that all diverged trials have one activation."""


def _alone(rows: pd.DataFrame) -> dict[Hashable, Any]:
    """The row of `boundaries` that tells where trials of one optimizer diverge: that of the one activation
    with which all of them do, named with it, unless that may be an accident; else that of all activations."""
    pooled, *own = rows.sort_values("activation", key=lambda names: names != ANY, kind="stable").to_dict(
        "records"
    )
    diverging = [row for row in own if row["diverged"]]
    if len(diverging) != 1:
        return pooled
    only, others = diverging[0], pooled["trials"] - diverging[0]["trials"]
    if (only["trials"] / pooled["trials"]) ** only["diverged"] >= SELDOM:
        return pooled
    return {**only, "optimizer": f"{only['optimizer']} + {only['activation']}", "others": others}


def _nowhere(row: Mapping[Any, Any]) -> str:
    """Why many diverged trials show no boundary: all diverged, it lies outside the rates tried, or no
    rate parts them from the others."""
    trials, name, lowest = whole(row["trials"]), row["optimizer"], number(row["lowest_diverged"])
    if row["diverged"] == row["trials"]:
        who = capital(every(row["trials"], "trial"))
        return f"{who} with {name} diverged, from {lowest} on: the limit lies below."
    diverged = f"{whole(row['diverged'])} of {trials} trials with {name} diverged"
    pooled = ", with all activations pooled" if row["pooled"] > 1 else ""
    return (
        f"{diverged}, the lowest at {lowest}: within the rates tried{pooled}, no rate parts them from the "
        "others."
    )


def _located(row: Mapping[Any, Any]) -> bool:
    """Whether enough trials diverged, below the highest rate tried, to say where divergence begins."""
    return bool(row["diverged"] >= FEWEST and row["boundary"] > 0)


def _basis(row: Mapping[Any, Any]) -> str:
    pooled = f"; {count(row['pooled'], 'activation')} pooled" if row["pooled"] > 1 else ""
    apart = f", none of {whole(row['others'])} with other activations" if row.get("others") else ""
    return (
        f"{_ends(row)}; {whole(row['diverged'])} of {count(row['trials'], 'trial')} diverged{apart}{pooled}"
    )


def _ends(row: Mapping[Any, Any]) -> str:
    """The interval; an end that lies beyond the rates tried says so."""
    low, high, outside = number(row["low"]), number(row["high"]), False
    if row["low"] <= row["tried_low"]:
        low, outside = f"below {low}, the lowest tried,", True
    if row["high"] >= row["tried_high"]:
        high, outside = f"beyond {high}, the highest tried", True
    return f"95 % interval {'from ' if outside else ''}{low} to {high}"
