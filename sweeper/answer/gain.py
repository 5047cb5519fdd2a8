"""What a sweep gained over the published default of an optimizer, on the same fresh seeds."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from sweeper.answer.bounds import CUT_OFF, in_words, stricter, which_cut
from sweeper.answer.comparison import LOST_MORE, UNSHOWN, Verdict, with_verdicts
from sweeper.answer.ranked import LOSS, Ranked
from sweeper.answer.rows import parameters_of
from sweeper.statistics.race import ENOUGH_SEEDS
from sweeper.study.space import among
from sweeper.wording import TENFOLD, count, interval, listing, number, percent, share_of, shown

ALL = 0.995
"""Share from which a percentage reads as a whole."""
LABEL = "Over the default"
VOID = "void"
"""Verdict where the winner is not shown to have learned, or to beat guessing: then nothing was gained."""


@dataclass(frozen=True)
class Gain:
    """The winner against the best published default among the finalists; in the unit of the objective."""

    trial: int
    """The default"""
    optimizer: str
    default: float
    """Mean of the default over its fresh seeds"""
    difference: float
    """Mean paired difference of default and winner: above 0 is gained"""
    low: float
    high: float
    """Its interval, as in `sweeper.answer.confirmed`"""
    seeds: int
    """Pairs"""
    verdict: str
    """winner (it is the default) | gained | unlike (better, with another model or training) | unshown | fails
    (`FAILS`) | unsteady (`UNSTEADY`) | `VOID`"""
    cut: str = ""
    """Which ends of the interval were cut off where the score ends, see `sweeper.answer.bounds`"""
    training: str = ""
    """Activation and settings of its training, ``training.steps = 60``, that are not the winner's"""

    def to_dict(self) -> dict[str, Any]:
        """For JSON, which has no NaN."""
        numbers = {"default": self.default, "difference": self.difference, "low": self.low, "high": self.high}
        plain = {name: None if math.isnan(value) else value for name, value in numbers.items()}
        return {"trial": self.trial, "optimizer": self.optimizer, **plain, "verdict": self.verdict}


def gain(
    search: pd.DataFrame,
    ranking: pd.DataFrame,
    defaults: Sequence[Mapping[str, Any]],
    ranked: Ranked = LOSS,
) -> Gain | None:
    """The gain over the default that ranks best; ``None`` if no finalist is one.

    Args:
        search: completed trials of the search.
        ranking: `sweeper.answer.confirmed.confirmed`, of costs.
        defaults: their parameters.
        ranked: the objective.
    """
    finalists = search[search["trial"].isin(ranking["trial"])]
    known = {int(row["trial"]): parameters_of(row) for _, row in finalists.iterrows()}
    rows = with_verdicts(ranking).to_dict("records") if len(ranking) else []
    own = [row for row in rows if among(known.get(int(row["trial"]), {}), defaults)]
    if not own:
        return None
    row, winner = own[0], rows[0]
    trial = int(row["trial"])
    interval = float(row["difference_low"]), float(row["difference_high"])
    costs = [(float(each["low"]), float(each["high"])) for each in (row, winner)]
    ends = ranked.within(interval, *costs)[:2]
    cut = which_cut(interval, ends)
    mean, optimizer = ranked.value(float(row["mean"])), str(known[trial]["optimizer"])
    if row is winner:
        return Gain(trial, optimizer, mean, 0.0, 0.0, 0.0, int(row["n"]), "winner")
    difference = float(row["difference"])
    unlike = _unlike(known[trial], known.get(int(winner["trial"]), {}))
    verdict = _verdict(str(row["verdict"]), ends[0], unlike)
    other = listing(
        [value if name == "activation" else f"{name} = {value}" for name, value in unlike.items()]
    )
    return Gain(trial, optimizer, mean, difference, *ends, int(row["pairs"]), verdict, cut, other)


def _verdict(compared: str, low: float, unlike: Iterable[str]) -> str:
    """`Gain.verdict` where the default did not win: from the verdict of the comparison, the lower end of the
    gain, and the names of the settings in which both differ."""
    if compared in LOST_MORE:
        return "fails" if compared == Verdict.FAILS else "unsteady"
    if compared in UNSHOWN or not low > 0:
        return "unshown"
    return "unlike" if any(map(_is_of_training, unlike)) else "gained"


def _unlike(default: Mapping[str, Any], winner: Mapping[str, Any]) -> dict[str, str]:
    """The default's values of what comes from no publication, a first value of the study or a draw, where the
    winner has others; its activation first."""
    others = {name: value for name, value in default.items() if name in winner and winner[name] != value}
    order = sorted(others, key=lambda name: name != "activation")
    return {name: shown(others[name]) for name in order if name == "activation" or _is_of_training(name)}


def _is_of_training(name: str) -> bool:
    """Whether it is a setting of the model or of its training, such as a width or a number of steps."""
    return name.startswith(("model.", "training."))


def power(tied: pd.DataFrame, ranked: Ranked) -> tuple[str, ...]:
    """Value and meaning on the card: the difference that the race would have shown, the largest among those
    tied with the winner, as a share of its loss too; empty where it is not known, or none differed. Where
    no score can be so much worse, that."""
    seen, mean = float(tied["seen"].iloc[1:].max()), float(tied["mean"].iloc[0])
    if not math.isfinite(seen):
        return ()
    who = f"trial #{tied['trial'].iloc[1]}" if len(tied) == 2 else "the finalists that are tied with it"
    most = ranked.costs[1] - mean
    if seen > most:
        why = f"a finalist can be at most {number(most)} worse"
        return "no difference", f"can be expected to show against {who} on so few seeds: {why}"
    own = ranked.value(mean)
    comparable = 0 < seen <= own and not ranked.highest  # a score of 0.9 is as far from 1 as from 0.8
    share = share_of(seen / own, "the winner's mean") if comparable else ""
    share = "as large as the winner's mean" if comparable and seen > ALL * own else share
    return (
        f"a difference of {number(seen)}{f' ({share})' if share else ''}",
        f"would be detected in 80 % of such races against {who}",
    )


def gained(gain: Gain | None, ranked: Ranked) -> tuple[str, str]:
    """Value and meaning of the line on the card."""
    metric = ranked.metric
    if gain is None:
        return "–", "no published default was confirmed, so the gain is unknown"
    trained = f" (trained with {gain.training})" if gain.training else ""
    name = f"the published default of {gain.optimizer}, trial {gain.trial}{trained}"
    if gain.verdict == "winner":
        if gain.seeds < ENOUGH_SEEDS:
            return (
                "not known",
                f"{name}, leads on {count(gain.seeds, 'fresh seed')}: too few to rank finalists",
            )
        return "nothing gained", f"{name}, is itself the winner: no finalist ranks before it on fresh seeds"
    side = ranked.better if gain.difference >= 0 else ranked.worse
    # no zero to be a share of: guessing has an AUC of 0.5 and an R² of 0, and some losses fall below 0
    without = ranked.highest or gain.default <= 0 or gain.default - gain.difference < 0
    share = math.nan if without else abs(gain.difference / gain.default)
    apart = interval(gain.difference, gain.low, gain.high)[0].lstrip("−")
    of_it = percent(share) if share < TENFOLD else share_of(share, "the default")
    share_words = f" ({of_it})" if math.isfinite(share) else ""
    size = apart + share_words
    than = f"mean {metric} of the winner than of {name}, {number(gain.default)}"
    same = f"on {count(gain.seeds, 'fresh seed')} of both"
    ends = ""
    if math.isfinite(gain.low):
        _, low, high = in_words(gain.difference, gain.low, gain.high, gain.cut, CUT_OFF)
        ends = f"; interval of the difference {low} to {high}"
    if gain.verdict == "fails":
        return f"{size} {side}", f"{than}, {same}{ends}; the default diverged or failed on more seeds"
    if gain.verdict == "gained":
        return f"{size} {side}", f"{than}, {same}{ends}"
    if gain.verdict == "unlike":
        why = "the default was not trained like the winner, so what optimizer and rate gained is not known"
        return "not comparable", f"{why}: {size} {side} {than}, {same}{ends}"
    if gain.seeds < ENOUGH_SEEDS:
        apart = number(abs(gain.difference))  # no interval stands beside it, which would round it
        size = apart + share_words
        return "not known", f"{size} {side} {than}, {same}: too few seeds to rule out luck"
    remark = "contains 0" if gain.high >= 0 else "lies below 0 on the seeds that both completed"
    remark = stricter(gain.low, gain.high) if gain.low > 0 else remark
    why = f"{ends}, which {remark}" if ends else "; too few seeds to know the spread"
    lost = "; the default lost more seeds, which luck may explain" if gain.verdict == "unsteady" else ""
    return "nothing shown", f"{size} {side} {than}, {same}{why}{lost}"
