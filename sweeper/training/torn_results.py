"""A worker process that is killed while it sends a result leaves half of it, and loky waits for the rest.

loky looks for dead workers between two results, not within one, and the pipe stays open: this very process
holds its other end. A thread here sees that a worker is dead and nobody says so, and closes that end.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import wait
from typing import Any

PERIOD = 1.0
"""Seconds between two looks at the worker processes."""
PATIENCE = 5.0
"""Seconds after which loky should have seen that one is dead; it takes milliseconds."""


@contextmanager
def watching(executor: Callable[[], Any]) -> Iterator[None]:
    """While open, loky's present `executor` breaks when one of its workers is dead, whatever it waits for."""
    ended = threading.Event()
    threading.Thread(target=_watch, args=(executor, ended), daemon=True, name="sweeper-torn-results").start()
    try:
        yield
    finally:
        ended.set()


def _watch(executor: Callable[[], Any], ended: threading.Event) -> None:
    since: dict[int, float] = {}
    while not ended.wait(PERIOD):
        present, now = executor(), time.monotonic()
        since = {process: since.get(process, now) for process in _dead(present)}
        if since and now - min(since.values()) >= PATIENCE:
            _break(present)
            since = {}


def _dead(executor: Any) -> list[int]:
    """Numbers of the workers that have ended without loky's knowing."""
    if executor is None or executor._flags.broken:
        return []
    found = []
    for number, process in list(executor._processes.items()):
        with suppress(OSError, ValueError):  # loky has just closed its sentinel
            if wait([process.sentinel], 0):
                found.append(number)
    return found


def _break(executor: Any) -> None:
    """The end of the pipe comes at once when nobody can write to it any more."""
    for number in list(executor._processes):
        with suppress(OSError):
            os.kill(number, getattr(signal, "SIGKILL", signal.SIGTERM))
    executor._result_queue._writer.close()
