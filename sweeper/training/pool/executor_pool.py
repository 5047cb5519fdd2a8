"""The pool of any ``concurrent.futures.Executor``: threads, processes, MPI, SLURM jobs."""

import os
import uuid
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import CancelledError, Executor, Future
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sweeper.errors import StateKept
from sweeper.training.pool import messages, node
from sweeper.training.pool.folder import private_folder
from sweeper.training.pool.futures_pool import FuturesPool, Signs
from sweeper.training.pool.interface import Lost
from sweeper.training.pool.machine import host, this_machine

WIDTH = ("_max_workers", "max_workers")
"""Attributes in which executors keep how many workers they have; none is public."""


@contextmanager
def executor_pool(
    executor: Executor, width: int, tell: Callable[[str], None], prepare: Callable[[], object]
) -> Iterator[FuturesPool]:
    """The pool of an executor, which stays open; `width` stands where it does not say its own."""
    driver = node.Driver(this_machine(), prepare)
    with (
        private_folder() as folder,
        closing(FuturesPool(ExecutorBackend(executor, width, folder, driver), tell)) as pool,
    ):
        yield pool


class ExecutorBackend:
    """`Backend` of an executor.

    Nothing can end a call that an executor has started. So each has a file here; its worker, if it is on this
    machine, touches that now and then, as a sign of life, and ends the call when the file is gone.
    """

    def __init__(self, executor: Executor, width: int, folder: Path, driver: node.Driver) -> None:
        self._executor, self._folder, self._driver = executor, folder, driver
        told = (getattr(executor, name, None) for name in WIDTH)
        self._width = next((each for each in told if isinstance(each, int)), width)
        self._files: dict[Any, tuple[Path, int]] = {}  # and when it was made
        self._signs = Signs()
        self._temporary = _identity(folder.parent)
        self._inline = False

    def width(self) -> int:
        """`Backend.width`"""
        return self._width

    def put(self, blob: messages.Blob) -> messages.BlobFile:
        """`Backend.put`: an executor sends all arguments with every call, so it is a file of this machine.

        Once a worker has not seen such a file, values travel with the calls.
        """
        file = self._folder / f"blob-{blob.name}"
        file.write_bytes(messages.dumps(blob))
        return messages.BlobFile(blob.name, file)

    def start(self, call: bytes, values: list[Any], then: Callable[[], None]) -> "Future[messages.Answer]":
        """`Backend.start`"""
        file = self._folder / uuid.uuid4().hex
        file.touch()
        made = file.stat().st_mtime_ns
        given = tuple(each.load() if self._inline else each for each in values)
        try:
            future = self._executor.submit(_run, call, self._driver, given, str(file), self._temporary)
        except RuntimeError as error:  # shut down, or broken by a worker that died
            raise StateKept(f"the executor takes no more calls: {error}; give another one") from error
        self._files[future] = (file, made)
        future.add_done_callback(lambda _: then())
        return future

    def answer(self, future: "Future[messages.Answer]") -> messages.Answer | Lost:
        """`Backend.answer`"""
        self._forget(future)
        try:
            answer = future.result()
        except CancelledError:
            return Lost("its executor cancelled it")
        except Exception as error:  # each kind has its own, and their workers run nothing that raises
            return Lost(f"its executor lost it: {type(error).__name__}: {error}"[:300])

        self._inline |= answer.missing
        return answer

    def stop(self, future: "Future[messages.Answer]") -> None:
        """`Backend.stop`"""
        future.cancel()
        self._forget(future)

    def silent(self) -> Collection[Any]:
        """`Backend.silent`: a call that waits for its turn has given no sign yet."""
        touched = {future: (file.stat().st_mtime_ns, made) for future, (file, made) in self._files.items()}
        return self._signs.silent({f: None if now == made else now for f, (now, made) in touched.items()})

    def check(self) -> None:
        """`Backend.check`: an executor does not tell; `start` does."""

    def close(self) -> None:
        """`Backend.close`"""

    def _forget(self, future: Any) -> None:
        if (known := self._files.pop(future, None)) is not None:
            known[0].unlink(missing_ok=True)


def _identity(folder: Path) -> tuple[str, int, int] | None:
    """Equal where two processes see the same folder under its path: they share a machine and its files."""
    try:
        entry = folder.stat()
    except OSError:
        return None
    return host(), entry.st_dev, entry.st_ino


def _run(
    call: bytes,
    driver: node.Driver,
    blobs: tuple[messages.Blob | messages.BlobFile, ...],
    lifeline: str,
    temporary: tuple[str, int, int] | None,
) -> messages.Answer:
    """In a worker of the executor; a call may be unwanted before it starts here."""
    file = Path(lifeline)
    shared = _identity(file.parent.parent) == temporary
    return node.run_call(call, driver, blobs, lambda: shared and not _touched(file))


def _touched(file: Path) -> bool:
    """Whether it is still there."""
    try:
        os.utime(file)
    except FileNotFoundError:
        return False
    return True
