"""`Finding`: what the doctor found at one place, and how it is shown."""

import json
import shutil
import textwrap
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that was checked."""

    name: str
    ok: bool
    found: str
    fix: str = ""
    """How to mend it on this platform; where all is well, a hint or nothing."""


def show(findings: Sequence[Finding], *, as_json: bool = False) -> None:
    """Print `findings`: for people, or as JSON ``{"ok": …, "findings": [{name, ok, found, fix}, …]}``."""
    well = all(finding.ok for finding in findings)
    if as_json:
        print(json.dumps({"ok": well, "findings": [asdict(finding) for finding in findings]}, indent=2))
        return
    width = max(shutil.get_terminal_size().columns, 60)
    for finding in findings:
        print(_as_text(finding, width))
    wrong = sum(not finding.ok for finding in findings)
    print("all is well" if well else f"{wrong} of {len(findings)} need fixing; each has its fix below")


def _as_text(finding: Finding, width: int) -> str:
    indent = " " * 24
    head = f"{'ok' if finding.ok else 'WRONG':<7}{finding.name:<16} "
    lines = textwrap.wrap(finding.found, width, initial_indent=head, subsequent_indent=indent)
    label = "hint: " if finding.ok else "fix: "
    for step in finding.fix.splitlines():  # commands must not be torn apart: one line a step
        lines.append(indent + label + step)
        label = " " * len(label)
    return "\n".join(lines or [head.rstrip()])
