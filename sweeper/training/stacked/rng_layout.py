"""How the model computes when it trains alone: what a stack that takes its place has to keep to."""

import os
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from sweeper.components.tree import Tree, applied, copied, first_tensor, leaves
from sweeper.private_torch import buffers_of, version_of
from sweeper.training.stacked.activation_reads import ActivationReads
from sweeper.training.stacked.not_kept import (
    arrays_beside,
    no_gradient_hooks,
    refuse_hooks,
    refuse_shared_memory,
    refuse_what_stacks_lose,
)
from sweeper.training.stacked.recording import Call, Recorder, tensors
from sweeper.training.stacked.refusal import NotStackable
from sweeper.training.stacked.score_memory import Scores, refuse_memory
from sweeper.user_code.observing import put_values
from sweeper.user_code.prints import first_change, prints_of_model

Loss = Callable[[Tensor, Tensor], Tensor]
LATER = 64
"""Further passes by which a model is tried; `CALLS` operations and `NUMBERS` of parameters are the most."""
CALLS, NUMBERS = 2_048, 2**24


class Layout(NamedTuple):
    """A random array and the order of its numbers in memory, which is that of their drawing."""

    shape: tuple[int, ...]
    stride: tuple[int, ...]

    def empty(self, like: Tensor) -> Tensor:
        """Memory for it."""
        return torch.empty_strided(self.shape, self.stride, dtype=like.dtype, device=like.device)


@dataclass(frozen=True)
class RngLayout:
    """What a pass of a model shows."""

    draws: Sequence[Layout]
    """The random arrays that it draws in training mode, in order."""


def rng_layout(
    model: nn.Module,
    loss: Loss,
    x: Tree,
    y: Tree,
    code: Mapping[str, Any],
    hidden: Sequence[nn.Module] = (),
    scores: Scores = lambda output, y: {},
) -> RngLayout:
    """What passes of a fresh `model` on (x, y) show: forward and backward in training, and an evaluation.

    `code`: the user's functions, by role, of which more than the model may keep state. `hidden`: its hidden
    activations. `scores`: those of the user's own.

    Raises:
        NotStackable: if a pass or a score depends on an earlier one by more than the values of buffers, draws
            random numbers that a stack does not, or writes to its rows or its parameters; if a hidden
            activation reads what changes.
    """
    refuse_what_stacks_lose(model, code)
    seen = _Passes(model, loss, x, y, code, ActivationReads(model, hidden), scores)
    model.train()
    beside, before = arrays_beside(model, code), seen.state()
    first = seen.run()
    refuse_shared_memory(model, beside, arrays_beside(model, code))
    refuse_hooks(model)
    second = seen.run()
    if changed := first_change(before, first.state, scalars=True):
        raise NotStackable(f"the forward pass changes {changed}")
    if not _alike(first.outputs, second.outputs):
        raise NotStackable("the forward pass depends on an earlier one, beside its buffers")
    if changed := first_change(first.after, second.state):
        raise NotStackable(f"the forward pass changes {changed}")
    for one, scalars in ((first, True), (second, False)):
        if changed := first_change(one.state, one.after, scalars=scalars):
            raise NotStackable(f"the backward pass changes {changed}")
    evaluated = _evaluated(seen, model, second.after)
    if any(call.random for call in evaluated.calls):
        raise NotStackable("the model draws random numbers when it is evaluated")
    seen.reads.refuse_what_changes()
    later = seen.run()
    if not _alike(first.outputs, later.outputs):
        raise NotStackable("what an evaluation leaves behind changes the training")
    if not seen.alike_later(first):
        raise NotStackable("passes of the same rows do not stay the same: something counts them")
    arrays = [(c.arguments[0] if c.written else c.results[0]) for c in second.calls if c.random]
    return RngLayout([Layout(tuple(a.shape), a.stride()) for a in arrays])


def _alike(some: Sequence[Tensor], others: Sequence[Tensor]) -> bool:
    """Whether two passes gave the same, but for rounding."""
    if [t.shape for t in some] != [t.shape for t in others]:
        return False
    return all(torch.allclose(a, b, equal_nan=True) for a, b in zip(some, others, strict=True))


def _evaluated(seen: "_Passes", model: nn.Module, before: Mapping[str, Any]) -> "_Pass":
    """An evaluation, as they lie between the steps of a training, of what is kept as it was `before`.

    Raises:
        NotStackable: if it, or a score, changes what the model or the user's code keep, beside buffers.
    """
    for first in (True, False):  # a cache may be filled once
        model.eval()
        with torch.no_grad():
            evaluated = seen.run()
        model.train()
        after = seen.state()
        if changed := first_change(before, after, scalars=first):
            raise NotStackable(f"an evaluation changes {changed}")
        before = after
    with _drawing_nowhere_else("score"):
        refuse_memory(seen.scores, evaluated.output, seen.rows[1], seen.code)
    return evaluated


class _Pass(NamedTuple):
    """What one pass showed."""

    outputs: list[Tensor]
    """Output and loss."""
    calls: list[Call]
    """The operations of the forward pass."""
    state: Mapping[str, Any]
    """What is kept outside of parameters and buffers, after the forward pass."""
    after: Mapping[str, Any]
    """The same after the backward pass."""
    output: Any
    """As the model gave it."""


class _Passes:
    """Passes of one model, each from the same buffers and random numbers."""

    def __init__(
        self,
        model: nn.Module,
        loss: Loss,
        x: Tree,
        y: Tree,
        code: Mapping[str, Any],
        reads: ActivationReads,
        scores: Scores,
    ) -> None:
        self.scores = scores
        self.model, self.loss, self.rows, self.code = model, loss, copied((x, y)), code
        self.reads = reads
        self.holders = [
            (held, name, b) for held in map(buffers_of, model.modules()) for name, b in held.items()
        ]
        self.values = [b.clone() if b is not None else None for *_, b in self.holders]

    def state(self) -> Mapping[str, Any]:
        """What the model and the user's code keep outside of parameters and buffers."""
        return prints_of_model(self.model, {**self.code, "environment variables": dict(os.environ)})

    def run(self) -> _Pass:
        """Forward, and backward where gradients are on; buffers are put back."""
        with self._drawing_anew(), self._unwritten():
            with (
                _drawing_nowhere_else("forward"),
                no_gradient_hooks(),
                Recorder() as recorder,
                self.reads.noted(recorder),
            ):
                output = applied(self.model, self.rows[0])
            with _drawing_nowhere_else("forward"), no_gradient_hooks():
                value = self.loss(output, self.rows[1])
            outputs, state = [t.detach().clone() for t in tensors([output, value])], self.state()
            if value.requires_grad:
                with _drawing_nowhere_else("backward"):
                    value.backward()
                self.model.zero_grad()
        after = self.state() if value.requires_grad else state
        self._restore()
        return _Pass(outputs, recorder.calls, state, after, output)

    def _drawing_anew(self) -> AbstractContextManager[None]:
        """Every pass draws the same random numbers, and leaves the generators as they were."""
        device = first_tensor(self.rows).device
        return torch.random.fork_rng(devices=[device] if device.type == "cuda" else [])

    def alike_later(self, first: _Pass) -> bool:
        """Whether many more passes in training mode give what the `first` gave.

        What is kept where nobody looks shows when it acts, as a warm-up of some steps does. Models of many
        operations or parameters get fewer passes.
        """
        numbers = sum(parameter.numel() for parameter in self.model.parameters())
        for _ in range(min(LATER, CALLS // (len(first.calls) + 1), NUMBERS // (numbers + 1))):
            with self._drawing_anew():
                output = applied(self.model, self.rows[0])
                same = _alike(first.outputs, tensors([output, self.loss(output, self.rows[1])]))
            self._restore()
            if not same:
                return False
        return True

    @contextmanager
    def _unwritten(self) -> Iterator[None]:
        fixed: dict[str, list[Tensor]] = {
            "inputs": leaves(self.rows[0]),
            "targets": leaves(self.rows[1]),
            "parameters": list(self.model.parameters()),
        }
        versions = {what: [version_of(t) for t in held] for what, held in fixed.items()}
        yield
        for what, held in fixed.items():
            if [version_of(t) for t in held] != versions[what]:
                raise NotStackable(f"the model writes into its {what}")

    def _restore(self) -> None:
        for buffers, name, b in self.holders:
            if buffers[name] is not b:
                raise NotStackable(f"the forward pass puts a new tensor in the place of the buffer {name}")
        with torch.no_grad():
            for (*_, b), value in zip(self.holders, self.values, strict=True):
                if b is not None and value is not None:
                    put_values(b, value)


@contextmanager
def _drawing_nowhere_else(name: str) -> Iterator[None]:
    """Of Python's and NumPy's random numbers: a stack would not draw them again."""
    states = _states()
    yield
    for what, state in _states().items():
        if state != states[what]:
            raise NotStackable(f"the {name} pass changes {what}")


def _states() -> dict[str, Any]:
    name, numbers, *position = np.random.get_state(legacy=True)
    return {
        "Python's random numbers": random.getstate(),
        "NumPy's random numbers": (name, np.asarray(numbers).tobytes(), *position),
    }
