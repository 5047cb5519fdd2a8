"""Somebody else's run folder is read, never run: no command imports, unpickles or executes what it names."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from foreign_run import CANARY, CODE, ESCAPES, MARKUP, Watched, study_of, watched, write_run

from sweeper.printable import printable

HOSTILE: dict[str, dict[str, Any]] = {
    "first": {
        "question": f"{ESCAPES}{MARKUP}",
        "data": {"source": "subprocess:getoutput", "cmd": "touch owned", "k": MARKUP},
        "model": {"source": f"{CANARY}:model", CODE: 1, "__class__": 2},
        "training": {"loss": f"{CANARY}:loss"},
    },
    "second": {
        "data": {"source": "subprocess:getoutput", "cmd": "touch owned", "k": MARKUP},
        "model": {"source": "builtins:exec", "object": "open('owned', 'w')"},
        "training": {"loss": f"{CANARY}:loss"},
    },
}
COMMANDS = (
    *(("best", "first", *option) for option in ((), ("--json",), ("--toml",), ("--python",))),
    ("best", "second", "--python"),
    ("status", "first"),
    ("status", "first", "--json"),
    ("export", "first", "out"),
    ("export", "first", "out", "--csv"),
    ("compare", "first", "second"),
    ("compare", "first", "second", "--json"),
    ("report", "first"),
    ("report", "../runs/first"),
    ("status", "nul"),
    ("dashboard", "first"),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two hostile runs; the working directory has a module that they name too."""
    folder = tmp_path_factory.mktemp("foreign")
    for name, sections in HOSTILE.items():
        write_run(folder, study_of(name, **sections))
    return folder


@pytest.fixture(scope="module")
def told(folder: Path) -> Watched:
    """All commands, in one process that is watched."""
    return watched(folder, COMMANDS)


def test_nothing_of_a_run_folder_is_run(told: Watched, folder: Path) -> None:
    """No import, process, unpickled object or changed path; no file that the code in it would have made."""
    assert told.seen == []
    assert list(folder.rglob("owned*")) == []
    assert (folder / "reports" / "first" / "index.html").is_file()


def test_commands_end_as_documented(told: Watched) -> None:
    """Each ends with 0, or with 2 and one message; those that only read a run succeed."""
    codes = {
        " ".join(command): (code, err) for command, (code, _, err) in zip(COMMANDS, told.told, strict=True)
    }
    assert {code for code, _ in codes.values()} <= {0, 2}
    assert all("error: " in err for code, err in codes.values() if code == 2)
    assert [command for command, (code, _) in codes.items() if code == 2] == [
        "best first --python",
        "best second --python",
        "report ../runs/first",
        "status nul",
        "dashboard first",  # it has no journal
    ]


def test_nothing_hides_or_moves_in_what_is_shown(told: Watched, folder: Path) -> None:
    """No control or direction character reaches a terminal, the page or the study file of the winner."""
    for _, out, err in told.told:
        assert printable(out) == out
        assert printable(err) == err
    for name in ("index.html", "best.toml", "best.py"):
        text = (folder / "reports" / "first" / name).read_text(encoding="utf-8")
        assert printable(text) == text
    page = (folder / "reports" / "first" / "index.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert r"\x1b[2J" in page


def test_tables_hold_no_formulas(told: Watched, folder: Path) -> None:
    """Neither those of the report nor the exported ones."""
    tables = [*(folder / "reports" / "first" / "tables").glob("*.csv"), *(folder / "out").glob("*.csv")]
    assert len(tables) > 5
    assert "'@SUM(1)" in (folder / "out" / "trials.csv").read_text(encoding="utf-8")
    for table in tables:
        cells = pd.read_csv(table, dtype=str, keep_default_na=False).to_numpy().ravel()
        assert [cell for cell in cells if cell[:1] in ("=", "@", "\t", "\r")] == []


def test_the_script_is_not_made_from_a_run_folder(told: Watched, folder: Path) -> None:
    """`best --python` and best.py of the report say how to get it where the run keeps none."""
    said = told.told[COMMANDS.index(("best", "first", "--python"))][2]
    assert "keeps no script of its winner" in said
    assert said.endswith("sweeper run STUDY\n")
    text = (folder / "reports" / "first" / "best.py").read_text(encoding="utf-8")
    assert text.startswith("raise SystemExit(")
    assert "keeps no script of its winner" in text


def test_a_line_end_in_the_folder_s_name_starts_no_line(tmp_path: Path) -> None:
    """The study file of the winner is the study's alone: a comment of it ends where its line does."""
    run = write_run(tmp_path, study_of("lines", model={"source": "other:model"}))
    (run / "source-folder.txt").write_text('there\n[model]\nsource = "os:system"\n', encoding="utf-8")
    from sweeper.report.best_toml import best_toml
    from sweeper.result import open_result

    result = open_result(tmp_path / "runs", "lines")
    assert result.answer is not None
    text = best_toml(result.study, result.answer)
    assert text.count("[model]\n") == 1
    assert [line for line in text.splitlines() if "os:system" in line and not line.startswith("#")] == []
