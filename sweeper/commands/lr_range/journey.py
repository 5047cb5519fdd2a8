"""lr_range(study): the learning-rate range test, every stage once.

study -> short trainings, one per rate -> table of suggestions -> figure
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from sweeper.answer.outcomes import all_failed
from sweeper.asked import load_data
from sweeper.commands.figure_file import save_figure
from sweeper.commands.lr_range.figure import draw
from sweeper.commands.lr_range.table import lr_range as tabulate
from sweeper.commands.lr_range.trials import (
    RATES,
    STEPS,
    TRAINING,
    Conditions,
    held,
    judged_by,
    range_task,
    range_trials,
    varied,
)
from sweeper.errors import RunFailed
from sweeper.study.study import Study
from sweeper.training.dispatch import train_all
from sweeper.training.in_workers import baselines_of, plan_in_workers, preflight_in_workers, share_task
from sweeper.training.planning import cohorts_of
from sweeper.training.pool.interface import Pool
from sweeper.training.preflight import require_trainable
from sweeper.training.setup import task_of

STACK = 16
"""Largest stack that is tried: for trainings this short, trying more takes longer than it saves."""


@dataclass(frozen=True)
class RangeTest:
    """What a range test found."""

    measured: pd.DataFrame
    """One row per combination and rate; columns as in `sweeper.commands.lr_range.table`."""
    suggestions: pd.DataFrame
    """One row per combination."""
    conditions: Conditions
    """What was asked, what was held, and how it was trained."""

    def save(self, folder: str | Path) -> Path | None:
        """Write the figure to `folder`; returns its path, or ``None`` if it cannot be drawn: stderr says why.

        Raises:
            RunFolderError: if `folder` cannot be written.
        """
        return save_figure(Path(folder), "lr-range", lambda: draw(self.measured, self.conditions.metric))


def lr_range(
    pool: Pool, study: Study, *, steps: int = STEPS, rates: int = RATES, engine: str = "auto"
) -> RangeTest:
    """Train every combination of the study's scientific values at `rates` learning rates for `steps` steps.

    Args:
        pool: where they train.
        study: its scientific values and its optimizers are compared.
        steps: optimizer steps of each training.
        rates: learning rates for each combination.
        engine: auto | fused | reference.

    Raises:
        UserError: if data or model do not fit.
        RunFailed: if every training failed.
    """
    trials = range_trials(study, rates)
    task = task_of(study, load_data(pool, study))
    require_trainable(preflight_in_workers(pool, share_task(pool, task)))
    short = share_task(pool, range_task(task, steps, len(trials)))
    share = min(len(trials) // pool.width, STACK)
    plan = plan_in_workers(pool, short, jobs=pool.width, engine=engine, share=share)
    trained = train_all(pool, short, cohorts_of(plan, short.value, trials))
    results = sorted((r for group in trained for r in group), key=lambda result: result.trial.number)
    guessed = baselines_of(pool, short, [study.search.seed]) or {"guess": None, "scores": []}
    metric = judged_by(study)
    guessing = next((row["validation"].get("loss") for row in guessed["scores"]), None)
    guessing = None if metric == TRAINING else guessing  # nobody has guessed with weights
    measured, suggestions = tabulate(results, varied(study), np.nan if guessing is None else guessing, metric)
    if measured.empty:
        ends = [(r.trial.number, r.trial.seed, str(r.outcome), r.reason) for r in results]
        frame = pd.DataFrame(ends, columns=["trial", "seed", "outcome", "reason"])
        raise RunFailed(all_failed(frame, "training"))
    lowest = measured.groupby("optimizer", sort=False)["learning_rate"].min()
    conditions = Conditions(
        study=study.name,
        trainings=len(trials),
        rates=rates,
        steps=steps,
        metric=metric,
        lowest_rates={str(name): float(rate) for name, rate in lowest.items()},
        plan=plan.line(),
        guess=guessed["guess"],
        guessing=guessing,
        seed=study.search.seed,
        held=held(study),
    )
    return RangeTest(measured, suggestions, conditions)
