"""State of a model that no stack keeps is seen, wherever it lies."""

import argparse
import array
import ctypes
import functools
import io
import itertools
import logging
import mmap
import os
from collections import OrderedDict, UserDict, deque
from collections.abc import Callable
from contextvars import ContextVar
from fractions import Fraction
from http.cookiejar import DefaultCookiePolicy as Cookie
from multiprocessing import Value
from pathlib import Path
from queue import Queue
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
import pytest
import torch
from equivalence import numbered, task_of
from plain_model import Plain, reason
from torch import Tensor, nn

from sweeper.training.shapes import why_not_stackable
from sweeper.user_code.outside import MOST

pytestmark = pytest.mark.usefixtures("one_thread")
HOOK = "a hook of the model sees its gradients"


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


def kept() -> Callable[[], list[int]]:
    """A function that gives the same list each time."""
    made = functools.cache(lambda: list[int]())
    made()
    return made


def kept_small() -> Callable[[], list[int]]:
    """The same, of a cache of one result."""
    made = functools.lru_cache(maxsize=1)(lambda: list[int]())
    made()
    return made


def kind_of(base: type) -> type:
    """A subclass, whose objects have attributes."""
    return type("Mine", (base,), {})


def plus_one(held: Any) -> None:
    """Count in an attribute."""
    held.k = getattr(held, "k", 0) + 1


class Pair(ctypes.Structure):
    """A number in memory of its own."""

    _fields_ = (("k", ctypes.c_int),)


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
    "shared number": (lambda: Value("i", 0), lambda held: setattr(held, "value", held.value + 1)),
    "method of a counter": (lambda: itertools.count(1).__next__, lambda held: held()),
    "file in memory": (io.StringIO, lambda held: held.write("x")),
    "key": (lambda: {Slotted(): 1}, lambda held: next(iter(held)).count()),
    "array of objects": (lambda: np.array([Slotted(), None], object), lambda held: held[0].count()),
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
    "attribute of a tensor": (
        lambda: torch.ones(1),
        lambda held: setattr(held, "k", getattr(held, "k", 0) + 1),
    ),
    **{
        f"the user's own kind of {kind.__name__}": (lambda kind=kind: kind_of(kind)(), plus_one)
        for kind in (list, dict, deque, set, tuple, int, str)
    },
    "attribute of a partial": (lambda: functools.partial(print), plus_one),
    "attribute of an exception": (ValueError, plus_one),
    "attribute of an object of logging": (logging.NullHandler, plus_one),
    "view of memory": (lambda: memoryview(bytearray(1)), lambda held: held.__setitem__(0, held[0] + 1)),
    "memory": (lambda: mmap.mmap(-1, 1), lambda held: held.__setitem__(0, held[0] + 1)),
    "place in an array": (lambda: np.arange(1e4).flat, lambda held: next(held)),
    "method of a compiled library": (lambda: np.random.default_rng(0).random, lambda held: held()),
    "structure of C": (Pair, lambda held: setattr(held, "k", held.k + 1)),
    "result that a cache keeps": (kept, lambda held: held().append(1)),
    "result that a small cache keeps": (kept_small, lambda held: held().append(1)),
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

    assert reason(lambda model: None, use) == "the forward pass changes environment variables['PASSES']"


@pytest.mark.parametrize("of", [nn.functional, nn.Module, Tensor, argparse])
def test_a_library_that_somebody_writes_to(of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A number that a model puts on a module or class of a library is state like any other."""
    monkeypatch.setattr(of, "passes", 0, raising=False)

    def use(model: Any, hidden: Tensor) -> Tensor:
        of.passes += 1
        return hidden

    assert reason(lambda model: setattr(model, "held", of), use).endswith(".passes")
    assert reason(lambda model: setattr(model, "held", of)) == ""


class Warm(nn.Module):
    """It counts its passes, where TorchScript keeps that."""

    counted: int

    def __init__(self, counts: bool) -> None:
        super().__init__()
        self.counted, self.counts = 0, counts

    def forward(self, x: Tensor) -> Tensor:
        if self.counts:
            self.counted += 1
        return x if self.counted < 9 else x + x * x


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
def test_scripted_modules_that_write() -> None:
    """Attributes of scripted modules lie where nobody looks; those that change none can be stacked."""
    for counts in (True, False):
        scripted = torch.jit.script(Warm(counts))
        if not counts:
            scripted = torch.jit.script(nn.Tanh())
        said = reason(lambda model, made=scripted: setattr(model, "held", made), lambda m, x: m.held(x))
        assert said == ("a scripted module of it changes its attributes" if counts else "")


@pytest.mark.parametrize("from_step", [12, 40])
def test_what_counts_where_nobody_looks_shows_when_it_acts(from_step: int, tmp_path: Path) -> None:
    """The size of a file, say: a pass that differs from the first one is seen, however late it comes."""

    def use(model: Any, hidden: Tensor) -> Tensor:
        with (tmp_path / "passes").open("a") as file:
            file.write("x")
        return hidden if (tmp_path / "passes").stat().st_size < from_step else hidden * 2

    said = reason(lambda model: None, use)
    assert said in (
        "passes of the same rows do not stay the same: something counts them",
        "the forward pass depends on an earlier one, beside its buffers",
    )


def test_more_objects_than_are_looked_at() -> None:
    """Where state may lie deeper than anybody looks, nothing is promised."""
    assert "too many to look at" in reason(lambda model: setattr(model, "rows", [[k] for k in range(MOST)]))


def test_iterators_that_do_not_tell_how_far_they_are() -> None:
    """`itertools.cycle` may have gone on without a sign."""

    def use(model: Any, hidden: Tensor) -> Tensor:
        return hidden * next(model.held)

    said = "held is an iterator that does not tell how far it is"
    assert reason(lambda model: setattr(model, "held", itertools.cycle([1, 2])), use) == said
    batches = torch.utils.data.DataLoader([1.0] * 9)
    assert reason(lambda model: setattr(model, "held", iter(batches)), use) == said
    assert reason(lambda model: setattr(model, "held", iter([1, 2]))) == ""
    assert reason(lambda model: setattr(model, "held", itertools.cycle([1, 2]))) == "", "nobody uses it"


def ramp() -> Callable[[], float]:
    """A closure that counts its calls."""
    made = [0]

    def step() -> float:
        made[0] += 1
        return 1.0 + 0.0 * made[0]

    return step


def test_closures_of_one_factory_are_told_apart() -> None:
    """Two functions of one name, of which one is called."""

    def prepare(model: Any) -> None:
        model.held = ramp(), ramp()

    assert reason(prepare) == ""
    assert "the forward pass changes" in reason(prepare, lambda model, hidden: hidden * model.held[0]())


def test_what_an_evaluation_leaves_for_the_training_is_seen() -> None:
    """A value that evaluations store and training subtracts: two evaluations store the same, and passes of a
    training alone show nothing."""

    def use(model: Any, hidden: Tensor) -> Tensor:
        if not model.training:
            model.seen = hidden.detach().mean(0)
        elif model.seen is not None:
            return hidden - model.seen
        return hidden

    why = reason(lambda model: setattr(model, "seen", None), use)
    assert "what an evaluation leaves behind changes the training" in why
