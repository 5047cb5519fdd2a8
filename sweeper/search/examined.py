"""Whose sharpness is measured: a few of the best, and a few that diverged."""

from collections.abc import Collection, Iterable

from sweeper.search.finalists import finalists
from sweeper.search.trial_summary import TrialSummary
from sweeper.study.study import Study
from sweeper.trial import Outcome, Trial

BEST, LOST = 3, 3


def examined(
    study: Study, known: Iterable[TrialSummary], done: Collection[int] = ()
) -> list[tuple[Trial, int]]:
    """(trial on the search's seed, its number of steps) of those to be trained again; see `chosen`.

    `done` are the numbers of those whose sharpness is on record.
    """
    return [
        (Trial(each.number, each.phase, study.search.seed, each.parameters), each.steps)
        for each in chosen(study, known)
        if each.number not in done
    ]


def chosen(study: Study, known: Iterable[TrialSummary]) -> list[TrialSummary]:
    """The first `BEST` finalists, and `LOST` trials that diverged: those closest to having survived.

    Of each optimizer the diverged trial with the lowest learning rate, then the next lowest; those of a
    round in the order of their steps, longest first.
    """
    trials = list(known)
    diverged = [k for k in trials if k.outcome == Outcome.DIVERGED]
    diverged.sort(key=lambda k: (k.parameters["learning_rate"], k.number))
    rank: dict[str, int] = {}
    rounds = []
    for each in diverged:
        name = each.parameters["optimizer"]
        rank[name] = rank.get(name, -1) + 1
        rounds.append((rank[name], -each.steps, each.number, each))
    return [
        *finalists(study, trials)[:BEST],
        *(row[-1] for row in sorted(rounds, key=lambda r: r[:3])[:LOST]),
    ]
