"""What ends a worker process that nobody waits for any more: its driver is gone, or a trial never returns.

Imports nothing heavy: a worker that has nothing to do stays small.
"""

import faulthandler
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

PERIOD = 0.5
"""Seconds between two looks at the parent process."""
GRACE = 5.0
"""Most seconds past its limit after which a trial that does not look at the clock is ended by force."""


def start_worker(parent: int) -> None:
    """The first thing a worker process does. Ctrl-C reaches it too, but the driver decides what follows."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    follow(parent)


def follow(parent: int) -> None:
    """From now on, end this process when process `parent` is no longer its parent.

    An orphan is handed to another parent; on Windows the number stays, and loky's own pipe ends it.
    """
    threading.Thread(target=_look, args=(parent,), daemon=True, name="sweeper-watchdog").start()


def _look(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PERIOD)
    os._exit(0)


@contextmanager
def deadline(seconds: float | None) -> Iterator[None]:
    """While open, the process ends with exit code 1 when `seconds` and a grace as long, or `GRACE`, pass.

    The clock is faulthandler's: it needs no bytecode to run, so it also ends an endless loop in C.
    """
    if seconds is None:
        yield
        return
    with open(os.devnull, "w") as nowhere:
        faulthandler.dump_traceback_later(seconds + min(seconds, GRACE), exit=True, file=nowhere)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()
