"""Every operation that changes a file, counted; one of them is killed or fails.

``python faults.py EVERY`` prints a line of JSON for the undisturbed run, and one for each run with a fault:
what that run did, and what the run that goes on left. Faults are one at every ``EVERY``-th operation, of each
kind in turn, or those of all kinds at all operations if it is 0. Each run is a fork of this process, which
has imported everything and trained once.
"""

import contextlib
import errno
import json
import os
import shutil
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

KILLED = 99
KILLS = ("before", "middle", "after")
ERRORS = ("ENOSPC", "EIO", "EROFS")
KINDS = (*KILLS, *ERRORS)
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
BY_PATH = ("mkdir", "unlink", "remove", "rename", "replace", "rmdir", "truncate")
BY_DESCRIPTOR = ("write", "fsync", "ftruncate")


@dataclass
class Faults:
    """The fault `kind` at operation number `point` below `root`; with ``ENOSPC`` also at all that follow."""

    root: Path
    point: int = -1
    kind: str = ""
    names: list[str] = field(default_factory=list)
    """What was done so far."""
    descriptors: dict[int, str] = field(default_factory=dict)

    def install(self) -> None:
        """For good: the process is one that ends soon."""
        for name in (*BY_PATH, "open"):
            setattr(os, name, self._by_path(name, getattr(os, name)))
        for name in BY_DESCRIPTOR:
            # Nobody pulls the plug here: what is written is there, synced or not.
            original = (lambda descriptor: None) if name == "fsync" else getattr(os, name)
            setattr(os, name, self._by_descriptor(name, original))

    def _inside(self, path: Any) -> bool:
        with contextlib.suppress(TypeError, ValueError):
            full = os.path.abspath(os.fsdecode(path))
            return any(full.startswith(str(self.root / part)) for part in ("runs", "reports"))
        return False

    def _by_path(self, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(path: Any, *arguments: Any, **options: Any) -> Any:
            changes = name != "open" or (arguments and arguments[0] & WRITING)
            if not (changes and self._inside(path)):
                return original(path, *arguments, **options)
            found = self._do(name, str(path), lambda: original(path, *arguments, **options))
            if name == "open":
                self.descriptors[found] = str(path)
            return found

        return guarded

    def _by_descriptor(self, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(descriptor: int, *arguments: Any) -> Any:
            path = self.descriptors.get(descriptor)
            if path is None or not self._still(descriptor):
                return original(descriptor, *arguments)
            half = None
            if name == "write":
                content = arguments[0]
                half = lambda: original(descriptor, content[: len(content) // 2])  # noqa: E731
            return self._do(name, path, lambda: original(descriptor, *arguments), half)

        return guarded

    def _still(self, descriptor: int) -> bool:
        with contextlib.suppress(OSError):
            return self._inside(os.readlink(f"/proc/self/fd/{descriptor}"))
        return False

    def _do(self, name: str, path: str, act: Callable[[], Any], half: Callable[[], Any] | None = None) -> Any:
        number = len(self.names)
        self.names.append(f"{name} {path}")
        here = number == self.point or (self.kind == "ENOSPC" and 0 <= self.point < number)
        if not here:
            return act()
        if self.kind in KILLS:
            if self.kind == "after":
                act()
            elif self.kind == "middle" and half is not None:
                half()
            os._exit(KILLED)
        if self.kind == "ENOSPC" and name in ("unlink", "remove", "ftruncate", "rmdir"):
            return act()  # a full disk lets one remove
        if half is not None:
            half()
        number = getattr(errno, self.kind)
        raise OSError(number, os.strerror(number), path)


def in_child(function: Callable[[], Any]) -> Any:
    """What `function` returns in a fork of this process; its exit status if it returns nothing."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            signal.alarm(60)
            os.close(reader)
            content = json.dumps(function()).encode()
            with os.fdopen(writer, "wb") as sink:
                sink.write(content)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as source:
        content = source.read()
    status = os.waitpid(child, 0)[1]
    return json.loads(content) if content else os.waitstatus_to_exitcode(status)


def faults_of(count: int, every: int) -> list[tuple[int, str]]:
    """(number of an operation, kind of fault) of each run, out of `count` operations."""
    if not every:
        return [(point, kind) for point in range(count) for kind in KINDS]
    return [(point, KINDS[k % len(KINDS)]) for k, point in enumerate(range(0, count, every))]


def main(every: int) -> None:
    """Print what runs did."""
    from quick_runs import digest, quick, run, write_study

    def faulty(folder: Path, point: int, kind: str) -> Any:
        faults = Faults(folder, point, kind)
        faults.install()
        code, _, told = run(folder)
        return {"code": code, "told": told, "names": faults.names}

    def resumed(folder: Path) -> Any:
        code, _, told = run(folder)
        return {"code": code, "told": told, "digest": digest(folder) if code == 0 else {}}

    import torch

    torch.set_num_threads(1)
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with quick(), tempfile.TemporaryDirectory(dir=memory) as place:

        def fresh(name: str) -> Path:
            folder = Path(place) / name
            folder.mkdir()
            write_study(folder)
            return folder

        warm = fresh("warm")
        run(warm)
        digest(warm)
        plain = fresh("plain")
        first = in_child(lambda: faulty(plain, -1, ""))
        print(json.dumps({**first, **in_child(lambda: resumed(plain))}), flush=True)
        for point, kind in faults_of(len(first["names"]), every):
            folder = fresh(f"{point}-{kind}")
            did = in_child(lambda: faulty(folder, point, kind))  # noqa: B023
            again = in_child(lambda: resumed(folder))  # noqa: B023
            print(json.dumps({"point": point, "kind": kind, "first": did, "again": again}), flush=True)
            shutil.rmtree(folder)


if __name__ == "__main__":
    main(int(sys.argv[1]))
