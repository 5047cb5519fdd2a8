"""Nothing of the package needs a POSIX system: what Windows lacks is asked for before it is used."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from import_graph import MODULES, name_of, parsed
from without_posix import MODULES_OF_POSIX, NAMES_OF_POSIX

HELPERS = Path(__file__).resolve().parents[1] / "helpers"
ATTRIBUTES = {f"{module.__name__}.{name}": name for module, names in NAMES_OF_POSIX.items() for name in names}
LAST = {name for name in ATTRIBUTES.values()}
WORDS = re.compile("|".join(sorted(LAST | set(MODULES_OF_POSIX))))
GUARDS = ("fcntl is None", "fcntl is not None", 'sys.platform == "linux"', "except ImportError")
"""What also asks whether this is POSIX."""


def unguarded(source: str) -> list[str]:
    """Uses of POSIX-only names that nothing in the same function, or at the module's level, asks for."""
    found: list[str] = []
    for scope, code in _scopes(source) if WORDS.search(source) else ():
        uses = list(_uses(scope))
        text = "\n".join(map(ast.unparse, code)).replace("'", '"') if uses else ""  # takes long
        for node, used in uses:
            asked = (*GUARDS, f'"{ATTRIBUTES.get(used, used)}")')
            found += [] if any(guard in text for guard in asked) else [f"line {node.lineno}: {used}"]
    return found


def _scopes(source: str) -> Iterator[tuple[list[ast.AST], list[ast.stmt]]]:
    """The nodes of each function and those of the module's own level, each with their statements."""
    tree = parsed(source)
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    functions += [node for c in classes for node in c.body if isinstance(node, ast.FunctionDef)]
    inner = {id(node) for function in functions for node in ast.walk(function)}
    own = [node for node in ast.walk(tree) if id(node) not in inner]
    yield own, [node for node in tree.body if node not in functions and node not in classes]
    for function in functions:
        yield list(ast.walk(function)), [function]


def _uses(nodes: list[ast.AST]) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
    for node in nodes:
        if isinstance(node, ast.Attribute) and node.attr in LAST and ast.unparse(node) in ATTRIBUTES:
            yield node, ast.unparse(node)
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
        yield from ((node, name) for name in names if name in MODULES_OF_POSIX)  # type: ignore[misc]


def test_what_only_posix_has_is_asked_for_first() -> None:
    """`hasattr`, `getattr` with a default, or a module that is imported where it exists."""
    found = {name_of(file): unguarded(file.read_text(encoding="utf-8")) for file in MODULES}
    assert {name: uses for name, uses in found.items() if uses} == {}


@pytest.mark.parametrize(
    ("source", "uses"),
    [
        ("import os\nmine = os.getuid()", ["line 2: os.getuid"]),
        ("import signal\ndef f():\n    return signal.SIGHUP", ["line 3: signal.SIGHUP"]),
        ("import fcntl", ["line 1: fcntl"]),
        ("class C:\n    def f(self):\n        from resource import getrusage", ["line 3: resource"]),
        ("try:\n    import fcntl\nexcept ImportError:\n    fcntl = None", []),
        ("def f():\n    if hasattr(os, 'fork'):\n        os.fork()", []),
        ("n = getattr(signal, 'SIGHUP', None)", []),
    ],
)
def test_uses_without_a_question_are_seen(source: str, uses: list[str]) -> None:
    """At the level of a module, in functions and in methods."""
    assert unguarded(source) == uses


@pytest.mark.skipif(not os.environ.get("SWEEPER_SOAK"), reason="make soak imports all libraries anew")
def test_every_module_can_be_imported_without_posix() -> None:
    """In a process from which everything that Windows lacks was taken away."""
    done = subprocess.run([sys.executable, str(HELPERS / "without_posix.py")], check=False, timeout=300)
    assert done.returncode == 0


SCRIPT = """
import multiprocessing
import sweeper
from torch import nn


def model(in_features, out_features, activation, width=4):
    return nn.Sequential(nn.Linear(in_features, width), activation(), nn.Linear(width, out_features))


{guard}
    print("begins")
    multiprocessing.set_start_method("spawn", force=True)
    study = sweeper.Study(
        name="mine", model=model, data="breast_cancer", training={{"epochs": 1}},
        search={{"trials": 4, "space": {{"activation": ["tanh"]}}}}, confirm={{"finalists": 1, "seeds": 2}},
    )
    result = sweeper.run(study, sweeper.Options(jobs=2, quiet=True))
    print(len(result.trials), "trainings,", (result.trials["outcome"] == "failed").sum(), "failed")
"""


@pytest.mark.skipif(not os.environ.get("SWEEPER_SOAK"), reason="make soak runs whole scripts")
@pytest.mark.parametrize("guard", ['if __name__ == "__main__":', "if True:"], ids=["guarded", "bare"])
def test_scripts_run_where_processes_start_anew(tmp_path: Path, guard: str) -> None:
    """As on Windows and macOS: a model in the script travels, and no worker runs the script again."""
    script = tmp_path / "sweep.py"
    script.write_text(SCRIPT.format(guard=guard), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["begins", "6 trainings, 0 failed"]
