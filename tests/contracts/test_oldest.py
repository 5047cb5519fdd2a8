"""The lower bounds that pyproject.toml declares are those that `make oldest` installs."""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]


def test_the_oldest_versions_are_the_declared_ones() -> None:
    """Each direct dependency stands in constraints-oldest.txt with its lower bound, and nothing else does."""
    whole = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    project, build = whole["project"], whole["build-system"]["requires"]
    declared = {}
    for text in (*build, *project["dependencies"], *project["optional-dependencies"]["dev"]):
        requirement = Requirement(text)
        (lower,) = (part.version for part in requirement.specifier if part.operator == ">=")
        declared[requirement.name] = Version(lower)
    text = (ROOT / "constraints-oldest.txt").read_text(encoding="utf-8")
    pinned = {name: Version(version) for name, version in re.findall(r"^([\w-]+)==(\S+)$", text, re.M)}
    assert pinned == declared


def test_the_tests_with_the_oldest_versions_exist() -> None:
    """Every file or folder that the Makefile names for them is there."""
    block = re.search(r"^OLDEST_TESTS := ((?:.*\\\n)*.*)$", (ROOT / "Makefile").read_text("utf-8"), re.M)
    assert block
    names = block.group(1).replace("\\\n", " ").split()
    assert len(names) >= 5
    assert [name for name in names if not (ROOT / name).exists()] == []
