"""How much memory a process may still take: what the machine has free, within the limits of its container.

And how a process of its own deals with what it has freed.
"""

import ctypes
import gc
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

GROUPS, MOUNT = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")
"""Which control groups this process is in, and where they are mounted; Linux alone has them."""
FILES = {
    "": ("memory.max", "memory.current", "inactive_file"),
    "memory": ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}
"""Controller (none: the unified hierarchy, version 2) -> files of limit and usage, and the key in
``memory.stat`` of cached files that the system gives up first."""

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's ``mallopt``."""
KEPT, LARGEST_KEPT = 256 * 2**20, 32 * 2**20
"""Bytes of freed memory that a process keeps, in pieces of at most so many; more glibc does not take."""


def keep_freed_memory() -> None:
    """What this process frees serves it again; else glibc gives arrays back to the system and gets them anew.

    Fresh pages cost more than the arithmetic on arrays of some 100 KB: half of the time of a proposal of the
    search. For processes of our own alone; other systems and C libraries stay as they are.
    """
    if sys.platform != "linux" or not hasattr(library := ctypes.CDLL(None), "mallopt"):
        return
    library.mallopt(M_MMAP_THRESHOLD, LARGEST_KEPT)
    library.mallopt(M_TRIM_THRESHOLD, KEPT)


COLLECTED_AFTER = 20_000
"""New objects after which the garbage collector looks at them; Python's own number is 700."""


def collect_rarely() -> None:
    """The garbage collector goes less often through what lives as long as a run: results, tables, figures.

    For processes of our own alone.
    """
    gc.set_threshold(COLLECTED_AFTER, *gc.get_threshold()[1:])


def free_memory() -> int:
    """Bytes, on Linux, macOS and Windows alike."""
    return max(min([int(psutil.virtual_memory().available), *_left_in_groups()]), 0)


def _left_in_groups() -> Iterator[int]:
    """What is left to each group around this process that has a limit; may be below 0."""
    try:
        lines = GROUPS.read_text(encoding="utf-8").splitlines()
    except OSError:  # no Linux
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        for controller in FILES.keys() & set(controllers.split(",")):
            base = MOUNT / controller
            inner = base / path.lstrip("/")
            # Inside a container the path may be that of the host: what is mounted then is the group itself.
            for group in (inner, *inner.parents):
                if group.is_relative_to(base):
                    yield from _left(group, *FILES[controller])


def _left(group: Path, limit: str, usage: str, cached: str) -> Iterator[int]:
    try:
        most = (group / limit).read_text(encoding="ascii").strip()
        used = int((group / usage).read_text(encoding="ascii"))
        stat = dict(line.split() for line in (group / "memory.stat").read_text("ascii").splitlines())
    except (OSError, ValueError):  # not mounted, not ours to read, or of no such controller
        return
    if most != "max":
        yield int(most) - used + int(stat.get(cached, 0))
