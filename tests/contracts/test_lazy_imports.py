"""The command line answers before torch has loaded, and imports inside functions are there for that alone."""

import ast
import pickle
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from import_graph import MODULES, imports, name_of, nodes_of

from sweeper.data.load import load
from sweeper.study.study import Study
from sweeper.training.cohort import Cohort
from sweeper.training.setup import task_of
from sweeper.trial import Trial

MARK = "# loaded late: "
"""Starts the comment that says why an import stands in a function: on its line, above a block of imports, or
at the left margin, for all of the module."""
DRAWING = ("matplotlib", "seaborn", "sweeper.questions")
SOURCES = {name_of(file): file.read_text(encoding="utf-8") for file in MODULES}


READING = "sweeper.cli, sweeper.study.study, sweeper.records.store"
TRAINING = (
    "sweeper.journey, sweeper.result, sweeper.report.live, sweeper.report.live_page, sweeper.report.note"
)


STARTS = f"""
import sys
from sweeper.training.pool import local

def opened(*arguments):
    print(sorted({{"torch", "pandas", "sklearn", "scipy", "optuna"}} & sys.modules.keys()))
    raise SystemExit

local.pool_here = opened
from sweeper.cli import app
for command in ("run", "lr-range"):
    try:
        app([command, "digits"])
    except SystemExit:
        pass
import {READING}
print("torch" in sys.modules)
"""


def test_the_command_line_loads_what_it_needs() -> None:
    """Workers start before anything heavy is loaded: they import beside the process that starts them, which
    has seconds of its own to load. Commands that only read a run or print help do not wait for torch."""
    command = [sys.executable, "-c", STARTS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.stdout == "[]\n" * 2 + "False\n"


TRAIN = f"""
import pickle, sys
from sweeper.training import work
from sweeper.training.initialize import initialize_worker
initialize_worker()
task, cohorts = pickle.load(open(sys.argv[1], "rb"))
results = [result for cohort in cohorts for result in work.train_cohort(task, cohort)]
print(*(f"{{result.engine}} {{result.outcome}}" for result in results), sep=", ")
print(*sorted(sys.modules.keys() & {{"torch._dynamo", "sklearn", "scipy", "pandas", "optuna"}}))
import {READING}, {TRAINING}
print([name for name in {DRAWING} if name in sys.modules])
"""


def test_a_training_loads_what_it_needs(tmp_path: Path) -> None:
    """A worker no compiler, no scikit-learn and no pandas: together they would take longer than torch. A run
    no drawing: it trains, and its answer is read; drawing comes with the page, as questions do."""
    study = Study.load("digits", ("search.trials=2", "training.epochs=0.1"))
    task = task_of(study, load("digits", loss_task="classification"))
    rates = ({"optimizer": name, "learning_rate": 0.01} for name in ("momentum", "adam"))
    trials = tuple(Trial(k, "explore", study.search.seed, each) for k, each in enumerate(rates))
    cohorts = [Cohort(trials, "fused", 2), Cohort(trials[1:])]
    (tmp_path / "task").write_bytes(pickle.dumps((task, cohorts)))
    command = [sys.executable, "-c", TRAIN, str(tmp_path / "task")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == "fused completed, fused completed, reference completed\n\n[]\n"


def late_imports(source: str) -> Iterator[tuple[int, int]]:
    """First and last line of each import inside a function, in their order."""
    functions = [
        node for node in nodes_of(source) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    inner = [node for f in functions for node in ast.walk(f) if isinstance(node, ast.Import | ast.ImportFrom)]
    yield from sorted({(node.lineno, node.end_lineno or node.lineno) for node in inner})


def unexplained(source: str) -> list[int]:
    """Lines of imports inside functions that no comment explains."""
    lines, explained, silent = source.splitlines(), set[int](), list[int]()
    if any(line.startswith(MARK) for line in lines):
        return []
    for first, last in late_imports(source):
        follows = first - 1 in explained
        if follows or MARK in lines[first - 2] or any(MARK in line for line in lines[first - 1 : last]):
            explained.add(last)
        else:
            silent.append(first)
    return silent


@cache
def direct(name: str) -> frozenset[str]:
    """Modules of the package that `name` imports: at its top, in functions, or for types alone."""
    return frozenset(imports(name, SOURCES[name])) & SOURCES.keys()


@cache
def reached(name: str) -> frozenset[str]:
    """Those, and what they import in turn."""
    seen, waiting = set[str](), {name}
    while waiting:
        waiting = {target for each in waiting for target in direct(each)} - seen
        seen |= waiting
    return frozenset(seen)


def circular(name: str, source: str) -> list[str]:
    """Modules that `name` imports inside a function and that import `name` themselves."""
    late = set(imports(name, source)) - set(imports(name, source, at_top=True))
    return sorted(target for target in late if target in SOURCES and name in reached(target))


def test_every_late_import_says_why() -> None:
    """Whoever reads it learns what start-up would wait for."""
    assert {name: lines for name, source in SOURCES.items() if (lines := unexplained(source))} == {}


def test_no_late_import_hides_a_circle() -> None:
    """Imports that run both ways are one room or two rooms cut at the wrong place."""
    assert [(name, c) for name, source in SOURCES.items() if (c := circular(name, source))] == []


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("import torch", []),
        ("def f():\n    import torch", [2]),
        ("def f():\n    # loaded late: slow\n    import a\n    import b\n    x = 1\n    import c", [6]),
        ("async def f():\n    import torch  # loaded late: slow", []),
        ("# loaded late: slow\n\ndef f():\n    import torch", []),
        ("def f():\n    def g():\n        from a import (\n            b,\n        )", [3]),
    ],
)
def test_silent_late_imports_are_seen(source: str, lines: list[int]) -> None:
    """One comment serves the imports that follow it line by line, or the whole module."""
    assert unexplained(source) == lines


def test_a_hidden_circle_is_seen() -> None:
    """Also one that leads over other modules."""
    assert circular("sweeper.trial", "def f():\n    import sweeper.journey") == ["sweeper.journey"]
    assert circular("sweeper.journey", "def f():\n    import sweeper.trial") == []
