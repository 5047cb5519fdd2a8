"""How much memory may still be taken: of the machine, and within the limit of a container."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from sweeper import memory

GIB = 1 << 30


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with 8 GiB free, and a folder in the place of that of the control groups."""
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=8 * GIB))
    monkeypatch.setattr(memory, "GROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(memory, "MOUNT", tmp_path / "fs")
    return tmp_path


def group(folder: Path, version: int, limit: str, used: int, cached: int) -> None:
    """The files of a control group."""
    limit_file, usage_file, key = memory.FILES["" if version == 2 else "memory"]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / limit_file).write_text(f"{limit}\n")
    (folder / usage_file).write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 1\n{key} {cached}\n")


def test_this_machine_tells() -> None:
    """A whole number of bytes, no more than there are."""
    assert 0 < memory.free_memory() <= psutil.virtual_memory().total


def test_without_control_groups_the_machine_counts(groups: Path) -> None:
    """As on macOS and Windows, which have no /proc."""
    assert memory.free_memory() == 8 * GIB


@pytest.mark.parametrize(("version", "line"), [(2, "0::/job/mine"), (1, "4:cpu,memory:/job/mine")])
def test_the_limit_of_a_container_counts(groups: Path, version: int, line: str) -> None:
    """The tightest of the groups around the process: limit less usage, cached files given up."""
    (groups / "cgroup").write_text(f"7:pids:/other\n{line}\n")
    base = groups / "fs" / ("" if version == 2 else "memory")
    group(base / "job" / "mine", version, str(4 * GIB), used=3 * GIB, cached=GIB)
    assert memory.free_memory() == 2 * GIB
    group(base / "job", version, str(5 * GIB), used=4 * GIB, cached=0)
    assert memory.free_memory() == GIB
    group(base / "job", version, str(GIB), used=2 * GIB, cached=0)
    assert memory.free_memory() == 0


def test_a_path_of_the_host_leads_to_the_group_that_is_mounted(groups: Path) -> None:
    """In a container without a namespace of its own that path is not there; the files are at the top."""
    (groups / "cgroup").write_text("0::/docker/4711\n")
    group(groups / "fs", 2, str(2 * GIB), used=GIB, cached=0)
    assert memory.free_memory() == GIB


def test_a_group_without_limit_does_not_count(groups: Path) -> None:
    """``max`` in version 2."""
    (groups / "cgroup").write_text("0::/mine\n")
    group(groups / "fs" / "mine", 2, "max", used=3 * GIB, cached=0)
    assert memory.free_memory() == 8 * GIB


LOOP = """
import resource, sys
from sweeper.memory import keep_freed_memory
if "keep" in sys.argv:
    keep_freed_memory()
import numpy as np
def some():
    held = [np.ones(60_000) for _ in range(8)]
some()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(50):
    some()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's malloc")
def test_freed_memory_serves_again() -> None:
    """Arrays made again and again take fresh pages from the system no more than at first."""

    def faults_of(way: str) -> int:
        command = [sys.executable, "-c", LOOP, way]
        return int(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)

    faults = {way: faults_of(way) for way in ("keep", "leave")}
    assert faults["keep"] < 0.1 * faults["leave"]


MADE = """
import gc, sys
from sweeper.memory import collect_rarely
if "rarely" in sys.argv:
    collect_rarely()
before = gc.get_stats()[0]["collections"]
held = [[] for _ in range(100_000)]
print(gc.get_stats()[0]["collections"] - before)
"""


def test_what_stays_is_seldom_gone_through() -> None:
    """A hundred thousand objects that live on make the collector look a tenth as often, and not never."""
    looks = {
        way: int(
            subprocess.run(
                [sys.executable, "-c", MADE, way], capture_output=True, check=True, timeout=60
            ).stdout
        )
        for way in ("rarely", "often")
    }
    assert 0 < looks["rarely"] < 0.1 * looks["often"]
