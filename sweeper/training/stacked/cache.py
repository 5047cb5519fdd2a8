"""What a stack of trials needs beside the trials, made once for all stacks of the same kind.

Looking at the model and recording its passes takes as long as some hundred steps, so a process keeps its
last kit for its next cohort, and with it the last stack if the next one is to be of the same size.
"""

from collections.abc import Sequence
from typing import Any

from sweeper.components.activations import activation_of
from sweeper.components.build import Built
from sweeper.components.optimizers import OPTIMIZERS
from sweeper.study.settings import Settings
from sweeper.training.reasons import refusing
from sweeper.training.setup import Task, initial_model, leaving_no_trace, pick_loss, users_code
from sweeper.training.stacked.batches import Batches, Splits
from sweeper.training.stacked.evaluation import Evaluator
from sweeper.training.stacked.initial import Initials
from sweeper.training.stacked.layer_measurement import Looks
from sweeper.training.stacked.probe import trained_names
from sweeper.training.stacked.refusal import NotFusible
from sweeper.training.stacked.rng_layout import Alone, alone
from sweeper.training.stacked.stack import Stack
from sweeper.training.stacked.template import Template


class Kit:
    """Template, batches, recorded passes; after `use` also a stack."""

    def __init__(self, task: Task, lead: Settings, built: Built, seeds: Sequence[int], need: "Need") -> None:
        """`lead`: settings of the trial whose model is the template; `built`: that model."""
        if any(parameter.is_complex() for parameter in built.model.parameters()):
            raise NotFusible("parameters that are complex numbers are updated one by one")
        self.task, self.lead = task, lead
        self.kind = _kind(task, lead, need)
        self.template = Template(built)
        self.loss = pick_loss(task, lead)
        self.compared: set[tuple[bool, str]] = set()
        """(with a penalty, activation) of trials with which a stack was compared that train alone."""
        self._seeds: tuple[int, ...] = ()
        self._deal(seeds)
        rows = self.splits.of(seeds[0])
        sample = slice(0, self.batches.size)
        self.sample = (rows.x_train[sample], rows.y_train[sample])
        with refusing():
            self.alone = self._alone(lead, seeds[0])
            self.trained = trained_names(self.template, self.loss.function, *self.sample)
        self.stack: Stack
        self.evaluator: Evaluator
        self.looks: Looks
        # What these were made for:
        self._stack_of: tuple[Any, ...] = ()
        self._evaluator_of: tuple[Any, ...] = ()
        self._looks_of: tuple[Any, ...] = ()

    def _alone(self, lead: Settings, seed: int) -> Alone:
        with leaving_no_trace(self.task, lead):
            model = initial_model(self.task, lead, seed).model
            return alone(model, self.loss.function, *self.sample, users_code(self.task, lead))

    def use(self, seeds: Sequence[int], need: "Need", size: int) -> None:
        """Have rows for `seeds`, and a stack of `size` slots for trials that ask for `need`."""
        fresh, asked = self._deal(seeds), (need.penalties, need.matrices, need.compiled, size)
        if self._stack_of != asked:
            fresh, self.need = True, need
            self.stack, self._stack_of = self.new_stack(size, need.compiled), asked
        if fresh:
            self.evaluator = self.new_evaluator()
        self._look(size)

    def _deal(self, seeds: Sequence[int]) -> bool:
        """Have the rows of `seeds`, and no others: data are large. True if these are others than before."""
        splits = Splits(self.task, self.lead)
        asked = tuple(sorted({splits.key(seed) for seed in seeds}))
        if asked == self._seeds:
            return False
        self.splits, self._seeds = splits, asked
        self.batches = Batches(splits, seeds, self.lead.batch_size)
        self.initials = Initials(self.task, self.template, splits.of(seeds[0]).x_train[:4])
        return True

    def _look(self, size: int) -> None:
        """Looks at about `size` trials at a time. Rows that all trials share are part of what is recorded."""
        shared = self.batches.shared
        rows = self._seeds if shared else ()
        if self._looks_of and self._looks_of[1] == rows and 0.5 <= size / self._looks_of[0] <= 2:
            self.looks.rows_of = self.splits.of
            return
        self.looks = Looks(self.template, self.stack.shapes, self.loss.function, self.splits.of, shared, size)
        self._looks_of = size, rows

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
        return Evaluator(self.loss, self.splits.of, self.batches.shared)


class Need:
    """What the trials of a stack ask of it."""

    def __init__(self, settings: Sequence[Settings], compiled: bool) -> None:
        self.compiled = compiled
        self.penalties = tuple(sorted({s.penalty_kind for s in settings if s.activation_penalty > 0}))
        rules = [rule for s in settings for rule in OPTIMIZERS[s.optimizer].rules]
        self.matrices = (max(r.state for r in rules), max(r.scratch for r in rules))
        """How many state and scratch matrices the optimizers need."""
        self.learned = any(s.activation is not None and activation_of(s.activation).learns for s in settings)


_kept: dict[tuple[Any, ...], Kit] = {}
"""The last kit that came back, by what it was made for."""


def kit_for(task: Task, lead: Settings, built: Built, seeds: Sequence[int], need: Need, size: int) -> Kit:
    """The kept kit, if it is of the kind that is needed, else a new one. Nobody else has it then.

    Raises:
        NotFusible: if the model cannot be batched.
        NotCompiled: if stacks are to be compiled and cannot be.
    """
    kit = _kept.pop(_kind(task, lead, need), None)
    _kept.clear()
    if kit is None or not kit.template.accepts(built):
        kit = Kit(task, lead, built, seeds, need)
    kit.use(seeds, need, size)
    return kit


def give_back(kit: Kit) -> None:
    """Keep it for the next cohort."""
    _kept.clear()
    _kept[kit.kind] = kit


def _kind(task: Task, lead: Settings, need: Need) -> tuple[Any, ...]:
    shape = (sorted(lead.model_options.items()), lead.batch_size, lead.dtype, lead.device, lead.loss)
    return task.token, repr(shape), need.learned
