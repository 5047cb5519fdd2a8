"""Data frames as tables of the page: headings and what they mean, cells, the values that sorting goes by."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sweeper.wording import fixed, shown

MOST = 200
"""Rows on the page; the CSV has all."""
HEADINGS: Mapping[str, str] = {
    "best_in_bin": "best of half decade",
    "decades_per_layer": "decades per layer",
    "n": "seeds",
    "capped": "learned nothing",
    "best_loss": "best",
    "loss": "score",
    "initial": "before training",
}
"""Where underscores turned into spaces would not do."""
MEANINGS: Mapping[str, str] = {
    "above_intact": "whether the ratio was above 1 while the loss was still near its first value",
    "activation_size": "root mean square of all activations at the end of training",
    "blind": "trials at rates drawn without looking at scores: explored, published defaults left out",
    "capped": "diverged, or ended no better than before training",
    "chance": "largest share that shuffled scores reach",
    "compared": "the middle half of the trials compared with that of the reference (the first row)",
    "decades_per_layer": "change of log10 of the norm per layer towards the input, mean over networks",
    "depth": "number of layers with activations",
    "basis": "data behind the number",
    "dropped": "left the race early",
    "expected": "what the study file says",
    "expected_by": "paper or closed form",
    "expected_regret": "what picking the winner is expected to cost against the best finalist, in the score",
    "extras": "parts of the settings beyond plain gradient descent on ReLU layers: penalty, momentum, …",
    "failures": "fresh seeds that diverged or failed",
    "first_trial": "the first trial with this ending, and its reason verbatim",
    "high": "upper end: of the 95 % interval for means, upper quartile for medians",
    "importance": "share; all sum to 1",
    "low": "lower end: of the 95 % interval for means, lower quartile for medians",
    "lost_share": "what a trial at a blind rate loses of what could be learned, 0 to 1",
    "mean": "mean score over the fresh seeds that completed",
    "mean_optimism": "the optimism, mean over all finalists",
    "moment": "before the first step, or after the last",
    "objective": "the score that ranks trials: the best at its evaluation points",
    "optimism": "mean over fresh seeds minus the score in the search",
    "p_better": "share of shared seeds on which the winner is better, ties counted half",
    "pairs": "fresh seeds that both completed",
    "pooled": "activations behind the row",
    "regret_seeds": "fresh seeds behind the expected regret",
    "rank": "rank among those of the table, 1 is best",
    "search_objective": "score in the search, on one seed",
    "searched": "trials of the value in the whole search",
    "seconds": "wall time of the training, s",
    "seen": "difference that 80 % of such races would call worse",
    "seen_share": "the same over the winner's mean",
    "simplest": "the simplest of the winner and those tied: smallest network, then fewest extras",
    "size_compared": "the same for the activation size",
    "steps": "optimizer steps made",
    "sure": "the interval lies on the side of the verdict, too",
    "tied": "these seeds do not show that the winner is better",
    "trial": "number in the order of the search",
    "trials": "trials behind the row",
    "tried_high": "highest rate tried",
    "weight": "of the activation penalty",
    "within": "trials whose score is within 10 % of the best",
}
VERDICT = (
    "tied: the difference is too small for a call; left the race: behind the leader of its time, not shown "
    "to be worse than the winner; not ranked: too few seeds; else by how much it is worse"
)
OF_TABLE: Mapping[str, Mapping[str, str]] = {
    "basins": {
        "low": "lowest rate whose score is within 10 % of the best",
        "high": "highest rate whose score is within 10 % of the best",
    },
    "comparison": {
        "verdict": VERDICT,
        "cut": "ends of the interval of the difference that are cut off where the score ends",
    },
    "finalists": {
        "verdict": VERDICT,
        "cut": "ends of the interval of the mean that are cut off where the score ends",
    },
    "finding": {
        "verdict": "found: the interval lies on the expected side; contrary: on the other; else not found"
    },
    "gradient_verdicts": {
        "verdict": "vanishing, exploding: the norm changes tenfold or more from the last layer to the first",
        "cut": "networks with a layer that no gradient reaches",
        "slope": "change of log10 of the norm per layer towards the input, mean over networks",
        "ratio": "norm at the first layer over that at the last, median of the networks",
        "total": "log10 of the ratio",
    },
    "gradients": {"ratio": "norm at the first layer over that at the last, median of the networks"},
    "heatmap": {"best": "best score of the pair's completed trials"},
    "isolation": {"best": "best score of the whole search"},
    "range_edges": {
        "best": "value in the best trial",
        "low": "lower bound of the searched range",
        "high": "upper bound of the searched range",
    },
    "transfer": {
        "best": "lowest mean over seeds on the grid",
        "low": "lower end of the 90 % interval of the best rate",
        "high": "upper end of the 90 % interval of the best rate",
        "rate": "where the mean over seeds is best, between the rates of the grid",
    },
    "transfer_penalty": {
        "difference": "mean score with the penalty minus that without, over pairs of fresh seeds",
        "difference_low": "lower end of its interval; those of all sizes hold together at 95 %",
        "difference_high": "upper end of its interval",
        "rate": "learning rate that suits the weight",
        "weight": "best one above 0 on the grid",
    },
}
"""Columns that mean something else in one table."""


@dataclass(frozen=True)
class Cell:
    """What is read, and what is sorted by."""

    text: str
    key: str
    """A number in full, or the text in small letters; empty sorts last."""


@dataclass(frozen=True)
class Column:
    """A heading; numbers stand at the right."""

    heading: str
    numeric: bool


@dataclass(frozen=True)
class Grid:
    """One table of the page."""

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: Sequence[Sequence[Cell]]
    total: int
    """Rows that there are; more than `rows` when cut."""
    meanings: tuple[tuple[str, str], ...]
    """Heading -> definition, of the columns that need one."""


def grid(name: str, caption: str, frame: pd.DataFrame, most: int = MOST) -> Grid:
    """The first `most` rows of `frame`; columns without any value are left out."""
    head = frame.head(most)
    head = head.loc[:, (head.notna() & (head != "")).any()]
    columns = tuple(Column(heading(str(c)), _numeric(head[c])) for c in head.columns)
    cells = [_cells(head[c]) for c in head.columns]
    meanings = tuple((heading(str(c)), text) for c in head.columns if (text := meaning(name, str(c))))
    return Grid(name, caption, columns, list(zip(*cells, strict=True)), len(frame), meanings)


def _numeric(column: "pd.Series[Any]") -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _cells(column: "pd.Series[Any]") -> list[Cell]:
    decimals = _decimals(column)
    if decimals is None:
        return [Cell(shown(value), _key(value)) for value in column]
    return [Cell("–" if pd.isna(v) else fixed(v, decimals), _key(v)) for v in column]


def _decimals(column: "pd.Series[Any]") -> int | None:
    """Decimals that give the usual number of the column four digits; ``None`` where sizes differ too much."""
    if not pd.api.types.is_float_dtype(column):
        return None
    sizes = column.abs()[column.abs() > 0]
    if sizes.empty or not np.isfinite(sizes).all() or sizes.max() / sizes.min() > 300 or sizes.min() < 1e-3:
        return None
    return min(max(3 - math.floor(math.log10(sizes.median())), 0), 6)


def _key(value: Any) -> str:
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, tuple | list):
        return shown(value)
    if pd.isna(value):
        return ""
    return (
        repr(value)
        if isinstance(value, int | float) and not isinstance(value, bool)
        else shown(value).lower()
    )


def meaning(table: str, column: str) -> str:
    """What a column means in a table; empty where its heading says it."""
    return OF_TABLE.get(table, {}).get(column) or MEANINGS.get(column, "")


def heading(column: str) -> str:
    """A column's name for people; parameters of the study file keep theirs."""
    return HEADINGS.get(column, column if "." in column else column.replace("_", " "))
