"""What ends a worker process that hangs or that nobody waits for, and what the process says of its end.

Imports nothing heavy: a worker that has nothing to do stays small.
"""

import faulthandler
import math
import os
import re
import signal
import sysconfig
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from sweeper.training.pool.interface import Lost

PERIOD = 0.5
"""Seconds between two checks of the parent process."""
GRACE = 5.0
"""Most seconds past its limit after which a trial that does not look at the clock is ended by force."""

LIBRARIES = tuple(sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib"))

OF_TERMINALS = {getattr(signal, name) for name in ("SIGINT", "SIGHUP") if hasattr(signal, name)}
"""Signals that reach the workers of a driver as well."""

OF_CODE = {getattr(signal, name) for name in ("SIGSEGV", "SIGFPE", "SIGILL") if hasattr(signal, name)}
"""Signals that the code of a process brings upon itself, whatever runs beside it."""

_renewed: Callable[[int], None] | None = None
_words: TextIO | None = None
"""Where faulthandler writes in this process; ``None``: nowhere."""


def start_worker(parent: int, words: str) -> None:
    """The first thing a worker process does: follow its `parent`, and leave last words in the file `words`.

    Ctrl-C reaches worker processes too, but the driver decides what follows.
    """
    global _words
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, OF_TERMINALS)
    os.dup2(2, 1)  # what is printed there must not get between the lines of a command's answer
    _words = Path(words).open("w", encoding="utf-8")  # noqa: SIM115  (until the process ends)
    _words.write(f"{os.getpid()}\n")
    _words.flush()
    faulthandler.enable(_words)
    follow(parent)


def follow(parent: int) -> None:
    """From now on, end this process when process `parent` is no longer its parent.

    An orphan is handed to another parent; on Windows the number stays, and loky's own pipe ends it.
    """
    threading.Thread(target=_follow, args=(parent,), daemon=True, name="sweeper-watchdog").start()


def _follow(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PERIOD)
    os._exit(0)


@contextmanager
def deadline(seconds: float | None, each: float | None = None) -> Iterator[None]:
    """While open, the process ends with exit code 1 when `seconds` and a grace as long, or `GRACE`, pass.

    The clock is faulthandler's: it needs no bytecode to run, so it also ends an endless loop in C. With
    `each`, the seconds of one trial, `renew` sets it anew.
    """
    global _renewed
    if seconds is None:
        yield
        return
    with open(os.devnull, "w") as nowhere:

        def start(seconds: float) -> None:
            wait = seconds + min(seconds, GRACE)
            faulthandler.dump_traceback_later(wait, exit=True, file=_words or nowhere)

        start(seconds)
        _renewed = None if each is None else _at_intervals(start, each)
        try:
            yield
        finally:
            _renewed = None
            faulthandler.cancel_dump_traceback_later()


def _at_intervals(start: Callable[[float], None], each: float) -> Callable[[int], None]:
    """`start` with the seconds of so many trials, unless it was lately: a new clock is a new thread.

    What it then lacks of the seconds is less than the grace that follows them.
    """
    began, lasts = 0.0, math.nan

    def renewed(trials: int) -> None:
        nonlocal began, lasts
        now, seconds = time.monotonic(), trials * each
        if seconds != lasts or now - began > min(seconds, GRACE) / 2:
            start(seconds)
            began, lasts = now, seconds

    return renewed


def renew(trials: int) -> None:
    """From now on the `deadline` that is open, if it knows of single trials, lasts as long as so many may.

    Trials that train together get on together: none of them is late before all have had their time.
    """
    if _renewed is not None:
        _renewed(trials)


def process_number(words: Path) -> int | None:
    """The process that writes to `words`; ``None`` before it has started."""
    try:
        return int(words.read_text(encoding="utf-8", errors="replace").partition("\n")[0])
    except (OSError, ValueError):
        return None


def lost(words: Path, exit_code: int | None) -> Lost:
    """What is known of a process that has ended: how, and the frame in which its last words were written.

    The frame is the innermost one outside of libraries if there is one.
    """
    text = words.read_text(encoding="utf-8", errors="replace") if words.exists() else ""
    last: str = text.partition("\n")[2]
    frames = re.findall(r'File "([^"]*)", line (\d+)', last.split("most recent call first")[-1])
    own = [frame for frame in frames if not frame[0].startswith(LIBRARIES)] or frames
    place = f" ({os.path.basename(own[0][0])}:{own[0][1]})" if own else ""
    timeout = last.startswith("Timeout")
    own_end = exit_code is not None and (exit_code >= 0 or -exit_code in OF_CODE)
    return Lost(f"its worker process ended: {end_of(exit_code)}{place}", timeout, place, timeout or own_end)


def end_of(exit_code: int | None) -> str:
    """An exit code in words; a negative one is a signal (``subprocess.Popen.returncode``)."""
    if exit_code is None:
        return "exit code unknown"
    if exit_code >= 0:
        return f"exit code {exit_code}"
    try:
        name = signal.Signals(-exit_code).name
    except ValueError:
        name = str(-exit_code)
    hint = "; the system does that when memory runs out" if name == "SIGKILL" else ""
    return f"signal {name}{hint}"
