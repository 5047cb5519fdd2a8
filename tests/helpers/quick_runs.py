"""The command line in this very process, without workers and with a small report."""

import contextlib
import hashlib
import io
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import optuna
from pools import serial_pool

from sweeper import journey, sweep
from sweeper.cli import app
from sweeper.exits import exit_code
from sweeper.questions import FIGURES, TABLES
from sweeper.records.reading import load
from sweeper.report import page, sections
from sweeper.report.render import Drawn
from sweeper.search.journal import open_journal
from sweeper.training import blind_labels, work
from sweeper.training.cohort import Cohort
from sweeper.training.pool import local
from sweeper.training.pool.interface import Pool, Shared
from sweeper.training.setup import Task
from sweeper.trial import TrialResult

HELPERS = Path(__file__).parent
STUDY = """
name = "tiny"
[data]
source = "misbehaving:data"
[model]
source = "mlp"
depth = 1
width = 3
[training]
steps = 4
batch_size = 20
evaluations = 2
device = "cpu"
[search]
trials = 4
generation = 2
seed = 3
[search.space]
optimizer = ["sgd", "adam"]
activation = ["relu", "tanh"]
learning_rate = { low = 1e-3, high = 1e-1, log = true }
[confirm]
finalists = 2
seeds = 2
"""
FIGURE, TABLE = "history", "history"
ORDER = {
    "trials": ["trial", "seed"],
    "curves": ["trial", "seed", "step", "metric"],
    "layers": ["trial", "seed", "step", "layer", "measure"],
}


def write_study(folder: Path) -> None:
    """The study file and its data function in `folder`."""
    (folder / "study.toml").write_text(STUDY, encoding="utf-8")
    (folder / "misbehaving.py").write_text((HELPERS / "misbehaving.py").read_text("utf-8"), encoding="utf-8")


def train_here(
    pool: Pool,
    task: Shared[Task],
    cohorts: Sequence[Cohort],
    stop: Callable[[], bool] = lambda: False,
    more: Callable[[bool], Sequence[Cohort]] = lambda needed: (),
    clear: Callable[[], object] = lambda: None,
) -> Iterator[list[TrialResult]]:
    """`dispatch.train_all` without workers."""
    while cohorts and not stop():
        yield work.train_cohort(task.value, cohorts[0])
        cohorts = cohorts[1:]
    while not stop() and (cohorts := more(True)):
        yield from train_here(pool, task, cohorts, stop)


class KeepsAtOnce:
    """A record writer without a thread, so that the same files are written in every run."""

    def __init__(self, keep: Callable[[Sequence[TrialResult]], None]) -> None:
        self.add = keep

    def __enter__(self) -> "KeepsAtOnce":
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing is left."""

    def drain(self) -> None:
        """Nothing is waiting."""


def _drawn(needed: tuple[str, Any]) -> Drawn:
    name, frame = needed
    spec = FIGURES[name]
    return Drawn.of(name, b"\x89PNG\r\n", spec.alt(frame), spec.title, spec.caption)


Replaced = dict[tuple[Any, str], Any]
"""(module, name in it) -> what stands there for a while."""

WITHOUT_WORKERS: Replaced = {
    (sweep, "train_all"): train_here,
    (journey, "preflight_in_workers"): lambda pool, task: [],
    (journey, "local_pool"): serial_pool,
    (local, "local_pool"): serial_pool,
    (sweep, "examined"): lambda *arguments: [],
    (blind_labels, "SHARED_OUT"): 200,  # the exact scores of guessing have tests of their own
}
WITHOUT_DRAWING: Replaced = {
    (sweep, "RecordWriter"): KeepsAtOnce,
    **{(module, "FIGURES"): {FIGURE: FIGURES[FIGURE]} for module in (page, sections)},
    **{(module, "TABLES"): {TABLE: TABLES[TABLE]} for module in (page, sections)},
    (sections, "QUESTIONS"): (),
    (page, "_draw"): _drawn,
}


@contextlib.contextmanager
def _replacing(replaced: Replaced) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        for (owner, name), stand_in in replaced.items():
            stack.enter_context(mock.patch.object(owner, name, stand_in))
        yield


def without_workers() -> contextlib.AbstractContextManager[None]:
    """While open, runs train in this process, one trial after the other."""
    return _replacing(WITHOUT_WORKERS)


def quick() -> contextlib.AbstractContextManager[None]:
    """While open, runs train in this process, keep what they find at once, and draw nothing."""
    return _replacing(WITHOUT_WORKERS | WITHOUT_DRAWING)


def command(folder: Path, *arguments: str) -> tuple[int, str, str]:
    """(exit code, stdout, stderr) of a command that is run in `folder`."""
    out, err = io.StringIO(), io.StringIO()
    before = Path.cwd()
    os.chdir(folder)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = exit_code(lambda: app(list(arguments), standalone_mode=True))
    finally:
        os.chdir(before)
    return code, out.getvalue(), err.getvalue()


def run(folder: Path, *arguments: str) -> tuple[int, str, str]:
    """`sweeper run` on the tiny study."""
    return command(folder, "run", "study.toml", "--jobs", "1", "--engine", "reference", *arguments)


def digest(folder: Path) -> dict[str, str]:
    """What must be equal after two runs of one study: records, Optuna's copy, test scores, report."""
    kept = folder / "runs" / "tiny"
    records = load(kept / "records")
    found = {"findings": "; ".join(map(str, records.findings))}
    for name, order in ORDER.items():
        frame = getattr(records, name).drop(columns="seconds", errors="ignore")
        text = frame.sort_values(order).to_csv(index=False)
        found[name] = f"{len(frame)} rows, {hashlib.sha256(text.encode()).hexdigest()[:12]}"
    study = optuna.load_study(study_name="tiny", storage=open_journal(kept / "journal.log"))
    found["journal"] = repr([(t.number, t.state.name, t.value, t.params) for t in study.trials])
    found["test"] = (kept / "test.json").read_text(encoding="utf-8")
    names = sorted(p.relative_to(folder / "reports").as_posix() for p in (folder / "reports").rglob("*"))
    found["report"] = " ".join(names)
    rest = [p.name for p in folder.rglob("*") if p.name.endswith((".tmp", ".lock"))]
    found["left"] = " ".join(rest)
    return found
