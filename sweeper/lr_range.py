"""lr_range(study): the learning-rate range test, every stage once.

study -> short trainings, one per rate -> table of suggestions -> figure
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from sweeper.asked import load_data
from sweeper.drawing.png import png_bytes
from sweeper.errors import RunFailed, RunFolderError
from sweeper.figures.lr_range import draw
from sweeper.records.atomic import refuse_links, write_atomically
from sweeper.report.attempts import NotMade, attempt
from sweeper.study.study import Study
from sweeper.tables.lr_range import lr_range as tabulate
from sweeper.training import workers
from sweeper.training.lr_range import RATES, STEPS, held, range_task, range_trials, varied
from sweeper.training.planning import cohorts_of
from sweeper.training.preflight import judge
from sweeper.training.setup import Task
from sweeper.trial import TrialResult

STACK = 16
"""Largest stack that is tried: for trainings this short, trying more takes longer than it saves."""


@dataclass(frozen=True)
class RangeTest:
    """What a range test found."""

    measured: pd.DataFrame
    """One row per combination and rate; columns as in `sweeper.tables.lr_range`."""
    suggestions: pd.DataFrame
    """One row per combination."""
    about: dict[str, Any]
    """study, trainings, rates, steps, seed, the plan, and what was held fixed."""

    def save(self, folder: Path) -> Path | None:
        """Write the figure to `folder`; returns its path, or ``None`` if it cannot be drawn: stderr says why.

        Raises:
            RunFolderError: if `folder` cannot be written.
        """
        drawn = attempt("figure 'lr-range'", lambda: png_bytes(draw(self.measured)))
        if isinstance(drawn, NotMade):
            return None
        refuse_links(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_atomically(folder / "lr-range.png", drawn)
        except OSError as error:
            raise RunFolderError(f"the figure cannot be written to {folder}: {error.strerror}") from None
        return folder / "lr-range.png"


def lr_range(
    study: Study, *, steps: int = STEPS, rates: int = RATES, jobs: int | None = None, engine: str = "auto"
) -> RangeTest:
    """Train every combination of the study's scientific values at `rates` learning rates for `steps` steps.

    Args:
        study: its scientific values and its optimizers are compared.
        steps: optimizer steps of each training.
        rates: learning rates for each combination.
        jobs: worker processes; ``None``: one per core.
        engine: auto | fused | reference.

    Raises:
        UserError: if data or model do not fit.
        RunFailed: if every training failed.
    """
    jobs = jobs or workers.core_count()
    trials = range_trials(study, rates)
    with workers.processes(jobs):
        task = Task(study, load_data(study))
        short = range_task(task, steps, len(trials))
        judge(workers.rehearse_apart(task))
        plan = workers.plan_apart(short, jobs=jobs, engine=engine, share=min(len(trials) // jobs, STACK))
        cohorts = workers.train_all(short, cohorts_of(plan, short, trials), jobs=jobs)
        found = [result for results in cohorts for result in results]
    results = sorted(found, key=lambda result: result.trial.number)
    measured, suggestions = tabulate(results, varied(study))
    if measured.empty:
        raise RunFailed(_all_failed(results))
    about = {"study": study.name, "trainings": len(trials), "rates": rates, "steps": steps}
    about["plan"] = plan.line()
    return RangeTest(measured, suggestions, {**about, "seed": study.search.seed, "held": held(study)})


def _all_failed(results: list[TrialResult]) -> str:
    return f"all {len(results)} trainings failed; the reason of the first: {results[0].reason}"
