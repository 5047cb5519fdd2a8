"""Work in a thread beside the one that asks for it; the thread ends with the process at the latest."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FuturesTimeout
from typing import Protocol, TypeVar

from sweeper.wording import given

Value = TypeVar("Value")


class _UnderWay(Protocol):
    """Something that is done in a thread."""

    def done(self) -> bool:
        """Whether it has ended."""


UnderWay = TypeVar("UnderWay", bound=_UnderWay)


def in_thread(work: Callable[[], Value], name: str) -> "Future[Value]":
    """What `work` will give or raise, in a thread of this `name`."""
    future: Future[Value] = Future()
    threading.Thread(target=fill, args=(future, work), daemon=True, name=name).start()
    return future


def fill(future: "Future[Value]", work: Callable[[], Value]) -> None:
    """Call `work` in this thread; `future` gets what it gives or raises."""
    try:
        future.set_result(work())
    except BaseException as error:
        future.set_exception(error)


def within(seconds: float, ask: Callable[[], Value]) -> Value:
    """What `ask` gives or raises, in a thread that is left to itself if it takes longer.

    Raises:
        TimeoutError: if it does.
    """
    answer = in_thread(ask, "sweeper-ask")
    try:
        return answer.result(seconds)
    except FuturesTimeout:
        if answer.done():
            raise
        raise TimeoutError(f"no answer within {given(seconds)} s") from None
