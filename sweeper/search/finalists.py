"""The confirmation: who is trained again, on fresh seeds in rounds, and whose sharpness is measured."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from sweeper.search.starts import published
from sweeper.search.trial_summary import TrialSummary
from sweeper.statistics.race import interim_look, leader_of, next_look, unimportant
from sweeper.study.sections import ConfirmSection
from sweeper.study.space import Range, Values, among
from sweeper.study.study import Study
from sweeper.trial import Outcome, Trial, cost

BEST = 2
"""Places that go to the lowest objectives, of whatever combination."""
NEAR = 0.02
"""Share of a range within which a number is a copy of another: a tenth of a decade of five."""
Scores = Mapping[tuple[int, int], float]
"""(trial, seed) -> objective on that seed, as people read it; NaN where the training diverged or failed."""
EXAMINED, EXAMINED_LOST = 3, 3
"""Finalists and diverged trials whose sharpness is measured."""
ROUNDING = 1e-2
"""Share of a score by which the rounding of a stack may change it."""
COST = 1.5
"""Of measuring one: its training, and half as long again for eigenvalues."""
CHEAP, SMALL, SHARE = 4000, 0.5, 0.05
"""Steps that measuring may always take, up to such a share of those trained; the share for larger runs."""


def finalists(
    study: Study, known: Iterable[TrialSummary], retrained: Collection[int] = ()
) -> list[TrialSummary]:
    """The best of the search, the best of other combinations of scientific values, and the best default.

    `BEST` places go to the lowest objectives, each further one to the best trial of a combination that no
    finalist has, lowest objective first; when there is none, to the next lowest objective. A copy of a
    finalist, see `_is_copy`, takes no place while others are left: it does alike on fresh seeds and says
    nothing more; one of the trials `retrained` on fresh seeds already stays. The best published default that
    completed takes the last of two and more places, if it has none yet, so that the gain over it is known.
    """
    most = study.confirm.finalists
    completed = [k for k in known if k.outcome == Outcome.COMPLETED and math.isfinite(k.objective)]
    ranked = sorted(completed, key=_merit)
    chosen, rest = list[TrialSummary](), [*ranked]
    while rest and len(chosen) < most:
        represented = [_combination(study, trial) for trial in chosen] if len(chosen) >= BEST else []
        others = (i for i, trial in enumerate(rest) if _combination(study, trial) not in represented)
        in_order = chain(others, range(len(rest)))  # looked at until one is no copy, of thousands perhaps
        new = (i for i in in_order if rest[i].number in retrained or not _has_copy(study, rest[i], chosen))
        chosen.append(rest.pop(next(new, 0)))
    known_defaults = published(study.space)
    own = [trial for trial in ranked if among(trial.parameters, known_defaults)]
    if most > 1 and own and own[0] not in chosen:
        chosen = [*chosen[: most - 1], own[0]]
    return chosen


def _merit(trial: TrialSummary) -> tuple[float, float, int]:
    """What orders completed trials, the best first. Of those that tie, as accuracies do, the mean over the
    evaluations decides: one that was as good once, by chance perhaps, does not stand for the steady ones."""
    along = [value for value in trial.curve.values() if math.isfinite(value)]
    return trial.objective, sum(along) / len(along) if along else math.inf, trial.number


def racers(study: Study, known: Mapping[int, TrialSummary], scores: Scores) -> list[TrialSummary]:
    """`finalists` and, after them, who was one before the search went on: it races on with them.

    One that was better on fresh seeds may not have been on the one of the search, so that others take its
    place; were it left behind with few seeds, the answer might rest on these.
    """
    retrained = {number for number, _ in scores}
    chosen = finalists(study, known.values(), retrained)
    before = retrained - {each.number for each in chosen}
    return [*chosen, *(known[number] for number in sorted(before) if chosen and number in known)]


def _has_copy(study: Study, trial: TrialSummary, among_these: Iterable[TrialSummary]) -> bool:
    return any(_is_copy(study, trial, each) for each in among_these)


def _is_copy(study: Study, one: TrialSummary, other: TrialSummary) -> bool:
    """Whether trials have the same settings but for numbers, each within `NEAR` of its range."""
    mine, theirs = one.parameters, other.parameters
    if mine.keys() != theirs.keys():
        return False
    unlike = [name for name in mine if mine[name] != theirs[name]]
    if not unlike:
        return True
    ranges = study.space.active(str(mine["optimizer"]))
    return all(_close(ranges.get(name), mine[name], theirs[name]) for name in unlike)


def _close(entry: tuple[str, Values] | None, one: Any, other: Any) -> bool:
    if entry is None or not isinstance(entry[1], Range) or not (one and other):
        return False
    return abs(entry[1].position(one) - entry[1].position(other)) <= NEAR


def _combination(study: Study, trial: TrialSummary) -> dict[str, Any]:
    """The trial's values of the scientific parameters; a penalty of weight 0 is of no kind."""
    own = {name: trial.parameters[name] for name in study.search.scientific if name in trial.parameters}
    if "penalty_kind" in own and trial.parameters.get("activation_penalty") == 0:
        own["penalty_kind"] = None
    return own


def again(study: Study, known: TrialSummary) -> Trial:
    """The trial of the search, to be trained once more."""
    return Trial(known.number, known.phase, study.search.seed, known.parameters)


def budget(trained: int, speedup: float | None) -> float:
    """Steps that measuring the sharpness may take, one trial at a time, in a run that has `trained` so many.

    Counted in steps and not in seconds, so that equal studies have equal records. `speedup` is that of the
    plan's stacks, taken to a power of two as it is measured: steps of single trials cost so much more.
    """
    slower = 2.0 ** round(math.log2(speedup)) if speedup else 1.0
    return max(SHARE * trained / slower, min(CHEAP, SMALL * trained))


def examined(
    study: Study,
    known: Iterable[TrialSummary],
    done: Collection[int] = (),
    steps: float = math.inf,
    retrained: Collection[int] = (),
    winner: int | None = None,
) -> list[tuple[Trial, int]]:
    """(trial on the search's seed, its number of steps) of those to be trained again; see `chosen`.

    The first of them that take at most so many `steps`, but for `done`, numbers of those whose sharpness is
    on record.
    """
    found, cost = list[tuple[Trial, int]](), 0.0
    for each in chosen(study, known, retrained, winner):
        cost += COST * each.steps
        if cost <= steps and each.number not in done:
            found.append((again(study, each), each.steps))
    return found


def chosen(
    study: Study,
    known: Iterable[TrialSummary],
    retrained: Collection[int] = (),
    winner: int | None = None,
) -> list[TrialSummary]:
    """The `winner`, further finalists up to `EXAMINED`, and `EXAMINED_LOST` diverged trials: those closest to
    having survived.

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
    raced = [each for each in finalists(study, trials, retrained) if each.number != winner]
    raced = [*(each for each in trials if each.number == winner), *raced]  # of an earlier call, perhaps
    return [
        *raced[:EXAMINED],
        *(row[-1] for row in sorted(rounds, key=lambda r: r[:3])[:EXAMINED_LOST]),
    ]


def keeps_its_place(known: Mapping[int, TrialSummary], again: TrialSummary) -> bool:
    """Whether a trial of the search that was trained `again`, alone, ends as it did but for rounding.

    Its score is within `ROUNDING` of that before, and no other trial's lies between the two: who was best,
    and who became a finalist, is as it was. Trainings so unstable that rounding alone changes them are not.
    """
    before, now = known[again.number].objective, again.objective
    if again.outcome != Outcome.COMPLETED or abs(now - before) > ROUNDING * abs(before):
        return False
    low, high = sorted((before, now))
    others = (each.objective for each in known.values() if each.number != again.number)
    return before == now or not any(low <= other <= high for other in others)


def leader(chosen: Sequence[TrialSummary], scores: Scores, objective: str) -> int | None:
    """Who would win if the race ended now, by number; ``None`` where not all of `chosen` have been on a fresh
    seed yet. A single one wins before it has begun."""
    if len(chosen) == 1:
        return chosen[0].number
    costs = {each.number: list[float]() for each in chosen}
    for (number, _), value in scores.items():
        if number in costs:
            costs[number].append(cost(objective, value))
    most = max(map(len, costs.values()), default=0)
    left = [number for number, each in costs.items() if len(each) == most]
    values = np.array([costs[number] for number in left])
    if not all(costs.values()) or not np.isfinite(values).any():
        return None
    return left[leader_of(values)]


def next_trials(study: Study, chosen: Sequence[TrialSummary], scores: Scores) -> list[Trial]:
    """What is left to train of the present round, seed by seed; nothing when the race is over."""
    parameters = {each.number: each.parameters for each in chosen}
    costs = {key: cost(study.objective, value) for key, value in scores.items()}
    return [
        Trial(number, "confirm", seed, parameters[number], test=True)
        for number, seed in next_round(study.confirm, list(parameters), study.search.seed, costs)
    ]


@dataclass(frozen=True)
class Round:
    """Where a race stands before a round."""

    left: tuple[int, ...]
    """Trials that are trained on"""
    budget: int
    """Trainings that can be paid for"""
    seeds: int = 0
    """That those left were trained on"""

    def after(self, values: np.ndarray, matters: float) -> "Round":
        """The next round, from ``values`` (left, seeds) of all seeds so far; over if nobody is left."""
        seeds = values.shape[1]
        interim, budget = interim_look(values), self.budget - (seeds - self.seeds) * len(self.left)
        left = tuple(number for number, out in zip(self.left, interim.out, strict=True) if not out)
        over = len(left) == 1 or _alike(values[~interim.out], matters)
        return Round(() if over else left, budget, seeds)

    @property
    def aim(self) -> int:
        """Seeds after this round, as far as the budget goes."""
        return next_look(self.seeds, self.budget // len(self.left)) if self.left else self.seeds


def next_round(
    confirm: ConfirmSection, numbers: Sequence[int], search_seed: int, scores: Scores
) -> list[tuple[int, int]]:
    """(trial, seed) of all that is missing from the first round that is not complete in `scores`, which are
    costs.

    A round brings every finalist that is left to the next look, as far as the budget goes. The race is over
    when one finalist is left, when all that are left are known to differ by less than
    `confirm.matters`, or when the budget is spent. Seeds are ``search_seed + 1`` and up: none that a
    trial of the search has seen.
    """
    budget = confirm.trainings(len(numbers))
    if len(numbers) == 1:
        wanted = [(numbers[0], search_seed + 1 + k) for k in range(budget)]
        return [pair for pair in wanted if pair not in scores]
    now = Round(tuple(numbers), budget)
    while (aim := now.aim) > now.seeds:
        seeds = range(search_seed + 1, search_seed + aim + 1)
        missing = [(n, seed) for seed in seeds[now.seeds :] for n in now.left if (n, seed) not in scores]
        if missing:
            return missing
        values = np.array([[scores[number, seed] for seed in seeds] for number in now.left])
        now = now.after(values, confirm.matters)
    return []


def _alike(values: np.ndarray, matters: float) -> bool:
    """All lost as many seeds, and differ from the leader by what does not matter at most, as is known."""
    interim, gaps = interim_look(values), (~np.isfinite(values)).sum(axis=1)
    within = unimportant(matters, float(np.nanmean(values[interim.leader])))
    return bool((gaps == gaps[0]).all()) and interim.alike(within)
