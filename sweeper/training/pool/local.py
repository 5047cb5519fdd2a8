"""The pool of this machine: worker processes of joblib's loky, each with an executor of its own.

A worker that dies therefore takes its own call down and no other. Calls and results lie in files of a private
folder; the pipes of loky carry their names, which are so short that a message is written whole or not at all:
no worker that is killed leaves half of one, for the rest of which loky would wait.
"""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from joblib import cpu_count

from sweeper.training.pool import messages
from sweeper.training.pool.devices import assigned, gpus, wants_gpus
from sweeper.training.pool.folder import private_folder
from sweeper.training.pool.interface import Call, Done, Lost, first_of
from sweeper.training.pool.machine import host
from sweeper.training.pool.worker import Turn, Worker
from sweeper.wording import given

Value = TypeVar("Value")

PERIOD = 2.0
"""Seconds after which workers are checked to live, and not to be stopped."""
STOPPED = 20.0
"""Seconds after which a worker that is stopped (SIGSTOP) is ended, and its call is lost."""


def core_count() -> int:
    """Cores that this process may use, container limits included."""
    return int(cpu_count())


@contextmanager
def local_pool(
    workers: int, prepare: Callable[[], object], devices: Sequence[str] = ()
) -> Iterator["LocalPool"]:
    """A pool of `workers` processes, which end with the block, whatever they are doing.

    They start at once and call `prepare`, so that they import what they need while this process does. Each
    sees its own of `devices` alone, if there are some.
    """
    with private_folder() as folder, closing(LocalPool(folder, workers, prepare, devices)) as pool:
        pool.start()
        yield pool


def workers_here(jobs: int | None, device: str = "auto") -> list[str]:
    """The GPU of each worker of this machine, ``""`` for none: `jobs` workers a GPU, or in all without one.

    `device` is ``training.device`` of the study.
    """
    return assigned(gpus() if wants_gpus(device) else [], jobs, core_count())


@contextmanager
def pool_here(jobs: int | None, prepare: Callable[[], object], device: str = "auto") -> Iterator["LocalPool"]:
    """`local_pool` of `workers_here`."""
    devices = workers_here(jobs, device)
    with local_pool(len(devices), prepare, devices) as pool:
        yield pool


def _turns(folder: Path, width: int) -> list[Turn | None]:
    """The turn of each worker to import; ``None`` where all do at once.

    Where workers take all cores, the driver is left one, as it imports for longest and everything waits for
    it: the last worker goes after the first one, which gets the first call.
    """
    waiting = {0, width - 1} if width == core_count() > 1 else ()
    return [(folder / "turn", k == 0) if k in waiting else None for k in range(width)]


class LocalPool:
    """`Pool` of loky workers; what makes it deletes its `folder`."""

    def __init__(
        self, folder: Path, width: int, prepare: Callable[[], object], devices: Sequence[str] = ()
    ) -> None:
        self.width = width
        self._folder, self._shared = folder, messages.SharedFolder(folder)
        each = [devices[k % len(devices)] if devices else "" for k in range(width)]
        turns = _turns(folder, width)
        self._workers = [Worker(folder / f"worker-{k}", prepare, each[k], turns[k]) for k in range(width)]
        self._numbers = count()
        self._waiting: dict[Call, Worker | None] = {}
        """Calls in their order, and where each is to run if that is known."""
        self._did: dict[Call, Worker] = {}
        self._done: dict[Call, Done] = {}
        self._looked = time.monotonic()
        self._stopped: dict[Worker, float] = {}

    def start(self) -> None:
        """Start all workers; does not wait for them."""
        for worker in self._workers:
            worker.start()

    def share(self, value: Value) -> messages.SharedFile[Value]:
        """`Pool.share`"""
        return self._shared.share(value)

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Call:
        """`Pool.submit`"""
        return self.submit_near(None, function, *arguments)

    def submit_near(self, call: Call, function: Callable[..., Any], *arguments: Any) -> Call:
        """`Pool.submit_near`"""
        content, submitted = messages.dumps((function, arguments)), next(self._numbers)
        self._file(submitted, "call").write_bytes(content)
        self._waiting[submitted] = self._did.get(call)
        self._hand_out()
        return submitted

    def next_done(self, calls: Collection[Call]) -> Done:
        """`Pool.next_done`"""
        while (done := self.poll(calls)) is None:
            pass
        return done

    def poll(self, calls: Collection[Call], seconds: float = PERIOD) -> Done | None:
        """As `next_done`; ``None`` if none of the calls is done after so many seconds."""
        for _ in range(2):
            self._collect()
            self._end_stopped()
            self._hand_out()
            if (found := first_of(self._done, calls)) is not None:
                return found
            busy = [worker for worker in self._workers if worker.call is not None]
            if not busy:
                raise LookupError("none of the calls is under way")
            done, _ = wait([worker.future for worker in busy], seconds, FIRST_COMPLETED)
            if not done:
                self._collect(only_ended=True)
                seconds = 0.0
        return None

    def cancel(self, call: Call) -> None:
        """`Pool.cancel`"""
        self._waiting.pop(call, None)
        for worker in self._workers:
            if worker.call == call:
                worker.stop()
                worker.join()
        self._done.pop(call, None)
        self._delete_files(call)

    def close(self) -> None:
        """`Pool.close`"""
        self._waiting.clear()
        for worker in self._workers:
            worker.stop()
        for worker in self._workers:
            worker.join()

    def _hand_out(self) -> None:
        """Give waiting calls to workers that have none, to those first that have started."""
        by_start = sorted(self._workers, key=lambda each: not each.is_up)
        free = [worker for worker in by_start if worker.call is None]
        while self._waiting and free:
            call = next(iter(self._waiting))
            near = self._waiting.pop(call)
            worker = near if near in free else free[0]
            free.remove(worker)
            worker.run(call, self._file(call, "call"), self._file(call, "result"))

    def _collect(self, *, only_ended: bool = False) -> None:
        """Take what became of their calls from workers; they are free then."""
        for worker in self._workers:
            call = worker.call
            if call is not None and (worker.has_ended() if only_ended else worker.future.done()):
                self._did[call] = worker
                self._done[call] = replace(worker.outcome(self._file(call, "result")), host=host())
                self._delete_files(call)

    def _end_stopped(self) -> None:
        """What has stopped a worker may never let it go on."""
        now = time.monotonic()
        if now - self._looked < PERIOD:
            return
        self._looked = now
        stopped = [worker for worker in self._workers if worker.call is not None and worker.is_stopped()]
        self._stopped = {worker: self._stopped.get(worker, now) for worker in stopped}
        for worker in [each for each, since in self._stopped.items() if now - since >= STOPPED]:
            call = worker.call
            worker.stop()
            worker.join()
            lost = Lost(f"its worker process was stopped for {given(STOPPED)} s", given_up=True)
            self._done[call] = Done(call, lost=lost, host=host())
            self._delete_files(call)

    def _file(self, call: Call, what: str) -> Path:
        return self._folder / f"{what}-{call}"

    def _delete_files(self, call: Call) -> None:
        for what in ("call", "result"):
            self._file(call, what).unlink(missing_ok=True)
