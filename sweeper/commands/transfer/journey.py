"""transfer(study): at which rate a network trains best that is too large to sweep, every stage once.

study -> the same grid of rates at each size -> optima -> exponent and prediction
      -> penalties about the optima -> the best on fresh seeds -> figures and page
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from sweeper.asked import load_data
from sweeper.commands.figure_file import save_figure
from sweeper.commands.transfer.conditions import Conditions, NextCommand, Purpose
from sweeper.commands.transfer.figure import draw
from sweeper.commands.transfer.limits import GUESSING, worth_searching
from sweeper.commands.transfer.page import write_page
from sweeper.commands.transfer.penalty import (
    Penalties,
    PenaltyPlan,
    chosen,
    fresh_trials,
    grid_trials,
    penalized,
    penalties,
    planned,
    tried,
)
from sweeper.commands.transfer.penalty_figure import draw as draw_penalty
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
from sweeper.commands.transfer.words import plan_line
from sweeper.errors import RunFailed
from sweeper.report.transferred import KEY, PENALTY
from sweeper.statistics.race import ENOUGH_SEEDS
from sweeper.statistics.scaling import Place
from sweeper.study.command_line import run_again
from sweeper.study.parameters import PENALTY as WEIGHT
from sweeper.study.space import Fixed, Range, Values
from sweeper.study.study import Study
from sweeper.toml_text import in_toml
from sweeper.training.dispatch import train_all
from sweeper.training.in_workers import (
    baselines_of,
    plan_in_workers,
    preflight_in_workers,
    share_task,
)
from sweeper.training.plan import Plan
from sweeper.training.planning import cohorts_of
from sweeper.training.pool.interface import Pool, Shared
from sweeper.training.preflight import require_trainable
from sweeper.training.setup import Task, task_of
from sweeper.trial import Trial, TrialResult
from sweeper.wording import exact, given

STACK = 32
"""Largest stack that is tried."""

MORE_SEEDS = 10
"""Where seeds are too few to tell where the best rates lie."""


@dataclass(frozen=True)
class Transfer:
    """How the best learning rate moves with a size, and what an activation penalty does there."""

    measured: pd.DataFrame
    """One row per training of the rates: size, learning_rate, seed, outcome, objective."""
    found: Found
    """Optima, exponent, prediction and check; `penalty`: the same of the penalty."""
    conditions: Conditions
    """What was asked, what was held, and how it was trained."""

    def save(self, folder: str | Path) -> Path | None:
        """Write figures and page (``transfer.html``) to `folder`; returns the path of the figure of the
        rates, or ``None`` if it cannot be drawn: stderr says why.

        Raises:
            RunFolderError: if `folder` cannot be written.
        """
        folder = Path(folder)
        write_page(folder, self.measured, self.found, self.conditions)
        penalty = self.found.penalty
        if penalty is not None:
            save_figure(folder, PENALTY, lambda: draw_penalty(penalty, self.conditions))
        else:
            (folder / f"{PENALTY}.png").unlink(missing_ok=True)
        return save_figure(folder, KEY, lambda: draw(self.measured, self.found, self.conditions))


def transfer(
    pool: Pool,
    study: Study,
    over: Over,
    *,
    held: Mapping[str, Any] | None = None,
    held_from: str = "as asked",
    unlike: Sequence[str] = (),
    rates: int = RATES,
    seeds: int = SEEDS,
    penalties: int | None = None,
    engine: str = "auto",
    announce: Callable[[str], None] = lambda line: None,
) -> Transfer:
    """Train one configuration at each size over a grid of learning rates, and fit how the best one moves.

    Args:
        pool: where they train.
        study: its range of learning rates is the grid.
        over: the key, its sizes, what is predicted and what is checked.
        held: the configuration; ``None``: a middle one of the study's first optimizer.
        held_from: where it is from, in words.
        unlike: in what the study differs from its run, in words.
        rates: learning rates at each size.
        seeds: trainings at each rate; all rates and sizes have the same seeds.
        penalties: weights of the activation penalty at each size, see `planned`.
        engine: auto | fused | reference.
        announce: is told how many trainings there will be, before they begin.

    Raises:
        UserError: if key, sizes, data or model do not fit.
        RunFailed: if every training failed or diverged.
    """
    over = checked(over)
    asked = sized(study, over)
    kept = {**held_by_default(asked, over.key), **(held or {})}
    kept = {name: value for name, value in kept.items() if name not in (over.key, "learning_rate")}
    plan = planned(asked, kept["optimizer"], seeds, penalties)
    if plan is not None:
        asked = penalized(asked, kept["optimizer"], plan)
    values = grid(asked, kept["optimizer"], rates)
    first = study.search.seed
    trials = transfer_trials(over, kept, list(values), range(first, first + seeds))
    trainer = _trainer(pool, study, asked, trials, plan.trainings(len(over.trained)) if plan else 0, engine)
    announce(plan_line(len(trials), len(over.trained), rates, seeds, plan))
    results = trainer.train(trials)
    frame = measured(results, over.key)
    if frame["objective"].notna().sum() == 0:
        reason = next((r.reason for r in results if r.reason), "all diverged")
        raise RunFailed(f"none of {len(results)} trainings came to an end: {reason}")
    guessed = baselines_of(pool, trainer.shared, range(first, first + seeds))
    what = found(frame, over, study.objective, guessed)
    if plan is not None:
        of_penalty = _penalties(trainer, over, kept, plan, what.optima, len(trials), study.objective)
        what = replace(what, penalty=of_penalty)
    same = [f"--rates {rates}"] if rates != RATES else []
    same += [] if penalties is None else [f"--penalties {penalties}"]
    conditions = Conditions(
        study=study.name,
        key=over.key,
        sizes=list(over.sizes),
        to=over.to,
        check=over.check,
        objective=study.objective,
        held=kept,
        held_from=held_from if held else "no run has an answer: a middle configuration of the study",
        unlike=list(unlike),
        rates=rates,
        seeds=seeds,
        trainings=len(trials),
        lowest_rate=float(values[0]),
        highest_rate=float(values[-1]),
        plan=trainer.plan.line(),
        next=next_command(study, over, what, kept, seeds, same),
    )
    return Transfer(frame, what, conditions)


@dataclass(frozen=True)
class _Trainer:
    """Everything that trials of one transfer train with."""

    pool: Pool
    shared: Shared[Task]
    task: Task
    plan: Plan

    def train(self, trials: Sequence[Trial]) -> list[TrialResult]:
        """Their results, in the order of their numbers."""
        trained = train_all(self.pool, self.shared, cohorts_of(self.plan, self.task, trials))
        return sorted((r for group in trained for r in group), key=lambda result: result.trial.number)


def _trainer(
    pool: Pool, study: Study, asked: Study, trials: Sequence[Trial], more: int, engine: str
) -> _Trainer:
    search = asked.search.model_copy(update={"trials": len(trials) + more})
    task = task_of(asked.model_copy(update={"search": search}), load_data(pool, study))
    shared = share_task(pool, task)
    require_trainable(preflight_in_workers(pool, shared))
    share = min(len(trials) // pool.width, STACK)
    return _Trainer(
        pool, shared, task, plan_in_workers(pool, shared, jobs=pool.width, engine=engine, share=share)
    )


def _penalties(
    trainer: _Trainer,
    over: Over,
    held: Mapping[str, Any],
    plan: PenaltyPlan,
    optima: pd.DataFrame,
    number: int,
    objective: str,
) -> Penalties | None:
    """First the grid, whose best weights are then trained on fresh seeds; trials are numbered from
    `number`."""
    on_grid = trainer.train(trials := grid_trials(over, held, plan, optima, number))
    grid = tried(on_grid, over.key, fresh=False)
    picked = fresh_trials(over, held, plan, chosen(grid, objective), number + len(trials))
    fresh = tried(trainer.train(picked), over.key, fresh=True)
    return penalties(plan, over, grid, fresh, objective)


def next_command(
    study: Study,
    over: Over,
    what: Found,
    held: Mapping[str, Any],
    seeds: int = SEEDS,
    options: Sequence[str] = (),
) -> NextCommand:
    """The study at the size asked for, with all that was `held` and the rates of the prediction.

    Where there is none, the same transfer with its `options`, and rates beyond the edge that best ones lie
    at, or more `seeds`; where sizes learned nothing on as many, ``sweeper advise``.
    """
    entry = study.space.entry("learning_rate", held["optimizer"])
    assert entry is not None
    if what.prediction is None:
        sizes, wider = ",".join(given(size) for size in over.sizes), _wider(entry, what.optima["verdict"])
        if not wider and seeds >= ENOUGH_SEEDS and (what.optima["verdict"] == GUESSING).any():
            return NextCommand(Purpose.ADVICE, run_again(study, command="advise"))
        command = run_again(study, *wider, command="transfer")
        more = seeds if wider else max(MORE_SEEDS, 2 * seeds)
        words = [f"--over {over.key}={sizes}", f"--to {given(over.to)}"]
        words += [] if over.check is None else [f"--check {given(over.check)}"]
        words += [f"--seeds {more}"] if more != SEEDS else []
        purpose = Purpose.GO_BEYOND_EDGE if wider else Purpose.MORE_SEEDS
        return NextCommand(purpose, " ".join([command, *words, *options]))
    ends = worth_searching(what.prediction, what.optima)
    low, high = (exact(value, 2) for value in ends)
    if low == high:  # no range
        low, high = map(exact, ends)
    to = str(over.to) if isinstance(over.to, int) else exact(over.to)
    rates = f"search.space.{entry[0]}={{low = {low}, high = {high}, log = true}}"
    size = f"search.space.{over.key}" if over.key in study.space.entries else over.key
    at_size = run_again(
        study,
        f"name={study.name}-{re.sub(r'[^A-Za-z0-9_-]', '_', to)}",
        f"{size}={to}",
        *_kept(study, over, what, held),
        rates,
    )
    return NextCommand(Purpose.TRAIN_AT_SIZE, at_size)


def _kept(study: Study, over: Over, what: Found, held: Mapping[str, Any]) -> list[str]:
    """Settings that leave the study no choice in what was held, the optimizer first: the prediction is about
    nothing else. A penalty whose weight was tried stays open."""
    active = study.space.active(held["optimizer"])
    varied = {"learning_rate", over.key, *([WEIGHT] if what.penalty is not None else [])}
    searched = {
        key: held[name]
        for name, (key, values) in active.items()
        if name in held and name not in varied and not isinstance(values, Fixed)
    }
    fixed = {"optimizer": held["optimizer"], **searched}
    return [f"search.space.{key}={in_toml([value])}" for key, value in fixed.items()]


def _wider(entry: tuple[str, Values], verdicts: "pd.Series[str]") -> tuple[str, ...]:
    """The setting that searches a decade beyond each edge that a best rate lies at; none if none does."""
    name, values = entry
    edges = (verdicts == Place.LOWER_EDGE).any(), (verdicts == Place.UPPER_EDGE).any()
    if not isinstance(values, Range) or not any(edges):
        return ()
    low, high = values.low / 10 ** edges[0], values.high * 10 ** edges[1]
    return (f"search.space.{name}={{low = {exact(low)}, high = {exact(high)}, log = true}}",)
