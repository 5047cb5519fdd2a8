"""A thread in each worker that ends the process when the driver is gone or a trial never returns."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

GRACE = 5.0
"""Seconds past its limit after which a trial that does not look at the clock is ended by force."""
PERIOD = 0.5


@dataclass
class Watch:
    """What the thread looks at; one per worker process."""

    parent: int | None = None
    deadline: float | None = None


_watch = Watch()
_started = threading.Lock()


@contextmanager
def guard(parent: int | None, seconds: float | None) -> Iterator[None]:
    """While open, the process ends if `parent` dies or `seconds` (plus a grace) pass.

    `parent` is the process number of the driver, ``None`` where it is on another machine.
    """
    _watch.parent = parent
    _watch.deadline = time.monotonic() + seconds + GRACE if seconds is not None else None
    if _started.acquire(blocking=False):  # never released: the thread lives as long as the process
        threading.Thread(target=_look, daemon=True, name="sweeper-watchdog").start()
    try:
        yield
    finally:
        _watch.deadline = None


def _look() -> None:
    while True:
        time.sleep(PERIOD)
        late = _watch.deadline is not None and time.monotonic() > _watch.deadline
        # An orphan is handed to another parent; on Windows the number stays, and loky's own pipe ends it.
        orphan = _watch.parent is not None and os.getppid() != _watch.parent
        if late or orphan:
            os._exit(124 if late else 0)
