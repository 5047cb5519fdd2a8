"""What one loss curve says: still improving, saturated, overfitting, unstable, not learning."""

from dataclasses import dataclass

import numpy as np

IMPROVING, SATURATED, OVERFITTING, UNSTABLE, DIVERGED = (
    "still improving",
    "saturated",
    "overfitting",
    "unstable",
    "diverged",
)
RISING, STUCK, CUT_SHORT, TOO_SHORT = "rising again", "not learning", "cut short", "too few points"
CLASSES = (IMPROVING, SATURATED, OVERFITTING, RISING, UNSTABLE, STUCK, DIVERGED, CUT_SHORT, TOO_SHORT)

POINTS = 6
"""Evaluation points, the one before training included, below which nothing is said."""
LEARNED = 0.05
"""A curve that fell by less than this share of its start did not learn."""
RISE = 0.10
"""Rise above the lowest loss, as a share of it, from which a curve overfits."""
EARLY = 0.8
"""Share of the steps within which the lowest loss of a curve that overfits was reached."""
GAIN = 0.03
"""Fall over the last quarter, as a share of the loss at the end, from which it still improves."""
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
    """Fall over the last quarter of the points, by a straight line."""
    noise: float
    """Standard deviation about the course of the second half, from second differences."""


def shape(steps: np.ndarray, losses: np.ndarray, train: np.ndarray) -> Shape:
    """Class of a validation curve; `steps` rise, `train` are train losses at the same points or NaN.

    In this order, with lowest the least running median of three points (one lucky point is no minimum)
    and fall = ℓ at the first point − lowest:

    1. not learning: fall < 5 % of the first loss, or < 3 × noise that is not itself as in 2.
    2. unstable: noise > 20 % of the median loss of the second half, a quarter or more of whose changes are
       rises (a steep smooth fall bends as much), or the ups of the second half that come down again add up to
       > 25 % of the fall.
    3. overfitting: the end lies > 10 % of |lowest| and > 3 × noise above the lowest, min ℓ was reached in
       the first four fifths, and the train loss fell since then (or is not known); rising again: the same,
       but
       the train loss rose too.
    4. still improving: over the last quarter a straight line falls by > 3 % of |end| and by > 3 × its
       standard error.
    5. else saturated.
    """
    at_lowest = int(np.argmin(losses))
    lowest, end, start = float(losses[at_lowest]), float(np.median(losses[-3:])), float(losses[0])
    typical, noise = float(_smooth(losses).min()), _noise(losses[len(losses) // 2 - 1 :])
    fall, loud = start - typical, noise > JITTER * _level(losses) and _rises(losses) >= RISES
    gain, error = _gain(steps, losses)
    near = lowest + max(0.02 * abs(lowest), noise)
    settled = int(steps[np.argmax(losses <= near)])
    if len(losses) < POINTS:
        name = TOO_SHORT
    elif fall < LEARNED * abs(start) or (fall < 3 * noise and not loud):
        name = STUCK
    elif loud or _wiggle(losses) > WIGGLE * fall:
        name = UNSTABLE
    elif end - typical > max(RISE * abs(typical), 3 * noise) and steps[at_lowest] <= EARLY * steps[-1]:
        name = OVERFITTING if _train_fell(train, at_lowest) else RISING
    elif gain > GAIN * abs(end) and gain > 3 * error:
        name = IMPROVING
    else:
        name = SATURATED
    return Shape(name, int(steps[at_lowest]), settled, lowest, end, gain, noise)


def _smooth(losses: np.ndarray) -> np.ndarray:
    """Running median of three points; the first and the last are as they are."""
    if len(losses) < 3:
        return losses
    inner = np.median(np.stack([losses[:-2], losses[1:-1], losses[2:]]), axis=0)
    return np.concatenate([losses[:1], inner, losses[-1:]])


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


def _gain(steps: np.ndarray, losses: np.ndarray) -> tuple[float, float]:
    """Fall of a straight line over the last quarter of the points, at least five, and its standard error."""
    count = min(max(5, len(losses) // 4), len(losses))
    x, y = steps[-count:].astype(float), losses[-count:]
    x = x - x.mean()
    if count < 3 or not x.any():
        return 0.0, 0.0
    slope = float(x @ y / (x @ x))
    residuals = y - y.mean() - slope * x
    error = float(np.sqrt(residuals @ residuals / (count - 2) / (x @ x)))
    length = float(np.ptp(x))
    return -slope * length, error * length


def _train_fell(train: np.ndarray, at_lowest: int) -> bool:
    then, now = train[max(at_lowest, 1)], train[-1]
    return bool(not np.isfinite(then) or not np.isfinite(now) or now < then)


def _rises(losses: np.ndarray) -> float:
    """Share of the changes of the second half that are rises."""
    changes = np.diff(losses[len(losses) // 2 - 1 :])
    return float((changes > 0).mean()) if len(changes) else 0.0
