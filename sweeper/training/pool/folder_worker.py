"""A worker of a shared folder: it claims calls, runs each in a process of its own, and writes results."""

import contextlib
import os
import secrets
import shutil
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from sweeper.errors import RunFailed, UserError
from sweeper.training.initialize import initialize_worker
from sweeper.training.pool import messages, shared_folder
from sweeper.training.pool.folder import private_folder
from sweeper.training.pool.interface import Call
from sweeper.training.pool.local import LocalPool, workers_here
from sweeper.training.pool.machine import host, this_machine
from sweeper.training.pool.shared_folder import AT, CALLS, CLAIMED, DRIVER, LEASE, RESULTS, SHARED, SWEEPS
from sweeper.wording import duration

IDLE = 600.0
"""Seconds that a worker waits for a driver where ``--idle`` says nothing."""
LOOK, SELDOM = 0.05, 1.0
"""Seconds between two looks at the folder: the least, and the most while there is nothing to do."""


def serve(
    folder: Path,
    jobs: int | None,
    idle: float | None,
    tell: Callable[[str], None],
    prepare: Callable[[], object] = initialize_worker,
) -> None:
    """Work for all drivers of `folder`, until there has been nothing to do for `idle` seconds.

    ``None``: until the sweeps that it has worked for have ended, or there was no driver for `IDLE` seconds.
    `jobs` calls at the same time a GPU, or in all where there is none; ``None`` is one, or one a core.

    Raises:
        UserError: if the folder is not there or not private, or if versions differ from those of a driver.
        RunFailed: if it cannot be written any more.
    """
    shared = shared_folder.checked(folder)
    name = f"{host()}-{os.getpid()}-{secrets.token_hex(2)}"
    devices = workers_here(jobs)
    jobs = len(devices)
    with private_folder() as private, closing(LocalPool(private, jobs, prepare, devices)) as pool:
        me = this_machine()
        file = shared / shared_folder.WORKERS / name
        with shared_folder.beating(file, lambda beat: shared_folder.Member(me, jobs, beat)):
            pool.start()
            tell(f"worker {name}: {jobs} at a time for {shared}")
            worker = FolderWorker(shared, name, pool, private)
            try:
                _loop(worker, idle, tell)
            except OSError as error:
                raise RunFailed(f"pool folder {folder}: {error.strerror or error}") from error
            finally:
                worker.give_back()


def _loop(worker: "FolderWorker", idle: float | None, tell: Callable[[str], None]) -> None:
    last, pause = time.monotonic(), LOOK
    while True:
        busy = worker.step(pause) or bool(worker.claims)
        pause = LOOK if busy else min(1.5 * pause, SELDOM)
        now = time.monotonic()
        if busy or (idle is None and worker.sweeps()):
            last = now
        elif idle is None and worker.has_ended():
            return tell("the sweep has ended, or its folder is gone")
        elif now - last > (IDLE if idle is None else idle):
            return tell(f"nothing to do for {duration(now - last)}")


@dataclass
class CallClaim:
    """A call that this worker has claimed."""

    sweep: Path
    number: str
    file: Path
    """In the folder of claims; once it is gone, nobody waits for the result."""


@dataclass
class FolderWorker:
    """The claims of one worker."""

    folder: Path
    name: str
    pool: LocalPool
    private: Path
    claims: dict[Call, CallClaim] = field(default_factory=dict)
    joined: set[str] = field(default_factory=set)
    """Sweeps whose driver has the same versions."""
    _pulse: shared_folder.Pulse = field(default_factory=shared_folder.Pulse)
    _values: dict[Path, messages.SharedFile[object]] = field(default_factory=dict)
    _dropped: float = 0.0

    def sweeps(self) -> list[Path]:
        """Join the sweeps whose drivers live; their folders, by name.

        Raises:
            UserError: if versions differ from those of one of them.
        """
        found = []
        for name in sorted(shared_folder.listed(self.folder / SWEEPS)):
            driver, age = self._pulse.of(self.folder / SWEEPS / name / DRIVER)
            if driver is None or age > LEASE:
                continue
            if difference := this_machine().difference(driver.machine):
                raise UserError(
                    f"worker {self.name} cannot join the sweep of {driver.machine.host}: {difference}"
                )
            self.joined.add(name)
            found.append(self.folder / SWEEPS / name)
        return found

    def has_ended(self) -> bool:
        """Whether the sweeps that it has worked for are gone."""
        return bool(self.joined) and not any((self.folder / SWEEPS / name).exists() for name in self.joined)

    def step(self, seconds: float) -> bool:
        """Drop calls that nobody waits for, claim others, and wait so many seconds for results.

        Whether anything was claimed or done.
        """
        self._drop()
        before = len(self.claims)
        for sweep in self.sweeps() if before < self.pool.width else ():
            for number in sorted(shared_folder.listed(sweep / CALLS)):
                if len(self.claims) < self.pool.width:
                    self._claim(sweep, number)
        claimed = len(self.claims) > before
        if not self.claims:
            time.sleep(seconds)
            return False
        done = self.pool.poll(self.claims, seconds)
        if done is not None:
            self._answer(self.claims.pop(done.call), messages.answer_of(done))
        return claimed or done is not None

    def _drop(self) -> None:
        """End calls whose claim is gone, and forget values of sweeps that are."""
        now = time.monotonic()
        if now - self._dropped < shared_folder.BEAT:
            return
        self._dropped = now
        for call, claim in list(self.claims.items()):
            if not claim.file.exists():
                self.pool.cancel(call)
                del self.claims[call]
        for file in [file for file in self._values if not file.exists()]:
            shutil.rmtree(self.private / f"value-{file.name}", ignore_errors=True)
            del self._values[file]

    def give_back(self) -> None:
        """Hand calls that are not done to other workers."""
        for claim in self.claims.values():
            with contextlib.suppress(OSError):
                claim.file.rename(claim.sweep / CALLS / claim.number)
        self.claims.clear()

    def _claim(self, sweep: Path, number: str) -> None:
        """Take a waiting call, unless another worker was faster, and submit it to this machine's pool."""
        file = sweep / CLAIMED / f"{number}{AT}{self.name}"
        try:
            (sweep / CALLS / number).rename(file)
        except OSError:  # another worker was faster, or the driver does not want it any more
            return
        content = shared_folder.read(file)
        if content is None:  # withdrawn, or the disk did not give it: then a later look may read it
            with contextlib.suppress(OSError):
                file.rename(sweep / CALLS / number)
            return
        names, call = content
        shared = {name: self._value(sweep, name) for name in names}
        given = {name: value for name, value in shared.items() if value is not None}
        self.claims[self.pool.submit(messages.run, call, given)] = CallClaim(sweep, number, file)

    def _value(self, sweep: Path, name: str) -> messages.SharedFile[object] | None:
        """A value that calls name, copied once to this machine; ``None`` if it is gone."""
        file = sweep / SHARED / name
        if file not in self._values:
            blob = shared_folder.read(file)
            if blob is None:
                return None
            self._values[file] = blob.written(self.private / f"value-{name}")
        return self._values[file]

    def _answer(self, claim: CallClaim, answer: messages.Answer) -> None:
        """Write what became of a call; if the driver has ended there is nobody to tell."""
        with contextlib.suppress(FileNotFoundError):
            if claim.file.exists():
                shared_folder.publish_value(claim.sweep / RESULTS / claim.number, answer)
                claim.file.unlink(missing_ok=True)
