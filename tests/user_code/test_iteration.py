"""Iterators and generators that a model uses up are state: going on is seen."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sweeper.user_code.prints import first_change, prints


def generator() -> Iterator[int]:
    """Without end."""
    number = 0
    while True:
        number += 1
        yield number


MADE: dict[str, Callable[[], Any]] = {
    "generator": generator,
    "expression": lambda: (n for n in range(9)),
    "list": lambda: iter([1, 2, 3]),
    "range": lambda: iter(range(5)),
    "dict": lambda: iter({1: 2, 3: 4}),
    "count": itertools.count,
    "repeat": lambda: itertools.repeat(1, 5),
    "map": lambda: map(abs, [1, 2, 3]),
    "zip": lambda: zip([1, 2], [3, 4], strict=True),
    "enumerate": lambda: enumerate([1, 2]),
}


@pytest.mark.parametrize("kind", MADE)
def test_going_on_is_seen_and_waiting_is_not(kind: str) -> None:
    """Each step, and the last."""
    iterator = MADE[kind]()
    before, again = prints({"it": iterator}), prints({"it": iterator})
    assert first_change(before, again) == ""
    for _ in itertools.islice(iterator, 9):
        after = prints({"it": iterator})
        assert first_change(before, after).startswith("it")
        before = after
