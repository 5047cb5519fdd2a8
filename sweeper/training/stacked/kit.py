"""What a stack of trials needs beside the trials, made once for all stacks of the same kind.

Recording the passes takes as long as some dozen steps, so a process keeps its last kit for its next cohort.
"""

from collections.abc import Sequence
from typing import Any

from sweeper.components.build import Built
from sweeper.study.settings import Settings
from sweeper.training.reasons import refusing
from sweeper.training.setup import Task, initial_model, leaving_no_trace, pick_loss, users_code
from sweeper.training.stacked.alone import Alone, alone
from sweeper.training.stacked.batches import Batches, Splits
from sweeper.training.stacked.evaluation import Evaluator
from sweeper.training.stacked.initial import Initials
from sweeper.training.stacked.looks import Looks
from sweeper.training.stacked.probe import trained_names
from sweeper.training.stacked.refusal import NotFusible
from sweeper.training.stacked.stack import Stack
from sweeper.training.stacked.template import Template
from sweeper.training.update_rules import RULES


class Kit:
    """Template, batches, recorded passes; a stack of `size` slots."""

    def __init__(
        self, task: Task, lead: Settings, built: Built, seeds: Sequence[int], need: "Need", size: int
    ) -> None:
        """`lead`: settings of the trial whose model is the template; `built`: that model."""
        if any(parameter.is_complex() for parameter in built.model.parameters()):
            raise NotFusible("parameters that are complex numbers are updated one by one")
        self.task, self.need = task, need
        self.kind = _kind(task, lead, seeds, need, size)
        self.splits = Splits(task, lead)
        self.batches = Batches(self.splits, seeds, lead.batch_size)
        self.template = Template(built)
        self.loss = pick_loss(task, lead)
        rows = self.splits.of(seeds[0])
        sample = slice(0, self.batches.size)
        self.sample = (rows.x_train[sample], rows.y_train[sample])
        self.initials = Initials(task, self.template, rows.x_train[:4])
        self.compared: set[str] = set()
        """Activations with which a stack was compared with trials that train alone."""
        with refusing():
            self.alone = self._alone(lead, seeds[0])
            self.trained = trained_names(self.template, self.loss.function, *self.sample)
        self.stack = self.new_stack(size, need.compiled)
        self.evaluator = self.new_evaluator()
        shared = self.batches.shared
        self.looks = Looks(self.template, self.stack.shapes, self.loss.function, self.splits.of, shared, size)

    def _alone(self, lead: Settings, seed: int) -> Alone:
        with leaving_no_trace(self.task, lead):
            model = initial_model(self.task, lead, seed).model
            return alone(model, self.loss.function, *self.sample, users_code(self.task, lead))

    def new_stack(self, slots: int, compiled: bool = False) -> Stack:
        """An empty stack; the recorded passes of one stack serve no other."""
        x, y = (part.expand(slots, *part.shape).clone() for part in self.sample)
        need = self.need
        with refusing():
            return Stack(
                self.template,
                self.loss.function,
                self.trained,
                need.penalties,
                need.matrices,
                x,
                y,
                self.alone.draws,
                compiled=compiled,
            )

    def new_evaluator(self) -> Evaluator:
        """One that has recorded nothing."""
        objective = self.task.study.search.objective
        return Evaluator(self.loss, objective, self.splits.of, self.batches.shared)


class Need:
    """What the trials of a stack ask of it."""

    def __init__(self, settings: Sequence[Settings], compiled: bool) -> None:
        self.compiled = compiled
        self.penalties = tuple(sorted({s.penalty_kind for s in settings if s.activation_penalty > 0}))
        rules = [RULES[s.optimizer] for s in settings]
        self.matrices = (max(r.state for r in rules) + 1, max(r.scratch for r in rules))
        """How many state and scratch matrices the optimizers need."""
        self.slopes = any(s.activation == "prelu" for s in settings)


_kept: dict[tuple[Any, ...], Kit] = {}
"""The last kit that came back, by what it was made for."""


def kit_for(task: Task, lead: Settings, built: Built, seeds: Sequence[int], need: Need, size: int) -> Kit:
    """The kept kit, if it is of the kind that is needed, else a new one. Nobody else has it then.

    Raises:
        NotFusible: if the model cannot be batched.
        NotCompiled: if stacks are to be compiled and cannot be.
    """
    kept = _kept.pop(_kind(task, lead, seeds, need, size), None)
    if kept is not None and kept.template.accepts(built):
        return kept
    _kept.clear()
    return Kit(task, lead, built, seeds, need, size)


def give_back(kit: Kit) -> None:
    """Keep it for the next cohort."""
    _kept.clear()
    _kept[kit.kind] = kit


def _kind(task: Task, lead: Settings, seeds: Sequence[int], need: Need, size: int) -> tuple[Any, ...]:
    shape = (sorted(lead.model_options.items()), lead.batch_size, lead.dtype, lead.device, lead.loss)
    asked = (need.penalties, need.matrices, need.slopes, need.compiled)
    return (task.token, repr(shape), tuple(sorted(set(seeds))), asked, size)
