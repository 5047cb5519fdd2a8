"""The search of one run: generations of trials, from the first to the last.

Where a generation begins decides where it ends, and what it holds depends on earlier generations alone; so
it is the same for any number of workers, and after any interruption. With ``search.lag`` = k, results
of the last k of them do not count, as they may still be trained; their configurations do. Meanwhile a thread
proposes the next one.
"""

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any

from sweeper.beside import fill, in_thread
from sweeper.search import explore
from sweeper.search.bayesian import Proposal, Taken
from sweeper.search.history import History
from sweeper.search.plan import LEARNING, planned
from sweeper.search.pruner import PrunerState
from sweeper.search.sampler import Proposer
from sweeper.search.trial_summary import TrialSummary, summarize
from sweeper.study.study import Study
from sweeper.trial import Trial, TrialResult
from sweeper.wording import exact

APART = ("auto", "tpe")
"""Samplers that work in a thread; the others change how the process warns."""

Draft = Future[list[Trial]]
"""Trials of a generation that is being proposed."""


@dataclass
class Generation:
    """One that is open: proposed, and not all of it is finished."""

    numbers: range
    waiting: dict[int, Trial]
    """Those that have not begun."""
    left: set[int]
    """Those that are not finished."""
    trials: tuple[Trial, ...]
    """As they were proposed."""

    def begin(self, number: int) -> None:
        """A trial is on its way."""
        self.waiting.pop(number, None)

    def finish(self, number: int) -> None:
        """A trial has ended, or was known to have before it began."""
        self.begin(number)
        self.left.discard(number)


class Search:
    """Proposes generations and learns from results. What it proposes follows from the study and `known`."""

    def __init__(
        self, study: Study, finished: Iterable[TrialResult] = (), earlier: Sequence[TrialSummary] = ()
    ) -> None:
        """`finished`: the recorded trials of the search phases; `earlier`: those taken over."""
        search = study.search
        self.study, self.space = study, study.space
        self.known: dict[int, TrialSummary] = {}
        self.earlier = earlier
        plan = planned(study, informed=bool(earlier))
        self.total, self._planned = plan.total, plan.configurations
        sampler = LEARNING.get(search.sampler)
        self._proposer = Proposer(sampler, study, earlier) if sampler else None
        # What generations that have closed have taught:
        self._history = History()
        self._past_keys: set[str] = set()
        self._pruner = PrunerState()
        # Those that are open, at most one more than `lag`, and where the next one starts:
        self._open: deque[Generation] = deque()
        self._next_start, self._exhausted = 0, False
        self._next: Draft | None = None  # while it is proposed
        for result in finished:
            self.learn(result)

    def learn(self, result: TrialResult) -> TrialSummary:
        """Remember a finished trial of the search phases."""
        known = summarize(result, self.study.objective)
        self.known[known.number] = known
        for generation in self._open:
            generation.finish(known.number)
        return known

    def next_generation(self, *, wait: bool = True) -> list[Trial]:
        """Trials to train now, of one generation: those that are not finished and have not begun.

        None when all are done, or while the next generation waits for results; without `wait`, also while it
        is being proposed, which takes seconds with thousands of trials.
        """
        self._move_on(wait=wait and not any(each.waiting for each in self._open))
        return next((list(each.waiting.values()) for each in self._open if each.waiting), [])

    def look_ahead(self) -> None:
        """Begin to propose the next generation if its turn has come while others are trained."""
        if self.study.search.lag:
            self._move_on(wait=False)

    def begin(self, trials: Sequence[Trial]) -> None:
        """`trials` are on their way; `next_generation` goes on behind them."""
        for generation in self._open:
            for trial in trials:
                generation.begin(trial.number)

    @property
    def under_way(self) -> int:
        """Trials that have begun and are not finished."""
        return sum(len(each.left) - len(each.waiting) for each in self._open)

    def _move_on(self, *, wait: bool) -> None:
        """Close generations that are finished, and open those whose turn has come.

        A generation opens when the one before the `lag` that precede it has closed, and is proposed at once:
        from what closed generations have taught, and from what the open ones propose. None closes meanwhile.
        """
        while True:
            while self._may_open():
                self._next = self._next or self._begin_next()
                if not (wait or self._next.done()):
                    return
                self._open_next(self._next)
                self._next = None
            if not self._open or self._open[0].left:
                return
            self._close(self._open.popleft())

    def _may_open(self) -> bool:
        """Whether the turn of the next generation has come, and there is one."""
        its_turn = len(self._open) <= self.study.search.lag
        return its_turn and self._next_start < self.total and not self._exhausted

    def _begin_next(self) -> Draft:
        """The trials of the next generation that are missing, proposed in a thread if others are open."""
        present = self._present()
        missing = [number for number in present if number not in self.known and number < self.total]
        if not missing and (self._proposer is None or not self._proposer.stateful):
            return _future_of(list, apart=False)
        propose = partial(self._trials, present, missing, self._pending())
        return _future_of(propose, apart=bool(self._open) and self.study.search.sampler in APART)

    def _present(self) -> range:
        """Numbers of the next generation, whatever the total."""
        return range(self._next_start, self._next_start + self.study.search.generation_at(self._next_start))

    def _open_next(self, draft: Draft) -> None:
        present, trials = self._present(), draft.result()
        numbers = range(present.start, min(present.stop, self.total))
        waiting = {trial.number: trial for trial in trials}
        self._open.append(Generation(numbers, waiting, set(waiting), tuple(trials)))
        self._next_start = present.stop
        self._exhausted = len(trials) < sum(number not in self.known for number in numbers)

    def _close(self, generation: Generation) -> None:
        for trial in (self.known[number] for number in generation.numbers if number in self.known):
            self._history.add(trial)
            self._pruner.add(trial)
            self._past_keys.add(key(trial.parameters))

    def _pending(self) -> list[Mapping[str, Any]]:
        """What open generations hold, finished or not: configurations alone, as nothing is known of them."""
        found: list[Mapping[str, Any]] = []
        for generation in self._open:
            proposed = {trial.number: trial.parameters for trial in generation.trials}
            finished = {n: self.known[n].parameters for n in generation.numbers if n in self.known}
            both = finished | proposed
            found += [both[number] for number in generation.numbers if number in both]
        return found

    def _trials(
        self, present: range, numbers: Sequence[int], pending: Sequence[Mapping[str, Any]]
    ) -> list[Trial]:
        """The trials `numbers` of the generation `present`, with the pruning limits known before it."""
        rule, seed = self._pruner.rule(self.study.search.pruner), self.study.search.seed
        proposals = self._proposals(present, numbers, pending)
        return [
            Trial(number, phase, seed, parameters, rule)
            for number, (parameters, phase) in zip(numbers, proposals, strict=False)
        ]

    def _proposals(
        self, present: range, numbers: Sequence[int], pending: Sequence[Mapping[str, Any]]
    ) -> list[Proposal]:
        """One for each of `numbers`, or fewer when the space is exhausted.

        After a change of ``search.trials`` a generation that was half done may be proposed anew; what
        it then repeats of its finished half is replaced.
        """
        whole = self._whole_generation(present, pending)
        done = {key(self.known[number].parameters) for number in present if number in self.known}
        mine = [whole[n - present.start] for n in numbers if n - present.start < len(whole)]
        proposals = [(parameters, phase) for parameters, phase in mine if key(parameters) not in done]
        if len(proposals) < len(numbers):
            seen = done | {key(parameters) for parameters in [*pending, *(p for p, _ in whole)]}
            proposals += self._others(self._claims(seen), len(numbers) - len(proposals), present.start)
        return proposals

    def _whole_generation(self, present: range, pending: Sequence[Mapping[str, Any]]) -> list[Proposal]:
        """`present`, whatever the total, from what was known before it."""
        taken = self._claims({key(parameters) for parameters in pending})
        size = len(present)
        here = self._planned[present.start : present.stop]
        proposals = [(parameters, "explore") for parameters in here if not taken(parameters)]
        if self._proposer is not None and len(proposals) < size and (len(self._history) or self.earlier):
            count = size - len(proposals)
            proposals += self._proposer.propose(self._history, count, present.start, taken, pending)
        return [*proposals, *self._others(taken, size - len(proposals), present.start)]

    def _others(self, taken: Taken, count: int, start: int) -> list[Proposal]:
        """Up to `count` that are not taken: the first of what can be listed, or else random ones."""
        search = self.study.search
        if count == 0:
            return []
        if self.space.size() is not None:
            candidates = self.space.configurations()
        elif search.sampler == "grid":
            candidates = iter(self._planned)
        else:
            seed = (search.seed * 100_003 + start + 1) % 2**32
            drawn = explore.points(self.space, search.scientific, 20 * count, seed, "random")
            candidates = iter(drawn)
        fresh = (parameters for parameters in candidates if not taken(parameters))
        return [(parameters, "explore") for parameters in itertools.islice(fresh, count)]

    def _claims(self, seen: set[str]) -> Taken:
        """Whether a configuration is past or among those `seen`; the one asked about is so from then on."""

        def taken(parameters: Mapping[str, Any]) -> bool:
            text = key(parameters)
            known = text in self._past_keys or text in seen
            seen.add(text)
            return known

        return taken


def _future_of(propose: Callable[[], list[Trial]], *, apart: bool) -> Draft:
    """What `propose` gives, or raises; `apart`: in a thread, which ends with the process at the latest."""
    if apart:
        return in_thread(propose, "sweeper-proposer")
    draft: Draft = Future()
    fill(draft, propose)
    return draft


def key(parameters: Mapping[str, Any]) -> str:
    """The same text for configurations that train the same: numbers are compared to nine digits."""
    return ";".join(f"{name}={_comparable(parameters[name])}" for name in sorted(parameters))


def _comparable(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return repr(value)
    return exact(value, 9)
