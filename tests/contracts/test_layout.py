"""Files stay short, say what they are for, and name no machine that they were written on."""

import ast
import os
import re
from collections.abc import Callable, Iterable
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from import_graph import nodes_of

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = {".git", ".venv", "runs", "reports", "build", "dist", "node_modules"}
WRITTEN = {
    ".py",
    ".toml",
    ".txt",
    ".md",
    ".html",
    ".j2",
    ".css",
    ".js",
    ".cfg",
    ".ini",
    ".yml",
    ".yaml",
    ".sh",
    "",
}
LONGEST = 350

# Put together from halves, so that this file does not contain them.
HOST = r"(?<![\w.-])"
FORBIDDEN = {
    "a path of one machine": HOST + "/(?:wo" + "rk|t" + "mp|op" + "t|ro" + "ot|ho" + r"me)/[\w.]",
    "a folder beside the project": r"\.\./(?:sha" + r"red|\.libr" + "ary)",
    "the tools of one workplace": r"(?<!\w)\.libr" + r"ary\b|far" + r"m-(?:stu" + "dio|ben" + "ch)",
    "a package registry": "py"
    + r"pi\.org|pythonho"
    + r"sted|(?:ind"
    + r"ex|fi"
    + r"nd)-(?:u"
    + "rl|li"
    + "nks)",
}
DOCSTRING = re.compile(r'(?:#.*\n|\s)*r?"""(?!"")\s*\S')
"""How a module starts that has one: reading its whole code takes a hundred times as long."""
PATTERNS = {what: re.compile(pattern) for what, pattern in FORBIDDEN.items()}


def written_files() -> list[Path]:
    """Every text file that people wrote, without what programs leave behind."""
    found = []
    for place, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if not (name in LEFT_OUT or made(name) or hidden(name))]
        found += [Path(place) / name for name in names if not hidden(name)]
    return sorted(path for path in found if path.suffix in WRITTEN and path.is_file())


def made(folder: str) -> bool:
    """Programs made it."""
    return folder.endswith((".egg-info", "cache", "__pycache__"))


def hidden(name: str) -> bool:
    """It is out of sight, and not one of the two that people wrote."""
    return name.startswith(".") and name not in {".ci", ".gitignore"}


def shown(path: Path) -> str:
    """Path for a test's name."""
    return path.relative_to(ROOT).as_posix()


FILES = written_files()
CODE = [path for path in FILES if path.suffix == ".py"]
TESTS = [path for path in CODE if path.name.startswith("test_")]


def test_the_files_are_found() -> None:
    """The lists that the other tests go through hold what they must hold."""
    names = {shown(path) for path in FILES}
    assert {
        "Makefile",
        ".ci/run",
        "pyproject.toml",
        "constraints.txt",
        "sweeper/cli.py",
        "studies/digits.toml",
    } <= names
    assert Path(__file__).resolve() in TESTS


def found_in(paths: Iterable[Path], complaint: Callable[[Path], list[str]]) -> list[str]:
    """Complaints about files, each with its name; one test for all of them, as each takes milliseconds."""
    return [f"{shown(path)}: {said}" for path in paths for said in complaint(path)]


@cache
def text_of(path: Path) -> str:
    """What is written in a file."""
    return path.read_text(encoding="utf-8")


def test_modules_are_short() -> None:
    """A module that needs more lines than this holds a second idea."""
    lengths = {shown(path): len(text_of(path).splitlines()) for path in CODE}
    assert {path: lines for path, lines in lengths.items() if lines > LONGEST} == {}


PIECE = re.compile(r'( *)f?"((?:[^"\\]|\\.)*)"(\)*,?)')
ROOM, WIDTH = 20, 110
"""Columns that the first words of the next piece of a text would leave free, from which it stands alone."""


def test_texts_are_wrapped_where_their_lines_are_full() -> None:
    """A sentence in several pieces is no leftover of edits: no piece ends where the next word had room."""

    def early(path: Path) -> list[str]:
        lines = text_of(path).splitlines()
        pairs = pairwise(lines)
        return [
            f"line {n}: {line.strip()}" for n, (line, after) in enumerate(pairs, 1) if _early(line, after)
        ]

    assert found_in([path for path in CODE if shown(path).startswith("sweeper/")], early) == []


def _early(line: str, after: str) -> bool:
    """Whether two lines are pieces of one text, and the first word of the second fits the first one."""
    one, other = PIECE.fullmatch(line), PIECE.fullmatch(after)
    if not one or not other or one[3] or one[1] != other[1] or other[2].startswith((" ", "{")):
        return False
    return len(line) + len(other[2].split(" ")[0]) <= WIDTH - ROOM


@pytest.mark.parametrize(
    ("line", "after", "early"),
    [
        ('    "a sentence "', '    "in two pieces",', True),
        ('    "a sentence, "', '    "another one",', True),
        ('    "one",', '    "two",', False),
        (f'    "{"a word " * 13}"', '    "and the rest"', False),
    ],
)
def test_pieces_of_a_text_are_told_from_items(line: str, after: str, early: bool) -> None:
    """Items of a list end with a comma; a full line is no complaint."""
    assert _early(line, after) is early


def test_no_file_names_a_machine() -> None:
    """What is committed works anywhere: no path, tool or host of the place where it was written."""

    def named(path: Path) -> list[str]:
        lines = text_of(path).splitlines() if kinds_of(text_of(path)) else []
        return [
            f"line {n} names {kinds_of(line)}: {line}" for n, line in enumerate(lines, 1) if kinds_of(line)
        ]

    assert found_in(FILES, named) == []


def kinds_of(text: str) -> list[str]:
    """What a text names that it must not."""
    return [what for what, pattern in PATTERNS.items() if pattern.search(text)]


@pytest.mark.parametrize(
    ("line", "clean"),
    [
        ("see /wo" + "rk/main", False),
        ("cp a /t" + "mp/b", False),
        ("'/ro" + "ot/.cache'", False),
        ("read ../sha" + "red/NOTES.md", False),
        ("pip install --extra-ind" + "ex-url x", False),
        ("https://py" + "pi.org/simple", False),
        ("framework/tmpl", True),
        ("https://pytorch.org/get-started", True),
        ("tmp_path / 'x'", True),
    ],
)
def test_forbidden_words_are_seen(line: str, clean: bool) -> None:
    """The patterns catch what they are for, and spare what only looks alike."""
    assert bool(kinds_of(line)) is not clean


def test_no_import_changes_which_warnings_are_shown() -> None:
    """Filters of warnings belong to the user's process: here they are set for a block or in workers alone."""
    at_import = re.compile(r"^warnings\.(?:filter|simplefilter|reset)", re.M)
    package = [path for path in CODE if shown(path).startswith("sweeper/")]
    assert [shown(path) for path in package if at_import.search(text_of(path))] == []


def test_every_module_says_what_it_is_for() -> None:
    """A module starts with a docstring."""
    assert [shown(path) for path in CODE if text_of(path) and not DOCSTRING.match(text_of(path))] == []


def test_every_test_says_what_must_hold() -> None:
    """A failing test explains itself by its docstring."""

    def silent(path: Path) -> list[str]:
        functions = [node for node in nodes_of(text_of(path)) if isinstance(node, ast.FunctionDef)]
        return [f.name for f in functions if f.name.startswith("test_") and not ast.get_docstring(f)]

    assert found_in(TESTS, silent) == []
