"""Learning-rate schedules: the multiplier of the learning rate at each update.

All take `step`, the number of updates made so far (0 … steps − 1), and `steps`, the length of the
training, and return a number without unit, at least 0.
"""

import math
from collections.abc import Callable


def constant(step: int, steps: int) -> float:
    """1"""
    return 1.0


def step(step: int, steps: int) -> float:
    """Divided by 10 after one half and again after three quarters of the training (He et al. 2015)."""
    return 0.1 ** ((step >= 0.5 * steps) + (step >= 0.75 * steps))


def exponential(step: int, steps: int) -> float:
    """0.01^(step / steps): down to one hundredth at the end."""
    return 0.01 ** (step / steps)


def cosine(step: int, steps: int) -> float:
    """(1 + cos(π·step / steps)) / 2 (Loshchilov and Hutter 2016, arXiv 1608.03983, without restarts)."""
    return 0.5 * (1 + math.cos(math.pi * step / steps))


def warmup_cosine(step: int, steps: int) -> float:
    """Linear over the first 5 % of the updates (at least one), then a cosine down to 0."""
    warm = max(1, round(0.05 * steps))
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def one_cycle(step: int, steps: int) -> float:
    """From 1/25 up to 1 over 30 % of the updates, then down to 1/250000, both along cosines; a training of
    three updates or fewer has the way down alone, as in torch.

    Smith and Topin 2017 (arXiv 1708.07120), with the numbers of ``torch.optim.lr_scheduler.OneCycleLR``.
    """
    peak, last = 0.3 * steps - 1, steps - 1
    if step <= peak:
        return 1 + (1 / 25 - 1) * 0.5 * (1 + math.cos(math.pi * step / peak))
    share = (step - peak) / (last - peak)
    return 1 / 25e4 + (1 - 1 / 25e4) * 0.5 * (1 + math.cos(math.pi * share))


def inverse_sqrt(step: int, steps: int) -> float:
    """Linear over the first 10 % of the updates (w, at least one), then sqrt(w / (step + 1))."""
    warm = max(1, round(0.1 * steps))
    return min((step + 1) / warm, math.sqrt(warm / (step + 1)))


SCHEDULES: dict[str, Callable[[int, int], float]] = {
    "constant": constant,
    "step": step,
    "exponential": exponential,
    "cosine": cosine,
    "warmup_cosine": warmup_cosine,
    "one_cycle": one_cycle,
    "inverse_sqrt": inverse_sqrt,
}
LOW = 0.5
"""Share of its highest multiplier at or below which a schedule ends low."""


def ends_low(name: str) -> bool:
    """Whether the schedule ends at `LOW` of its highest multiplier or below: a rate that falls so far slows
    any training down, whether it has learned what it can or not."""
    multipliers = [SCHEDULES[name](step, 1000) for step in range(1000)]
    return multipliers[-1] <= LOW * max(multipliers)
