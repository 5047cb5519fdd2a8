"""Ends a process of tests that hangs: names the test, shows what its threads do, kills it and its children.

pytest-timeout raises an exception in the test, which a main thread that is blocked in C never sees, and which
code that catches everything swallows; a fork that is left keeps the connection to pytest-xdist open. So a
process of its own watches, and needs nothing of the one that hangs. Run as a program it reads a line when a
test begins, its seconds and its name, and an empty one when it ends.
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

GRACE = 60.0
"""Seconds past the limit of a test: pytest-timeout comes first."""
LOOK = 5.0
"""Seconds between two looks whether the watched process is there."""

_guard: "subprocess.Popen[bytes] | None" = None


def limit_of(item: pytest.Item) -> float:
    """Seconds that pytest-timeout gives `item`; 0: no limit."""
    mark = item.get_closest_marker("timeout")
    given = mark.args[0] if mark is not None and mark.args else item.config.getoption("timeout", None)
    return float(given if given is not None else item.config.getini("timeout") or 0)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Tell the guard of this process when a test begins and ends."""
    limit = limit_of(item)
    if limit <= 0 or sys.platform == "win32":
        return (yield)
    grace = float(os.environ.get("SWEEPER_TEST_GRACE", GRACE))
    _tell(item, f"{limit + grace} {item.nodeid}")
    try:
        return (yield)
    finally:
        _tell(item, "")


def pytest_sessionfinish() -> None:
    """End the guard, and forks that tests left: these hold the connection that pytest-xdist waits for."""
    if _guard is not None:
        with _guard:
            _guard.kill()
    own = Path("/proc/self/cmdline")
    if own.exists():
        forks = [each for each in descendants(os.getpid()) if _command(each) == own.read_bytes()]
        kill(forks)


def _command(process: int) -> bytes:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:  # gone meanwhile
        return b""


def _tell(item: pytest.Item, line: str) -> None:
    global _guard
    if _guard is None:
        capture = item.config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled():  # it writes to the terminal, or to the log
            command = [sys.executable, "-I", __file__, str(os.getpid())]
            _guard = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    assert _guard.stdin is not None
    _guard.stdin.write(line.encode("utf-8", "replace") + b"\n")
    _guard.stdin.flush()


def watch(process: int) -> None:
    """Until `process` ends."""
    text, ends, name = b"", float("inf"), ""
    while os.getppid() == process:
        left = ends - time.monotonic()
        if left <= 0:
            end(process, name)
            return
        if not select.select([0], [], [], min(left, LOOK))[0]:
            continue
        if not (more := os.read(0, 1 << 16)):
            return
        *lines, text = (text + more).split(b"\n")
        for line in lines:
            seconds, _, name = line.decode("utf-8").partition(" ")
            ends = time.monotonic() + float(seconds) if seconds else float("inf")


def end(process: int, name: str) -> None:
    """Say which test it is; the process itself shows its stacks, by faulthandler's handler of SIGABRT."""
    print(f"\n{name} hangs: its process {process} is ended. What it was doing:", file=sys.stderr, flush=True)
    os.kill(process, signal.SIGSTOP)  # no more children from now on
    kill([each for each in descendants(process) if each != os.getpid()])
    os.kill(process, signal.SIGABRT)
    os.kill(process, signal.SIGCONT)
    written = time.monotonic() + 2
    while os.getppid() == process and time.monotonic() < written:
        time.sleep(0.02)
    kill([process])


def kill(processes: list[int]) -> None:
    """By force."""
    for each in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)


def descendants(process: int) -> list[int]:
    """Processes below `process`, where the system tells."""
    children: dict[int, list[int]] = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(file.read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):  # gone meanwhile
            continue
        children.setdefault(parent, []).append(int(file.parent.name))
    found = [process]
    for each in found:
        found += children.get(each, [])
    return found[1:]


if __name__ == "__main__":
    watch(int(sys.argv[1]))
