"""Validation and test scores of many trials in one forward pass."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor

from sweeper.components.losses import Loss
from sweeper.components.outputs import joined, mapped
from sweeper.components.tree import ROWS_PER_PASS, Tree, copied, leaves, passes, put, rows_in, stacked
from sweeper.training.evaluate import batchable_scores, users_metrics, users_scores
from sweeper.training.reasons import reason_of
from sweeper.training.setup import Rows
from sweeper.training.stacked.activation_dispatch import BINDERS, ActivationDispatch
from sweeper.training.stacked.native.compiled import Compiled
from sweeper.training.stacked.native.scoring import NativeScorePass, ScoreProgram
from sweeper.training.stacked.refusal import NotCompiled
from sweeper.training.stacked.stack import Stack
from sweeper.training.stacked.stacked_trial import StackedTrial
from sweeper.training.stacked.tape import Tape
from sweeper.training.stacked.template import losses_of
from sweeper.trial import Outcome

Scores = Callable[[Any, Any], dict[str, Tensor]]
"""(output, target) -> scalars by name"""
Part = tuple[Tree, Tree]
"""Inputs and targets of some rows."""
MAX_ROWS_OF_ALL_TRIALS = 8 * ROWS_PER_PASS
"""Most rows of all trials together in one forward pass."""


class Evaluator:
    """Evaluates trials of one task."""

    def __init__(
        self, loss: Loss, rows_of: Callable[[int], Rows], shared: bool, compiled: Compiled | None = None
    ) -> None:
        """`shared`: all trials have the same rows; `compiled`: for stacks that run as machine code."""
        self.loss, self.rows_of, self.shared, self.compiled = loss, rows_of, shared, compiled
        self.scores = partial(batchable_scores, loss)
        self.has_users = bool(users_metrics(loss))
        self._passes: dict[str, ScorePass] = {}
        self._native: dict[ScoreProgram, NativeScorePass] = {}
        self._part = cache(self._part_of)

    def evaluate(self, stack: Stack, slots: Mapping[int, StackedTrial]) -> None:
        """The evaluation point of every trial in `slots`."""
        scores = self._scores(stack, slots, "validation", self.has_users)
        improved = {s: run for s, run in slots.items() if s in scores and run.state.record_scores(scores[s])}
        tested = {s: run for s, run in improved.items() if rows_in(self._part(run.trial.seed, "test")[0])}
        for slot, test in self._scores(stack, tested, "test", self.has_users).items():
            tested[slot].state.test = test

    def losses(self, stack: Stack, slots: Mapping[int, StackedTrial], part: str) -> dict[int, float]:
        """Slot -> loss on the trial's validation or test rows, as far as there are some; nothing is noted."""
        some = {s: run for s, run in slots.items() if rows_in(self._part(run.trial.seed, part)[0])}
        by_slot = self._scores(stack, some, part, users=False)
        return {slot: scores["loss"] for slot, scores in by_slot.items()}

    def _scores(
        self, stack: Stack, slots: Mapping[int, StackedTrial], part: str, users: bool
    ) -> dict[int, Mapping[str, float]]:
        """Slot -> ``loss`` and the metrics of the task on the trial's own rows, those of `users` too."""
        rows = {slot: self._part(run.trial.seed, part) for slot, run in slots.items()}
        by_rows: dict[int, list[int]] = {}
        for slot, (x, _) in rows.items():
            by_rows.setdefault(id(x), []).append(slot)
        groups = [rows[members[0]] for members in by_rows.values()]
        if rows and self.compiled is not None and self._are_alike(groups):
            compiled = self._natively(self.compiled, stack, slots, rows, users)
            if compiled is not None:
                return compiled
        if rows and self.compiled is None and not users and self._fit_in_one(stack, groups, len(slots)):
            everyone = self._in_place(stack, rows, part)
            return {slot: everyone[slot] for slot in slots}
        scores: dict[int, Mapping[str, float]] = {}
        for members in by_rows.values():
            x, y = rows[members[0]]
            at_once = max(1, MAX_ROWS_OF_ALL_TRIALS // max(1, min(rows_in(x), ROWS_PER_PASS)))
            at_once = at_once if self.compiled is None else 1  # a score must not hang on who is scored beside
            for start in range(0, len(members), at_once):
                some = members[start : start + at_once]
                dispatch = ActivationDispatch(
                    list(zip(*(slots[slot].initial.kernels for slot in some), strict=True))
                )
                before = {slot: slots[slot].state.outcome for slot in some}  # one may have been pruned here
                scored = self._score(stack, {slot: slots[slot] for slot in some}, dispatch, x, y, users)
                scores |= {
                    slot: values
                    for slot, values in scored.items()
                    if slots[slot].state.outcome is before[slot]
                }
        return scores

    def _part_of(self, seed: int, part: str) -> Part:
        rows = self.rows_of(seed)
        return getattr(rows, f"x_{part}"), getattr(rows, f"y_{part}")

    def _are_alike(self, groups: Sequence[Part]) -> bool:
        """Whether a recorded pass over the rows of one serves the others."""
        if not all(isinstance(leaf, Tensor) for leaf in leaves(groups[0])):  # they stay on disk
            return False
        shapes = [[leaf.shape for leaf in leaves(group)] for group in groups]
        return all(each == shapes[0] for each in shapes) and rows_in(groups[0][0]) <= ROWS_PER_PASS

    def _fit_in_one(self, stack: Stack, groups: Sequence[Part], asked: int) -> bool:
        """Whether scoring all slots in a recorded pass can be, and is cheaper than group by group."""
        worth = 2 * asked >= stack.slots or len(groups) > 1
        few = stack.slots * rows_in(groups[0][0]) <= MAX_ROWS_OF_ALL_TRIALS
        return worth and few and self._are_alike(groups)

    def _natively(
        self,
        compiled: Compiled,
        stack: Stack,
        slots: Mapping[int, StackedTrial],
        rows: Mapping[int, Part],
        users: bool,
    ) -> dict[int, Mapping[str, float]] | None:
        """As machine code, each slot alone; ``None`` if that cannot be."""
        some = next(iter(rows.values()))
        program = compiled.scores(self.scores, some, self.has_users)
        if program is None:
            return None
        done = self._native.get(program)
        if done is None or done.stack is not stack:
            done = self._native[program] = NativeScorePass(stack, program)
        found: dict[int, Mapping[str, float]] = {}
        try:
            if not users:
                everyone = _by_slot(done.run(rows))
                return {slot: everyone[slot] for slot in slots}
            for slot, run in slots.items():  # outputs are kept of one at a time
                scores, before = _by_slot(done.run({slot: rows[slot]}))[slot], run.state.outcome
                self._add_users(run, scores, done.outputs(), rows[slot][1])
                if run.state.outcome is before:
                    found[slot] = scores
        except NotCompiled:  # rows with gaps
            return None
        return found

    def _add_users(self, run: StackedTrial, row: dict[str, float], output: Any, y: Tree) -> None:
        """The user's own metrics of a trial."""
        try:
            with torch.no_grad():
                row |= {name: value.item() for name, value in users_scores(self.loss, output, y).items()}
        except Exception as error:  # whatever a metric of the user raises is this trial's own failure
            run.state.end(Outcome.FAILED, reason_of(error))

    def _in_place(self, stack: Stack, rows: Mapping[int, Part], part: str) -> list[dict[str, float]]:
        """All slots at once, by a recorded pass."""
        done, some = self._passes.get(part), next(iter(rows.values()))
        if done is None or done.stack is not stack or not done.takes(some):
            done = self._passes[part] = ScorePass(stack, self.scores, some, self.shared)
        return _by_slot(done.run(rows))

    def _score(
        self,
        stack: Stack,
        slots: Mapping[int, StackedTrial],
        dispatch: ActivationDispatch,
        x: Tree,
        y: Tree,
        users: bool,
    ) -> dict[int, dict[str, float]]:
        template, values = stack.template, stack.values(list(slots))
        with torch.no_grad(), template.evaluating():
            parts = [
                template.outputs(values, dispatch, part, shared=True) for part in passes(x, ROWS_PER_PASS)
            ]
            output = joined(parts, axis=1)
            columns = losses_of(self.scores, output, y, shared=True)
            rows = _by_slot({name: column.tolist() for name, column in columns.items()})
            for index, run in enumerate(slots.values() if users else ()):
                own = mapped(lambda tensor, at=index: tensor[at], output)
                self._add_users(run, rows[index], own, y)
        return dict(zip(slots, rows, strict=True))


def _by_slot(columns: Mapping[str, Sequence[float]]) -> list[dict[str, float]]:
    rows = zip(*columns.values(), strict=True)
    return [dict(zip(columns, values, strict=True)) for values in rows]


class ScorePass:
    """Scores a stack in place: it reads the parameters where the training writes them."""

    def __init__(self, stack: Stack, scores: Scores, rows: Part, shared: bool) -> None:
        """Record the pass over `rows`, which all slots share; else over as many for each, filled in later."""
        self.stack, self.scores, self.shared = stack, scores, shared
        self.names: tuple[str, ...] = ()
        slots = stack.slots
        self.x, self.y = copied(rows) if shared else stacked(rows, slots)
        self._held: list[Part] = [rows] * slots
        inputs = [stack.p, *stack.fixed.values(), *leaves((self.x, self.y))]
        read_only = {
            "parameters": [stack.p],
            "buffers in evaluation mode": list(stack.fixed.values()),
            "inputs": leaves(self.x),
            "targets": leaves(self.y),
        }
        with torch.no_grad(), stack.template.evaluating():
            self._tape = Tape(self._scored, inputs, BINDERS, read_only=read_only)
        stack.dispatch.calls.clear()

    def takes(self, rows: Part) -> bool:
        """Whether `rows` have the shape of those that it was recorded on."""
        pairs = zip(leaves((self.x, self.y)), leaves(rows), strict=True)
        return all(mine.shape[not self.shared :] == other.shape for mine, other in pairs)

    def run(self, rows: Mapping[int, Part]) -> dict[str, list[float]]:
        """Every score of every slot, by its name; `rows`: those of each slot that matters."""
        if not self.shared:
            for slot, (x, y) in rows.items():
                if self._held[slot][0] is not x:
                    put((self.x, self.y), slot, (x, y))
                    self._held[slot] = (x, y)
        with torch.no_grad():
            self._tape.run()
        return {n: score.tolist() for n, score in zip(self.names, self._tape.outputs, strict=True)}

    def _scored(self) -> list[Tensor]:
        stack = self.stack
        outputs = stack.template.outputs(stack.values(), stack.dispatch, self.x, shared=self.shared)
        by_name = losses_of(self.scores, outputs, self.y, shared=self.shared)
        self.names = tuple(by_name)
        return list(by_name.values())
