"""Whether the best trials crowd at a bound of a searched range: then better ones may lie outside."""

import math
from collections.abc import Collection

import pandas as pd

from sweeper.answer.edges import place, wider
from sweeper.answer.rows import completed_search
from sweeper.study.space import Range
from sweeper.tables.source import Source

COLUMNS = [
    "key",
    "low",
    "high",
    "best",
    "best_trials",
    "near_low",
    "near_high",
    "at_edge",
    "side",
    "wider",
    "suggestion",
]
NEAR = 0.15
"""Share of a range, next to a bound, that counts as its edge (of the logarithm for log ranges)."""
TOP, FEWEST, MOST = 0.1, 4, 10
"""The best trials: a tenth of the completed ones, at least 4 and at most 10."""


def range_edges(source: Source) -> pd.DataFrame:
    """One row for each searched range that is wide enough to tell; columns as in `COLUMNS`.

    best_trials are the best completed trials of the search that drew from the range, `best` the value of
    the first; near_low and near_high the shares of them within `NEAR` of a bound, zeros that a range
    allows beside its numbers left out. at_edge: more than half are near one bound (`side`); if all places
    were equally good that would happen in 2 % of ranges or fewer. `wider` is that bound moved outwards, by
    a factor of 10 or by half the width, and `suggestion` the option that says so, ready for the
    command line. Empty where no range is known or fewer than twice `FEWEST` trials completed.
    """
    done = completed_search(source.trials)
    rows = [_row(key, values, done, set(source.ranges)) for key, values in source.ranges.items()]
    return pd.DataFrame([row for row in rows if row is not None], columns=COLUMNS)


def _row(key: str, values: Range, done: pd.DataFrame, keys: Collection[str]) -> tuple[object, ...] | None:
    name, trials = _drawn_from(key, done, keys)
    if name not in trials or len(trials) < 2 * FEWEST or not values.low < values.high:
        return None
    count = min(max(math.ceil(TOP * len(trials)), FEWEST), MOST)
    chosen = trials.sort_values(["objective", "trial"])[name].head(count).astype(float).to_numpy()
    places = place(chosen[chosen >= values.low], values)
    near_low, near_high = float((places < NEAR).sum() / count), float((places > 1 - NEAR).sum() / count)
    side = "low" if near_low > 0.5 and not values.zero else "high" if near_high > 0.5 else ""
    bound = wider(name, values, side) if side else math.nan
    at_edge = not math.isnan(bound)
    text = f"--set search.space.{key}.{side}={bound:.12g}" if at_edge else ""
    shares = (near_low, near_high, at_edge, side if at_edge else "", bound, text)
    return (key, float(values.low), float(values.high), chosen[0], count, *shares)


def _drawn_from(key: str, done: pd.DataFrame, keys: Collection[str]) -> tuple[str, pd.DataFrame]:
    """The parameter of a key, and the trials that drew it there: ``learning_rate.adam`` is for adam alone."""
    head, _, tail = key.rpartition(".")
    optimizers = done["optimizer"].astype("str")
    if head and (optimizers == tail).any():
        own = done[optimizers == tail]
        return head, own[own[head].notna()] if head in own else own
    if key not in done:
        return key, done
    elsewhere = optimizers.map(lambda optimizer: f"{key}.{optimizer}" in keys)
    return key, done[~elsewhere.astype(bool) & done[key].notna()]
