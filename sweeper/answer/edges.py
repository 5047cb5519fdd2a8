"""Whether the winner lies at the edge of what was searched: then a better one may lie outside."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import mannwhitneyu

from sweeper.answer.basin_end import ends_before
from sweeper.answer.confirmed import confirmed
from sweeper.answer.rows import begun, completed_search, search_trials, tied_best
from sweeper.components.optimizers.option import BELOW_ONE, Number
from sweeper.statistics.learning_rates import boundary
from sweeper.study.parameters import ALLOWED
from sweeper.study.rates import ROOM, joined, search_rates
from sweeper.study.space import Range, Space
from sweeper.wording import as_float, exact, percent, tidied

OUTER = 0.15
"""Share of a range, next to a bound, that counts as its edge (of the logarithm for log ranges)."""
TOP, FEWEST, MOST = 0.1, 4, 10
"""The best trials: a tenth of the completed ones, at least 4 and at most 10."""
CHANCE = 0.05
"""How probable it may be, were all places equally good, that the best crowd at a bound of any range."""
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
    "unshown",
]


@dataclass(frozen=True)
class Edge:
    """A parameter of the winner at a bound of its range."""

    parameter: str
    key: str
    """Under ``[search.space]``: ``learning_rate`` or ``learning_rate.sgd``."""
    value: float
    side: str
    """low | high"""
    bound: float
    wider: float
    """The bound moved outwards, see `wider`."""
    other: float
    """The bound at the other side."""

    @property
    def setting(self) -> str:
        """``key=value`` that searches beyond it, too."""
        return _setting(self.key, self.side, as_float(self.wider))


def _setting(key: str, side: str, bound: str) -> str:
    return f"search.space.{key}.{side}={bound}"


def edges(space: Space, parameters: Mapping[str, Any], trials: pd.DataFrame) -> tuple[Edge, ...]:
    """Parameters of the winner in the outer part of a logarithmic range where the best trials crowd.

    The learning rate comes first. One setting near a bound says nothing: were all places equally good, it
    would lie there in a third of the ranges. What `crowded` finds is beyond chance. No edge is where fresh
    seeds show worse what lies further out.
    """
    at_bounds, own = [], own_ranges(space, parameters)
    found = crowded(trials, ranges_of(space))
    for row in found[found["at_edge"].astype(bool) & found["key"].isin(list(own))].to_dict("records"):
        name, values, value = own[row["key"]]
        if not values.log or values.integer or not values.low <= value <= values.high:
            continue
        where = values.position(float(value))
        if where < OUTER if row["side"] == "low" else where > 1 - OUTER:
            low, high = float(values.low), float(values.high)
            at, other = (low, high) if row["side"] == "low" else (high, low)
            at_bounds.append(Edge(name, row["key"], float(value), row["side"], at, row["wider"], other))
    if not any(edge.parameter == "learning_rate" for edge in at_bounds):
        at_bounds += _at_the_bound(space, parameters, trials)
    if at_bounds and (trials["phase"] == "confirm").any():
        worse, beyond = _shown_worse(parameters, trials), {"low": pd.Series.lt, "high": pd.Series.gt}
        at_bounds = [e for e in at_bounds if not beyond[e.side](worse[e.parameter], e.value).any()]
    return tuple(sorted(at_bounds, key=lambda edge: edge.parameter != "learning_rate"))


def _shown_worse(parameters: Mapping[str, Any], trials: pd.DataFrame) -> pd.DataFrame:
    """Finalists of the winner's optimizer and activation that fresh seeds show to be worse."""
    fresh = confirmed(trials)
    rows = search_trials(trials).set_index("trial").loc[fresh.loc[fresh["difference_low"] > 0, "trial"]]
    for name in {"optimizer", "activation"} & parameters.keys():
        rows = rows[rows[name].isin([parameters[name]])]
    return rows


def _at_the_bound(space: Space, parameters: Mapping[str, Any], trials: pd.DataFrame) -> list[Edge]:
    """The winner's learning rate where it is all but a bound: what lies beyond was never tried."""
    entry = space.entry("learning_rate", str(parameters["optimizer"]))
    value = parameters.get("learning_rate")
    key, values = entry or ("", None)
    if value is None or not isinstance(values, Range) or not values.log:
        return []
    if _tied(completed_search(trials), MOST):
        return []
    ends = {"low": float(values.low), "high": float(values.high)}  # few lie so near by chance
    side = next((name for name, end in ends.items() if math.isclose(value, end, rel_tol=0.05)), "")
    own = _drawn_from(key, trials[trials["phase"] != "confirm"], set(ranges_of(space)))[1]
    bound = wider("learning_rate", values, side, _proposed(own, float(value))) if side else math.nan
    if math.isnan(bound):
        return []
    other = ends["high" if side == "low" else "low"]
    return [Edge("learning_rate", key, float(value), side, ends[side], bound, other)]


def ranges_of(space: Space) -> dict[str, Range]:
    """The ranges of a space, by key."""
    return {key: values for key, values in space.entries.items() if isinstance(values, Range)}


def own_ranges(space: Space, parameters: Mapping[str, Any]) -> dict[str, tuple[str, Range, Any]]:
    """key -> (parameter, range, value) of the ranges from which a configuration has its values."""
    found = {}
    for key, values in ranges_of(space).items():
        name = space.base(key)
        entry, value = space.entry(name, str(parameters["optimizer"])), parameters.get(name)
        if entry is not None and entry[0] == key and value is not None:
            found[key] = name, values, value
    return found


def crowded(trials: pd.DataFrame, ranges: Mapping[str, Range]) -> pd.DataFrame:
    """One row for each searched range that is wide enough to tell; columns as in `COLUMNS`.

    best_trials are the best completed trials of the search that drew from the range, `best` the value of
    the first; near_low and near_high the shares of them within `OUTER` of a bound, zeros that a range
    allows beside its numbers left out. at_edge: more than half are near one bound (`side`), and `_not_shown`
    speaks against none of it; `wider` is that bound moved outwards, see there, and `suggestion` the option
    that says so, ready for the command line. `unshown`: where more than half are near one bound, why that is
    no edge. Empty where no range is known or fewer than twice `FEWEST` trials completed.
    """
    searched = sum(_draws(key, trials, set(ranges)) for key in ranges)
    done = completed_search(trials)
    rows = [_row(key, values, trials, done, set(ranges), searched) for key, values in ranges.items()]
    return pd.DataFrame([row for row in rows if row is not None], columns=COLUMNS)


def _draws(key: str, trials: pd.DataFrame, keys: Collection[str]) -> bool:
    """Whether any trial drew from the range: not from that of all rates where each optimizer has its own."""
    name, own = _draws_of(key, trials, keys)
    return name in trials and bool(own.any())


def _row(
    key: str, values: Range, tried: pd.DataFrame, done: pd.DataFrame, keys: Collection[str], searched: int
) -> tuple[object, ...] | None:
    name, trials = _drawn_from(key, done, keys)
    if name not in trials or len(trials) < 2 * FEWEST or not values.low < values.high:
        return None
    count = min(max(math.ceil(TOP * len(trials)), FEWEST), MOST)
    trials = trials.sort_values(["objective", "trial"])
    chosen = trials[name].head(count).to_numpy(float)
    near = {side: int(_beside(values, side, chosen).sum()) for side in ("low", "high")}
    zero = ("low",) if values.zero else ()  # beyond the lowest number lies the 0 that was tried
    side = next((side for side in near if 2 * near[side] > count and side not in zero), "")
    own = _drawn_from(key, tried[tried["phase"] != "confirm"], keys)[1] if side else trials
    closest = float(chosen[_beside(values, side, chosen)][0]) if side else chosen[0]
    unshown = _not_shown(name, values, side, trials, own, (near[side], count, searched)) if side else ""
    unshown = (_tied(trials, count) or unshown) if side else ""
    crowd = side if not unshown else ""
    proposed = _proposed(own, closest) if crowd and name == "learning_rate" and values.log else None
    bound = wider(name, values, crowd, proposed) if crowd else math.nan
    at_edge = not math.isnan(bound)
    if crowd and not at_edge:
        unshown = _no_wider(closest, float(getattr(values, side)), rate=proposed is not None)
    typed = exact if values.integer else as_float
    text = f"--set {_setting(key, side, typed(bound))}" if at_edge else ""
    shares = (near["low"] / count, near["high"] / count, at_edge, side if at_edge else "", bound, text)
    return (key, float(values.low), float(values.high), chosen[0], count, *shares, unshown)


def _tied(trials: pd.DataFrame, count: int) -> str:
    """Why the `count` best are no better than others: more tie, or several at a cost of 0, the least that
    most scores can have."""
    tied, perfect = tied_best(trials), float(trials["objective"].min()) == 0
    return f"{tied:,} trials tie as the best" if tied > (1 if perfect else count) else ""


def _no_wider(best: float, bound: float, *, rate: bool) -> str:
    """Why no wider range is proposed where trials crowd at a bound: see `search_rates` and `wider`."""
    if not rate:
        return "there are no values beyond it"
    room = abs(math.log10(bound / best)) >= ROOM
    return "the best of them is half a decade away from it" if room else "trainings diverge beyond it"


def _not_shown(
    name: str,
    values: Range,
    side: str,
    trials: pd.DataFrame,
    tried: pd.DataFrame,
    counts: tuple[int, int, int],
) -> str:
    """Why the best near the bound at `side` do not show better values beyond it; empty where they do.

    Not, where so many would lie there in more than `CHANCE` of studies with as many ranges, were all places
    equally good. For other settings than the learning rate, which always does something, not either where so
    many would lie there if the best were any of the trials: the sampler crowds at what it takes for good,
    and with a setting that does nothing, anywhere. Nor where the trials near the bound are not shown to score
    better than the rest.

    Args:
        name: the parameter.
        values: its range.
        side: low | high.
        trials: completed ones that drew from it, the best first.
        tried: all that did.
        counts: how many of the best are near, how many are looked at, and the ranges that trials drew from.
    """
    near, count, ranges = counts
    if near < _beyond_chance(count, ranges):
        return "so few may do so by chance"
    if name == "learning_rate":
        crowd = trials.head(count)[_beside(values, side, trials[name].head(count).to_numpy(float))]
        return ends_before(tried, trials[trials["optimizer"] == crowd["optimizer"].iloc[0]].iloc[0], side)
    share = float(_near(values, trials[name].astype(float))[side == "high"].mean())
    if near < _beyond_chance(count, ranges, max(OUTER, share)):
        near_all = f"{percent(share)} of its completed trials lie there too"
        return f"{near_all}, which does not show that better values lie beyond"
    if not _shown_better(name, values, side, trials):
        return "the trials there are not shown to score better than the rest"
    return ""


def _beside(values: Range, side: str, numbers: np.ndarray) -> np.ndarray:
    """Which of `numbers` lie near the bound at `side` or beyond it; zeros that a range allows do not."""
    places = np.array([values.position(max(value, values.low)) for value in numbers])
    return (numbers >= values.low) & (places < OUTER if side == "low" else places > 1 - OUTER)


def _near(values: Range, tried: "pd.Series[float]") -> tuple[np.ndarray, np.ndarray]:
    """Which of the values tried lie in the range and near its low bound, and which near its high one."""
    inside = tried.between(values.low, values.high).to_numpy()
    positions = np.full(len(tried), np.nan)
    positions[inside] = [values.position(value) for value in tried[inside]]
    return positions < OUTER, positions > 1 - OUTER


def _shown_better(name: str, values: Range, side: str, trials: pd.DataFrame) -> bool:
    """Whether trials near the bound at `side` score better than the others, not the few best alone.

    One-sided Mann-Whitney test at level `CHANCE`. Of thousands of trials the ten best may crowd where a
    setting does nothing, or harms most of the others. A learning rate needs no such test.
    """
    low, high = _near(values, trials[name].astype(float))
    near = low if side == "low" else high
    costs = trials["objective"].to_numpy(float)
    if near.all() or not near.any():
        return False
    return bool(mannwhitneyu(costs[near], costs[~near], alternative="less").pvalue <= CHANCE)


def _beyond_chance(count: int, ranges: int, share: float = OUTER) -> int:
    """How many of the `count` best must lie near one bound: more than half, and beyond `CHANCE`.

    Each lies near a given bound with probability `share`; there are two bounds for each of `ranges`.
    """
    tail = 0.0
    for k in range(count, count // 2, -1):
        tail += math.comb(count, k) * share**k * (1 - share) ** (count - k)
        if 2 * ranges * tail > CHANCE:
            return k + 1
    return count // 2 + 1


def _proposed(trials: pd.DataFrame, best: float) -> tuple[float, float]:
    """The range for the optimizers of `trials`, which draw their rate from one key: `search_rates`."""
    found = []
    trials = begun(trials[trials["learning_rate"] > 0])
    for optimizer, own in trials.groupby(trials["optimizer"].astype("str")):
        lost = own["outcome"].eq("diverged").to_numpy()
        limit = boundary(np.log10(own["learning_rate"].to_numpy(float)), lost)
        beyond = limit[0] if math.isfinite(limit[0]) and limit[0] > best else None
        found.append(search_rates(str(optimizer), good=[best], too_high=beyond))
    return joined(found)


def _drawn_from(key: str, done: pd.DataFrame, keys: Collection[str]) -> tuple[str, pd.DataFrame]:
    """The parameter of a key, and the trials that drew it there: ``learning_rate.adam`` is for adam alone."""
    name, own = _draws_of(key, done, keys)
    return name, done if own.all() else done[own]


def _draws_of(key: str, done: pd.DataFrame, keys: Collection[str]) -> tuple[str, np.ndarray]:
    """The parameter of a key, and which trials drew it there."""
    head, _, tail = key.rpartition(".")
    optimizers = done["optimizer"].astype("str")
    own = (optimizers == tail).to_numpy(bool)
    if head and own.any():
        return head, own & done[head].notna().to_numpy() if head in done else own
    if key not in done:
        return key, np.ones(len(done), dtype=bool)
    apart = [other.removeprefix(f"{key}.") for other in keys if other.startswith(f"{key}.")]
    return key, ~optimizers.isin(apart).to_numpy(bool) & done[key].notna().to_numpy()


def wider(name: str, within: Range, side: str, proposed: tuple[float, float] | None = None) -> float:
    """The bound at `side` moved outwards; null where the parameter can go no further.

    A learning rate goes as far as the range that is `proposed` for it, other weights a factor of 10, what
    is not logarithmic half the width.
    """
    if proposed is not None:
        low, high = proposed
        return (
            low
            if side == "low" and low < within.low
            else high
            if side == "high" and high > within.high
            else math.nan
        )
    low, high, width = float(within.low), float(within.high), float(within.high - within.low)
    allowed = _allowed(name)
    if side == "high" and allowed.high < math.inf:
        return (allowed.high + high) / 2 if high < 0.995 * allowed.high else math.nan
    if within.log and not within.integer:
        bound = low / 10 if side == "low" else high * 10
        return tidied(bound)
    bound = low - width / 2 if side == "low" else high + width / 2
    floor = 1.0 if within.integer else 0.0
    bound = max(bound, floor) if low >= floor else bound
    bound = float(math.floor(bound) if side == "low" else math.ceil(bound)) if within.integer else bound
    return tidied(bound) if bound not in (low, high) and allowed.allows(bound) else math.nan


def _allowed(name: str) -> Number:
    """What the numbers of a parameter may be; any where nobody says so, as of a model's arguments."""
    allowed = BELOW_ONE if name == "model.dropout" else ALLOWED.get(name)
    return allowed if isinstance(allowed, Number) else Number(-math.inf)
