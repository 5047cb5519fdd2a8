"""Who is retrained on fresh seeds, and whose sharpness is measured."""

import math
from collections.abc import Collection, Iterable
from typing import Any

from sweeper.search.starts import published
from sweeper.search.trial_summary import TrialSummary
from sweeper.study.space import among
from sweeper.study.study import Study
from sweeper.trial import Outcome, Trial

BEST = 2
"""Places that go to the lowest objectives, whatever they have in common."""
EXAMINED, EXAMINED_LOST = 3, 3
"""Finalists and diverged trials whose sharpness is measured."""
COST = 1.5
"""Of measuring one: its training, and half as long again for eigenvalues."""
CHEAP, SMALL, SHARE = 4000, 0.5, 0.05
"""Steps that measuring may always take, up to such a share of those trained; the share for larger runs."""


def finalists(study: Study, known: Iterable[TrialSummary]) -> list[TrialSummary]:
    """The best of the search, the best of other combinations of scientific values, and the best default.

    `BEST` places go to the lowest objectives, each further one to the best trial of a combination that no
    finalist has, lowest objective first; when there is none, to the next lowest objective. The lowest
    objectives are often variations of one setting, and on fresh seeds they do alike. The best published
    default that completed takes the last of two and more places, if it has none yet, so that the gain over
    it is known.
    """
    most = study.confirm.finalists
    completed = [k for k in known if k.outcome == Outcome.COMPLETED and math.isfinite(k.objective)]
    ranked = sorted(completed, key=lambda trial: (trial.objective, trial.number))
    chosen, rest = ranked[: min(BEST, most)], ranked[BEST:]
    while rest and len(chosen) < most:
        represented = [_combination(study, trial) for trial in chosen]
        index = next((i for i, t in enumerate(rest) if _combination(study, t) not in represented), 0)
        chosen.append(rest.pop(index))
    known_defaults = published(study.space)
    own = [trial for trial in ranked if among(trial.parameters, known_defaults)]
    if most > 1 and own and own[0] not in chosen:
        chosen = [*chosen[: most - 1], own[0]]
    return chosen


def _combination(study: Study, trial: TrialSummary) -> dict[str, Any]:
    """The trial's values of the scientific parameters."""
    return {name: trial.parameters[name] for name in study.search.scientific if name in trial.parameters}


def budget(trained: int, speedup: float | None) -> float:
    """Steps that measuring the sharpness may take, one trial at a time, in a run that has `trained` so many.

    Counted in steps and not in seconds, so that equal studies have equal records. `speedup` is that of the
    plan's stacks, taken to a power of two as it is measured: steps of single trials cost so much more.
    """
    slower = 2.0 ** round(math.log2(speedup)) if speedup else 1.0
    return max(SHARE * trained / slower, min(CHEAP, SMALL * trained))


def examined(
    study: Study, known: Iterable[TrialSummary], done: Collection[int] = (), steps: float = math.inf
) -> list[tuple[Trial, int]]:
    """(trial on the search's seed, its number of steps) of those to be trained again; see `chosen`.

    The first of them that take at most so many `steps`, but for `done`, numbers of those whose sharpness is
    on record.
    """
    found, cost = list[tuple[Trial, int]](), 0.0
    for each in chosen(study, known):
        cost += COST * each.steps
        if cost <= steps and each.number not in done:
            trial = Trial(each.number, each.phase, study.search.seed, each.parameters)
            found.append((trial, each.steps))
    return found


def chosen(study: Study, known: Iterable[TrialSummary]) -> list[TrialSummary]:
    """The first `EXAMINED` finalists, and `EXAMINED_LOST` diverged trials: those closest to having survived.

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
        *finalists(study, trials)[:EXAMINED],
        *(row[-1] for row in sorted(rounds, key=lambda r: r[:3])[:EXAMINED_LOST]),
    ]
