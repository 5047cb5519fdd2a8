"""Which cases of the tests are slow: ``make test`` leaves them to ``make test-all``.

CI runs a part of them, another one after each change of the package.

This file writes the list from what pytest prints of a whole run:

    make test-all ARGS=--durations=0 > printed; .venv/bin/python tests/helpers/slow_cases.py printed
"""

import re
import sys
import zlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

LISTED = Path(__file__).parents[1] / "slow_cases.txt"
SHARE = 0.165
"""Of the time of all cases, which those that are not slow take together."""
CENTRAL = ("tests/equivalence/", "tests/training/stacked/native/")
"""What the product stands on: that its engines give the same numbers."""
LINE = re.compile(r"([\d.]+)s (?:call|setup|teardown)\s+(tests/\S+?::.*?)\s*$")


def listed() -> frozenset[str]:
    """The slow cases, as pytest names them."""
    return frozenset(LISTED.read_text(encoding="utf-8").splitlines())


def without_slow(
    items: Sequence[pytest.Item], parts: int = 0, turn: int = 0
) -> tuple[list[pytest.Item], list[pytest.Item]]:
    """Those that are not slow, and the others.

    Of the slow ones, too, those of some files are kept where there are `parts`: the part whose `turn` it is.
    """
    names, kept, left_out = listed(), list[pytest.Item](), list[pytest.Item]()
    for item in items:
        waits = item.nodeid in names and not (parts and part_of(item.nodeid, parts) == turn % parts)
        (left_out if waits else kept).append(item)
    return kept, left_out


def part_of(name: str, parts: int) -> int:
    """Which of the `parts` a case belongs to: whole files, which share what they set up."""
    return zlib.crc32(name.partition("::")[0].encode()) % parts


def turn_of(package: Path) -> int:
    """A number that follows from the code of the package, so that each change has its own."""
    return zlib.crc32(b"".join(file.read_bytes() for file in sorted(package.rglob("*.py"))))


def durations(printed: str) -> dict[str, float]:
    """Seconds of each case, set-up and clean-up included."""
    found: dict[str, float] = defaultdict(float)
    for line in printed.splitlines():
        if match := LINE.match(line.strip()):
            found[match[2]] += float(match[1])
    return dict(found)


def slow(seconds: Mapping[str, float], share: float = SHARE) -> list[str]:
    """The slowest cases, so many that the others take the `share` of all seconds.

    The fastest case of a test counts half, so that most tests are run with some case; what is `CENTRAL`
    counts a third.
    """
    tests: dict[str, float] = {}
    for name, time in seconds.items():
        tests[function_of(name)] = min(time, tests.get(function_of(name), time))
    counted = {
        name: time / (2 if time == tests[function_of(name)] else 1) / (3 if name.startswith(CENTRAL) else 1)
        for name, time in seconds.items()
    }
    left, found = sum(seconds.values()), []
    for name in sorted(seconds, key=lambda name: (-counted[name], name)):
        if left <= share * sum(seconds.values()):
            break
        left -= seconds[name]
        found.append(name)
    return sorted(found)


def function_of(name: str) -> str:
    """``tests/a.py::test_b`` of one of its cases, ``tests/a.py::test_b[c]``."""
    return name.partition("[")[0]


if __name__ == "__main__":
    names = slow(durations(Path(sys.argv[1]).read_text(encoding="utf-8")))
    LISTED.write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
