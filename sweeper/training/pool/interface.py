"""What every pool does: it runs calls in worker processes and hands back what became of each.

A pool knows functions and arguments, nothing of trials. Workers may come and go, and results come in any
order; what is done about a call that was lost is decided by who made it.
"""

from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from sweeper.wording import given

Call = Hashable
"""Names one submitted call."""
Value = TypeVar("Value")
ValueOut = TypeVar("ValueOut", covariant=True)


class WorkerDied(Exception):
    """The worker process that ran a call has ended; the text says how, and where if that is known."""


class NotSendable(Exception):
    """A value cannot be pickled for a worker process, or not be read there; the text says why."""


def silence(seconds: float) -> str:
    """What is said of a worker from which nothing is heard any more."""
    return f"gave no sign of life for {given(seconds)} s"


@dataclass(frozen=True)
class Lost:
    """A call whose worker process ended before it had handed back a result."""

    reason: str
    """How the process ended, ``exit code 3 (model.py:12)``."""
    timeout: bool = False
    """Whether the call's own deadline ended it."""
    place: str = ""
    """`` (model.py:12)``, the innermost frame of the user's code; empty where it is not known."""
    own: bool = field(default=False, compare=False)
    """Whether the call itself ended the process; else what ran beside it, or the machine, may have."""
    given_up: bool = field(default=False, compare=False)
    """Whether its worker was stopped or cut off, so that nothing speaks against the call."""


@dataclass(frozen=True)
class Done:
    """What became of a call: a value, an exception of its function, or a lost worker."""

    call: Call
    value: Any = None
    error: BaseException | None = None
    lost: Lost | None = None
    host: str = field(default="", compare=False)
    """Name of the machine that it ran on."""

    def unwrap(self) -> Any:
        """The value.

        Raises:
            WorkerDied: if the worker was lost.
            BaseException: what the function raised.
        """
        if self.lost is not None:
            raise WorkerDied(self.lost.reason)
        if self.error is not None:
            raise self.error
        return self.value


def first_of(done: dict[Call, Done], calls: Collection[Call]) -> Done | None:
    """One of `calls` that is `done`, taken out; quick where `calls` is a set or dict of thousands."""
    found = next((call for call in done if call in calls), None)
    return None if found is None else done.pop(found)


class Shared(Protocol[ValueOut]):
    """Stands for a value that workers have; among the arguments of a call, it becomes the value there.

    Every call gets a copy of its own, but for large arrays: they are read-only and in memory once a machine.
    """

    @property
    def value(self) -> ValueOut:
        """In the driver: what was shared."""


class Pool(Protocol):
    """Worker processes. One thread of the driver uses a pool."""

    @property
    def width(self) -> int:
        """Calls that may run at the same time; it may change."""

    def share(self, value: Value) -> Shared[Value]:
        """Hand `value` to the workers once, for many calls.

        Raises:
            NotSendable: if it cannot be pickled.
        """

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Call:
        """Run ``function(*arguments)`` in a worker; calls beyond `width` wait for their turn, in order.

        Raises:
            NotSendable: if the call cannot be pickled.
        """

    def submit_near(self, call: Call, function: Callable[..., Any], *arguments: Any) -> Call:
        """As `submit`, to the worker that has done `call` if that is known and it is free."""

    def next_done(self, calls: Collection[Call]) -> Done:
        """Wait until one of `calls` is done; each is handed back once."""

    def cancel(self, call: Call) -> None:
        """Forget a call; it never starts, or ends with its worker if it has started."""

    def close(self) -> None:
        """End all workers, whatever they are doing; returns when they have ended."""
