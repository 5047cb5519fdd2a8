"""How the winner was picked among the finalists: sentences that stay true where seeds were lost."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from sweeper.report.words import count, listing, number

NAMED = 3
"""Finalists of lower mean that are named; further ones are counted."""


@dataclass(frozen=True)
class Finalist:
    """A finalist on its fresh seeds."""

    name: str
    mean: float
    """Of the objective over the seeds that it completed; NaN where it completed none."""
    completed: int
    diverged: int
    failed: int
    """Seeds lost otherwise than by divergence."""

    @property
    def lost(self) -> int:
        """Seeds without a score."""
        return self.diverged + self.failed

    @property
    def tried(self) -> int:
        """Seeds that it was trained on; fewer than the others' in a run that is not finished."""
        return self.completed + self.lost


def finalists_of(trials: pd.DataFrame, ranking: pd.DataFrame) -> list[Finalist]:
    """Every finalist in the order of `ranking` (`sweeper.tables.confirmation.confirmed`), the winner first.

    Those without one completed seed, which have no rank, come last.
    """
    rows = trials[trials["phase"] == "confirm"]
    ranked = [int(trial) for trial in ranking["trial"]]
    means = dict(zip(ranked, ranking["mean"], strict=True))
    completed = dict(zip(ranked, ranking["n"], strict=True))
    found = []
    for trial in [*ranked, *sorted(set(rows["trial"]) - set(ranked))]:
        own = rows[rows["trial"] == trial]
        sound, diverged = int(completed.get(trial, 0)), int((own["outcome"] == "diverged").sum())
        mean = float(means.get(trial, float("nan")))
        found.append(Finalist(f"trial #{trial}", mean, sound, diverged, len(own) - sound - diverged))
    return found


def placing(finalists: Sequence[Finalist], metric: str, who: str, have: str) -> str:
    """Why the first of `finalists` is the winner, without a full stop: the fewest lost seeds, then the mean.

    Args:
        finalists: the winner first.
        metric: what ranks them, in words; lower is better.
        who: the winner in the sentence, ``these settings``.
        have: the verb that goes with it, ``have``.
    """
    first, others = finalists[0], finalists[1:]
    seeds = count(first.tried, "fresh seed")
    if not others:
        return f"{who[0].upper()}{who[1:]} {have} been retrained on {seeds} as the only finalist"
    every, peers = len(finalists), [rival for rival in others if rival.lost == first.lost]
    lowest = f"{who} {have} the lowest mean {metric}{_equals(first, peers)}"
    even = len({rival.tried for rival in finalists}) == 1
    if not even:
        lowest += " over the seeds that each has completed so far"
    if len(peers) == len(others) and not first.lost:
        return f"Of {every} finalists retrained on {seeds if even else 'fresh seeds'}, {lowest}"
    all_of_them = (
        f"completed {'all ' if first.tried > 1 else 'the '}{seeds}" if even else "lost no fresh seed"
    )
    if not first.lost:
        if not peers:
            return f"Of {every} finalists, {who} alone {all_of_them}"
        return f"Of the {len(peers) + 1} of {every} finalists that {all_of_them}, {lowest}"
    fewest = f"the fewest seeds ({first.lost} of {first.tried})"
    if not peers:
        return f"None of {every} finalists completed every fresh seed; {who} lost {fewest}"
    return (
        f"None of {every} finalists completed every fresh seed; of the {len(peers) + 1} that lost "
        f"{fewest if even else f'the fewest ({first.lost})'}, {lowest}"
    )


def _equals(first: Finalist, peers: Sequence[Finalist]) -> str:
    same = [rival.name for rival in peers if rival.mean == first.mean]
    return f", as {'has' if len(same) == 1 else 'have'} {listing(same)}," if same else ""


def lower_means(finalists: Sequence[Finalist]) -> list[str]:
    """A clause for each finalist of lower mean than the winner: it lost more seeds, and how."""
    first = finalists[0]
    lower = [rival for rival in finalists[1:] if rival.mean < first.mean]
    found = [
        f"{rival.name} has a lower mean ({number(rival.mean)}) over {rival.completed} of {rival.tried} "
        f"seeds, but {losses(rival)}"
        for rival in lower[:NAMED]
    ]
    more = len(lower) - len(found)
    return [*found, f"{count(more, 'more finalist')} with lower means lost seeds too"] if more > 0 else found


def losses(finalist: Finalist) -> str:
    """``diverged on 1``, ``diverged on 1 and failed on 2``."""
    counts = {"diverged": finalist.diverged, "failed": finalist.failed}
    return " and ".join(f"{what} on {times}" for what, times in counts.items() if times)
