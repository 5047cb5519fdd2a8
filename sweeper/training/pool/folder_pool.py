"""The pool of a shared folder: workers that see it claim calls, wherever they are and whenever they come."""

import math
import shutil
import time
import uuid
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from sweeper.errors import StateKept
from sweeper.training.pool import messages, shared_folder
from sweeper.training.pool.interface import Call, Done, Lost, first_of, silence
from sweeper.training.pool.machine import this_machine
from sweeper.training.pool.shared_folder import AT, CALLS, CLAIMED, DRIVER, LEASE, RESULTS, SHARED, WORKERS

Value = TypeVar("Value")

PAUSES = (0.01, 0.2)
"""Seconds between two looks for results: the first, and the most while nothing comes."""
LONELY = 10.0
"""Seconds without any worker after which that is told, and told again after six times as long."""
KEPT, LEFT = 24 * 3600.0, 600.0
"""Seconds after which the folder of a driver that was killed is deleted, and the file of such a worker."""


@contextmanager
def folder_pool(folder: Path, tell: Callable[[str], None], lease: float = LEASE) -> Iterator["FolderPool"]:
    """The pool of all workers that see `folder`; what it wrote there is deleted at the end.

    Args:
        folder: private to the user, and shared by all machines.
        tell: is given a line when workers come, leave or are missing.
        lease: seconds without a sign of life after which a worker is given up.

    Raises:
        UserError: if the folder is not there or not private.
    """
    shared = shared_folder.checked(folder)
    _delete_left(shared / shared_folder.SWEEPS, shared / WORKERS)
    sweep = shared / shared_folder.SWEEPS / uuid.uuid4().hex[:12]
    sweep.mkdir(mode=0o700)
    for name in (SHARED, CALLS, CLAIMED, RESULTS):
        (sweep / name).mkdir(mode=0o700)
    here = this_machine()
    try:
        with shared_folder.beating(sweep / DRIVER, lambda beat: shared_folder.Member(here, 0, beat)):
            yield FolderPool(sweep, tell, lease)
    finally:
        shutil.rmtree(sweep, ignore_errors=True)


def _delete_left(sweeps: Path, workers: Path) -> None:
    """Delete what drivers and workers that were killed some time ago have left, by the clock of the disk."""
    (sweeps / ".now").touch()
    now = (sweeps / ".now").stat().st_mtime
    for name in shared_folder.listed(sweeps):
        with suppress(OSError):
            beaten = sweeps / name / DRIVER
            if now - (beaten if beaten.exists() else sweeps / name).stat().st_mtime > KEPT:
                shutil.rmtree(sweeps / name, ignore_errors=True)
    for name in shared_folder.listed(workers):
        with suppress(OSError):
            if now - (workers / name).stat().st_mtime > LEFT:
                (workers / name).unlink()


class FolderPool:
    """`Pool` of workers that claim calls in `sweep`, a folder of this driver."""

    def __init__(self, sweep: Path, tell: Callable[[str], None], lease: float) -> None:
        self._sweep, self._tell, self._lease = sweep, tell, lease
        self._workers = sweep.parents[1] / WORKERS
        self._pulse = shared_folder.Pulse()
        self._alive: dict[str, shared_folder.Member] = {}
        self._numbers = count()
        self._open: set[Call] = set()
        self._done: dict[Call, Done] = {}
        self._looked, self._lonely, self._wait = -math.inf, time.monotonic(), LONELY

    @property
    def width(self) -> int:
        """`Pool.width`: of all workers that live; 1 while there is none, so that the first finds a call."""
        self._look_for_workers()
        return max(1, sum(member.width for member in self._alive.values()))

    def share(self, value: Value) -> messages.SharedName[Value]:
        """`Pool.share`"""
        blob = messages.blob_of(value)
        self._written(shared_folder.publish_value, self._sweep / SHARED / blob.name, blob)
        return messages.SharedName(value, blob.name)

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Call:
        """`Pool.submit`"""
        content, call = messages.dumps((function, arguments)), next(self._numbers)
        names = [each.name for each in arguments if isinstance(each, messages.SharedName)]
        self._written(shared_folder.publish_value, self._sweep / CALLS / f"{call:09}", (names, content))
        self._open.add(call)
        return call

    def submit_near(self, call: Call, function: Callable[..., Any], *arguments: Any) -> Call:
        """`Pool.submit_near`: nobody knows who is free."""
        return self.submit(function, *arguments)

    def next_done(self, calls: Collection[Call]) -> Done:
        """`Pool.next_done`"""
        pause, most = PAUSES
        while True:
            self._collect()
            if (done := first_of(self._done, calls)) is not None:
                return done
            if self._open.isdisjoint(calls):
                raise LookupError("none of the calls is under way")
            self._look_for_workers()
            time.sleep(pause)
            pause = min(1.5 * pause, most)

    def cancel(self, call: Call) -> None:
        """`Pool.cancel`"""
        self._open.discard(call)
        self._done.pop(call, None)
        self._withdraw(call)

    def close(self) -> None:
        """`Pool.close`: workers end what they do for this driver when its folder is gone."""
        self._open.clear()
        shutil.rmtree(self._sweep, ignore_errors=True)

    def _collect(self) -> None:
        """Take results; those of calls that nobody waits for any more are deleted."""
        for name in shared_folder.listed(self._sweep / RESULTS):
            file, call = self._sweep / RESULTS / name, int(name)
            answer = shared_folder.read(file) if call in self._open else None
            self._delete(file)
            if answer is not None:
                self._open.discard(call)
                self._done[call] = messages.done_of(call, answer)

    def _look_for_workers(self) -> None:
        """See who lives; calls of those who do not are lost."""
        now = time.monotonic()
        if now - self._looked < min(shared_folder.BEAT, self._lease / 5):
            return
        self._looked, before, self._alive = now, self._alive, {}
        if not self._sweep.is_dir():
            raise StateKept(f"pool folder {self._sweep.parents[1]}: the folder of this run is gone from it")
        silent = list[Path]()
        for name in shared_folder.listed(self._workers):
            member, age = self._pulse.of(self._workers / name)
            if member is not None and age >= self._lease:
                silent.append(self._workers / name)
            elif member is not None and not member.machine.difference(this_machine()):
                self._alive[name] = member
        for name in self._alive.keys() - before.keys():
            joined = self._alive[name]
            self._tell(f"worker {name} has joined: {joined.width} × {joined.machine.processor}")
        for name in before.keys() - self._alive.keys():
            self._tell(f"worker {name} has left")
        self._free_claims()
        for file in silent:  # one that was stopped writes it again when it goes on
            self._delete(file)
        self._tell_if_lonely(now)

    def _free_claims(self) -> None:
        """Calls of workers that have ended or stopped are lost, and those workers lose their claim."""
        for name in shared_folder.listed(self._sweep / CLAIMED):
            number, _, worker = name.partition(AT)
            if worker in self._alive or (self._sweep / RESULTS / number).exists():
                continue
            member, age = self._pulse.of(self._workers / worker)
            if member is not None and age < self._lease:
                continue
            if not self._delete(self._sweep / CLAIMED / name):  # given back meanwhile
                continue
            if (call := int(number)) in self._open:
                self._open.discard(call)
                how = silence(self._lease) if member else "has ended"
                self._done[call] = Done(
                    call, lost=Lost(f"its worker {worker} {how}", given_up=member is not None)
                )

    def _withdraw(self, call: Call) -> None:
        """Delete the files of a call; a worker that finds its claim gone ends what it does for it."""
        self._delete(self._sweep / CALLS / f"{call:09}")
        for name in shared_folder.listed(self._sweep / CLAIMED):
            if int(name.partition(AT)[0]) == call:
                self._delete(self._sweep / CLAIMED / name)

    def _tell_if_lonely(self, now: float) -> None:
        if self._alive or not self._open:
            self._lonely, self._wait = now, LONELY
        elif now - self._lonely > self._wait:
            self._wait += 6 * LONELY
            place = self._sweep.parents[1]
            self._tell(f"no worker is there; start some where this folder is seen: sweeper worker {place}")

    def _delete(self, file: Path) -> bool:
        """Delete a file; whether it was there.

        Raises:
            StateKept: if that is not possible.
        """
        try:
            file.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise self._broken(error) from error
        return True

    def _written(self, write: Callable[..., None], *arguments: Any) -> None:
        """Write into the folder.

        Raises:
            StateKept: if that is not possible.
        """
        try:
            write(*arguments)
        except OSError as error:
            raise self._broken(error) from error

    def _broken(self, error: OSError) -> StateKept:
        return StateKept(f"pool folder {self._sweep.parents[1]}: {error.strerror or error}")
