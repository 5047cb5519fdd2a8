"""State outside of parameters and buffers: seen, and put back after every trial."""

import ctypes
import io
import sys
from array import array
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from mmap import mmap
from types import ModuleType, SimpleNamespace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import pandas as pd
import pytest
import torch
from equivalence import numbered, task_of
from torch import nn

from sweeper.components import models
from sweeper.training.reference import train
from sweeper.user_code.outside import of_model, reachable
from sweeper.user_code.prints import first_change, prints
from sweeper.user_code.put_back import put_back

SOURCE = """
import itertools
import random
from collections import Counter, deque
from functools import lru_cache
import numpy as np
import torch
from torch import nn

COUNT = 0
NESTED = {"deep": [1, {"n": 2}]}
WEIGHTS = nn.Linear(2, 2)
TENSOR, ARRAY = torch.zeros(3), np.zeros(3)
QUEUE, TALLY, NAMES = deque([1]), Counter(), {"a"}
OWN = random.Random(3)


class Box:
    __slots__ = ("n",)

    def __init__(self):
        self.n = 0


BOX = Box()


class Net(nn.Module):
    calls = 0

    def __init__(self, inputs, outputs):
        super().__init__()
        self.layer, self.act, self.out = nn.Linear(inputs, 4), nn.ReLU(), nn.Linear(4, outputs)

    def forward(self, x, seen=[]):
        return self.out(self.act(self.layer(x))) * self.factor(seen)

    def factor(self, seen):
        global COUNT
        KINDS[KIND](self, seen)
        COUNT += KIND == "global"
        counted = COUNT + NESTED["deep"][1]["n"] + Net.calls + len(seen) + BOX.n + len(QUEUE) + TALLY["n"]
        counted += len(NAMES) + getattr(make, "n", 0) + cell()[0] + self.__dict__.get("n", 0)
        return counted + float(TENSOR.sum()) + float(ARRAY.sum()) + float(WEIGHTS.weight.sum().detach())


def counter():
    held = [0]

    def tick():
        held[0] += KIND == "closure"
        return held

    return tick


cell = counter()


@lru_cache
def remembered(n):
    return torch.ones(n)


def weights(net, seen):
    with torch.no_grad():
        WEIGHTS.weight.add_(1)


def up(thing, name):
    setattr(thing, name, getattr(thing, name, 0) + 1)


KINDS = {
    "nothing": lambda net, seen: None,
    "global": lambda net, seen: None,
    "closure": lambda net, seen: None,
    "nested": lambda net, seen: NESTED["deep"][1].update(n=NESTED["deep"][1]["n"] + 1),
    "class": lambda net, seen: up(Net, "calls"),
    "default": lambda net, seen: seen.append(1),
    "slots": lambda net, seen: up(BOX, "n"),
    "queue": lambda net, seen: QUEUE.append(1),
    "tally": lambda net, seen: TALLY.update(n=1),
    "set": lambda net, seen: NAMES.add(len(NAMES)),
    "function": lambda net, seen: up(make, "n"),
    "tensor": lambda net, seen: TENSOR.add_(1),
    "array": lambda net, seen: ARRAY.__iadd__(1),
    "weights": weights,
    "attribute": lambda net, seen: up(net, "n"),
}
KIND = "nothing"


def make(in_features, out_features):
    return Net(in_features, out_features)
"""
KINDS = ["global", "closure", "nested", "class", "default", "slots", "queue", "tally", "set"]
KINDS += ["function", "tensor", "array", "weights", "attribute"]


@pytest.fixture
def users() -> Iterator[ModuleType]:
    """A module of the user."""
    module = ModuleType("state_of_a_user")
    module.__file__ = "state_of_a_user.py"
    sys.modules[module.__name__] = module
    exec(compile(SOURCE, module.__file__, "exec"), vars(module))
    yield module
    del sys.modules[module.__name__]


@pytest.mark.parametrize("kind", KINDS)
def test_a_trial_does_not_depend_on_those_before_it(kind: str, users: ModuleType) -> None:
    """Two trainings in one process are equal, wherever the model counts; the counter does matter."""
    task = task_of(model=users.make, steps=2, evaluations=1)
    (trial,) = numbered([{"learning_rate": 0.01}])
    plain = train(task, trial)
    users.KIND = kind
    first, second = train(task, trial), train(task, trial)
    assert first.curves == second.curves
    assert first.curves != plain.curves


@pytest.mark.parametrize("kind", KINDS)
def test_state_is_seen(kind: str, users: ModuleType) -> None:
    """A second pass leaves the state otherwise than the first did; without a counter it does not."""
    model, x = users.make(2, 2), torch.ones(3, 2)
    for users.KIND in ("nothing", kind):
        states: list[dict[str, Any]] = []
        for _ in range(2):
            model(x)
            states.append(prints({"": model}))
        assert bool(first_change(*states)) is (kind == users.KIND)


def test_all_is_put_back(users: ModuleType) -> None:
    """Generators and caches too, and what was added or deleted."""
    with put_back({"model": users.make}):
        drawn = users.OWN.random()
        users.remembered(3)
        users.ADDED = 1
        del users.TALLY
    assert users.OWN.random() == drawn
    assert users.remembered.cache_info().currsize == 0
    assert not hasattr(users, "ADDED")
    assert users.TALLY == {}


def test_order_shape_and_bytes_are_put_back(users: ModuleType) -> None:
    """A dict that was turned round, an array in another shape, bytes, a variable that had no value yet."""

    def counter() -> Callable[[], int]:
        def tick() -> int:
            nonlocal late
            late = 1
            return late

        if not users:
            late = 0
        return tick

    tick = counter()
    users.TURNS, users.RAW, users.NUMBERS = {"a": 1, "b": 2}, bytearray(b"ab"), array("i", [1])
    held = {"model": users.make, "tick": tick}
    with put_back(held):
        users.TURNS["a"] = users.TURNS.pop("a")
        users.ARRAY.resize((3, 1), refcheck=False)
        users.ARRAY += 1
        users.RAW += b"c"
        users.NUMBERS[0] = 9
        assert tick() == 1
    assert list(users.TURNS) == ["a", "b"]
    assert users.ARRAY.tolist() == [0, 0, 0]
    assert users.RAW == b"ab"
    assert users.NUMBERS.tolist() == [1]
    (cell,) = tick.__closure__ or ()
    with pytest.raises(ValueError, match="empty"):
        _ = cell.cell_contents


class Pair(ctypes.Structure):
    """A number in memory of its own."""

    _fields_ = (("k", ctypes.c_int),)


class Key:
    """A key that may be weak."""


VARIABLE, KEY = ContextVar("variable", default=0), Key()
HOLDERS: dict[str, tuple[Callable[[], Any], Callable[[Any], Any], Callable[[Any], Any]]] = {
    "a variable of a context": (lambda: VARIABLE, lambda v: v.set(v.get() + 1), lambda v: v.get()),
    "a number of C": (lambda: ctypes.c_int(3), lambda n: setattr(n, "value", 4), lambda n: n.value),
    "a structure of C": (lambda: Pair(3), lambda n: setattr(n, "k", 4), lambda n: n.k),
    "an array of C": (lambda: (ctypes.c_int * 2)(3, 4), lambda n: n.__setitem__(1, 9), list),
    "a view of memory": (lambda: memoryview(bytearray(b"ab")), lambda v: v.__setitem__(0, 9), bytes),
    "memory": (lambda: mmap(-1, 2), lambda m: m.__setitem__(0, 9), lambda m: m[:]),
    "a file in memory": (
        lambda: io.StringIO("ab"),
        lambda f: f.write("xyz"),
        lambda f: (f.tell(), f.getvalue()),
    ),
    "a file of bytes": (lambda: io.BytesIO(b"ab"), lambda f: f.read(1), lambda f: (f.tell(), f.getvalue())),
    "a dict of weak keys": (lambda: WeakKeyDictionary({KEY: 1}), lambda d: d.update({KEY: 2}), dict),
}


@pytest.mark.parametrize("name", HOLDERS)
def test_what_holds_a_counter_is_put_back(name: str) -> None:
    """Wherever a model counts, the next trial begins with what this one began with."""
    make, count, read = HOLDERS[name]
    held = make()
    before = read(held)
    with put_back({"held": held}):
        count(held)
        count(held)
        assert read(held) != before
    assert read(held) == before


def test_what_cannot_be_put_back_keeps_nothing_else_from_it(users: ModuleType) -> None:
    """It is told once all others are as they were."""
    users.TURNS = {"n": 0}

    def training() -> None:
        with put_back({"model": users.make}):
            users.ARRAY.flags.writeable = False
            users.TURNS["n"], users.NESTED["deep"] = 1, None

    with pytest.raises(ValueError, match="read-only"):
        training()
    assert users.TURNS == {"n": 0}
    assert users.NESTED["deep"] == [1, {"n": 2}]


def test_libraries_are_left_alone() -> None:
    """Torch, NumPy and this package are not searched."""
    assert of_model(nn.Sequential(nn.Linear(2, 2), nn.ReLU())) == {}
    found = reachable({"model": models.mlp, "torch": torch, "numpy": np}, weights=True)
    assert [path for path, _ in found] == ["model", "torch", "numpy"]


def test_a_cache_is_no_state(users: ModuleType) -> None:
    """What the first pass fills once and later ones find is not taken for a change."""
    before = {"mask": None, "table": ("0 elements", None)}
    after = {"mask": torch.ones(2), "table": ("1 elements", None), "table[3]": torch.ones(1)}
    assert first_change(before, after, scalars=True) == ""
    assert first_change(after, dict(after)) == ""
    assert first_change({"n": 1}, {"n": 2}, scalars=True) == "n"


def test_tables_whose_cells_are_lists_can_be_compared() -> None:
    """So can columns of categories; a changed cell is seen."""
    tables = [
        pd.DataFrame({"classes": [[0, 1], [last]], "kind": pd.Categorical(["a", "b"])}) for last in (2, 2, 3)
    ]
    one, same, other = (prints({"": SimpleNamespace(table=table)}) for table in tables)
    assert one == same
    assert one != other
