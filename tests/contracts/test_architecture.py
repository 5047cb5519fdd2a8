"""`docs/architecture.md` holds: one of each is added as it says, in a copy of the package, and works."""

import contextlib
import io
import json
import os
import re
import runpy
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from additions import ADDITIONS
from warm_python import python

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "architecture.md"

TRAIN = ROOT / "tests" / "helpers" / "train_additions.py"


@dataclass(frozen=True)
class Extended:
    """What the package did with all additions in it."""

    touched: dict[str, set[str]]
    """What was added -> the files that this changed."""
    engines: dict[str, Any]
    told: str
    """What the runs wrote to stderr."""
    folder: Path
    environment: dict[str, str]


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Extended:
    """A copy of the package, extended by one of each, and a small run of it by each engine."""
    folder = tmp_path_factory.mktemp("extended")
    package = folder / "sweeper"
    shutil.copytree(ROOT / "sweeper", package)  # with what is compiled: reading all of it anew takes long
    touched, before = {}, contents(package)
    for what, edits in ADDITIONS.items():
        for edit in edits:
            edit(package)
        after = contents(package)
        touched[what] = {name for name in after if after[name] != before.get(name)}
        before = after
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = python([TRAIN, folder], folder, environment=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    return Extended(touched, json.loads(done.stdout.splitlines()[-1]), done.stderr, folder, environment)


def contents(package: Path) -> dict[str, str]:
    """Text of every file, by its path below the package."""
    return {p.relative_to(package).as_posix(): p.read_text(encoding="utf-8") for p in package.rglob("*.py")}


def listed() -> dict[str, set[str]]:
    """What can be added -> the files that the page names for it; ``NAME`` stands for the new one's name."""
    rows = re.findall(r"^\| an? ([a-z ]+) \| (.+?) \|", PAGE.read_text(encoding="utf-8"), re.M)
    return {what: set(re.findall(r"`([\w/]+\.py)`", files)) for what, files in rows}


def test_the_page_lists_what_can_be_added() -> None:
    """Every row of the table is tried here, and nothing is tried that has no row."""
    assert set(listed()) == set(ADDITIONS)


@pytest.mark.parametrize("what", ADDITIONS)
def test_only_the_files_on_the_page_change(extended: Extended, what: str) -> None:
    """Nothing but what the page names had to be touched."""
    new = {name: re.sub(r"[a-z_0-9]+\.py$", "NAME.py", name) for name in extended.touched[what]}
    known = contents(ROOT / "sweeper")
    assert {name if name in known else new[name] for name in new} == listed()[what]


def test_both_engines_train_what_was_added(extended: Extended) -> None:
    """Every trial completes, in stacks and one by one, with the same curves.

    The winner is trained again one by one, whose curve its script prints.
    """
    stacked, alone = extended.engines["fused"], extended.engines["reference"]
    assert (stacked["engines"], alone["engines"]) == (["fused"], ["reference"])
    assert stacked["outcomes"] == alone["outcomes"] == ["completed"]
    assert [row[:-1] for row in stacked["curves"]] == [row[:-1] for row in alone["curves"]]
    values = [[row[-1] for row in engine["curves"]] for engine in (stacked, alone)]
    assert values[0] == pytest.approx(values[1], rel=1e-9, abs=1e-12)


def test_a_metric_that_was_added_ranks_by_its_direction(extended: Extended) -> None:
    """The search hands its highest trial to the finalists, and the winner is the one of the highest mean."""
    for engine in extended.engines.values():
        assert engine["objective"] == "validation_log_precision (higher is better)"
        assert str(engine["found"]) in engine["means"]
        assert engine["means"][str(engine["winner"])] == max(engine["means"].values())
    assert "highest validation log precision" in extended.engines["reference"]["page"]


def test_what_was_added_is_in_records_and_report(extended: Extended) -> None:
    """Both engines record the measure, the page names what was added, the script has its code, and its
    pool and its export tool were used."""
    for engine in extended.engines.values():
        assert "moved" in engine["measures"]
        assert {"validation_within_one", "validation_r2"} <= {row[3] for row in engine["curves"]}
        assert engine["told"] == [str(extended.folder / "losses.txt")]
        assert "softplus(-2 * difference)" in engine["script"]
        assert "1 - step / steps" in engine["script"]
    assert "opened a pool of 1" in extended.told
    page = extended.engines["reference"]["page"]
    assert ">moved<" in page
    assert "within one" in page.replace("_", " ")
    assert {"sharp_softplus", "scaled_tanh", "sign_descent", "log_cosh"} <= set(re.findall(r"\w+", page))
    assert "The fastest was" in page


def test_the_script_trains_what_was_added(extended: Extended, monkeypatch: pytest.MonkeyPatch) -> None:
    """The exported script needs nothing of the package and prints the recorded curve."""
    script, said = extended.folder / "best.py", io.StringIO()
    text = extended.engines["reference"]["script"]
    script.write_text(text, encoding="utf-8")
    assert re.findall(r"^\s*(?:from|import) (?:sweeper|pydantic)", text, re.M) == []
    monkeypatch.setattr(sys, "argv", [str(script)])
    with contextlib.redirect_stdout(said):
        runpy.run_path(str(script), run_name="__main__")
    assert "objective" in said.getvalue()
    assert "differs" not in said.getvalue()


def test_help_names_what_was_added(extended: Extended) -> None:
    """The tool, the pool and the command, each by its entry alone."""
    code = (
        "from sweeper.cli import app; from sweeper.commands.options import TOOLS, pool_forms; "
        "print(TOOLS[-1], pool_forms()[-1], [c.name or c.callback.__name__ for c in app.registered_commands])"
    )
    done = python(["-c", code], extended.folder, environment=extended.environment)
    assert done.stdout.startswith("losses single:N [")
    assert "'greet'" in done.stdout


def test_the_command_answers(extended: Extended) -> None:
    """A new command is one function."""
    command = ["-m", "sweeper", "greet", "you"]
    done = python(command, extended.folder, environment=extended.environment)
    assert (done.returncode, done.stdout.strip()) == (0, "hello you")
