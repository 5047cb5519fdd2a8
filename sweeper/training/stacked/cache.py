"""What a stack of trials needs beside the trials, made once for all stacks of one kind.

Examining the model and recording its passes takes as long as some hundred steps, so a process keeps its
last cache for its next cohort, and with it the last stack if the next one is to be of the same size.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, NoReturn

import torch
from torch import Tensor

from sweeper.components.activations import activation_of
from sweeper.components.build import Built
from sweeper.components.optimizers import MOST_STATES, OPTIMIZERS
from sweeper.components.tree import Tree, stacked, taken
from sweeper.study.settings import Settings
from sweeper.training.evaluate import users_scores
from sweeper.training.reasons import refusing
from sweeper.training.setup import (
    Task,
    initial_model,
    leaving_no_trace,
    part_sizes,
    pick_loss,
    users_code,
)
from sweeper.training.stacked.activation_dispatch import ActivationDispatch
from sweeper.training.stacked.batches import Batches, ReplicateData
from sweeper.training.stacked.evaluation import Evaluator
from sweeper.training.stacked.initial import Initials
from sweeper.training.stacked.layer_measurement import LayerMeasurements
from sweeper.training.stacked.native.compiled import Compiled
from sweeper.training.stacked.native.steps import NativeSteps
from sweeper.training.stacked.penalty import uncomputable
from sweeper.training.stacked.refusal import NotCompiled, NotStackable
from sweeper.training.stacked.rng_layout import RngLayout, rng_layout
from sweeper.training.stacked.stack import Stack
from sweeper.training.stacked.template import Template, losses_of

COMPARED_ROWS = 4
"""Rows on which a fresh model is compared with the template, and an evaluation is looked at."""


class Measured(NamedTuple):
    """What measurements were made for: about so many trials at a time, and rows."""

    size: int
    rows: tuple[Any, ...]


class StackCache:
    """Template, batches, recorded passes; after `use` also a stack."""

    def __init__(
        self, task: Task, lead: Settings, built: Built, seeds: Sequence[int], required: "Requirements"
    ) -> None:
        """`lead`: settings of the trial whose model is the template; `built`: that model."""
        if any(parameter.is_complex() for parameter in built.model.parameters()):
            raise NotStackable("parameters that are complex numbers are updated one by one")
        self.task, self.lead, self.seed = task, lead, seeds[0]
        self.key = _key(task, lead, seeds[0], required)
        self.template = Template(built)
        self.loss = pick_loss(task, lead, seeds[0])
        self.compared: set[tuple[bool, str]] = set()
        """(with a penalty, activation) of trials with which a stack was compared that train alone."""
        self.compared_native: set[tuple[bool, str]] = set()
        """The same of stacks that run as machine code."""
        self.compared_trained: dict[str, float] = {}
        """Activation -> the largest weight of a trial that was compared at the end of its training."""
        self.compared_rows: set[int] = set()
        """Their rows, by `ReplicateData.key` of their seeds."""
        self._seeds: tuple[int, ...] = ()
        self._take_rows(seeds)
        rows = self.replicates.of(seeds[0])
        sample = slice(0, self.batches.size)
        self.sample: tuple[Tree, Tree] = taken((rows.x_train, rows.y_train), sample)
        with refusing():
            self.rng_layout = self._rng_layout(lead, seeds[0])
            trained, activations = first_pass(self.template, self.loss.function, *self.sample)
            self.template.check_evaluation(taken(self.sample[0], slice(COMPARED_ROWS)))
        self.impossible = uncomputable(activations)
        """Kind of penalty -> why trials fail that have it."""
        segments = _together(trained, built.own_options)
        self.trained = [names for _, names in segments]
        """Names of the parameters that are trained, segment by segment."""
        self.own_options = [options for options, _ in segments]
        """Optimizer options that the parameters of each segment have of their own."""
        self.required = required
        self.stack: Stack
        self.native: NativeSteps | None = None
        """What runs the steps of the stack, if it is compiled."""
        self.compiled: Compiled | None = None
        """What the stack's slots run, if it is compiled."""
        self.evaluator: Evaluator
        self.measurements: LayerMeasurements
        # What these were made for, and what was made before:
        self._stack_of: tuple[Any, ...] = ()
        self._measured: Measured | None = None
        self._compiled: dict[tuple[str, ...], Compiled] = {}
        """By the penalties that are part of it."""

    def _rng_layout(self, lead: Settings, seed: int) -> RngLayout:
        with leaving_no_trace(self.task, lead):
            built, code = initial_model(self.task, lead, seed), users_code(self.task, lead)
            scores = partial(users_scores, self.loss)
            return rng_layout(built.model, self.loss.function, *self.sample, code, built.hidden, scores)

    def accepts(self, built: Built, settings: Settings, seed: int) -> bool:
        """Whether a fresh model, that of these settings, may be trained as the template."""
        with leaving_no_trace(self.task, settings):
            alike = self.template.accepts(built) and not self.initials.other_attribute(built, settings, seed)
        return alike

    def use(self, seeds: Sequence[int], required: "Requirements", size: int, compiled: bool) -> None:
        """Have rows for `seeds`, and a stack of `size` slots for trials that have these requirements.

        Raises:
            NotCompiled: if its steps are to be `compiled` and cannot be.
        """
        required.leave_out(self.impossible)
        fresh, asked = self._take_rows(seeds), (required.penalties, required.matrices, size, compiled)
        if self._stack_of != asked:
            fresh = True
            self.required = required
            self._stack_of = ()  # until all below is made
            self.compiled = done = self._compile() if compiled else None
            self.stack = self.new_stack(size, None if done is None else done.steps.one)
            self.native = None if done is None else NativeSteps(self.stack, done.steps)
            self.stack.native = self.native
            self._stack_of = asked
        if fresh:
            self.evaluator = self.new_evaluator()
        self._prepare_measurements(size)
        self.measurements.compiled = self.compiled

    def refuse(self, why: str) -> NoReturn:
        """Make no more stacks of this kind in this process: compiled ones if this is one, else recorded ones.

        Raises:
            NotStackable: always, with `why`.
        """
        _refused[self.key, self.compiled is not None] = why
        raise NotStackable(why)

    def _take_rows(self, seeds: Sequence[int]) -> bool:
        """Have the rows of `seeds`, and no others: data are large. True if these are others than before."""
        replicates = ReplicateData(self.task, self.lead)
        asked = tuple(sorted({replicates.key(seed) for seed in seeds}))
        if asked == self._seeds:
            return False
        self.replicates, self._seeds = replicates, asked
        self.batches = Batches(replicates, seeds, self.lead.batch_size)
        self.initials = Initials(
            self.task, self.template, taken(replicates.of(seeds[0]).x_train, slice(COMPARED_ROWS)), self.seed
        )
        return True

    def _prepare_measurements(self, size: int) -> None:
        """Measure about `size` trials at a time. Rows that all trials share are part of what is recorded."""
        shared = self.batches.shared
        rows = self._seeds if shared else part_sizes(self.task, self._seeds[0])
        known = self._measured
        if known is not None and known.rows == rows and 0.5 <= size / known.size <= 2:
            self.measurements.rows_of = self.replicates.of
            return
        self.measurements = LayerMeasurements(
            self.template, self.stack.shapes, self.loss.function, self.replicates.of, shared, size
        )
        self._measured = Measured(size, rows)

    def new_stack(self, slots: int, compiled: Stack | None = None) -> Stack:
        """An empty stack; the recorded passes of one stack serve no other. `compiled`: see there."""
        x, y = stacked(self.sample, slots)
        required = self.required
        with refusing():
            return Stack(
                self.template,
                self.loss.with_parts,
                self.trained,
                required.penalties,
                required.matrices,
                x,
                y,
                self.rng_layout.draws,
                compiled,
            )

    def _compile(self) -> Compiled:
        """What stacks of trials that require as much run, whatever their size.

        Raises:
            NotCompiled: if their steps cannot be compiled.
        """
        if self.batches.on_disk:
            raise NotCompiled("data that are streamed from a file")
        if not all(t.is_contiguous() for t in self.batches.sources(self.seed)):
            raise NotCompiled("data whose rows are not contiguous")
        if self.required.penalties not in self._compiled:
            self._compiled[self.required.penalties] = Compiled(self.new_stack(1))
        return self._compiled[self.required.penalties]

    def new_evaluator(self) -> Evaluator:
        """One that has recorded nothing."""
        return Evaluator(self.loss, self.replicates.of, self.batches.shared, self.compiled)


def _together(
    names: Sequence[str], own: Mapping[str, Mapping[str, Any]]
) -> list[tuple[Mapping[str, Any], list[str]]]:
    """Options, and the names of the parameters that have them."""
    groups: dict[str, tuple[Mapping[str, Any], list[str]]] = {}
    for name in names:
        options = own.get(name, {})
        groups.setdefault(repr(sorted(options.items())), (options, []))[1].append(name)
    return list(groups.values())


class Requirements:
    """What the trials of a stack ask of it."""

    def __init__(self, settings: Sequence[Settings], compiled: bool = False, penalized: bool = False) -> None:
        """What trials of these `settings` ask.

        Args:
            settings: of the trials.
            compiled: as machine code, which serves all update rules and needs no scratch.
            penalized: whether other trials of the study have penalties: code that knows of them serves all.
        """
        every = compiled and penalized
        kinds = {s.penalty_kind for s in settings if every or s.activation_penalty > 0}
        self.penalties = tuple(sorted(kinds))
        rules = [rule for s in settings for rule in OPTIMIZERS[s.optimizer].rules]
        state, scratch = max(r.state for r in rules), max(r.scratch for r in rules)
        self.matrices = (MOST_STATES, 0) if compiled else (state, scratch)
        """How many state and scratch matrices the optimizers need."""
        self.learned = any(s.activation is not None and activation_of(s.activation).learns for s in settings)

    def leave_out(self, penalties: Collection[str]) -> None:
        """Those of trials that never begin."""
        self.penalties = tuple(kind for kind in self.penalties if kind not in penalties)


_refused: dict[tuple[tuple[Any, ...], bool], str] = {}
"""Kind of stacks, and whether compiled -> what they compute otherwise than trials alone."""
_kept: dict[tuple[Any, ...], StackCache] = {}
"""The last cache that came back, by what it was made for."""


def cache_for(
    task: Task,
    lead: Settings,
    built: Built,
    seeds: Sequence[int],
    required: Requirements,
    size: int,
    compiled: bool,
) -> StackCache:
    """The kept cache, if it is of the kind that is needed, else a new one. Nobody else has it then.

    Raises:
        NotStackable: if the model cannot be batched, or was found not to be.
        NotCompiled: if its steps are to be `compiled` and cannot be.
    """
    key = _key(task, lead, seeds[0], required)
    if why := _refused.get((key, compiled)):
        raise NotStackable(why)
    cache = _kept.pop(key, None)
    _kept.clear()
    if cache is None or not cache.accepts(built, lead, seeds[0]):
        cache = StackCache(task, lead, built, seeds, required)
    try:
        cache.use(seeds, required, size, compiled)
    except NotCompiled:
        return_cache(cache)
        raise
    return cache


def return_cache(cache: StackCache) -> None:
    """Keep it for the next cohort."""
    _kept.clear()
    _kept[cache.key] = cache


def _key(task: Task, lead: Settings, seed: int, required: Requirements) -> tuple[Any, ...]:
    rows = part_sizes(task, seed)[:1]  # of training: where they are one batch, stacks have as many
    return task.token, lead.shape_key(seed), required.learned, rows


def first_pass(
    template: Template, loss: Callable[[Tensor, Tensor], Tensor], x: Tree, y: Tree
) -> tuple[list[str], list[Tensor]]:
    """Parameters that an optimizer would update: those that the loss of (x, y) has a gradient for; what each
    call of a hidden activation gives.

    Frozen ones and those that the forward pass leaves out keep their values, as in ``torch.optim``.
    """
    free = {n: p.detach()[None].requires_grad_(p.requires_grad) for n, p in template.parameters.items()}
    buffers = {name: b.detach().clone()[None] for name, b in template.buffers.items()}
    dispatch = ActivationDispatch([[kernel] for kernel in template.kernels])
    with torch.random.fork_rng(devices=[]):
        outputs = template.outputs({**free, **buffers}, dispatch, stacked(x, 1))
        total = losses_of(loss, outputs, stacked(y, 1)).sum()
    wanted = {name: p for name, p in free.items() if p.requires_grad}
    gradients = torch.autograd.grad(total, list(wanted.values()), allow_unused=True)
    trained = [name for name, gradient in zip(wanted, gradients, strict=True) if gradient is not None]
    return trained, [call.a[0].detach() for call in dispatch.calls]
