"""Other learning rates to search: below those that diverged, above those that changed nothing."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from sweeper.answer.answer import Answer
from sweeper.answer.edges import OUTER
from sweeper.answer.ranked import Ranked
from sweeper.answer.rows import begun
from sweeper.statistics.learning_rates import boundary
from sweeper.study.rates import ROOM, as_range, joined, optimizers_at, search_rates
from sweeper.study.study import Study
from sweeper.toml_text import in_toml
from sweeper.wording import count, number, span, tidied

MANY, ENOUGH = 0.5, 0.25
"""Share of the search that diverged from which rates are too high; the same where the winner is doubted."""


def too_high(
    study: Study, answer: Answer, trials: pd.DataFrame, *, doubted: bool = False
) -> tuple[str, tuple[str, ...]] | None:
    """What to do, and settings: lower rates, where half of the search or more diverged, or a quarter and the
    winner is `doubted`, and the best has one of the lowest tried."""
    search = trials[trials["phase"] != "confirm"]
    diverged = begun(search[search["outcome"] == "diverged"])
    own = answer.parameters["learning_rate"]
    tried = search.loc[search["learning_rate"] > 0, "learning_rate"].astype(float)
    if len(diverged) < len(search) * (ENOUGH if doubted else MANY) or tried.empty or not own > 0:
        return None
    lowest, highest = float(tried.min()), float(tried.max())
    done = search[(search["outcome"] == "completed") & (search["learning_rate"] > 0)]
    first = Ranked(study.objective).order(done, "objective", "trial").iloc[0]
    best = float(first["learning_rate"])
    kept = ((str(answer.parameters["optimizer"]), float(own)), (str(first["optimizer"]), best))
    who, own = ("the answer", own) if own >= best else ("the best one of the search", best)
    if math.log(own / lowest) > OUTER * math.log(highest / lowest):
        return None
    settings = other_rates(study, diverged, lower=True, kept=_around(kept, search))
    if not settings:
        return None
    where = f"a rate at the low end of those tried, {number(own)} of {span(lowest, highest)}"
    where = f"the lowest rate tried, {number(own)}" if own == lowest else where
    text = f"{len(diverged):,} of {count(len(search), 'trial')} diverged, and {who} has {where}"
    return f"{text}: search lower ones.", settings


def _around(kept: Sequence[tuple[str, float]], search: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """For each optimizer the range around its rates that did well: up to where half of its trainings
    diverge, or half a decade above them where that is not known to lie higher."""
    found = {}
    for name in dict.fromkeys(name for name, _ in kept):
        rates = [rate for optimizer, rate in kept if optimizer == name]
        own = begun(search[(search["optimizer"] == name) & (search["learning_rate"] > 0)])
        lost = own["outcome"].eq("diverged").to_numpy()
        limit = boundary(np.log10(own["learning_rate"].to_numpy(float)), lost)[0]
        end = limit if limit > max(rates) else max(rates) * 10**ROOM
        found[name] = search_rates(name, good=rates, too_high=end)
    return found


def other_rates(
    study: Study,
    trials: pd.DataFrame,
    *,
    lower: bool,
    kept: Mapping[str, tuple[float, float]] | None = None,
) -> tuple[str, ...]:
    """For each key with a learning rate the range below, or above, all rates of its trials; that of an
    optimizer in `kept` is known."""
    space, settings, known = study.space, [], kept or {}
    for key in space.entries:
        sharing = optimizers_at(space, key) if space.base(key) == "learning_rate" else ()
        tried = trials.loc[trials["optimizer"].isin(sharing) & (trials["learning_rate"] > 0), "learning_rate"]
        if tried.empty:
            continue
        found = joined([known.get(name) or _beyond(name, tried, lower=lower) for name in sharing])
        settings.append(f"search.space.{key}={in_toml(as_range(found))}")
    return tuple(settings)


def _beyond(optimizer: str, tried: "pd.Series[float]", *, lower: bool) -> tuple[float, float]:
    """The optimizer's own range, moved if some rates that were `tried` in vain lie in it."""
    low, high = search_rates(optimizer)
    if lower:  # ends where those tried in vain begin: what lies just below may be what works
        least = float(tried.min())
        start, end = search_rates(optimizer, too_high=least if least < high else None)
        return start, min(end, _floored(least))
    return search_rates(optimizer, too_low=float(tried.max()) if tried.max() > low else None)


def _floored(rate: float) -> float:
    """Down to two digits; one that has no more stays."""
    scale = 10.0 ** (1 - math.floor(math.log10(rate)))
    return math.floor(tidied(rate * scale)) / scale


def lower_too(study: Study, trials: pd.DataFrame) -> tuple[str, ...]:
    """Settings for lower rates beside another change: where nothing completed, and none tried was low."""
    search = trials[trials["phase"] != "confirm"]
    lost = search[search["outcome"] == "diverged"]
    if lost.empty or search["outcome"].eq("completed").any():
        return ()
    low, _ = joined([search_rates(str(name)) for name in lost["optimizer"].unique()])
    return other_rates(study, trials, lower=True) if float(lost["learning_rate"].min()) > 10 * low else ()


def all_above(trials: pd.DataFrame) -> bool:
    """Whether every rate tried lies above those that the optimizers are searched over by default."""
    tried = trials.dropna(subset=["learning_rate"]).groupby("optimizer")["learning_rate"].min()
    return len(tried) > 0 and all(rate > search_rates(str(name))[1] for name, rate in tried.items())
