"""transfer(study): at which rate a network trains best that is too large to sweep, every stage once.

study -> the same grid of rates at each size -> optima -> exponent and prediction -> figure
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from sweeper.asked import load_data
from sweeper.commands.figure_file import save_figure
from sweeper.commands.transfer.figure import draw
from sweeper.commands.transfer.page import write_page
from sweeper.commands.transfer.table import Found, found, measured
from sweeper.commands.transfer.trials import (
    RATES,
    SEEDS,
    Over,
    checked,
    grid,
    held_by_default,
    sized,
    transfer_trials,
)
from sweeper.errors import RunFailed
from sweeper.study.command_line import run_again
from sweeper.study.study import Study
from sweeper.training.dispatch import train_all
from sweeper.training.in_workers import plan_in_workers, preflight_in_workers, share_task
from sweeper.training.planning import cohorts_of
from sweeper.training.pool.interface import Pool
from sweeper.training.preflight import require_trainable
from sweeper.training.setup import task_of
from sweeper.wording import exact, given

STACK = 32
"""Largest stack that is tried."""


@dataclass(frozen=True)
class Transfer:
    """How the best learning rate moves with a size."""

    measured: pd.DataFrame
    """One row per training: size, learning_rate, seed, outcome, objective."""
    found: Found
    """Optima, exponent, prediction and check."""
    about: dict[str, Any]
    """study, key, sizes, to, check, objective, what was held, rates, seeds, trainings, the plan."""

    def save(self, folder: Path) -> Path | None:
        """Write figure and page (``transfer.html``) to `folder`; returns the figure's path, or ``None`` if it
        cannot be drawn: stderr says why.

        Raises:
            RunFolderError: if `folder` cannot be written.
        """
        write_page(folder, self.measured, self.found, self.about)
        return save_figure(folder, "transfer", lambda: draw(self.measured, self.found, self.about))


def transfer(
    pool: Pool,
    study: Study,
    over: Over,
    *,
    held: Mapping[str, Any] | None = None,
    rates: int = RATES,
    seeds: int = SEEDS,
    engine: str = "auto",
) -> Transfer:
    """Train one configuration at each size over a grid of learning rates, and fit how the best one moves.

    Args:
        pool: where they train.
        study: its range of learning rates is the grid.
        over: the key, its sizes, what is predicted and what is checked.
        held: the configuration; ``None``: a middle one of the study's first optimizer.
        rates: learning rates at each size.
        seeds: trainings at each rate; all rates and sizes have the same seeds.
        engine: auto | fused | reference.

    Raises:
        UserError: if key, sizes, data or model do not fit.
        RunFailed: if every training failed or diverged.
    """
    over = checked(over)
    asked = sized(study, over)
    kept = {**held_by_default(asked, over.key), **(held or {})}
    kept = {name: value for name, value in kept.items() if name not in (over.key, "learning_rate")}
    values = grid(asked, kept["optimizer"], rates)
    first = study.search.seed
    trials = transfer_trials(over, kept, list(values), range(first, first + seeds))
    search = asked.search.model_copy(update={"trials": len(trials)})
    task = task_of(asked.model_copy(update={"search": search}), load_data(pool, study))
    shared = share_task(pool, task)
    require_trainable(preflight_in_workers(pool, shared))
    plan = plan_in_workers(
        pool, shared, jobs=pool.width, engine=engine, share=min(len(trials) // pool.width, STACK)
    )
    trained = train_all(pool, shared, cohorts_of(plan, task, trials))
    results = sorted((r for group in trained for r in group), key=lambda result: result.trial.number)
    frame = measured(results, over.key)
    if frame["objective"].notna().sum() == 0:
        reason = next((r.reason for r in results if r.reason), "all diverged")
        raise RunFailed(f"none of {len(results)} trainings came to an end: {reason}")
    about = {
        "study": study.name,
        "key": over.key,
        "sizes": list(over.sizes),
        "to": over.to,
        "check": over.check,
        "objective": study.objective,
        "held": kept,
        "held_from": "as asked" if held else "no run has an answer: a middle configuration of the study",
        "rates": rates,
        "seeds": seeds,
        "trainings": len(trials),
        "lowest_rate": float(values[0]),
        "highest_rate": float(values[-1]),
        "plan": plan.line(),
    }
    what = found(frame, over, study.objective)
    return Transfer(frame, what, {**about, "next": next_command(study, over, what, kept["optimizer"])})


def next_command(study: Study, over: Over, what: Found, optimizer: str) -> str:
    """The study at the size asked for, with the optimizer that was held and the rates of the prediction; more
    seeds where there is none."""
    if what.prediction is None:
        sizes = ",".join(given(size) for size in over.sizes)
        command = run_again(study).replace("sweeper run", "sweeper transfer", 1)
        return f"{command} --over {over.key}={sizes} --to {given(over.to)} --seeds 10"
    low, high = (exact(value, 2) for value in (what.prediction.low, what.prediction.high))
    entry = study.space.entry("learning_rate", optimizer)
    assert entry is not None
    rates = f"search.space.{entry[0]}={{low = {low}, high = {high}, log = true}}"
    only = f'search.space.optimizer=["{optimizer}"]'
    size = f"search.space.{over.key}" if over.key in study.space.entries else over.key
    return run_again(study, f"name={study.name}-{given(over.to)}", f"{size}={given(over.to)}", only, rates)
