"""The interpreter, its environment, and the installed packages against what pyproject.toml asks for."""

import os
import platform
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from sweeper.doctor.finding import Finding
from sweeper.doctor.fixes import fix
from sweeper.version import DISTRIBUTION

OLDEST = (3, 11)


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
