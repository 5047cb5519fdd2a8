"""The search of one run: generations of trials, from the first to the last.

Where a generation begins decides where it ends, and what it holds depends on earlier generations alone; so
it is the same for any number of workers, and after any interruption.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sweeper.search import explore
from sweeper.search.bayesian import Proposal, Taken
from sweeper.search.history import History
from sweeper.search.pruner import PrunerState
from sweeper.search.sampler import Proposer
from sweeper.search.starts import starts
from sweeper.search.trial_summary import TrialSummary, summarize
from sweeper.study.study import Study
from sweeper.trial import Trial, TrialResult

LEARNING = {"auto": "additive", "tpe": "tpe", "gp": "gp", "cmaes": "cmaes"}
"""sampler of the study -> what proposes after the first generation; others have no second phase."""


class Search:
    """Proposes generations and learns from results. What it proposes follows from the study and `known`."""

    def __init__(
        self, study: Study, finished: Iterable[TrialResult] = (), earlier: Sequence[TrialSummary] = ()
    ) -> None:
        """`finished`: the recorded trials of the search phases; `earlier`: those taken over."""
        search = study.search
        self.study, self.space = study, study.space
        self.known: dict[int, TrialSummary] = {}
        self.total = min(search.trials, self.space.size() or search.trials)
        self.earlier = earlier
        self._planned = self._plan()
        if search.sampler == "grid":
            self.total = len(self._planned)
        sampler = LEARNING.get(search.sampler)
        self._proposer = Proposer(sampler, study, earlier) if sampler else None
        # What generations before the present one have taught:
        self._start = 0
        self._history = History()
        self._past_keys: set[str] = set()
        self._pruner = PrunerState()
        self._drafted: list[Proposal] | None = None
        for result in finished:
            self.learn(result)

    def learn(self, result: TrialResult) -> TrialSummary:
        """Remember a finished trial of the search phases."""
        known = summarize(result, self.study.objective)
        self.known[known.number] = known
        return known

    def next_generation(self) -> list[Trial]:
        """Trials to train now: those left of the current generation, or a new one; none when all are done."""
        while self._start < self.total:
            numbers = range(self._start, min(self._start + self._size, self.total))
            missing = [number for number in numbers if number not in self.known]
            if missing:
                return self._trials(missing)
            self._close_generation(numbers)
        return []

    def _close_generation(self, numbers: Sequence[int]) -> None:
        if self._proposer is not None and self._proposer.stateful:
            self._draft()  # also when it was finished before this process began
        for trial in (self.known[number] for number in numbers):
            self._history.add(trial)
            self._pruner.add(trial)
            self._past_keys.add(key(trial.parameters))
        self._start += self._size
        self._drafted = None

    @property
    def _size(self) -> int:
        """Trials of the present generation, if the search does not end before."""
        return self.study.search.generation_at(self._start)

    def _trials(self, numbers: Sequence[int]) -> list[Trial]:
        """The trials `numbers` of the generation at hand, with the pruning limits known before it."""
        rule, seed = self._pruner.rule(self.study.search.pruner), self.study.search.seed
        return [
            Trial(number, phase, seed, parameters, rule)
            for number, (parameters, phase) in zip(numbers, self._proposals(numbers), strict=False)
        ]

    def _proposals(self, numbers: Sequence[int]) -> list[Proposal]:
        """One for each of `numbers`, or fewer when the space is exhausted.

        After a change of ``search.trials`` a generation that was half done may be drafted anew; what
        it then repeats of its finished half is replaced.
        """
        drafted = self._draft()
        present = range(self._start, self._start + self._size)
        done = {key(self.known[number].parameters) for number in present if number in self.known}
        mine = [drafted[n - self._start] for n in numbers if n - self._start < len(drafted)]
        proposals = [(parameters, phase) for parameters, phase in mine if key(parameters) not in done]
        if len(proposals) < len(numbers):
            taken = self._taken(done | {key(parameters) for parameters, _ in drafted})
            proposals += self._others(taken, len(numbers) - len(proposals))
        return proposals

    def _draft(self) -> list[Proposal]:
        """The whole present generation, whatever the total, from what was known before it."""
        if self._drafted is not None:
            return self._drafted
        taken = self._taken(set())
        planned = self._planned[self._start : self._start + self._size]
        drafted = [(parameters, "explore") for parameters in planned if not taken(parameters)]
        if self._proposer is not None and len(drafted) < self._size and (len(self._history) or self.earlier):
            drafted += self._proposer.propose(self._history, self._size - len(drafted), self._start, taken)
        self._drafted = [*drafted, *self._others(taken, self._size - len(drafted))]
        return self._drafted

    def _others(self, taken: Taken, count: int) -> list[Proposal]:
        """Up to `count` that are not taken: the first of what can be listed, or else random ones."""
        search = self.study.search
        if count == 0:
            return []
        if self.space.size() is not None:
            candidates = self.space.configurations()
        elif search.sampler == "grid":
            candidates = iter(self._planned)
        else:
            seed = (search.seed * 100_003 + self._start + 1) % 2**32
            drawn = explore.points(self.space, search.scientific, 20 * count, seed, "random")
            candidates = iter(drawn)
        fresh = (parameters for parameters in candidates if not taken(parameters))
        return [(parameters, "explore") for parameters in itertools.islice(fresh, count)]

    def _plan(self) -> list[dict[str, Any]]:
        """The configurations of the explore phase; of a space that fits, all there are.

        What is to be tried and the published defaults come first, at most half of all.
        """
        search, size = self.study.search, self.space.size()
        if size is not None and size <= search.trials:
            return list(self.space.configurations())
        if search.sampler == "grid":
            return explore.grid(self.space, self.total)[: self.total]
        first = starts(self.study)[: max(self.total // 2, len(search.tries))]
        count = self.total
        if search.sampler in LEARNING:
            count = (
                len(first)
                if self.earlier
                else max(search.first_generation, len(first) + search.first_generation // 2)
            )
        design = "random" if search.sampler == "random" else "sobol"
        dealt = explore.points(self.space, search.scientific, count - len(first), search.seed, design)
        return [*first, *dealt][: self.total]

    def _taken(self, seen: set[str]) -> Taken:
        """Whether a configuration is past or among those `seen`; what it is asked is seen from then on."""

        def taken(parameters: Mapping[str, Any]) -> bool:
            text = key(parameters)
            known = text in self._past_keys or text in seen
            seen.add(text)
            return known

        return taken


def key(parameters: Mapping[str, Any]) -> str:
    """The same text for configurations that train the same: numbers are compared to nine digits."""
    return ";".join(f"{name}={_comparable(parameters[name])}" for name in sorted(parameters))


def _comparable(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return repr(value)
    return f"{value:.9g}"
