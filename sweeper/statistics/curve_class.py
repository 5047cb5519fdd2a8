"""What one loss curve says: still improving, saturated, overfitting, unstable, blown up, flat …"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

IMPROVING, SATURATED, OVERFITTING, UNSTABLE, DIVERGED = (
    "still improving",
    "saturated",
    "overfitting",
    "unstable",
    "diverged",
)
RISING, ROSE, NOISY, MEMORIZED = "rising again", "rose", "noisy", "not generalising"
STUCK, CUT_SHORT, TOO_SHORT = "flat", "cut short", "too few points"
HIGHER, UNCLEAR = "ending higher", "unclear end"
CLASSES = (
    IMPROVING,
    SATURATED,
    HIGHER,
    UNCLEAR,
    OVERFITTING,
    RISING,
    UNSTABLE,
    NOISY,
    MEMORIZED,
    STUCK,
    ROSE,
    DIVERGED,
    CUT_SHORT,
    TOO_SHORT,
)

POINTS = 6
"""Evaluation points, the one before training included, below which nothing is said."""
LEARNED = 0.05
"""A curve that fell by less than this share of its start did not learn; noise above this share of the loss
hides whether it did."""
RISE = 0.10
"""Rise above the lowest loss, as a share of it, from which a curve overfits; a last fall by as much that
noise hides leaves the end unclear."""
OF_THE_FALL = 0.01
"""The same as a share of the fall: where the lowest loss is next to 0, any rise is a large share of it."""
EARLY = 0.8
"""Share of the steps within which the lowest loss of a curve that overfits was reached."""
HALF = 0.5
"""Share of the first loss by which the train loss must have fallen to be learned, if it falls no more."""
GAIN = 0.03
"""Fall over a quarter of the steps, as a share of the loss at the end, from which it still improves."""
SURELY, PERHAPS = 3.0, 1.5
"""Standard errors of that fall above which it is shown, and below which nothing speaks for it."""
LAST = 5
"""Points at least that the line of the last fall goes through."""
JITTER = 0.20
"""Noise, as a share of the loss, from which it is unstable."""
RISES = 0.25
"""Share of the changes that are rises, from which what bends is noise."""
WIGGLE = 0.25
"""Ups that come down again, as a share of the whole fall, from which it is unstable."""


@dataclass(frozen=True)
class Shape:
    """A curve with the numbers that its class rests on, all in the unit of the loss unless said otherwise."""

    name: str
    best_step: int
    settled_step: int
    """First step within 2 % of the lowest loss, or within its noise."""
    lowest: float
    end: float
    """Median of the last three points."""
    gain: float
    """Fall over a quarter of the steps, by a straight line, see `shape`."""
    gain_error: float
    """Standard error of `gain`."""
    noise: float
    """Standard deviation about the course of the second half, from second differences."""
    typical: float = math.nan
    """Least running median of three points: one lucky point is no minimum."""

    @property
    def falls(self) -> bool:
        """Whether it falls at its end by more than `GAIN` over a quarter of the steps, whatever its noise."""
        return self.gain > GAIN * abs(self.end)

    @property
    def ends_above(self) -> bool:
        """Whether it ends above its lowest by more than `GAIN`, whatever its noise."""
        return self.end - self.typical > GAIN * abs(self.typical)


def shape(steps: np.ndarray, losses: np.ndarray, train: np.ndarray) -> Shape:
    """Class of a validation curve; `steps` rise, `train` are train losses at the same points or NaN.

    In this order, with lowest the least running median of three points (one lucky point is no minimum),
    fall = ℓ at the first point − lowest, and learned: fall ≥ 5 % of the first loss. A curve is loud where its
    noise is > 20 % of the median loss of the second half, a quarter or more of whose changes are rises (a
    steep smooth fall bends as much). It rises where the end lies > 10 % of |lowest|, > 3 × noise and > 1 % of
    the fall above the lowest, and min ℓ was reached in the first four fifths. Rows of training are learned
    where the train loss ends > 5 % below ℓ at the first point.

    1. not learned: overfitting where it rises and rows of training are learned, rose where it rises
       otherwise; noisy where the noise is > 5 % of the median loss of the second half; not generalising where
       rows of training are learned; flat otherwise. Where it does not rise, such rows are learned
       only where the train loss also fell on from its first points (medians of three, by 5 % of ℓ at the
       first point and by 3 × its noise), or to less than half of ℓ at the first point, and by twice what ℓ
       fell: rows of training may be easier from the start, and those of other batches are others.
    2. noisy: fall < 3 × noise that is not loud.
    3. unstable: loud, or the ups of the second half that come down again add up to > 25 % of the fall.
    4. overfitting: it rises and the train loss fell since the lowest, to below ℓ at the first point (or is
       not known); rising again: it rises otherwise.
    5. still improving: a straight line through the last quarter of the points, five at least, falls by > 3 %
       of |end| over a quarter of the steps, and by > 3 × its standard error; and min ℓ lies in that quarter
       (where five are more than a quarter, it is one of the last two points): an early fall may have tilted
       the line, and what comes back from a rise does not improve.
    6. ending higher: the end lies > 3 % of |lowest| and > 3 × noise above the lowest, and min ℓ is none of
       the last three points.
    7. unclear end: a quarter of the changes of the second half or more are rises, and the end lies > 10 % of
       it below the median of the three points before, with a fall as in 5. of > 1.5 × its standard error; or
       > 10 % of |lowest| above the lowest.
    8. else saturated.
    """
    at_lowest = int(np.argmin(losses))
    lowest, end, start = float(losses[at_lowest]), float(np.median(losses[-3:])), float(losses[0])
    noise = _noise(losses[len(losses) // 2 - 1 :])
    gain, error = _gain(steps, losses)
    near = lowest + max(0.02 * abs(lowest), noise)
    settled = int(steps[np.argmax(losses <= near)])
    typical = float(_smooth(losses).min())
    fall = start - typical
    least = max(RISE * abs(typical), 3 * noise, OF_THE_FALL * fall)
    rises = end - typical > least and steps[at_lowest] <= EARLY * steps[-1]
    still = gain > GAIN * abs(end) and at_lowest >= _latest(len(losses))
    loud = noise > JITTER * _level(losses) and _rises(losses) >= RISES
    if len(losses) < POINTS:
        name = TOO_SHORT
    elif fall < LEARNED * abs(start):
        name = _unlearned(losses, train, rises=rises, noise=noise)
    elif fall < 3 * noise and not loud:
        name = NOISY
    elif loud or _wiggle(losses) > WIGGLE * fall:
        name = UNSTABLE
    elif rises:
        name = OVERFITTING if _train_fell(train, at_lowest, start) else RISING
    elif still and gain > SURELY * error:
        name = IMPROVING
    elif end - typical > max(GAIN * abs(typical), 3 * noise) and at_lowest < len(losses) - 3:
        name = HIGHER
    elif _unclear(losses, end, still and gain > PERHAPS * error, end - typical > RISE * abs(typical)):
        name = UNCLEAR
    else:
        name = SATURATED
    return Shape(name, int(steps[at_lowest]), settled, lowest, end, gain, error, noise, typical)


def _unclear(losses: np.ndarray, end: float, falls: bool, is_above: bool) -> bool:
    """Whether noise hides how a curve ends that seems to fall, or `is_above` its lowest."""
    drop = float(np.median(losses[-6:-3])) - end
    return _rises(losses) >= RISES and (is_above or (falls and drop > RISE * abs(end)))


Curve = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Steps, validation losses and train losses at the same points."""


def over_seeds(curves: Sequence[Curve]) -> list[Shape]:
    """The class of each curve of one setting, on several seeds.

    The noise of one curve hides a rise, or a last fall, that the mean over `SEVERAL` or more seeds shows:
    then those count as rising that end more than 3 % above their lowest, or as improving that fall by more
    than 3 % over a quarter of the steps. The mean is over the curves with the steps that most have; others,
    as of a seed that diverged, are classified alone.
    """
    found = [shape(*curve) for curve in curves]
    alike = _with_the_same_steps([steps for steps, _, _ in curves])
    if len(alike) < SEVERAL:
        return found
    mean = shape(curves[alike[0]][0], *(np.mean([curves[i][k] for i in alike], axis=0) for k in (1, 2)))
    for i in alike:
        each = found[i]
        if mean.name == IMPROVING:
            is_hidden = each.name in (SATURATED, UNCLEAR) and each.falls
        else:
            is_hidden = each.name in (SATURATED, HIGHER, UNCLEAR) and each.ends_above
        if is_hidden and mean.name in (IMPROVING, OVERFITTING, RISING):
            found[i] = replace(each, name=mean.name)
    return found


def _with_the_same_steps(steps: Sequence[np.ndarray]) -> list[int]:
    """Positions of the largest group of equal arrays, the first where some are as large."""
    groups: dict[tuple[float, ...], list[int]] = {}
    for position, own in enumerate(steps):
        groups.setdefault(tuple(own.tolist()), []).append(position)
    return max(groups.values(), key=len, default=[])


SEVERAL = 3
"""Seeds from which their mean curve is looked at."""


def _unlearned(losses: np.ndarray, train: np.ndarray, *, rises: bool, noise: float) -> str:
    """Why a curve may not have fallen."""
    start = float(losses[0])
    trained = bool(train[-1] < start - LEARNED * abs(start))
    if rises:
        return OVERFITTING if trained else ROSE
    if noise > LEARNED * _level(losses):
        return NOISY
    fell, half = float(np.median(train[1:4]) - np.median(train[-3:])), start - HALF * abs(start)
    surely = max(LEARNED * abs(start), 3 * _noise(train[1:]))  # batches of other rows have other losses
    apart = start - float(train[-1]) >= 2 * (start - float(losses.min()))
    return MEMORIZED if trained and apart and (fell > surely or train[-1] < half) else STUCK


def _smooth(losses: np.ndarray) -> np.ndarray:
    """Running median of three points; the first is as it is, and the last by Tukey's rule for ends (1977):
    the median of itself, of its neighbour, and of the straight line through the two medians before it."""
    if len(losses) < 3:
        return losses
    inner = np.median(np.stack([losses[:-2], losses[1:-1], losses[2:]]), axis=0)
    onward = 3 * inner[-1] - 2 * inner[-2] if len(inner) > 1 else inner[-1]
    return np.concatenate([losses[:1], inner, [np.median([losses[-1], inner[-1], onward])]])


def _level(losses: np.ndarray) -> float:
    return abs(float(np.median(losses[len(losses) // 2 :])))


def _noise(late: np.ndarray) -> float:
    """σ of independent noise: ℓ minus the mean of its neighbours has the variance 1.5 σ²."""
    if len(late) < 3:
        return 0.0
    bends = late[1:-1] - (late[:-2] + late[2:]) / 2
    return float(np.median(np.abs(bends)) / 0.6745 / np.sqrt(1.5))


def _wiggle(losses: np.ndarray) -> float:
    """Half of the way up and down in the second half that does not count towards its net change."""
    changes = np.diff(losses[len(losses) // 2 - 1 :])
    return float(np.abs(changes).sum() - abs(changes.sum())) / 2


def _latest(points: int) -> int:
    """The earliest point that may be the lowest of a curve that still improves."""
    return points - 2 if points // 4 < LAST else points - points // 4


def _gain(steps: np.ndarray, losses: np.ndarray) -> tuple[float, float]:
    """Fall over a quarter of the steps of a straight line through the last quarter of the points, at least
    `LAST`, and its standard error."""
    count = min(max(LAST, len(losses) // 4), len(losses))
    x, y = steps[-count:].astype(float), losses[-count:]
    x = x - x.mean()
    if count < 3 or not x.any():
        return 0.0, 0.0
    slope = float(x @ y / (x @ x))
    residuals = y - y.mean() - slope * x
    error = float(np.sqrt(residuals @ residuals / (count - 2) / (x @ x)))
    length = float(np.ptp(steps)) / 4
    return -slope * length, error * length


def _train_fell(train: np.ndarray, at_lowest: int, start: float) -> bool:
    """Whether the train loss fell since the lowest; a training that blew up comes down as well, to where it
    is above the loss before training."""
    then, now = train[max(at_lowest, 1)], train[-1]
    return bool(not np.isfinite(then) or not np.isfinite(now) or now < min(then, start))


def _rises(losses: np.ndarray) -> float:
    """Share of the changes of the second half that are rises."""
    changes = np.diff(losses[len(losses) // 2 - 1 :])
    return float((changes > 0).mean()) if len(changes) else 0.0
