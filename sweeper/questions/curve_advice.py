"""What the class of a curve asks for, with an option that the study takes."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from sweeper.answer.rows import schedules
from sweeper.command_line import command_line
from sweeper.components.optimizers import OPTIMIZERS
from sweeper.components.schedules import SCHEDULES, ends_low
from sweeper.questions.run_data import RunData
from sweeper.statistics import curve_class as shapes
from sweeper.study.command_line import option
from sweeper.study.study import Study
from sweeper.wording import whole

EARLY = 0.1
"""Divergence within this share of the steps may be mended by a warm-up."""
SETTLED, ROOM = 0.6, 1.25
"""Share of the steps up to which a curve has settled early; how many times as many steps leave room."""
LONGER, DECAY, FALLING = "training.steps", "search.space.weight_decay", "search.space.schedule"
"""Keys that advice may set."""
DECAY_SETTING = f"{DECAY}={{low = 1e-6, high = 1e-2, log = true, zero = 0.25}}"
ALL = frozenset({LONGER, DECAY, FALLING})
NOTHING = ("", "", "")


def settable_by(study: Study) -> frozenset[str]:
    """Which of the options that advice names this study takes, and does not follow already."""
    decays = "weight_decay" in study.space.parameters
    lengths = {f"training.{key}" for key in ("steps", "epochs", "batch_size")}
    alike = not lengths & set(study.space.parameters)  # one option sets the steps of all trials
    asked = {
        LONGER: f"{LONGER}=2" if alike else "",
        DECAY: "" if decays else DECAY_SETTING,
        FALLING: "" if study.has_schedule else f"{FALLING}=cosine",
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


def where_best(lowest: Sequence[int], steps: int, scored: Sequence[int]) -> str:
    """At which of so many `steps` the loss was lowest, of each training, and where the score was best that
    ranks it, if that is known."""
    text = f"its loss was lowest at {_steps(lowest)} of {steps:,}"
    return f"{text}, its score best at {_steps(scored)}" if scored else text


def _steps(found: Sequence[int]) -> str:
    low, high = min(found), max(found)
    return f"step {low:,}" if low == high else f"steps {low:,} to {high:,}"


Said = tuple[str, str, str]
"""What helps, the key that it takes and the setting of that; the last two empty where there is none."""


@dataclass(frozen=True)
class Ended:
    """How a training ended."""

    name: str
    """The class of its curve."""
    steps: int
    full: int
    """Steps of the longest trial."""
    shape: shapes.Shape
    too_high: bool = False
    """Whether its rate was above that of the best trial of its optimizer and activation."""
    by_loss: bool = True
    """Whether the validation loss ranks trials: another score may be best when the loss no longer is."""
    slow: bool = False
    """Whether its rate fell, see `slowed`: a curve that has levelled off advises nothing then."""
    scored: int | None = None
    """Step at which that other score was best, if known."""
    settable: frozenset[str] = ALL
    """Keys that the study takes."""


def advice(ended: Ended) -> str:
    """What the class of a curve asks for, with a ready ``--set`` where there is one; empty where nothing
    follows."""
    text, key, setting = RULES[ended.name](ended) if ended.name in RULES else NOTHING
    return f"{text} ({command_line(['--set', setting])})" if key in ended.settable else text


def _improving(ended: Ended) -> Said:
    """More steps; not where what ranks trials was best before the last one."""
    if not ended.by_loss and ended.scored != ended.steps:
        return NOTHING
    return "train longer", LONGER, f"{LONGER}={2 * ended.steps}"


def _unclear(ended: Ended) -> Said:
    falls = ("a rate that falls would quiet its end", FALLING, f"{FALLING}=cosine")
    return falls if FALLING in ended.settable else NOTHING


def _levelled(ended: Ended) -> Said:
    """Fewer steps, by the loss alone, where it settled early at a rate that did not fall."""
    settled = ended.shape.settled_step
    if not ended.by_loss or ended.slow or settled > SETTLED * ended.steps:
        return NOTHING
    return "fewer steps may do", LONGER, f"{LONGER}={max(math.ceil(ROOM * settled), 1)}"


def _overfitting(ended: Ended) -> Said:
    best, steps = ended.shape.best_step, ended.steps
    if not ended.by_loss:
        return where_best([best], steps, [] if ended.scored is None else [ended.scored]), "", ""
    if not best:
        return "it was best before training: regularize, or use more rows", DECAY, DECAY_SETTING
    return f"best at step {whole(best)} of {whole(steps)}: stop there, or regularize", DECAY, DECAY_SETTING


def _scores_better(ended: Ended) -> bool:
    """Whether what ranks it is another score than the loss, and was best after the first step: a loss that
    does not fall then shows no failure to learn."""
    return not ended.by_loss and bool(ended.scored)


def _memorized(ended: Ended) -> Said:
    if _scores_better(ended):
        return NOTHING
    return "only the train loss fell: use more rows, or regularize", DECAY, DECAY_SETTING


def _unsteady(ended: Ended) -> Said:
    text = "lower learning rate, or one that falls" if FALLING in ended.settable else "lower learning rate"
    return text, FALLING, f"{FALLING}=cosine"


def _stuck(ended: Ended) -> Said:
    if _scores_better(ended):
        return NOTHING
    lower = "lower learning rate, as the best trial of its optimizer and activation has"
    return lower if ended.too_high else "higher learning rate, or see whether the gradient vanishes", "", ""


def _rose(ended: Ended) -> Said:
    """A lower rate, or a warm-up where that can be set."""
    if FALLING not in ended.settable:
        return "lower learning rate", "", ""
    return "lower learning rate, or warm up", FALLING, f"{FALLING}=warmup_cosine"


def _diverged(ended: Ended) -> Said:
    if not ended.steps:
        return "look at data and model: the loss is not finite before the first step", "", ""
    if FALLING in ended.settable and ended.steps > EARLY * ended.full:
        return "lower learning rate (a warm-up would be over by then)", "", ""
    return _rose(ended)


RULES: Mapping[str, Callable[[Ended], Said]] = {
    shapes.IMPROVING: _improving,
    shapes.UNCLEAR: _unclear,
    shapes.SATURATED: _levelled,
    shapes.HIGHER: _levelled,
    shapes.OVERFITTING: _overfitting,
    shapes.MEMORIZED: _memorized,
    shapes.UNSTABLE: _unsteady,
    shapes.RISING: _unsteady,
    shapes.NOISY: _unsteady,
    shapes.STUCK: _stuck,
    shapes.ROSE: _rose,
    shapes.DIVERGED: _diverged,
}
"""Class of a curve -> what it asks for."""
