"""What no stack keeps is a reason to train one by one, whether or not a few steps show it."""

import argparse
import array
import ctypes
import itertools
import os
import warnings
from collections import OrderedDict, UserDict
from collections.abc import Callable
from contextvars import ContextVar
from fractions import Fraction
from http.cookiejar import DefaultCookiePolicy as Cookie
from queue import Queue
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
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


def on_node(model: Any, hidden: Tensor) -> Tensor:
    """The same on the operation that made a tensor."""
    if hidden.grad_fn is not None:
        hidden.grad_fn.register_hook(lambda inputs, outputs: inputs)
    return hidden


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


class Slotted:
    """A counter whose name Python changes."""

    __slots__ = ("__k",)

    def __init__(self) -> None:
        self.__k = 0

    def count(self) -> None:
        """One more."""
        self.__k += 1


def filled(queue: "Queue[int]") -> "Queue[int]":
    """With a 0."""
    queue.put(0)
    return queue


COUNTERS: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "namespace": (lambda: argparse.Namespace(k=0), lambda held: setattr(held, "k", held.k + 1)),
    "user dict": (lambda: UserDict(k=0), lambda held: held.update(k=held["k"] + 1)),
    "array": (lambda: array.array("i", [0]), lambda held: held.__setitem__(0, held[0] + 1)),
    "bytes": (lambda: bytearray(1), lambda held: held.__setitem__(0, held[0] + 1)),
    "context": (
        lambda: ContextVar("k", default=0),
        lambda held: held.set(held.get() + 1),
    ),
    "number of C": (lambda: ctypes.c_int(0), lambda held: setattr(held, "value", held.value + 1)),
    "keys that are weak": (
        lambda: WeakKeyDictionary({Plain: 0}),
        lambda held: held.update({Plain: held[Plain] + 1}),
    ),
    "queue": (lambda: filled(Queue()), lambda held: held.put(held.get() + 1)),
    "private slot": (Slotted, lambda held: held.count()),
    "table": (
        lambda: pd.DataFrame({"k": [0]}),
        lambda held: held.iloc.__setitem__((0, 0), held.iloc[0, 0] + 1),
    ),
    "order": (lambda: OrderedDict(a=1, b=2, c=3), lambda held: held.move_to_end(next(iter(held)))),
    "set": (lambda: {0}, lambda held: held.add(held.pop() + 1)),
    "large whole number": (lambda: torch.tensor(10**6), lambda held: held.add_(1)),
    "object of a library": (lambda: Cookie(), lambda held: setattr(held, "k", getattr(held, "k", 0) + 1)),
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


class CountsEvaluations(Plain):
    """It changes each time that it is evaluated, or that its training goes on."""

    how = "forward"

    def prepare(self) -> None:
        self.k = 0

    def use(self, hidden: Tensor) -> Tensor:
        self.k += self.how == "forward" and not self.training
        return hidden

    def train(self, mode: bool = True) -> "CountsEvaluations":
        """Of ``nn.Module``."""
        self.k = getattr(self, "k", 0) + (self.how == "train")
        super().train(mode)
        return self


@pytest.mark.parametrize("how", ["forward", "train", "nowhere"])
def test_state_that_evaluations_change(how: str) -> None:
    """What counts evaluations, or turns of `train`, counts other ones in a stack."""

    class Mine(CountsEvaluations):
        pass

    Mine.how = how

    def made(in_features: int, out_features: int) -> nn.Module:
        return Mine(in_features, out_features)

    said = why_not_stackable(task_of("digits", {"source": made}), numbered([{}])[0])
    assert said == ("" if how == "nowhere" else "an evaluation changes k")


def test_an_environment_that_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pass that writes an environment variable may read it, too."""
    monkeypatch.setenv("PASSES", "0")

    def use(model: Any, hidden: Tensor) -> Tensor:
        os.environ["PASSES"] += "1"
        return hidden

    assert reason(lambda model: None, use) == "the forward pass changes environment variables"


def test_a_tensor_that_each_pass_makes_anew_is_no_state() -> None:
    """The old spectral norm keeps its weights in an attribute, which is the parameter itself at first."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        assert reason(lambda model: nn.utils.spectral_norm(model.two)) == ""


def test_more_objects_than_are_looked_at() -> None:
    """Where state may lie deeper than anybody looks, nothing is promised."""
    assert "too many to look at" in reason(lambda model: setattr(model, "rows", [[k] for k in range(MOST)]))


def test_iterators_that_do_not_tell_how_far_they_are() -> None:
    """`itertools.cycle` may have gone on without a sign."""
    said = "held is an iterator that does not tell how far it is"
    assert reason(lambda model: setattr(model, "held", itertools.cycle([1, 2]))) == said
    assert reason(lambda model: setattr(model, "held", iter([1, 2]))) == ""
