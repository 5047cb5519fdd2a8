"""Scores that have a best or a worst value: no interval reaches beyond them, nor one of their differences.

Page, terminal and JSON show what is cut here.
"""

import math

import pandas as pd

from sweeper.components.losses import LOSSES
from sweeper.components.metrics import known_score
from sweeper.study.study import Study
from sweeper.wording import fixed, interval, number

CUT, CUT_OFF = " [the score's limit]", " [limited by the score]"
"""Said beside an end of an interval that the score cannot pass, and beside one of a difference that goes no
further because one of the two scores could not: that is known as well as the interval of the other."""
STRICTER = "leaves 0 out, but a verdict takes more"
"""Said wherever an interval leaves 0 out while the finalist is tied: a call takes more than the interval."""
LOW, HIGH = "low", "high"


def plain_name(metric: str) -> str:
    """``accuracy`` of ``accuracy``, or of ``validation_accuracy (higher is better)``."""
    name = metric.partition(" ")[0]
    return name.removeprefix("validation_").removeprefix("train_")


def range_of(metric: str, least_loss: float = -math.inf) -> tuple[float, float]:
    """The lowest and the highest value that `metric` can have; `least_loss`: see `loss_floor`."""
    name = plain_name(metric)
    if name == "error":
        return 0.0, 1.0
    if name == "loss":
        return least_loss, math.inf
    known = known_score(name)
    ends = (-math.inf, math.inf) if known is None else (known.best, known.worst)
    return min(ends), max(ends)


def bounded(metric: str, low: float, high: float, least_loss: float = -math.inf) -> tuple[float, float]:
    """`low` and `high` within what `metric` can be; what is not known (NaN) stays so."""
    least, most = range_of(metric, least_loss)
    return _cut(low, least, most), _cut(high, least, most)


def score_words(metric: str, value: float, digits: int = 3) -> str:
    """`number` of a value of `metric`, with as many further digits as tell it from what it ends at."""
    for end in range_of(metric):
        if math.isfinite(end) and 0 != end != value and number(value, digits) == number(end, digits):
            apart = math.floor(math.log10(abs((end - value) / end)))
            return number(value, min(-apart, MOST_DIGITS))
    return number(value, digits)


MOST_DIGITS = 7
"""Of a number that lies next to what it ends at; nearer ones are as good as that."""


def which_cut(before: tuple[float, float], after: tuple[float, float]) -> str:
    """The ends of an interval that have been moved: ``low``, ``high``, both or neither."""
    moved = [not math.isnan(end) and end != kept for end, kept in zip(before, after, strict=True)]
    return ", ".join(name for name, is_cut in zip((LOW, HIGH), moved, strict=True) if is_cut)


def in_words(middle: float, low: float, high: float, cut: str = "", mark: str = CUT) -> tuple[str, str, str]:
    """An interval as numbers of the same decimals; the ends that `cut` names have a `mark`."""
    mean, first, last = interval(middle, low, high)
    return mean, first + mark * (LOW in cut), last + mark * (HIGH in cut)


def in_decimals_of(printed: str, value: float) -> str:
    """`value` with as many decimals as a `printed` number."""
    return fixed(value, len(printed.partition(".")[2]))


def reads_as(value: float, printed: str) -> bool:
    """Whether `value` to the decimals of a `printed` number reads as that does."""
    return "e" not in printed and in_decimals_of(printed, value) == printed


def stricter(low: float, high: float) -> str:
    """`STRICTER` of a tied finalist whose interval of the difference leaves 0 out; else empty."""
    return STRICTER if math.isfinite(low) and math.isfinite(high) and low * high > 0 else ""


def cut_ends(metric: str, middle: float, low: float, high: float, least_loss: float = -math.inf) -> str:
    """Which ends of the interval of a value lie where `metric` ends: ``low``, ``high``, both or neither.

    A value that lies there itself has no end that was cut.
    """
    least, most = range_of(metric, least_loss)
    found = LOW if low == least != middle else "", HIGH if high == most != middle else ""
    return ", ".join(filter(None, found))


def bounded_gain(
    metric: str, low: float, high: float, guess: float, higher: bool, least_loss: float = -math.inf
) -> tuple[float, float]:
    """Those of how much better than `guess`, which is a fixed number, a value of `metric` is."""
    least, most = range_of(metric, least_loss)
    ends = (least - guess, most - guess) if higher else (guess - most, guess - least)
    ends = min(ends[0], 0.0), max(ends[1], 0.0)
    return _cut(low, *ends), _cut(high, *ends)


def _cut(value: float, least: float, most: float) -> float:
    return value if math.isnan(value) else min(max(value, least), most)


def loss_floor(study: Study, curves: pd.DataFrame | None) -> float:
    """What no loss of the study lies below: of named ones that is known.

    Of a loss of the user's, it is 0 where none of all losses on record is below 0, whatever was trained.
    """
    losses = [study.training.loss, *study.space.listed("training.loss")]
    if all(isinstance(loss, str) and loss in LOSSES for loss in losses):
        return min(LOSSES[str(loss)].least for loss in losses)
    if curves is None or curves.empty:
        return -math.inf
    lowest = curves.loc[curves["metric"].isin(["validation_loss", "train_loss"]), "value"].min()
    return 0.0 if lowest >= 0 else -math.inf
