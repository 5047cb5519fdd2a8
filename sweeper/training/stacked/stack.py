"""Many trials of one shape as matrices with a leading trial axis: one row a slot."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from sweeper.components.optimizers import Rule
from sweeper.components.penalties import PENALTIES
from sweeper.components.tree import Tree, leaves, rebuilt, rows_in
from sweeper.training.stacked.activation_dispatch import BINDERS, ActivationDispatch, Hidden
from sweeper.training.stacked.groups import Group, Updates, segments_of
from sweeper.training.stacked.initial import Initial
from sweeper.training.stacked.kernel import AnyKernel
from sweeper.training.stacked.penalty import weighted
from sweeper.training.stacked.random_state import SlotRandomState
from sweeper.training.stacked.recording import Recorded
from sweeper.training.stacked.rng_layout import Layout
from sweeper.training.stacked.tape import Tape
from sweeper.training.stacked.template import Template, losses_of, matrix, unstack


class Runs(Protocol):
    """A tape, or what stands for it."""

    def run(self) -> None:
        """Losses and gradients of all slots on the batches of the stack."""


LOSS, PENALTY, TOTAL = range(3)
"""Rows of `Stack.losses`."""


@dataclass(frozen=True)
class Snapshot:
    """The state of one trial."""

    p: Tensor
    """All trained parameters, flat."""
    fixed: Mapping[str, Tensor]
    """Other parameters, and buffers."""


class Stack:
    """Parameters, gradients, optimizer state and one training step of all slots.

    All parameters lie in one matrix (slots, size), all gradients in another: an optimizer is a short chain
    of operations on them.
    """

    def __init__(
        self,
        template: Template,
        loss: Callable[[Any, Any], tuple[Tensor, dict[str, Tensor]]],
        trained: Sequence[Sequence[str]],
        penalties: Sequence[str],
        matrices: tuple[int, int],
        x: Tree,
        y: Tree,
        draws: Sequence[Layout],
        compiled: "Stack | None" = None,
    ) -> None:
        """An empty stack.

        Args:
            template: the module of all trials.
            loss: (output, target) -> mean over the rows of one trial, and named scalars to record.
            trained: names of the parameters that are trained, those with the same options of their own
                together; the others stay as they are.
            penalties: the penalty kinds that any of the trials has.
            matrices: how many state and scratch matrices the optimizers need.
            x, y: (slots, rows, …), the memory from which every step reads its batches.
            draws: the random arrays of one trial's step, in order.
            compiled: a stack of the same kind whose step is compiled: then none is recorded.
        """
        self.template, self.loss, self.penalties, self.x, self.y = template, loss, penalties, x, y
        self.parts: tuple[str, ...] = ()
        parts = [{name: template.parameters[name].shape for name in names} for names in trained]
        self.shapes = {name: shape for part in parts for name, shape in part.items()}
        slots, size = rows_in(x), sum(shape.numel() for shape in self.shapes.values())
        like = next(iter(template.parameters.values()))
        state, scratch = ([matrix(slots, size, like) for _ in range(count)] for count in matrices)
        self.p, self.fixed = template.stacked(self.shapes, slots)
        self.weights = {kind: like.new_zeros(slots) for kind in penalties}
        self.random_state = SlotRandomState(slots, self.p.device, draws)
        self.dispatch = ActivationDispatch([[kernel] * slots for kernel in template.kernels])
        self.recorded: Recorded = (), (), ()
        """Calls, inputs and results of the pass of a stack with one slot."""
        self.native: Runs | None = None
        """What runs the pass instead."""
        self.outside = [self.p, *self.fixed.values(), *self.weights.values()]
        """What a pass reads beside its batch: a row a slot."""
        self.losses, gradients = self._recorded() if compiled is None else self._memory(compiled)
        """(3, slots): loss of the batch, weighted penalty, and their sum; a row more for each of `parts`."""
        self.updates = Updates(self.p, gradients, state, scratch, segments_of([[*p.values()] for p in parts]))

    def _recorded(self) -> Sequence[Tensor]:
        """Record the pass; where it leaves losses and gradients."""
        inputs = [self.p, *leaves((self.x, self.y)), *self.fixed.values(), *self.weights.values()]
        read_only = {"parameters": [self.p], "inputs": leaves(self.x), "targets": leaves(self.y)}
        tape = Tape(
            lambda: self._forward_and_backward(*inputs),
            inputs,
            BINDERS,
            self.random_state,
            read_only,
            check=self.template.check,
            keep=self.slots == 1,
            like=self.p,
        )
        self.dispatch.calls.clear()
        self._tape, self.recorded = tape, tape.recorded
        return tape.outputs

    def _memory(self, like: "Stack") -> Sequence[Tensor]:
        self.parts = like.parts
        return like.losses.new_zeros(len(like.losses), self.slots), torch.zeros_like(self.p)

    @property
    def slots(self) -> int:
        """Number of rows."""
        return len(self.p)

    def step(self, coefficients: Tensor) -> None:
        """Forward, backward and one update of all slots on the batches in `x` and `y`."""
        self.forward_and_backward()
        self.updates.step(coefficients)

    def forward_and_backward(self) -> None:
        """Losses and gradients of all slots on the batches in `x` and `y`."""
        (self.native or self._tape).run()

    def gradients(self) -> dict[str, Tensor]:
        """Those of the last pass, with a trial axis."""
        return unstack(self.updates.g, self.shapes)

    def put(self, slot: int, values: Mapping[str, Tensor]) -> None:
        """Parameters and buffers of one slot; what an activation learns and is not among them stays."""
        views = unstack(self.p, self.shapes)
        for name, value in values.items():
            (views if name in views else self.fixed)[name][slot] = value

    def load(self, slot: int, initial: Initial, rules: Sequence[Rule]) -> None:
        """Put a trial that is updated by `rules` into a slot, in the state before its first step."""
        self.p[slot] = torch.cat([initial.values[name].reshape(-1) for name in self.shapes])
        for name, values in self.fixed.items():
            values[slot] = initial.values[name]
        self.updates.start(slot, rules)
        self.random_state.start(slot, initial.seed, initial.random)

    @contextmanager
    def passes_put_back(self) -> Iterator[None]:
        """Afterwards what a pass changes of the trials is as it was: buffers and random numbers."""
        fixed = {name: values.clone() for name, values in self.fixed.items()}
        drawn = [generator.get_state() for generator in self.random_state.generators]
        try:
            yield
        finally:
            for name, values in fixed.items():
                self.fixed[name].copy_(values)
            for generator, state in zip(self.random_state.generators, drawn, strict=True):
                generator.set_state(state)

    def arrange(
        self,
        groups: Sequence[Sequence[Group]],
        kernels: Sequence[Sequence[AnyKernel]],
        weights: Mapping[str, Sequence[float]],
    ) -> None:
        """Tell who is in the slots now: update rules, activations (site by site) and penalty weights."""
        self.updates.arrange(groups)
        self.dispatch.arrange(kernels)
        for kind, values in weights.items():
            self.weights[kind].copy_(torch.tensor(values, dtype=torch.float64))

    def reorder(self, order: Sequence[int], held: Collection[int]) -> None:
        """Slot i takes over the trial of slot `order[i]`; only those that are `held` have one."""
        moves = [i for i, before in enumerate(order) if i != before and before in held]
        moved = torch.tensor(moves, dtype=torch.long, device=self.p.device)
        if len(moved):
            sources = torch.tensor(order, device=self.p.device)[moved]
            for matrix in self.rows():
                matrix[moved] = matrix[sources]
        self.random_state.reorder(order)

    def shrink_from(self, larger: "Stack") -> None:
        """Take over the first slots of a larger stack of the same trials."""
        for mine, theirs in zip(self.rows(), larger.rows(), strict=True):
            mine.copy_(theirs[: self.slots])
        self.random_state.generators[:] = larger.random_state.generators[: self.slots]

    def values(self, slots: Sequence[int] | None = None) -> dict[str, Tensor]:
        """Every parameter and buffer, with a trial axis: copies for some slots, or all of them in place."""
        if slots is None:
            return {**unstack(self.p, self.shapes), **self.fixed}
        index = torch.tensor(slots, device=self.p.device)
        fixed = {name: values.index_select(0, index) for name, values in self.fixed.items()}
        return {**unstack(self.p.index_select(0, index), self.shapes), **fixed}

    def parameters_of(self, slots: Sequence[int]) -> Sequence[Tensor]:
        """Copies of the flat parameters of some slots."""
        return _copied(self.p, slots).unbind()

    def snapshots(self, slots: Sequence[int], *, in_place: bool) -> list[Snapshot]:
        """The trials of some slots as they are now.

        Args:
            slots: which.
            in_place: whether parameters may be what the next step changes; buffers, which a pass may change,
                are copies always.
        """
        fixed = {name: _copied(values, slots).unbind() for name, values in self.fixed.items()}
        each = enumerate(_rows(self.p, slots).unbind() if in_place else self.parameters_of(slots))
        return [Snapshot(p, {name: values[k] for name, values in fixed.items()}) for k, p in each]

    def rows(self) -> list[Tensor]:
        """What has a row for each slot."""
        return [self.p, *self.updates.state, *self.fixed.values()]

    def _forward_and_backward(self, p: Tensor, *others: Tensor) -> list[Tensor]:
        """Losses (3 or more, slots) and gradients (slots, size).

        `others`: the tensors of `x` and `y`, then what `fixed` and then `weights` hold.
        """
        count = len(leaves((self.x, self.y)))
        x, y = rebuilt((self.x, self.y), others[:count])
        others = others[count:]
        fixed = dict(zip(self.fixed, others, strict=False))
        weights = dict(zip(self.weights, others[len(fixed) :], strict=True))
        views = {name: view.requires_grad_() for name, view in unstack(p, self.shapes).items()}
        outputs = self.template.outputs({**views, **fixed}, self.dispatch, x)
        losses, parts = losses_of(self.loss, outputs, y)
        self.parts = tuple(parts)
        penalties = _weighted_penalties(weights, self.dispatch.calls, losses)
        totals = losses + penalties if weights else losses
        gradients: Any = torch.autograd.grad(totals.sum(), list(views.values()))
        flat = torch.cat([gradient.reshape(self.slots, -1) for gradient in gradients], 1)
        return [torch.stack([losses, penalties, totals, *parts.values()]), flat]


def _copied(matrix: Tensor, slots: Sequence[int]) -> Tensor:
    """Some rows; neighbours are copied as one piece, which takes half the time."""
    return _rows(matrix, slots).clone() if _neighbours(slots) else matrix[list(slots)]


def _rows(matrix: Tensor, slots: Sequence[int]) -> Tensor:
    """Neighbouring rows in place, others as copies."""
    return matrix[slots[0] : slots[-1] + 1] if _neighbours(slots) else matrix[list(slots)]


def _neighbours(slots: Sequence[int]) -> bool:
    return len(slots) > 0 and list(slots) == list(range(slots[0], slots[0] + len(slots)))


def _weighted_penalties(weights: Mapping[str, Tensor], calls: Sequence[Hidden], losses: Tensor) -> Tensor:
    """Weight times penalty, summed over the hidden activations: (slots,)."""
    if not (weights and calls):
        return torch.zeros_like(losses)
    activations = [call.a for call in calls]
    terms = [weighted(PENALTIES[kind], activations, weight) for kind, weight in weights.items()]
    return sum(terms[1:], terms[0])
