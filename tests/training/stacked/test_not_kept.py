"""What no stack keeps is a reason to train one by one, whether or not a few steps show it."""

import argparse
import array
import itertools
from collections import UserDict
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from equivalence import numbered, task_of
from torch import Tensor, nn

from sweeper.training.shapes import why_not_stackable
from sweeper.user_code.outside import MOST

pytestmark = pytest.mark.usefixtures("one_thread")
HOOK = "a hook of the model sees its gradients"


class Plain(nn.Module):
    """One hidden layer; `prepare` and `use` are what is tried."""

    def __init__(self, features: int, outputs: int) -> None:
        super().__init__()
        self.one, self.two, self.out = nn.Linear(features, 5), nn.Linear(5, 5), nn.Linear(5, outputs)
        self.act = nn.Tanh()
        self.prepare()

    def prepare(self) -> None:
        """What is done to a fresh model."""

    def use(self, hidden: Tensor) -> Tensor:
        """What is done in each pass."""
        return hidden

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.act(self.two(self.use(self.act(self.one(x))))))


def reason(prepare: Callable[[Any], object], use: Callable[[Any, Tensor], Tensor] | None = None) -> str:
    """Why such a model is not stacked."""

    class Mine(Plain):
        def prepare(self) -> None:
            prepare(self)

        def use(self, hidden: Tensor) -> Tensor:
            return hidden if use is None else use(self, hidden)

    def made(in_features: int, out_features: int) -> nn.Module:
        return Mine(in_features, out_features)

    return why_not_stackable(task_of("digits", {"source": made}), numbered([{}])[0])


def tied_as_one(model: Any) -> None:
    """One tensor under two names."""
    model.other = nn.Linear(5, 5)
    model.other.weight = model.two.weight


def tied_data(model: Any) -> None:
    """Two parameters, one memory: as the weights of autoencoders are often tied."""
    model.other = nn.Linear(5, 5)
    model.other.weight.data = model.two.weight.data.transpose(0, 1)


def no_copy(model: Any) -> None:
    """The weights of the start, which were meant to stay."""
    model.register_buffer("start", model.two.weight.detach())


def slices(model: Any) -> None:
    """Two buffers on one memory that do not overlap."""
    both = torch.zeros(6)
    model.register_buffer("low", both[:3])
    model.register_buffer("high", both[3:])


@pytest.mark.parametrize(
    ("prepare", "shared"),
    [(tied_as_one, False), (tied_data, True), (no_copy, True), (slices, False)],
)
def test_memory_that_tensors_share(prepare: Callable[[Any], None], shared: bool) -> None:
    """Of two tensors that overlap, a stack would change one alone."""
    assert ("share memory without being one tensor" in reason(prepare)) is shared


def test_memory_that_an_attribute_shares() -> None:
    """A plain tensor that lies on a parameter, too."""
    assert "share memory" in reason(lambda model: setattr(model, "start", model.two.weight.data[:2]))


def clamped(gradient: Tensor) -> Tensor:
    """What a hook makes of large gradients: none is as large in the first steps."""
    return gradient.clamp(-9.0, 9.0)


def on_activation(model: Any, hidden: Tensor) -> Tensor:
    """A hook that is made in the pass."""
    if hidden.requires_grad:
        hidden.register_hook(clamped)
    return hidden


@pytest.mark.parametrize(
    ("prepare", "use"),
    [
        (lambda model: [p.register_hook(clamped) for p in model.parameters()], None),
        (lambda model: model.two.register_full_backward_hook(lambda *_: None), None),
        (lambda model: model.two.register_full_backward_pre_hook(lambda *_: None), None),
        (lambda model: model.two.weight.register_post_accumulate_grad_hook(lambda p: None), None),
        (lambda model: None, on_activation),
    ],
    ids=["parameter", "module", "before a module", "after a parameter", "activation"],
)
def test_hooks_of_gradients(prepare: Callable[[Any], object], use: Any) -> None:
    """A stack computes gradients without them, also those that do nothing at first."""
    register = Tensor.register_hook
    assert HOOK in reason(prepare, use)
    assert Tensor.register_hook is register


COUNTERS: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "namespace": (lambda: argparse.Namespace(k=0), lambda held: setattr(held, "k", held.k + 1)),
    "user dict": (lambda: UserDict(k=0), lambda held: held.update(k=held["k"] + 1)),
    "array": (lambda: array.array("i", [0]), lambda held: held.__setitem__(0, held[0] + 1)),
    "bytes": (lambda: bytearray(1), lambda held: held.__setitem__(0, held[0] + 1)),
    "behind much data": (
        lambda: {"data": [(k, k) for k in range(2 * MOST)], "at": argparse.Namespace(k=0)},
        lambda held: setattr(held["at"], "k", held["at"].k + 1),
    ),
}
REPLACED: dict[str, Callable[[Any], Any]] = {
    "whole number of numpy": lambda k: np.int64(k) + 1,
    "number of numpy": lambda k: np.float32(k) + 1,
    "fraction": lambda k: Fraction(k) + 1,
    "range": lambda k: range(len(k) + 1) if isinstance(k, range) else range(0),
}


@pytest.mark.parametrize("kind", COUNTERS)
def test_state_in_objects_of_python(kind: str) -> None:
    """A counter is seen in whatever holds it."""
    make, count = COUNTERS[kind]

    def use(model: Any, hidden: Tensor) -> Tensor:
        count(model.held)
        return hidden

    assert "the forward pass changes held" in reason(lambda model: setattr(model, "held", make()), use)


@pytest.mark.parametrize("kind", REPLACED)
def test_state_that_is_replaced(kind: str) -> None:
    """An attribute that gets another value in each pass is seen, whatever its type."""

    def use(model: Any, hidden: Tensor) -> Tensor:
        model.held = REPLACED[kind](model.held)
        return hidden

    first = range(0) if kind == "range" else REPLACED[kind](0)
    assert "the forward pass changes held" in reason(lambda model: setattr(model, "held", first), use)


def test_more_objects_than_are_looked_at() -> None:
    """Where state may lie deeper than anybody looks, nothing is promised."""
    assert "too many to look at" in reason(lambda model: setattr(model, "rows", [[k] for k in range(MOST)]))


def test_iterators_that_do_not_tell_how_far_they_are() -> None:
    """`itertools.cycle` may have gone on without a sign."""
    said = "held is an iterator that does not tell how far it is"
    assert reason(lambda model: setattr(model, "held", itertools.cycle([1, 2]))) == said
    assert reason(lambda model: setattr(model, "held", iter([1, 2]))) == ""
