"""One worker process and what runs in it: a loky executor of its own, which runs one call at a time."""

import multiprocessing
import multiprocessing.resource_tracker
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, nullcontext, suppress
from multiprocessing.connection import wait
from pathlib import Path
from threading import Lock
from typing import Any

import psutil
from filelock import FileLock, Timeout
from joblib import parallel_config
from joblib.externals.loky import BrokenProcessPool, ProcessPoolExecutor
from joblib.externals.loky.backend import resource_tracker as loky_tracker

from sweeper.training.pool import messages, watchdog
from sweeper.training.pool.descendants import allow_growth
from sweeper.training.pool.devices import environment
from sweeper.training.pool.interface import Call, Done

LIBRARY_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMBA_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
ONE_THREAD = dict.fromkeys(LIBRARY_THREADS, "1")
"""The environment of a worker."""
LONGEST_TURN = 10.0
"""Seconds after which a worker no longer waits for another one that prepares itself."""
LOOK = 0.02
"""Seconds between two looks whether it still does."""
Turn = tuple[Path, bool]
"""A file that workers share of which one after the other prepares itself; whether this one is the first."""
SILENT = "ignore:resource_tracker:UserWarning"
"""Option of Python against what trackers of leaked resources say."""
PATIENCE = 5.0
"""Seconds after which a process should have ended that loky was told to end; it takes milliseconds."""


class Worker:
    """A process that is started again when it has died; `words` is the file of its last words.

    It sees the GPU `device` alone, if that is one, and prepares itself in its `turn`, if it has one.
    """

    _starting = Lock()
    """Held while a process starts, so that it is known which one is whose."""

    def __init__(
        self, words: Path, prepare: Callable[[], object], device: str = "", turn: Turn | None = None
    ) -> None:
        self.call: Call | None = None
        self.future: Future[None] = Future()
        """Of `call`, or of the start."""
        self._words, self._prepare, self._turn = words, prepare, turn
        self._environment = {**ONE_THREAD, **environment(device)}
        self._executor: ProcessPoolExecutor | None = None
        self._process: Any = None
        self._started: Future[None] = Future()

    @property
    def is_up(self) -> bool:
        """Whether the process has imported what it needs."""
        return self._executor is not None and self._started.done()

    def start(self) -> None:
        """Start the process; does not wait for it."""
        first = (os.getpid(), str(self._words), self._prepare, self._turn)
        self._words.unlink(missing_ok=True)
        with self._starting, _unheard():
            _start_trackers()
            self._executor = ProcessPoolExecutor(1, initializer=_start, initargs=first, env=self._environment)
        self._started = self._submit(_nothing)

    def run(self, call: Call, given: Path, result: Path) -> None:
        """Run the call in the file `given`; its outcome goes to the file `result`."""
        self.call = call
        if self._executor is None:
            self.start()
        try:
            self._submit(_run, str(given), str(result))
        except BrokenProcessPool:  # died while it had nothing to do
            self.stop()
            self.call = call
            self.start()
            self._submit(_run, str(given), str(result))

    def outcome(self, result: Path) -> Done:
        """What became of the call, which has ended or whose process has; the worker is free then."""
        call, self.call = self.call, None
        reason = self.future.exception() if self.future.done() else BrokenProcessPool()
        if reason is None:
            return Done(call, *messages.read(result.read_bytes()))
        if not isinstance(reason, BrokenProcessPool):  # the disk is full, say
            return Done(call, error=reason)
        lost = watchdog.lost(self._words, self._exit_code())
        self.stop()
        return Done(call, lost=lost)

    def has_ended(self) -> bool:
        """Whether the process is gone; loky does not see it while one that it forked holds its pipe open."""
        number = watchdog.process_number(self._words)
        return number is not None and number not in {p.pid for p in multiprocessing.active_children()}

    def is_stopped(self) -> bool:
        """Whether the process was stopped by a signal, and has not gone on."""
        number = watchdog.process_number(self._words)
        try:
            return number is not None and psutil.Process(number).status() == psutil.STATUS_STOPPED
        except psutil.Error:
            return False

    def stop(self) -> None:
        """End the process, whatever it is doing; does not wait for it."""
        executor, self._executor, self.call = self._executor, None, None
        if executor is None:
            return
        taken_over = self.future.running() or self.future.done()
        if not taken_over and self._process is not None:
            # Told to kill its workers, loky stumbles over calls that its thread has not taken over yet.
            self._kill()
        executor.shutdown(wait=False, kill_workers=taken_over)

    def join(self) -> None:
        """Wait until the process that was stopped has ended."""
        if self._process is None or self.has_ended():
            return
        if not wait([self._process.sentinel], PATIENCE):
            self._kill()
        self._process.join(PATIENCE)

    def _submit(self, function: Callable[..., None], *arguments: str) -> "Future[None]":
        assert self._executor is not None
        with self._starting:
            self.future, before = Future(), set(multiprocessing.active_children())
            with _unheard():
                self.future = self._executor.submit(function, *arguments)
            started = set(multiprocessing.active_children()) - before
        self._process = next(iter(started), self._process)
        return self.future

    def _exit_code(self) -> int | None:
        if self._process is None or watchdog.process_number(self._words) not in (None, self._process.pid):
            return None
        code: int | None = self._process.exitcode
        return code

    def _kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self._process.pid, getattr(signal, "SIGKILL", signal.SIGTERM))


@contextmanager
def _unheard() -> Iterator[None]:
    """Processes that start inside, loky's own too, hear nothing of Ctrl-C or of a terminal that closes.

    Workers hear it again once `watchdog.start_worker` has run there.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, watchdog.OF_TERMINALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start_trackers() -> None:
    """Start the processes that clean up after workers, unless they are there, so that they do it silently.

    Workers are killed, so locks that libraries make in them (one of a progress bar, say) are left to these,
    which would print a warning for each kind; they remove them all the same.
    """
    if os.name != "posix":  # there are no locks with names elsewhere
        return
    sys.warnoptions.append(SILENT)  # they take the options of this process
    try:
        for tracker in (multiprocessing.resource_tracker, loky_tracker):
            tracker.ensure_running()
    finally:
        sys.warnoptions.remove(SILENT)


def _start(parent: int, words: str, prepare: Callable[[], object], turn: Turn | None) -> None:
    """The first thing that a worker process does."""
    watchdog.start_worker(parent, words)
    allow_growth()
    parallel_config("threading")  # for code of the user that uses joblib: its processes would be too many
    with nullcontext() if turn is None else _in_turn(*turn):
        prepare()


@contextmanager
def _in_turn(file: Path, first: bool) -> Iterator[None]:
    """Alone among processes with this file; without waiting any longer after `LONGEST_TURN`."""
    lock, begun, end = FileLock(file), file.with_name(f"{file.name}-begun"), time.monotonic() + LONGEST_TURN
    while not (first or begun.exists() or time.monotonic() > end):
        time.sleep(LOOK)
    with suppress(Timeout):
        lock.acquire(max(end - time.monotonic(), 0), poll_interval=LOOK)
    begun.touch()
    try:
        yield
    finally:
        lock.release()


def _nothing() -> None:
    """The first call of a process: loky starts it for that."""


def _run(given: str, result: str) -> None:
    Path(result).write_bytes(messages.run(Path(given).read_bytes()))
