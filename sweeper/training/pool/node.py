"""Calls of a driver elsewhere, each in a process of its own beside the worker that a foreign engine has here.

Workers of Dask or of an executor may be threads, may be shared by several drivers, and may have any state;
calls that train need a process with one thread, seeds and precision of its own, and may end it.
"""

import atexit
import contextlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.util import Finalize
from pathlib import Path

from sweeper.training.pool import messages
from sweeper.training.pool.descendants import allow_descendants
from sweeper.training.pool.devices import gpus, least_used
from sweeper.training.pool.folder import private_folder
from sweeper.training.pool.local import LocalPool
from sweeper.training.pool.machine import Machine, host, this_machine
from sweeper.training.pool.messages import Answer, Blob, BlobFile, SharedFile

IDLE = 30.0
"""Seconds after which a process without a call is ended."""
LOOK = 0.25
"""Seconds between two looks whether the driver still wants a call."""
KEPT = 8
"""Shared values that lie in files at most."""


@dataclass(frozen=True)
class Driver:
    """Whose calls they are, and what processes do before their first one."""

    machine: Machine
    prepare: Callable[[], object]


def run_call(
    call: bytes,
    driver: Driver,
    blobs: Sequence[Blob | BlobFile],
    unwanted: Callable[[], bool] = lambda: False,
) -> Answer:
    """What becomes of `call` in a process of its own.

    Args:
        call: of `messages.dumps`.
        driver: whose call it is; one with other versions is refused.
        blobs: values that the call names.
        unwanted: asked now and then; the process is ended once it says so.
    """
    if difference := this_machine().difference(driver.machine):
        return Answer(host(), refused=difference)
    house = _house()
    try:
        files = {blob.name: house.file_of(blob) for blob in blobs}
    except FileNotFoundError:
        return Answer(host(), missing=True)
    pool = house.taken(driver.prepare)
    try:
        number = pool.submit(messages.run, call, files)
        while (done := pool.poll([number], LOOK)) is None:
            if unwanted():
                pool.cancel(number)
                return Answer(host())
        return messages.answer_of(done)
    finally:
        house.put_back(driver.prepare, pool)


_Room = tuple[Callable[[], object], str]
"""What a process has called first, and its GPU."""


class House:
    """The processes of this worker that run calls, and the shared values on this machine."""

    def __init__(self) -> None:
        self._open, self._lock = ExitStack(), threading.Lock()
        self.folder = self._open.enter_context(private_folder())
        self._idle: list[tuple[float, _Room, LocalPool]] = []
        self._used: dict[LocalPool, str] = {}
        self._made = 0
        self._files: OrderedDict[str, SharedFile[object]] = OrderedDict()
        self._closed = threading.Event()
        # Processes that a pool of another library made may not have any of their own; these end with it.
        allow_descendants()
        atexit.register(self.close)
        # A process of multiprocessing first waits for those it has started, and asks atexit later.
        Finalize(None, self.close, exitpriority=0)
        threading.Thread(target=self._end_idle, daemon=True, name="sweeper-node").start()

    def taken(self, prepare: Callable[[], object]) -> LocalPool:
        """A pool of one process that no other thread has, and that has called `prepare`.

        It sees one GPU, the one that fewest other calls use, of those that this process sees now: Ray and
        others change that from call to call.
        """
        with self._lock:
            device = least_used(gpus(), self._used.values())
            room = (prepare, device)
            at = next((k for k, (_, other, _) in enumerate(self._idle) if other == room), None)
            pool = self._made_for(room) if at is None else self._idle.pop(at)[2]
            self._used[pool] = device
            return pool

    def _made_for(self, room: _Room) -> LocalPool:
        self._made += 1
        folder = self.folder / f"process-{self._made}"
        folder.mkdir()
        prepare, device = room
        return LocalPool(folder, 1, prepare, [device])

    def put_back(self, prepare: Callable[[], object], pool: LocalPool) -> None:
        """For the next call."""
        with self._lock:
            self._idle.insert(0, (time.monotonic(), (prepare, self._used.pop(pool)), pool))

    def file_of(self, blob: Blob | BlobFile) -> SharedFile[object]:
        """The value in files, written by the first call that names it; the last `KEPT` values stay."""
        with self._lock:
            if blob.name not in self._files:
                self._files[blob.name] = blob.load().written(self.folder / blob.name)
            self._files.move_to_end(blob.name)
            while len(self._files) > KEPT:
                _, old = self._files.popitem(last=False)
                _delete(old.file.parent)
            return self._files[blob.name]

    def close(self) -> None:
        """End all processes."""
        self._closed.set()
        self._end(before=float("inf"))
        self._open.close()

    def _end_idle(self) -> None:
        while not self._closed.wait(IDLE / 4):
            self._end(before=time.monotonic() - IDLE)

    def _end(self, before: float) -> None:
        with self._lock:
            old = [pool for since, _, pool in self._idle if since <= before]
            self._idle = [each for each in self._idle if each[0] > before]
        for pool in old:
            pool.close()


def _delete(folder: Path) -> None:
    for file in folder.iterdir():
        with contextlib.suppress(OSError):
            file.unlink()


_made: list[House] = []
_making = threading.Lock()


def _house() -> House:
    """The one of this process."""
    with _making:
        if not _made:
            _made.append(House())
        return _made[0]
