"""The machine and the Python on it: versions of packages, a folder to write to, disk, cores, a compiler."""

import importlib
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from sweeper.doctor.finding import Finding
from sweeper.doctor.fixes import fix
from sweeper.version import DISTRIBUTION

ENOUGH = 500e6
"""Bytes; a run of a thousand trials takes some ten million, a report a few million more."""
LONGEST = 260
"""Characters of a path that Windows takes unless told otherwise."""
DEEPEST = 100
"""Characters that a run adds to its folder's path, at most."""
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
OLDEST = (3, 11)


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
    whole = folder.absolute()
    return next((each for each in (whole, *whole.parents) if os.path.exists(each)), Path(whole.anchor))


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


def check_python(
    version: tuple[int, ...] = sys.version_info[:3], bits: int = sys.maxsize.bit_length() + 1
) -> Finding:
    """Python 3.11 or newer, 64 bits (torch has no other wheels)."""
    shown = f"{'.'.join(map(str, version))}, {bits} bits, {platform.system()} {platform.machine()}"
    ok = version >= OLDEST and bits >= 64
    return Finding(
        "python",
        ok,
        shown if ok else f"{shown}; 3.11 or newer with 64 bits is needed",
        "" if ok else fix("python"),
    )


def check_environment() -> Finding:
    """A virtual environment or not: both work, one is tidier."""
    if sys.prefix != sys.base_prefix:
        return Finding("environment", True, f"virtual environment {sys.prefix}")
    if os.environ.get("CONDA_PREFIX"):
        return Finding("environment", True, f"conda environment {os.environ['CONDA_PREFIX']}")
    return Finding("environment", True, f"none: the packages of {sys.prefix} are used", fix("environment"))


def check_packages(requirements: Iterable[str] | None = None) -> Finding:
    """Every package that is needed is installed, in a version inside its range."""
    # loaded late: it may be missing or broken, which is a finding
    from packaging.requirements import Requirement

    if requirements is None:
        try:
            requirements = metadata.requires(DISTRIBUTION) or ()
        except metadata.PackageNotFoundError:
            return Finding("packages", False, "sweeper itself is not installed, only found", fix("packages"))
    needed = [Requirement(text) for text in requirements]
    needed = [r for r in needed if r.marker is None or r.marker.evaluate({"extra": ""})]
    wrong = []
    for requirement in needed:
        version = installed(requirement.name)
        if version is None:
            wrong.append(f"{requirement.name} is missing ({requirement.specifier} is needed)")
        elif not requirement.specifier.contains(version, prereleases=True):
            wrong.append(f"{requirement.name} is {version} ({requirement.specifier} is needed)")
    if wrong:
        return Finding("packages", False, "; ".join(wrong), fix("packages"))
    return Finding("packages", True, f"all {len(needed)} that are needed, in versions that fit")


def check_tested(constraints: str | None = None) -> Finding:
    """What differs from the versions of constraints.txt: allowed, but then untested."""
    # loaded late: it may be missing or broken, which is a finding
    from packaging.requirements import Requirement

    text = read_constraints() if constraints is None else constraints
    lines = (line.strip() for line in text.splitlines())
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    pins = [pin for pin in pins if pin.marker is None or pin.marker.evaluate()]
    versions = [(pin, installed(pin.name)) for pin in pins]
    differ = [
        f"{pin.name} {version} (tested: {str(pin.specifier).removeprefix('==')})"
        for pin, version in versions
        if version is not None and not pin.specifier.contains(version, prereleases=True)
    ]
    same = sum(version is not None for _, version in versions) - len(differ)
    if differ:
        return Finding("tested versions", True, f"{same} as tested; not {'; '.join(differ)}", fix("tested"))
    return Finding("tested versions", True, f"all {same} packages are in the versions that were tested")


def installed(name: str) -> str | None:
    """The installed version of a package; ``None`` if it is missing or its installation was torn off."""
    try:
        version: str | None = metadata.version(name)
    except (metadata.PackageNotFoundError, KeyError):
        return None
    return version


def read_constraints() -> str:
    """constraints.txt: the checkout's, or the copy that was installed with the package."""
    checkout = Path(__file__).resolve().parents[2] / "constraints.txt"
    if checkout.is_file():
        return checkout.read_text(encoding="utf-8")
    return metadata.distribution(DISTRIBUTION).read_text("extra_metadata/constraints.txt") or ""
