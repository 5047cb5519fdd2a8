"""One module rounds: nobody else formats a float."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from import_graph import PACKAGE, nodes_of

ROUNDS = "wording.py"
ALONE = {
    "data/cells.py": "functions that scripts get a copy of; they write categories, which programs compare",
    "doctor": "runs where no package is installed, and wording needs numpy",
}
"""Who may not import it, and why."""
FLOAT = re.compile(r"[eEfFgGn%]$")
"""The types of a format that make a text of a float; widths, hexadecimal numbers and times have others."""
FIELD = re.compile(r"\{[\w.\[\]]*:[-+ ,#<>^\d.]*[eEfFgG]\}")
DATES = re.compile(r"%[A-Za-z]")


def formatted(source: str) -> Iterator[tuple[int, str]]:
    """Line and spec of every float that is formatted: f-strings, ``format``, ``str.format`` and ``%``."""
    for node in nodes_of(source):
        if isinstance(node, ast.FormattedValue) and node.format_spec is not None:
            spec = "".join(v.value if isinstance(v, ast.Constant) else "0" for v in node.format_spec.values)
            if FLOAT.search(spec) and not DATES.search(spec):
                yield node.lineno, spec
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "format":
            yield node.lineno, "format()"
        elif (
            isinstance(node, ast.BinOp)
            and isinstance(node.op, ast.Mod)
            and isinstance(node.left, ast.Constant)
        ):
            if isinstance(node.left.value, str) and re.search(r"%[-+ 0#.\d]*[eEfFgG]", node.left.value):
                yield node.lineno, "%"
        elif isinstance(node, ast.Constant) and FIELD.search(str(node.value)):
            yield node.lineno, str(node.value)


@pytest.mark.parametrize(
    "file", sorted(PACKAGE.rglob("*.py")), ids=lambda f: f.relative_to(PACKAGE).as_posix()
)
def test_one_module_rounds(file: Path) -> None:
    """A float that people read is rounded by a function of `sweeper.wording`; its docstring has the rule."""
    found = list(formatted(file.read_text(encoding="utf-8")))
    name = file.relative_to(PACKAGE).as_posix()
    assert not found or name == ROUNDS or name in ALONE or name.partition("/")[0] in ALONE, found


@pytest.mark.parametrize(
    "text",
    ['f"{x:.3g}"', 'f"{x:+.0f} %"', 'f"{x:.{d}e}"', '"%.2f" % x', '"{:.1f}".format(x)', 'format(x, ".2f")'],
)
def test_every_way_of_formatting_is_seen(text: str) -> None:
    """The search finds each way that Python has; a width, a thousands separator and a date are none."""
    assert list(formatted(text))
    harmless = 'f"{n:,}"', 'f"{name:8}"', 'f"{k:06d}"', 'f"{now:%H:%M}"', 'f"{x:04x}"'
    assert not any(list(formatted(each)) for each in harmless)
