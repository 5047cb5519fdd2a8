"""The search of one run: generations of trials, from the first to the last.

Numbers of trials are those of Optuna. Generation g holds the trials from g·size to (g+1)·size − 1 and
depends on earlier generations alone; so it is the same for any number of workers, and after any
interruption.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from optuna.trial import FrozenTrial

from sweeper.search import explore
from sweeper.search.distributions import decode
from sweeper.search.pruner import rungs
from sweeper.search.sampler import Known, propose
from sweeper.search.storage import StudyStorage
from sweeper.search.trial import Rungs, Trial
from sweeper.study.study import Study
from sweeper.training.result import Outcome, TrialResult

EXPLORED_FIRST = {"tpe": 10, "gp": 10, "cmaes": 10}
"""Quasi-random trials before these samplers take over; ``auto`` explores with half of the trials."""


class Search:
    """Proposes generations and hears results; the only one who talks to Optuna while a study runs."""

    def __init__(self, study: Study, storage: StudyStorage, finished: Sequence[TrialResult]) -> None:
        """`finished` are the recorded trials of the search phases; what Optuna was not told, it is told now."""
        self.study, self.space, self.storage = study, study.space, storage
        self.results: dict[int, TrialResult] = {result.trial.number: result for result in finished}
        self.total = min(study.search.trials, self.space.size() or study.search.trials)
        self._planned: list[dict[str, Any]] | None = None
        if study.search.sampler == "grid":
            self.total = min(self.total, len(self._plan()))
        self._restore()

    def next_generation(self) -> list[Trial]:
        """Trials to train now: those left of the current generation, or a new one; none when all are done."""
        asked = self.storage.trials()
        size = self.study.search.generation
        open_trials = [t for t in asked if t.number not in self.results and not _lost(t)]
        if open_trials:
            start = open_trials[0].number // size * size
            return self._with_rungs([t for t in open_trials if t.number < start + size], start)
        real = sum(not _lost(trial) for trial in asked)
        start = len(asked) // size * size
        wanted = min(start + size - len(asked), self.total - real)
        if wanted <= 0:
            return []
        proposals = self._proposals(start, len(asked), wanted)
        with self.storage.grouped():
            for parameters, phase in proposals:
                attributes = {"phase": phase, "parameters": json.dumps(parameters)}
                self.storage.ask(self.space, parameters, attributes)
        return self._with_rungs(self.storage.trials()[len(asked) :], start) if proposals else []

    def tell(self, results: Sequence[TrialResult]) -> None:
        """Finished trials of the search phases, already recorded."""
        with self.storage.grouped():
            for result in results:
                self.results[result.trial.number] = result
                self._tell(result)

    def close(self) -> None:
        """Leave no trial marked as running."""
        with self.storage.grouped():
            self.storage.shelve()

    def _tell(self, result: TrialResult) -> None:
        steps, objectives = _curve(self.study, result)
        curve = dict(zip(steps, objectives, strict=True))
        self.storage.tell(result.trial.number, result.outcome, result.objective, curve, result.reason)

    def _restore(self) -> None:
        """Bring the storage up to the records: they are written first."""
        with self.storage.grouped():
            while self.results and len(self.storage.trials()) <= max(self.results):
                number = len(self.storage.trials())
                if number in self.results:
                    trial = self.results[number].trial
                    attributes = {"phase": trial.phase, "parameters": json.dumps(dict(trial.parameters))}
                    self.storage.ask(self.space, trial.parameters, attributes)
                else:
                    self.storage.add_lost()
            for result in self.results.values():
                self._tell(result)

    def _proposals(self, start: int, first: int, count: int) -> list[tuple[dict[str, Any], str]]:
        """Parameters and phase of the trials `first`, `first + 1` … of the generation that begins at `start`."""
        drafted = self._draft(start, first - start + count)[first - start :]
        taken = self._taken()
        found = [(parameters, phase) for parameters, phase in drafted if not taken(parameters)]
        if len(found) < count and self._learns:  # a larger total changed the plan of a generation half asked
            more = self._propose(start, count - len(found), taken, again=1)
            found += [(parameters, "exploit") for parameters in more]
        while len(found) < count and (unseen := self._unseen(taken)) is not None:
            found.append((unseen, "explore"))
        return found

    def _draft(self, start: int, count: int) -> list[tuple[dict[str, Any], str]]:
        """The generation as a whole, from what was known before it."""
        taken = self._taken(below=start)
        planned = self._plan()[start : start + count]
        found = [(parameters, "explore") for parameters in planned if not taken(parameters)]
        if self._learns and len(found) < count:
            found += [(p, "exploit") for p in self._propose(start, count - len(found), taken)]
        return found

    def _propose(self, start: int, count: int, taken: Any, again: int = 0) -> list[dict[str, Any]]:
        kind = "tpe" if self.study.search.sampler == "auto" else self.study.search.sampler
        known = [self._known(result) for n, result in sorted(self.results.items()) if n < start]
        seed = (self.study.search.seed * 100_003 + start + again) % 2**32
        return propose(self.space, kind, known, count, seed, taken)

    @property
    def _learns(self) -> bool:
        return self.study.search.sampler not in ("random", "qmc", "grid")

    def _plan(self) -> list[dict[str, Any]]:
        """The configurations of the explore phase; of a space that fits, all there are."""
        if self._planned is None:
            search, size = self.study.search, self.space.size()
            if size is not None and size <= search.trials:
                self._planned = list(self.space.configurations())
            elif search.sampler == "grid":
                self._planned = explore.grid(self.space, self.total)[: self.total]
            else:
                share = self.total if search.sampler in ("random", "qmc") else (self.total + 1) // 2
                count = min(EXPLORED_FIRST.get(search.sampler, share), self.total)
                kind = "random" if search.sampler == "random" else "sobol"
                self._planned = explore.points(self.space, search.scientific, count, search.seed, kind)
        return self._planned

    def _taken(self, below: int | None = None) -> Any:
        """A test whether a configuration was proposed before; what it is asked counts as proposed."""
        seen = {_key(self._parameters(t)) for t in self.storage.trials()[:below] if not _lost(t)}

        def taken(parameters: Mapping[str, Any]) -> bool:
            key = _key(parameters)
            if key in seen:
                return True
            seen.add(key)
            return False

        return taken

    def _unseen(self, taken: Any) -> dict[str, Any] | None:
        """The first configuration of a finite space that was never proposed."""
        if self.space.size() is None:
            return None
        return next((p for p in self.space.configurations() if not taken(p)), None)

    def _with_rungs(self, trials: Sequence[FrozenTrial], start: int) -> list[Trial]:
        """Storage trials as `Trial`s, with the pruning limits known before the generation at `start`."""
        rule = self._rungs(start)
        seed = self.study.search.seed
        return [Trial(t.number, t.user_attrs["phase"], seed, self._parameters(t), rule) for t in trials]

    def _rungs(self, start: int) -> Rungs:
        before = [r for n, r in sorted(self.results.items()) if n < start]
        sound = [r for r in before if r.outcome in (Outcome.COMPLETED, Outcome.PRUNED)]
        curves = [dict(zip(*_curve(self.study, r), strict=True)) for r in sound]
        lengths = {r.steps for r in sound if r.outcome == Outcome.COMPLETED}
        if len(lengths) > 1:  # trials of unlike lengths cannot be compared step by step
            return Rungs()
        longest = max((curve for curve in curves), key=len, default={})
        return rungs(self.study.search.pruner, curves, sorted(longest))

    def _parameters(self, trial: FrozenTrial) -> dict[str, Any]:
        stored = trial.user_attrs.get("parameters")
        if stored is None:
            return decode(self.space, trial)
        return {k: tuple(v) if isinstance(v, list) else v for k, v in json.loads(stored).items()}

    def _known(self, result: TrialResult) -> Known:
        return Known(result.trial.parameters, result.outcome, result.objective)


def _curve(study: Study, result: TrialResult) -> tuple[list[int], list[float]]:
    """Steps and objective values of a result at its evaluation points."""
    if study.search.objective == "validation_error":
        steps, accuracies = result.objectives("validation_accuracy")
        return steps, [1 - accuracy for accuracy in accuracies]
    return result.objectives(study.search.objective)


def _lost(trial: FrozenTrial) -> bool:
    return trial.user_attrs.get("outcome") == "lost"


def _key(parameters: Mapping[str, Any]) -> str:
    return json.dumps(dict(parameters), sort_keys=True, default=str)
