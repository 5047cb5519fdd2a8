"""Pools for tests: one without processes, and one that commands share."""

import contextlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any
from unittest import mock

from sweeper.training.pool import local
from sweeper.training.pool.interface import Call, Done, Pool


@dataclass(frozen=True)
class Here:
    """A shared value, which is here already."""

    value: Any


class SerialPool:
    """`Pool` in this process; a call that ends its process ends the tests."""

    width = 1

    def __init__(self) -> None:
        self._calls: dict[Call, tuple[Callable[..., Any], tuple[Any, ...]]] = {}
        self._numbers = count()

    def share(self, value: Any) -> Here:
        """`Pool.share`"""
        return Here(value)

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Call:
        """`Pool.submit`"""
        call = next(self._numbers)
        self._calls[call] = (function, arguments)
        return call

    def submit_near(self, call: Call, function: Callable[..., Any], *arguments: Any) -> Call:
        """`Pool.submit_near`"""
        return self.submit(function, *arguments)

    def next_done(self, calls: Collection[Call]) -> Done:
        """`Pool.next_done`"""
        call = next(call for call in self._calls if call in calls)
        function, arguments = self._calls.pop(call)
        given = [each.value if isinstance(each, Here) else each for each in arguments]
        try:
            return Done(call, function(*given))
        except Exception as error:
            return Done(call, error=error)

    def cancel(self, call: Call) -> None:
        """`Pool.cancel`"""
        self._calls.pop(call, None)

    def close(self) -> None:
        """`Pool.close`"""
        self._calls.clear()


@contextlib.contextmanager
def serial_pool(*arguments: object) -> Iterator[SerialPool]:
    """In place of `local_pool`."""
    with contextlib.closing(SerialPool()) as pool:
        yield pool


@contextlib.contextmanager
def commands_use(pool: Pool) -> Iterator[None]:
    """While open, commands run in worker processes that are there already."""
    with mock.patch.object(local, "local_pool", return_value=contextlib.nullcontext(pool)):
        yield
