"""Proposals that learn from earlier trials: Optuna's samplers, asked in memory.

The sampler sees trials in memory alone; the storage receives finished trials only. So a proposal
that repeats an earlier one can be thrown away without a trace, and a generation is proposed the
same way whether the run was interrupted or not.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import optuna
from optuna.samplers import CmaEsSampler, GPSampler
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial
from threadpoolctl import threadpool_limits

from sweeper.search.bayesian import Proposal, Taken, propose_evenly
from sweeper.search.distributions import encode, suggest
from sweeper.search.history import History
from sweeper.search.quiet import quiet
from sweeper.search.tpe import ATTEMPTS, good_trials, propose_tpe
from sweeper.search.trial_summary import TrialSummary
from sweeper.study.space import Space
from sweeper.study.study import Study
from sweeper.trial import Outcome

STARTUP = 10
"""Trials before a model-based sampler stops drawing at random."""
POPULATION = 20
"""Trials of a generation of CMA-ES, some of which may fail."""


class Proposer:
    """Proposes generation after generation, each from the trials before it alone.

    Generations must be asked for in their order, all of them: CMA-ES carries its state along.
    """

    def __init__(self, sampler: str, study: Study, earlier: Sequence[TrialSummary] = ()) -> None:
        self.earlier = earlier
        self.sampler, self.study, self.space, self.seed = sampler, study, study.space, study.search.seed
        self._evolution = Evolution(study) if sampler == "cmaes" else None

    @property
    def stateful(self) -> bool:
        """Whether generations that are finished must be proposed again after an interruption."""
        return self._evolution is not None

    def propose(
        self,
        history: History,
        count: int,
        start: int,
        taken: Taken,
        pending: Sequence[Mapping[str, Any]] = (),
    ) -> list[Proposal]:
        """Up to `count` new configurations for the generation at `start`, from the trials of `history`.

        `pending` are configurations whose results do not count yet. With one thread: the last bits of sums
        depend on their number, and small matrices gain nothing by it.
        """
        with threadpool_limits(1):
            return self._propose(history, count, start, taken, pending)

    def _propose(
        self,
        history: History,
        count: int,
        start: int,
        taken: Taken,
        pending: Sequence[Mapping[str, Any]],
    ) -> list[Proposal]:
        seed = (self.seed * 100_003 + start) % 2**32
        if self.sampler == "additive":
            return propose_evenly(self.study, history, count, seed, taken, self.earlier, pending)
        if self._evolution is not None:
            proposals = self._evolution.propose(history.trials, count, taken)
        elif self.sampler == "gp":
            proposals = propose_gp(self.space, history, count, seed, taken)
        else:
            proposals = propose_tpe(self.space, history, count, seed, taken, pending)
        return [(parameters, "exploit") for parameters in proposals]


def propose_gp(space: Space, history: History, count: int, seed: int, taken: Taken) -> list[dict[str, Any]]:
    """Up to `count` new configurations by Gaussian processes; its cost grows with the cube of the trials."""
    sampler = GPSampler(seed=seed, n_startup_trials=STARTUP, warn_independent_sampling=False)
    good, others = history.split(good_trials(len(history)))
    with quiet():
        study = optuna.create_study(sampler=sampler)
        for trial in sorted([*good, *others], key=lambda trial: trial.number):
            study.add_trial(frozen(space, trial))
        return [parameters for _, parameters in ask_new(study, space, count, taken)]


class Evolution:
    """CMA-ES over the parameters that all trials have; the others are drawn at random (Optuna's way).

    Its distribution moves once a generation, when three quarters of the trials have an objective.
    """

    def __init__(self, study: Study) -> None:
        self.space, generation = study.space, study.search.generation or POPULATION
        with quiet():
            sampler = CmaEsSampler(
                seed=study.search.seed,
                n_startup_trials=STARTUP,
                warn_independent_sampling=False,
                consider_pruned_trials=True,
                popsize=max(2, 3 * generation // 4),
            )
        self._study = optuna.create_study(sampler=sampler)
        self._open: dict[str, Trial] = {}
        self._heard: set[int] = set()

    def propose(self, known: Sequence[TrialSummary], count: int, taken: Taken) -> list[dict[str, Any]]:
        """Up to `count` new configurations, after hearing of `known` trials."""
        with quiet():
            for trial in known:
                if trial.number not in self._heard:
                    self._hear(trial)
            proposals = []
            for asked, parameters in ask_new(self._study, self.space, count, taken):
                self._open[repr(parameters)] = asked
                proposals.append(parameters)
        return proposals

    def _hear(self, trial: TrialSummary) -> None:
        self._heard.add(trial.number)
        asked = self._open.pop(repr(dict(trial.parameters)), None)
        if asked is None:  # explored, or proposed for another number of trials
            self._study.add_trial(frozen(self.space, trial))
            return
        state, value = to_optuna(trial.outcome, trial.objective)
        if state == TrialState.PRUNED and value is not None:
            asked.report(value, trial.steps)
        self._study.tell(asked, None if state == TrialState.PRUNED else value, state=state)


def ask_new(
    study: optuna.Study, space: Space, count: int, taken: Taken
) -> Iterator[tuple[Trial, dict[str, Any]]]:
    """Up to `count` configurations that are not taken, asked one by one."""
    asked = misses = 0
    while asked < count and misses < ATTEMPTS:
        trial = study.ask()
        parameters = suggest(trial, space)
        if taken(parameters):
            study.tell(trial, state=TrialState.FAIL)  # samplers ignore failed trials
            misses += 1
        else:
            asked, misses = asked + 1, 0
            yield trial, parameters


def to_optuna(outcome: Outcome, objective: float) -> tuple[TrialState, float | None]:
    """State and value with which Optuna hears of a trial.

    Divergence is a completed trial of infinite loss: samplers ignore failed trials and would go on
    proposing beyond the cliff.
    """
    if outcome == Outcome.FAILED:
        return TrialState.FAIL, None
    if outcome == Outcome.DIVERGED:
        return TrialState.COMPLETE, float("inf")
    return (TrialState.PRUNED if outcome == Outcome.PRUNED else TrialState.COMPLETE), objective


def frozen(space: Space, trial: TrialSummary) -> FrozenTrial:
    """A finished trial for a study in memory."""
    params, distributions = encode(space, trial.parameters)
    state, value = to_optuna(trial.outcome, trial.objective)
    return create_trial(
        state=state,
        params=params,
        distributions=distributions,
        value=value,
        # Of a pruned trial Optuna reads the last of these.
        intermediate_values={trial.steps: trial.objective} if state == TrialState.PRUNED else None,
    )
