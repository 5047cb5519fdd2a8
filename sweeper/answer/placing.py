"""How the winner was picked among the finalists: sentences that stay true where seeds were lost."""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from sweeper.answer.baseline import ROUNDING
from sweeper.answer.bounds import CUT_OFF, HIGH, LOW, in_words, stricter
from sweeper.answer.ranked import Ranked
from sweeper.wording import capital, count, every, listing, number, whole

NAMED = 3
"""Finalists of lower mean that are named; further ones are counted."""


@dataclass(frozen=True)
class Finalist:
    """A finalist on its fresh seeds."""

    name: str
    mean: float
    """Of its cost over the seeds that it completed; NaN where it completed none."""
    completed: int
    diverged: int
    failed: int
    """Seeds lost otherwise than by divergence."""
    dropped: bool = False
    """Left the race early: worse than the leader of that time, or failing more often."""
    behind: float = float("nan")
    """Mean paired difference to the winner on the seeds that both completed; above 0 if worse."""

    @property
    def lost(self) -> int:
        """Seeds without a score."""
        return self.diverged + self.failed

    @property
    def tried(self) -> int:
        """Seeds that it was trained on; fewer than the others' in a run that is not finished."""
        return self.completed + self.lost


def finalists_of(trials: pd.DataFrame, ranking: pd.DataFrame) -> list[Finalist]:
    """Every finalist in the order of `ranking` (`sweeper.answer.confirmed.confirmed`), the winner first.

    Those without one completed seed, which have no rank, come last.
    """
    rows = trials[trials["phase"] == "confirm"]
    ranked = [int(trial) for trial in ranking["trial"]]
    means = dict(zip(ranked, ranking["mean"], strict=True))
    completed = dict(zip(ranked, ranking["n"], strict=True))
    dropped = dict(zip(ranked, ranking["dropped"], strict=True))
    differences = dict(zip(ranked, ranking["difference"], strict=True))
    finalists, nan = [], float("nan")
    for trial in [*ranked, *sorted(set(rows["trial"]) - set(ranked))]:
        own = rows[rows["trial"] == trial]
        sound, diverged = int(completed.get(trial, 0)), int((own["outcome"] == "diverged").sum())
        mean, behind = float(means.get(trial, nan)), float(differences.get(trial, nan))
        lost = (diverged, len(own) - sound - diverged)
        finalists.append(Finalist(f"trial #{trial}", mean, sound, *lost, bool(dropped.get(trial)), behind))
    return finalists


def placing(finalists: Sequence[Finalist], ranked: Ranked, who: str, have: str) -> str:
    """Why the first of `finalists` is the winner, without a full stop: the fewest lost seeds, then the mean.

    Args:
        finalists: the winner first.
        ranked: what ranks them.
        who: the winner in the sentence, ``these settings``.
        have: the verb that goes with it, ``have``.
    """
    gone = [each for each in finalists if each.dropped]
    if gone:
        return _after_the_race([each for each in finalists if not each.dropped], gone, ranked, who, have)
    return _placed(finalists, len(finalists), ranked, who, have)


def _placed(finalists: Sequence[Finalist], total: int, ranked: Ranked, who: str, have: str) -> str:
    """What `placing` says of those that lasted, of `total` finalists."""
    first, others = finalists[0], finalists[1:]
    tried = [each.tried for each in finalists]
    even = min(tried) == max(tried)
    seeds = count(first.tried, "fresh seed") if even else f"{min(tried)} to {max(tried)} fresh seeds"
    if not others:
        return f"{capital(who)} {have} been retrained on {seeds} as the only finalist"
    peers = [rival for rival in others if rival.lost == first.lost]
    lowest = f"{who} {have} the {ranked.best} mean {ranked.metric}{_equals(first, peers)}"
    if not even:
        lowest += " over the fresh seeds that all of them have"
    if len(peers) == len(others) and not first.lost:
        if total > len(finalists):
            return f"Of the {len(finalists)} (of {total}) finalists that lasted {seeds}, {lowest}"
        return f"Of {total} finalists retrained on {seeds if even else 'fresh seeds'}, {lowest}"
    all_of_them = f"completed {every(first.tried, 'fresh seed')}" if even else "lost no fresh seed"
    none = "Neither finalist" if total == 2 else f"None of {total} finalists"
    if not first.lost:
        if not peers:
            return f"Of {total} finalists, {who} alone {all_of_them}"
        return f"Of the {len(peers) + 1} (of {total}) finalists that {all_of_them}, {lowest}"
    fewest = f"the fewest seeds ({first.lost} of {first.tried})"
    if not peers:
        return f"{none} completed every fresh seed; {who} lost {fewest}"
    return (
        f"{none} completed every fresh seed; of the {len(peers) + 1} that lost "
        f"{fewest if even else f'the fewest ({first.lost})'}, {lowest}"
    )


def _after_the_race(
    lasted: Sequence[Finalist], gone: Sequence[Finalist], ranked: Ranked, who: str, have: str
) -> str:
    """Where those that lasted stand, and who dropped out when."""
    if len(lasted) == 1:
        others = "the other" if len(gone) == 1 else "the others"
        return (
            f"Of {len(gone) + 1} finalists, {who} alone lasted the race, over "
            f"{count(lasted[0].tried, 'fresh seed')}; {_left(gone, others)}"
        )
    placed = _placed(lasted, len(lasted) + len(gone), ranked, who, have)
    return f"{placed}; {_left(gone, _named(gone) or f'{len(gone)} others')}"


def _left(gone: Sequence[Finalist], named: str) -> str:
    """Who dropped out when: one by one where they are few and left at different times."""
    counts = sorted({each.tried for each in gone})
    left = "dropped out of the race after"
    if len(counts) > 1 and _named(gone):
        first, *rest = sorted(gone, key=lambda each: each.tried)
        later = [f"{each.name} after {each.tried}" for each in rest]
        return f"{listing([f'{first.name} {left} {first.tried}', *later])} fresh seeds"
    ends = dict.fromkeys((counts[0], counts[-1]))
    return f"{named} {left} {(' or ' if len(counts) == 2 else ' to ').join(map(str, ends))} fresh seeds"


def _named(gone: Sequence[Finalist]) -> str:
    """Those that dropped out, if they are few."""
    return listing([each.name for each in gone]) if len(gone) <= NAMED else ""


def _equals(first: Finalist, peers: Sequence[Finalist]) -> str:
    same = [rival.name for rival in peers if rival.mean == first.mean]
    return f" (as {'has' if len(same) == 1 else 'have'} {listing(same)})" if same else ""


def better_means(finalists: Sequence[Finalist], ranked: Ranked) -> list[str]:
    """A clause for each finalist of better mean than the winner: lost or other seeds, or that it dropped
    out."""
    first = finalists[0]
    ahead = [rival for rival in finalists[1:] if rival.mean < first.mean]
    is_told = bool(_named([each for each in finalists if each.dropped]))  # that they dropped out
    clauses = [_ahead(rival, ranked, is_told) for rival in ahead[:NAMED]]
    more = len(ahead) - len(clauses)
    why = "lost seeds or dropped out too" if any(rival.dropped for rival in ahead) else "lost seeds too"
    why = why if all(rival.lost or rival.dropped for rival in ahead) else "have other or fewer seeds too"
    means = f"with {ranked.better} means {why}"
    return [*clauses, f"{count(more, 'more finalist')} {means}"] if more > 0 else clauses


def _ahead(rival: Finalist, ranked: Ranked, is_told: bool) -> str:
    mean = f"{rival.name} has a {ranked.better} mean ({ranked.text(rival.mean)})"
    if not rival.dropped and rival.lost:
        return f"{mean} over {rival.completed} of {rival.tried} seeds, but {losses(rival)}"
    over = f"{rival.completed} of its {rival.tried}" if rival.lost else f"its {rival.completed}"
    parts = [f"{mean} over {over} seeds"]
    if math.isfinite(rival.behind):
        side = "worse" if rival.behind > 0 else "better"
        apart_by = f"{number(abs(rival.behind))} {side} than the winner"
        parts.append(f"on which it is {apart_by}" if rival.dropped else f"and is {apart_by} on those of both")
    told = is_told or not rival.dropped  # else it has other seeds
    ends = [losses(rival)] * bool(rival.lost) + ["dropped out of the race"] * (not told)
    return ", ".join([*parts, *([f"and {' and '.join(ends)}"] if ends else [])])


def losses(finalist: Finalist) -> str:
    """``diverged on 1``, ``diverged on 1 and failed on 2``."""
    counts = {"diverged": finalist.diverged, "failed": finalist.failed}
    return " and ".join(f"{what} on {times}" for what, times in counts.items() if times)


def apart(row: Mapping[Hashable, Any]) -> tuple[float, float, float, str]:
    """Difference to the winner in a row of `sweeper.answer.comparison.comparison`, its low and high end, and
    which of them were cut."""
    return row["difference"], row["difference_low"], row["difference_high"], row["cut"]


def same_scores(row: Mapping[Hashable, Any]) -> bool:
    """Whether such a row differs from the winner by rounding alone: two ways to write one setting."""
    _, low, high, _ = apart(row)
    return math.isfinite(low + high) and max(abs(low), abs(high)) <= ROUNDING * abs(row["mean"])


SAME = "has the same score on every seed"
"""Said of a finalist with `same_scores`."""


def at_worst(row: Mapping[Hashable, Any], ranked: Ranked, *, remarked: bool = True) -> str:
    """How far a tied finalist of such a row may be behind: the end of its interval, which may leave 0 out;
    that is `remarked`."""
    difference, low, high, cut = apart(row)
    if same_scores(row):
        return SAME
    if not math.isfinite(low + high):
        return "may be worse by any amount"
    end, name = (low, LOW) if ranked.highest else (high, HIGH)
    if ranked.behind(end) < 0:
        return f"at least {number(abs(end))} better where both completed"
    said = in_words(difference, low, high)[1 if ranked.highest else 2]
    # more than three digits, which the numbers beside it needed, are of no use to it alone
    fitting = len(said.lstrip("−0.").replace(".", "")) <= 3
    worst = f"{(said if fitting else number(end, full=abs(end) < 1e-3)).lstrip('−')}{CUT_OFF * (name in cut)}"
    remark = stricter(low, high) * remarked
    text = f"may be up to {worst} worse{f' (the interval {remark})' if remark else ''}"
    return f"{text}{_yet_better(row)}"


def _yet_better(row: Mapping[Hashable, Any]) -> str:
    """``, though better on 9 of 10 seeds``, of a finalist that is shown to be better on most: a few seeds on
    which it does badly make its mean the worse one."""
    if not row.get("p_high", math.nan) < 0.5:
        return ""
    won = row["pairs"] - row["even"] - seeds_won(row)
    return f", though better on {whole(won)} of {count(row['pairs'], 'seed')}"


def seeds_won(row: Mapping[Hashable, Any]) -> int:
    """On how many of the shared seeds the winner is better than the finalist of such a row; `p_better` counts
    those of equal scores half."""
    return round(row["p_better"] * row["pairs"] - row["even"] / 2)
