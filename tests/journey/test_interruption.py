"""One run, killed and interrupted in every way, and started again by the same command each time."""

import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import optuna
import pandas as pd
import pytest
from forked_command import Command

from sweeper.records.run_files import TEST
from sweeper.records.store import load, load_trials

HELPERS = Path(__file__).parents[1] / "helpers"
MARK = "SWEEPER_TEST_LOG"
TRIALS = 16
STUDY = f"""
name = "interrupted"
[data]
source = "misbehaving:data"
[model]
source = "misbehaving:logged"
[training]
steps = 6
batch_size = 8
evaluations = 2
device = "cpu"
[search]
trials = {TRIALS}
generation = 4
[search.space]
optimizer = "sgd"
learning_rate = 0.1
"model.tag" = {{ low = 0, high = {TRIALS - 1} }}
[confirm]
finalists = 1
seeds = 2
"""
pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"),
    pytest.mark.timeout(500),
]


@dataclass
class Sweep:
    """A folder with a study, and processes that run it."""

    folder: Path
    commands: list[Command] = field(default_factory=list)
    """Drivers, which are forks: the mark of their parent is not theirs."""

    @property
    def records(self) -> Path:
        return self.folder / "runs" / "interrupted" / "records"

    def start(self, jobs: int) -> Command:
        """The command, with this test's mark."""
        command = ["run", "study.toml", "--jobs", str(jobs), "--engine", "reference"]
        mark = {MARK: str(self.folder / "log"), "OMP_NUM_THREADS": "1"}
        self.commands.append(Command(command, self.folder, mark))
        return self.commands[-1]

    def recorded(self) -> list[int]:
        """Numbers of the trials on record."""
        return load_trials(self.records)["trial"].tolist() if self.records.is_dir() else []

    def trained(self) -> Counter[int]:
        """How often each tag was trained, to the last step but one at least."""
        log = self.folder / "log"
        return Counter(int(line) for line in log.read_text("utf-8").split()) if log.exists() else Counter()

    def wait_for(self, process: Command, count: int) -> None:
        """Until so many trials are on record and others are under way."""
        deadline, seen, recorded = time.monotonic() + 200, -1, 0
        while recorded < count and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.02)
            files = len(list(self.records.glob("trials-*.parquet")))
            if files != seen:  # to read them takes longer than to look
                seen, recorded = files, len(self.recorded())
        assert process.poll() is None, process.communicate(timeout=60)
        assert recorded >= count
        time.sleep(0.1)

    def processes(self) -> list[int]:
        """Workers: they carry this test's mark, of whatever parent."""
        mark, found = f"{MARK}={self.folder / 'log'}".encode(), []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
        return found

    def everybody_left(self) -> bool:
        """Whether all processes are gone within some seconds."""
        deadline = time.monotonic() + 15
        while (left := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.1)
        return not left


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sweep]:
    """The run that all tests of this file hurt, one after the other."""
    folder = tmp_path_factory.mktemp("interrupted")
    (folder / "study.toml").write_text(STUDY, encoding="utf-8")
    (folder / "misbehaving.py").write_text((HELPERS / "misbehaving.py").read_text("utf-8"), encoding="utf-8")
    started = Sweep(folder)
    yield started
    for command in started.commands:
        if command.poll() is None:
            command.kill()
    for process in started.processes():
        os.kill(process, signal.SIGKILL)


def kill_driver(process: Command) -> None:
    """As the kernel does with a process that takes too much memory."""
    process.kill()


def press_ctrl_c(process: Command) -> None:
    """A terminal sends it to driver and workers."""
    os.killpg(process.pid, signal.SIGINT)


def terminate(process: Command) -> None:
    """As a cluster does when the time of a job is over."""
    process.terminate()


WAYS = [(kill_driver, -9, 2, 1), (press_ctrl_c, 130, 4, 2), (terminate, 130, 6, 1)]
"""How it ends, the exit code, trials on record before that, and workers."""


@pytest.mark.parametrize(
    ("way", "code", "count", "jobs"), WAYS, ids=lambda value: getattr(value, "__name__", None)
)
def test_what_is_finished_stays_finished(
    sweep: Sweep, way: Callable[[Command], None], code: int, count: int, jobs: int
) -> None:
    """However it ends: no process stays, what was on record is, and none of it had been trained again; where
    it was asked to end, its page has all that is on record."""
    before, earlier = set(sweep.recorded()), sweep.trained()
    process = sweep.start(jobs)
    sweep.wait_for(process, count)
    kept = set(sweep.recorded())
    way(process)
    told = process.communicate(timeout=60)[1]
    assert process.returncode == code
    if code == 130:
        assert told.splitlines()[-1] == (
            f"interrupted; finished trials are kept. Continue with: sweeper run study.toml --jobs {jobs} "
            "--engine reference"
        )
        assert "Traceback" not in told
        assert "Warning" not in told
        page = (sweep.folder / "reports" / "interrupted" / "index.html").read_text("utf-8")
        assert f"{len(sweep.recorded())} of {TRIALS} trials were done." in page
    assert sweep.everybody_left()
    assert kept <= set(sweep.recorded())
    assert len(sweep.recorded()) == len(set(sweep.recorded())) < TRIALS
    again = sweep.trained()
    assert {number for number in before if again[number] != earlier[number]} == set()


def test_in_the_end_everything_was_trained_once(sweep: Sweep) -> None:
    """The same command finishes: all trials are on record once, in Optuna once, confirmed and tested."""
    before, earlier = set(sweep.recorded()), sweep.trained()
    assert len(before) >= WAYS[-1][2]
    process = sweep.start(2)
    told = process.communicate(timeout=200)
    assert process.returncode == 0, told
    assert f"resuming after {len(before)} finished trials" in told[1]
    assert sweep.everybody_left()
    frame = load(sweep.records)
    assert len(frame.trials) == TRIALS + 2
    search = frame.trials[frame.trials["phase"] != "confirm"]
    assert search["trial"].tolist() == search["model.tag"].tolist() == list(range(TRIALS))
    confirmed = frame.trials[frame.trials["phase"] == "confirm"]
    assert confirmed["seed"].tolist() == [1, 2]
    assert not frame.curves.duplicated(["trial", "seed", "step", "metric"]).any()
    assert not frame.layers.duplicated(["trial", "seed", "step", "layer", "measure"]).any()
    winner = int(confirmed["trial"].iloc[0])
    again = sweep.trained()
    assert {number for number in before - {winner} if again[number] != earlier[number]} == set()
    # Two confirmations, which are tested on the way, and where there is time a look at its sharpness.
    assert again[winner] - max(earlier[winner], 1) in (2, 3)
    tested = TEST.read(sweep.records.parent)[0]
    assert tested is not None
    assert (tested["trial"], tested["seeds"], len(tested["scores"])) == (winner, [1, 2], 2)
    _check_optuna(sweep.records.parent / "journal.log", search)


def _check_optuna(journal: Path, search: pd.DataFrame) -> None:
    backend = optuna.storages.journal.JournalFileBackend(str(journal))
    study = optuna.load_study(study_name="interrupted", storage=optuna.storages.JournalStorage(backend))
    assert [trial.params["model.tag"] for trial in study.trials] == list(range(TRIALS))
    assert [trial.value for trial in study.trials] == search["objective"].tolist()
    assert all(trial.state.is_finished() for trial in study.trials)
