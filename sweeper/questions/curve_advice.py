"""What the class of a curve asks for, with an option that the study takes."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sweeper.answer.rows import schedules
from sweeper.command_line import command_line
from sweeper.components.optimizers import OPTIMIZERS
from sweeper.components.schedules import SCHEDULES, ends_low
from sweeper.questions.run_data import RunData
from sweeper.statistics import curve_class as shapes
from sweeper.study.command_line import option
from sweeper.study.parameters import searches_schedule
from sweeper.study.study import Study
from sweeper.wording import whole

EARLY = 0.1
"""Divergence within this share of the steps may be mended by a warm-up."""


LONGER, DECAY, FALLING = (
    "training.steps",
    "search.space.weight_decay={low = 1e-6, high = 1e-2, log = true, zero = 0.25}",
    "search.space.schedule",
)
ALL = frozenset({LONGER, DECAY, FALLING})


def settable_by(study: Study) -> frozenset[str]:
    """Which of the options that advice names this study takes, and does not follow already."""
    decays = "weight_decay" in study.space.parameters
    falls = study.training.schedule != "constant" or searches_schedule(study.space.parameters)
    lengths = {f"training.{key}" for key in ("steps", "epochs", "batch_size")}
    alike = not lengths & set(study.space.parameters)  # one option sets the steps of all trials
    asked = {
        LONGER: f"{LONGER}=2" if alike else "",
        DECAY: "" if decays else DECAY,
        FALLING: "" if falls else f"{FALLING}=cosine",
    }
    return frozenset(key for key, setting in asked.items() if setting and option(study, setting))


def slowed(run: RunData, trials: pd.DataFrame) -> frozenset[int]:
    """Those of `trials` whose rate ends low by its schedule, so that their curves level off whatever they
    could still learn; none of an optimizer on which schedules have no effect."""
    low = {name for name in SCHEDULES if ends_low(name)}
    names = schedules(trials, run.study.training.schedule)
    return frozenset(trials.loc[names.isin(low), "trial"]) - unscheduled(trials)


def unscheduled(trials: pd.DataFrame) -> frozenset[int]:
    """Those of `trials` with an optimizer on which schedules have no effect: nothing is said of one there."""
    known = {name for name, entry in OPTIMIZERS.items() if entry.first_step_only}
    return frozenset(trials.loc[trials["optimizer"].isin(known), "trial"])


def _with(text: str, key: str, setting: str, settable: frozenset[str]) -> str:
    return f"{text} ({command_line(['--set', setting])})" if key in settable else text


def where_best(lowest: Sequence[int], steps: int, scored: Sequence[int]) -> str:
    """At which of so many `steps` the loss was lowest, of each training, and where the score was best that
    ranks it, if that is known."""
    text = f"its loss was lowest at {_steps(lowest)} of {steps:,}"
    return f"{text}, its score best at {_steps(scored)}" if scored else text


def _steps(found: Sequence[int]) -> str:
    low, high = min(found), max(found)
    return f"step {low:,}" if low == high else f"steps {low:,} to {high:,}"


def advice(
    name: str,
    steps: int,
    full: int,
    found: shapes.Shape,
    settable: frozenset[str] = ALL,
    *,
    too_high: bool = False,
    by_loss: bool = True,
    slow: bool = False,
    scored: int | None = None,
) -> str:
    """What a class asks for, with a ready ``--set`` where there is one; empty where nothing follows.

    `steps` were made of the `full` length of the longest trial; `too_high`: the rate was above that of
    the best trial of its optimizer and activation. `by_loss`: the validation loss ranks trials; another
    score may be best when the loss no longer is, so no fewer steps are advised then. `slow`: the rate
    fell, see `slowed`, so that a curve that has levelled off advises nothing. `scored`: the step at which
    that other score was best, if known; a loss that still falls asks for no more steps where this was not
    the last.
    """
    if name == shapes.IMPROVING and not by_loss and scored != steps:
        return ""
    if name == shapes.IMPROVING:
        return _with("train longer", LONGER, f"{LONGER}={2 * steps}", settable)
    if name == shapes.UNCLEAR and FALLING in settable:
        return _with("a rate that falls would quiet its end", FALLING, f"{FALLING}=cosine", settable)
    if (
        name in (shapes.SATURATED, shapes.HIGHER)
        and by_loss
        and not slow
        and found.settled_step <= 0.6 * steps
    ):
        enough = max(int(np.ceil(1.25 * found.settled_step)), 1)
        return _with("fewer steps may do", LONGER, f"{LONGER}={enough}", settable)
    if name == shapes.OVERFITTING and not by_loss:
        return where_best([found.best_step], steps, [] if scored is None else [scored])
    if name == shapes.OVERFITTING:
        text = f"best at step {whole(found.best_step)} of {whole(steps)}: stop there, or regularize"
        text = text if found.best_step else "it was best before training: regularize, or use more rows"
        return _with(text, DECAY, DECAY, settable)
    if name == shapes.MEMORIZED:
        return _with("only the train loss fell: use more rows, or regularize", DECAY, DECAY, settable)
    if name in (shapes.UNSTABLE, shapes.RISING, shapes.NOISY):
        text = "lower learning rate, or one that falls" if FALLING in settable else "lower learning rate"
        return _with(text, FALLING, f"{FALLING}=cosine", settable)
    if name == shapes.STUCK:
        if too_high:
            return "lower learning rate, as the best trial of its optimizer and activation has"
        return "higher learning rate, or see whether the gradient vanishes"
    if name == shapes.DIVERGED and not steps:
        return "look at data and model: the loss is not finite before the first step"
    if name in (shapes.DIVERGED, shapes.ROSE):
        if FALLING not in settable:
            return "lower learning rate"
        if name == shapes.DIVERGED and steps > EARLY * full:
            return "lower learning rate (a warm-up would be over by then)"
        return _with("lower learning rate, or warm up", FALLING, f"{FALLING}=warmup_cosine", settable)
    return ""
