"""Run folders whose bytes were changed at random: each command works, or ends with one message.

60 cases, of which most only read the damaged files, as every command does first; the others are commands.
5,000 where SWEEPER_SOAK is set (`make soak`).
"""

import contextlib
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from damages import DAMAGE
from quick_runs import command, quick, run, write_study
from soak import SOAK, patient

from sweeper.errors import UserError
from sweeper.records.damage import lines
from sweeper.records.reading import load
from sweeper.records.rules import rules_of
from sweeper.records.run_files import BASELINES, EARLIER, PLAN, TEST
from sweeper.records.run_folder import read_study
from sweeper.records.script_file import load_script
from sweeper.search.as_written import journal_findings
from sweeper.study.study import Study

CASES = 5000 if SOAK else 60
SEED = 7
SMALL = ("--set", "search.trials=3", "--set", "confirm.finalists=1")
"""Each case reads all files of a run."""
READING = [
    ["status", "tiny", "--json"],
    ["best", "tiny", "--json"],
    ["best", "tiny"],
    ["export", "tiny", "out"],
]
SLOW = [["report", "tiny"], ["compare", "tiny", "other", "--json"], ["best", "tiny", "--toml"]]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A finished run, and another one of a study that differs."""
    folder = tmp_path_factory.mktemp("fuzz")
    write_study(folder)
    with quick():
        assert run(folder, *SMALL)[0] == 0
        assert run(folder, *SMALL, "--set", "name=other", "--set", "search.seed=4")[0] == 0
        yield folder


def damaged(source: Path, target: Path, draw: random.Random) -> list[str]:
    """A copy of the run folders with one or two files damaged; what was done."""
    shutil.copytree(source / "runs", target / "runs", dirs_exist_ok=True)
    folder, did = target / "runs" / "tiny", []
    for _ in range(draw.choice([1, 1, 2])):
        files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "lock")
        file, how = draw.choice(files), draw.choice(DAMAGE)
        how(file, draw)
        did.append(f"{how.__name__} {file.relative_to(folder)}")
    return did


def read_alone(folder: Path) -> None:
    """Each file of a run is read; what is damaged is a finding, and never an exception but in the study."""
    rules = None
    with contextlib.suppress(UserError):
        rules = rules_of(Study(trusted=True, **read_study(folder)))
    found = [load(folder / "records", rules).findings, journal_findings(folder / "journal.log")]
    found += [file.read(folder)[1] for file in (TEST, PLAN, BASELINES, EARLIER)]
    load_script(folder)
    assert all(isinstance(lines([each]), list) for each in found[2:] if each is not None)


def complaint(code: int, out: str, err: str, arguments: list[str]) -> str | None:
    """What is wrong with the end of a command."""
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    if code not in (0, 2) or "Traceback" in err or len(errors) != (code == 2):
        return f"exit code {code}"
    if "--json" in arguments and code == 0 and not out.startswith("{"):
        return f"no JSON: {out[:80]}"
    return None


@patient
def test_commands_stand_any_bytes(finished: Path, tmp_path: Path) -> None:
    """Success or one message, and never a change of the records by a command that only reads."""
    wrong = []
    write_study(tmp_path)
    for case in range(CASES):
        draw = random.Random(SEED * 100_000 + case)
        shutil.rmtree(tmp_path / "runs", ignore_errors=True)
        did = damaged(finished, tmp_path, draw)
        chance = draw.random()
        arguments = draw.choice(READING if chance < 0.14 else SLOW)
        if chance < 0.01:
            arguments = ["run", "study.toml", "--jobs", "1", "--engine", "reference", "--quiet", *SMALL]
        try:
            if chance < 0.16:
                problem = complaint(*command(tmp_path, *arguments), arguments)
            else:
                arguments, problem = ["reading"], None
                read_alone(tmp_path / "runs" / "tiny")
        except Exception as error:
            problem = repr(error)
        if problem:
            wrong.append(f"case {case}: {' '.join(arguments)} after {', '.join(did)}: {problem}")
    assert wrong == []
