"""What the machine offers: a folder to write to, disk, cores, a compiler."""

import importlib
import os
import shutil
import sys
import tempfile
from importlib import metadata
from pathlib import Path

from sweeper.doctor.finding import Finding
from sweeper.doctor.fixes import fix

ENOUGH = 500e6
"""Bytes; a run of a thousand trials takes some ten million, a report a few million more."""
LONGEST = 260
"""Characters of a path that Windows takes unless told otherwise."""
DEEPEST = 100
"""Characters that a run adds to its folder's path, at most."""
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


def check_runs(runs: Path, long_paths: bool | None = None) -> Finding:
    """Files can be made where runs are kept; the folder itself is not made."""
    folder = nearest(runs)
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return Finding(
            "runs", False, f"{runs.absolute()} cannot be written to: {error.strerror or error}", fix("runs")
        )
    length = len(str(runs.absolute()))
    if length + DEEPEST > LONGEST and not (windows_long_paths() if long_paths is None else long_paths):
        return Finding(
            "runs",
            False,
            f"{runs.absolute()}: paths get too long for this Windows",
            fix("long_paths", "Windows"),
        )
    return Finding("runs", True, f"{runs.absolute()} can be written to")


def check_disk(runs: Path) -> Finding:
    """Room for the records of a few runs."""
    free = shutil.disk_usage(nearest(runs)).free
    return Finding("disk", free >= ENOUGH, f"{free / 1e9:.1f} GB free", "" if free >= ENOUGH else fix("disk"))


def check_cores() -> Finding:
    """Cores that this process may use, and thread settings that would compete for them."""
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    given = {name: os.environ[name] for name in THREADS if os.environ.get(name)}
    shown = ", ".join(f"{name}={value}" for name, value in given.items()) or "threads as torch chooses"
    wrong = [name for name, value in given.items() if not value.isdecimal() or int(value) < 1]
    if wrong:
        return Finding("cores", False, f"{cores}; {shown}: not a number of threads", fix("threads"))
    return Finding("cores", True, f"{cores}; {shown}; each worker trains with one thread")


def check_compiler() -> Finding:
    """What makes machine code of stacks; all trains without it."""
    try:
        # loaded late: it may be missing or broken
        llvm = importlib.import_module("llvmlite.binding")
        llvm.initialize_native_target()
        version = metadata.version("llvmlite")
    except ModuleNotFoundError:
        return Finding("compiler", True, "none (optional)", fix("compiler"))
    except Exception as error:  # whatever a broken installation raises
        shown = f"llvmlite is broken ({type(error).__name__}: {error}), so none (optional)"
        return Finding("compiler", True, shown, fix("compiler"))
    return Finding("compiler", True, f"llvmlite {version}, for stacks as machine code")


def nearest(folder: Path) -> Path:
    """`folder`, or the deepest one above it that exists."""
    return next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())


def windows_long_paths() -> bool:
    """Paths may be longer than 260 characters: everywhere but on a Windows that was not told so."""
    if sys.platform != "win32":
        return True
    # loaded late: exists on Windows alone
    import winreg

    try:
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, r"SYSTEM\CurrentControlSet\Control\FileSystem") as key:
            return bool(winreg.QueryValueEx(key, "LongPathsEnabled")[0])
    except OSError:
        return False
