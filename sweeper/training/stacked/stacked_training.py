"""One stack in training: trials come into its slots, train in step, and go."""

import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from sweeper.components.activations import activation_of
from sweeper.study.settings import Settings
from sweeper.study.settings import settings as settings_of
from sweeper.training.pool import watchdog
from sweeper.training.preflight import can_be_penalized
from sweeper.training.reasons import reason_of
from sweeper.training.setup import Task, initial_model, leaving_no_trace
from sweeper.training.stacked.cache import Requirements, cache_for, return_cache
from sweeper.training.stacked.coming import Coming, coming
from sweeper.training.stacked.groups import groups_of
from sweeper.training.stacked.guard import compare
from sweeper.training.stacked.kinds import compared_first, kind_of, new_kinds
from sweeper.training.stacked.layer_measurement import LayerMeasurement
from sweeper.training.stacked.native.steps import NativeSteps
from sweeper.training.stacked.refusal import IncompatibleModel, NotStackable
from sweeper.training.stacked.stacked_trial import StackedTrial, record_steps
from sweeper.training.stacked.trained_guard import check_trained
from sweeper.trial import Trial, TrialResult, failed
from sweeper.user_code.lookup import names_function

OnFinish = Callable[[Trial, Mapping[str, Tensor]], None]
"""(trial, its parameters and buffers after the last step) -> None"""

STEPS_PER_BLOCK = 64
"""Steps that are prepared together; a trial that diverges stops training at the end of its block."""
NEW_STACK_STEPS = 100
"""A stack of another size costs about as much as this many steps."""


class StackedTraining:
    """One stack and its queue."""

    def __init__(
        self, task: Task, queue: deque[Trial], slots: int, on_finish: OnFinish | None, compiled: bool
    ) -> None:
        """`slots`: how many at most; `compiled`: whether steps run as machine code."""
        self.compiled = compiled
        self.native: NativeSteps | None = None
        self.task, self.queue, self.size, self.on_finish = task, queue, min(slots, len(queue)), on_finish
        self.incompatible: list[Trial] = []
        self.why_incompatible = ""
        """Of the last of them."""
        self.accepted = 0
        self.clock = 0
        self.coming: Coming | None = None
        self.finished: list[StackedTrial] = []
        self._settings = {id(t): settings_of(task.study, t.parameters) for t in queue}
        """Of the trials that come, by their identity."""
        first = compared_first(queue, [kind_of(self._settings[id(trial)]) for trial in queue])
        queue.clear()
        queue.extend(first)

    def run(self) -> Iterator[TrialResult]:
        """Train everything in the queue; what does not fit in is left in `incompatible`."""
        yield from self.prepare()
        if not self.queue:
            return
        while True:
            if self._may_refill():
                yield from self.refill()
            watchdog.renew(self.size)
            if self.clock == 0:
                self.check_equality()
            self._handle_points()
            check_trained(self.task, self.cache, self.stack, self.slots)
            yield from self._release_ended()
            if any(self.slots) or self.queue:
                self._shrink()
                self._advance()
                continue
            self.measurements.finish()
            if not self.incompatible:
                return_cache(self.cache)
            yield from self._release_ended()
            return

    # Setting up

    def prepare(self) -> Iterator[TrialResult]:
        """Make the stack from the first trial whose model can be made."""
        settings = [self._settings[id(trial)] for trial in self.queue]
        named = [(i, s.activation) for i, s in enumerate(settings) if s.activation is not None]
        learned = [i for i, name in named if activation_of(name).learns]
        for index in [*learned[:1], *range(len(settings))]:
            trial = self.queue[index]
            try:
                with leaving_no_trace(self.task, settings[index]):
                    built = initial_model(self.task, settings[index], trial.seed)
                break
            except Exception as error:  # whatever the model function raises is this trial's own failure
                problem = error
        else:
            while self.queue:
                yield failed(self.queue.popleft(), reason_of(problem), "fused")
            return
        lead, seeds = settings[index], [trial.seed, *(t.seed for t in self.queue)]
        required = Requirements(settings, self.compiled, can_be_penalized(self.task))
        self.cache = cache = cache_for(self.task, lead, built, seeds, required, self.size, self.compiled)
        self.stack, self.evaluator, self.measurements = cache.stack, cache.evaluator, cache.measurements
        self.native = cache.native
        self.slots: list[StackedTrial | None] = [None] * self.size
        self.start_interval = _start_interval(settings, self.cache.batches.rows)

    def compare(self, slots: Sequence[int]) -> dict[int, str]:
        """Number of the trial -> what the stack computes otherwise than it does alone, for some slots."""
        runs = {slot: run for slot, run in enumerate(self.slots) if run is not None}
        chosen = [slot for slot in slots if slot in runs]
        differences = compare(self.task, self.cache, self.stack, runs, chosen) if chosen else {}
        return {runs[slot].trial.number: why for slot, why in differences.items()}

    def check_equality(self) -> None:
        """Compare one trial of each kind that this cache has not seen yet, see `new_kinds`.

        Raises:
            NotStackable: if a trial would give something else in a stack than alone.
        """
        compared = self.cache.compared_native if self.native else self.cache.compared
        some = new_kinds(self.slots, compared)
        different = [why for why in self.compare(list(some.values())).values() if why]
        if different:
            raise NotStackable(different[0])
        compared.update(some)

    # Trials come and go

    def _may_refill(self) -> bool:
        """Whether trials may start now: all in step, so that slots are evaluated and measured together."""
        if not self.queue or all(self.slots):
            return False
        return self.clock % self.start_interval == 0 or not any(self.slots)

    def refill(self) -> Iterator[TrialResult]:
        """Fill the empty slots from the queue; yields the trials that cannot start."""
        fresh = set[int]()
        for slot in range(self.size):
            while self.slots[slot] is None and self.queue:
                trial = self.queue.popleft()
                if why := self._why_not(trial):
                    yield failed(trial, why, "fused")
                    continue
                try:
                    self.slots[slot] = self._start(trial)
                    fresh.add(slot)
                except IncompatibleModel as reason:
                    self.incompatible.append(trial)
                    self.why_incompatible = str(reason)
                except NotStackable:
                    raise
                except Exception as error:  # the model function, or options that its optimizer refuses
                    yield failed(trial, reason_of(error), "fused")
        for slot, before in enumerate(self._sort_slots(fresh)):
            run = self.slots[slot]
            if run is not None and before in fresh:
                self.stack.load(slot, run.initial, run.rules)
        self.accepted += len(fresh)
        self._arrange_stack()

    def _why_not(self, trial: Trial) -> str:
        settings = self._settings[id(trial)]
        return self.cache.impossible.get(settings.penalty_kind, "") if settings.activation_penalty > 0 else ""

    def _start(self, trial: Trial) -> StackedTrial:
        settings = self._settings[id(trial)]
        watchdog.renew(1)
        initial = self.cache.initials.of(settings, trial.seed)
        rows, objective = self.cache.batches.rows, self.task.study.objective
        return StackedTrial.start(trial, settings, initial, rows, objective, self.cache.own_options)

    def _sort_slots(self, fresh: Collection[int] = ()) -> list[int]:
        """Sort them by update rule and activation, the empty ones last; where each was before.

        `fresh`: those whose trial is not in the stack yet.
        """
        order = sorted(range(self.size), key=lambda slot: _slot_order(self.slots[slot]))
        held = {slot for slot, run in enumerate(self.slots) if run is not None and slot not in fresh}
        self.stack.reorder(order, held)
        self.slots = [self.slots[slot] for slot in order]
        return order

    def _arrange_stack(self) -> None:
        kernels = [run.initial.kernels if run else self.cache.template.kernels for run in self.slots]
        weights = {
            penalty_kind: [run.penalty_weight(penalty_kind) if run else 0.0 for run in self.slots]
            for penalty_kind in self.cache.required.penalties
        }
        self.coming = None
        self.groups = [groups_of(self.slots, k) for k in range(len(self.cache.own_options))]
        by_site = list(zip(*kernels, strict=True))
        self.stack.arrange(self.groups, by_site, weights)
        if self.native:
            named = {
                slot for slot, run in enumerate(self.slots) if run and names_function(run.settings.activation)
            }
            self.native.arrange(self.groups, by_site, named)  # what these do with small numbers is unknown

    def _release_ended(self) -> Iterator[TrialResult]:
        """Empty the slots of trials that ended; yield those whose layers are measured."""
        for slot, run in enumerate(self.slots):
            if run is not None and run.state.outcome is not None:
                if self.on_finish is not None:
                    self.on_finish(run.trial, self._state(slot, run))
                self.slots[slot] = None
                self.finished.append(run)
        done = [run for run in self.finished if not run.measurements_due]
        self.finished = [run for run in self.finished if run.measurements_due]
        for run in done:
            yield run.state.result("fused")

    def _state(self, slot: int, run: StackedTrial) -> dict[str, Tensor]:
        values, template = self.stack.values([slot]), self.cache.template
        names = [n for n in (*template.parameters, *template.buffers) if n in run.initial.own]
        return {name: values[name][0].clone() for name in names}

    def _shrink(self) -> None:
        """Go on in a smaller stack when the queue is empty and enough remains to be done."""
        active = [run for run in self.slots if run is not None]
        if self.queue or not active or len(active) == self.size:
            return
        if self.native:  # whose empty slots cost nothing
            return
        left = max(run.state.steps - run.state.step for run in active)
        if left * (1 - len(active) / self.size) < NEW_STACK_STEPS:
            return
        self._sort_slots()
        self._arrange_stack()
        smaller, self.evaluator = self.cache.new_stack(len(active)), self.cache.new_evaluator()
        smaller.shrink_from(self.stack)
        self.stack, self.size, self.slots = smaller, len(active), list(active)
        self._arrange_stack()

    # Steps, and what happens between them

    def _handle_points(self) -> None:
        """Measurements, evaluations, ends: in the order in which the reference engine has them."""
        due = [(i, run) for i, run in enumerate(self.slots) if run is not None and run.due]
        for _, run in due:
            run.due = False
        due = [(i, run) for i, run in due if run.state.outcome is None]
        measured = [(i, run) for i, run in due if run.state.step in run.state.measured]
        at_once = self.measurements.measures_now(len(measured))
        snapshots = self.stack.snapshots([i for i, _ in measured], in_place=at_once)
        for (_, run), now in zip(measured, snapshots, strict=True):
            self.measurements.add(LayerMeasurement(run, run.state.step, now, run.before))
        evaluated = {i: run for i, run in due if run.state.step in run.state.evaluated}
        if evaluated:
            with self.stack.updates.evaluation_weights():
                self.evaluator.evaluate(self.stack, evaluated)
        for kept in self.slots:
            if kept is not None:
                kept.state.end_if_over()

    def _advance(self) -> None:
        """Train until the first slot comes to a point."""
        active = [(i, run) for i, run in enumerate(self.slots) if run is not None]
        if not active:
            return
        steps = min(STEPS_PER_BLOCK, *(run.state.next_point - run.state.step for _, run in active))
        if self.queue and len(active) < self.size:
            steps = min(steps, self.start_interval - self.clock % self.start_interval)
        start = time.perf_counter()
        history = self.train(steps)
        seconds = (time.perf_counter() - start) / len(active)
        record_steps(active, history, self.stack.parts, seconds)
        self.clock += steps

    def train(self, steps: int) -> np.ndarray:
        """Make `steps` updates of all slots; losses, penalties, totals, parts: (steps, 3 and more, slots)."""
        stack, batches = self.stack, self.cache.batches
        if self.coming is None or not self.coming.holds(self.clock, steps):
            self.coming = coming(batches, self.slots, self.groups, self.clock, stack.p)
        now = self.coming.part(self.clock, steps)
        if self.native:
            return self._train_native(self.native, now)
        seeds = [run.trial.seed if run else self._any_seed for run in self.slots]
        rows = torch.stack([*now.rows], 1).to(stack.p.device)
        history = stack.losses.new_empty(steps, *stack.losses.shape)
        with torch.no_grad():
            for step in range(steps):
                if step == steps - 1:
                    self._keep_weights_before(steps)
                batches.fill(stack.x, stack.y, seeds, rows[step])
                stack.step(now.coefficients[:, step])
                history[step].copy_(stack.losses)
        return history.cpu().numpy().astype(np.float64)

    def _train_native(self, native: NativeSteps, now: Coming) -> np.ndarray:
        sources = {slot: now.sources[slot] for slot, run in enumerate(self.slots) if run}
        steps = now.coefficients.shape[1]
        runs = self._measured_after(steps)
        before = self.stack.p.new_empty(len(runs), self.stack.p.shape[1]).unbind()
        kept = dict(zip(runs, before, strict=True))
        history = native.train(sources, now.rows, now.coefficients, before=kept)
        for slot, weights in kept.items():
            runs[slot].before = weights
        return history.numpy().astype(np.float64)

    @property
    def _any_seed(self) -> int:
        return next(run.trial.seed for run in self.slots if run is not None)

    def _keep_weights_before(self, steps: int) -> None:
        """Keep the weights before the last update of trials whose layers are measured after it."""
        runs = self._measured_after(steps)
        for run, before in zip(runs.values(), self.stack.parameters_of([*runs]), strict=True):
            run.before = before

    def _measured_after(self, steps: int) -> dict[int, StackedTrial]:
        """Who is measured after so many steps, by slot."""
        runs = {slot: run for slot, run in enumerate(self.slots) if run is not None}
        return {slot: run for slot, run in runs.items() if run.state.step + steps in run.state.measured}


def _slot_order(run: StackedTrial | None) -> tuple[bool, str, str]:
    """Sort key of slots: the empty ones last, those that share operations side by side."""
    if run is None:
        return True, "", ""
    return False, run.rules[0].name, run.settings.activation or ""


def _start_interval(settings: Sequence[Settings], rows: int) -> int:
    """Trials start at multiples of this number of steps, at most a twentieth of a training apart."""
    steps, evaluations = min((s.total_steps(rows), s.evaluations) for s in settings)
    parts = evaluations * -(-20 // evaluations)
    return max(1, round(steps / parts))
