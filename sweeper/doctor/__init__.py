"""Is this machine fit? Every check looks at one thing and says how to mend it.

Nothing here imports torch, or any other part of this package: it has to run where those are broken.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

from sweeper.doctor.apart import TORCH_SECONDS, WORKER_SECONDS, check_torch_apart, check_workers
from sweeper.doctor.finding import Finding, show
from sweeper.doctor.fixes import fix
from sweeper.doctor.machine import (
    check_compiler,
    check_cores,
    check_disk,
    check_environment,
    check_packages,
    check_python,
    check_runs,
    check_tested,
)

__all__ = ["Finding", "diagnose", "show"]

LIMITS = {"torch": TORCH_SECONDS, "workers": WORKER_SECONDS}
"""Checks that may take long, and the most seconds that each is given."""
Check = Callable[[], Finding | Iterable[Finding]]


def diagnose(runs: Path = Path("runs"), tell: Callable[[str], None] = lambda line: None) -> list[Finding]:
    """All findings, in the order in which they should be mended. Takes a few seconds where all is well.

    Args:
        runs: where runs would be kept.
        tell: is given a line before a check that may take long.
    """
    checks: dict[str, Check] = {
        "python": check_python,
        "environment": check_environment,
        "packages": check_packages,
        "tested versions": check_tested,
        "torch": check_torch_apart,
        "workers": check_workers,
        "runs": lambda: check_runs(runs),
        "disk": lambda: check_disk(runs),
        "cores": check_cores,
        "compiler": check_compiler,
    }
    findings = list[Finding]()
    for name, check in checks.items():
        if name in LIMITS:
            tell(f"checking {name}, at most {LIMITS[name]:g} s")
        findings += examine(name, check)
    return findings


def examine(name: str, check: Check) -> list[Finding]:
    """The findings of `check`; a check that raises is itself a finding, and the others go on."""
    try:
        findings = check()
    except Exception as error:  # a broken installation breaks in ways nobody lists
        return [Finding(name, False, f"cannot be checked: {type(error).__name__}: {error}", fix("check"))]
    return [findings] if isinstance(findings, Finding) else list(findings)
