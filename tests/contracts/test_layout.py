"""Files stay short, say what they are for, and name no machine that they were written on."""

import ast
import re
from pathlib import Path

import pytest

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


def written_files() -> list[Path]:
    """Every text file that people wrote, without what programs leave behind."""
    found = []
    for path in sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        made = any(p in LEFT_OUT or p.endswith((".egg-info", "cache", "__pycache__")) for p in parts[:-1])
        hidden = any(p.startswith(".") and p not in {".ci", ".gitignore"} for p in parts)
        if path.is_file() and path.suffix in WRITTEN and not made and not hidden:
            found.append(path)
    return found


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


@pytest.mark.parametrize("path", CODE, ids=shown)
def test_modules_are_short(path: Path) -> None:
    """A module that needs more lines than this holds a second idea."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST


@pytest.mark.parametrize("path", FILES, ids=shown)
def test_no_file_names_a_machine(path: Path) -> None:
    """What is committed works anywhere: no path, tool or host of the place where it was written."""
    lines = path.read_text(encoding="utf-8").splitlines()
    found = [
        f"{shown(path)}:{number} names {what}: {line.strip()}"
        for number, line in enumerate(lines, 1)
        for what, pattern in FORBIDDEN.items()
        if re.search(pattern, line)
    ]
    assert found == []


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
    assert any(re.search(pattern, line) for pattern in FORBIDDEN.values()) is not clean


@pytest.mark.parametrize("path", [p for p in CODE if p.stat().st_size], ids=shown)
def test_every_module_says_what_it_is_for(path: Path) -> None:
    """A module starts with a docstring."""
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", TESTS, ids=shown)
def test_every_test_says_what_must_hold(path: Path) -> None:
    """A failing test explains itself by its docstring."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    silent = [f.name for f in functions if f.name.startswith("test_") and not ast.get_docstring(f)]
    assert silent == []
