"""What a score of the user's gives for outputs that are alike on every row, in whatever order these are."""

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

ORDERS = 20
"""Random orders of the rows that a score is averaged over."""
SEED = 0
ROUNDING = 1e-4
"""Relative difference up to which a score is the same: the order of a sum changes its last digits."""
Scores = Callable[[Tensor, Tensor], Mapping[str, float]]


def whatever_order(scores: Scores, output: Tensor, y: Tensor) -> dict[str, float]:
    """`scores` of an `output` that is the same on every row; those that hang on ties, as means over `ORDERS`.

    A score that ranks rows, by their highest outputs for instance, takes arbitrary ones where all tie, so it
    would tell how the rows happen to be ordered. A score that is made for rows in their order (of a series)
    has none but this one, and is left as it is.
    """
    plain, generator = dict(scores(output, y)), torch.Generator().manual_seed(SEED)
    keys = y.reshape(len(y), -1)[:, 0]
    shuffled = [torch.randperm(len(y), generator=generator) for _ in range(ORDERS)]
    looks = [scores(output, y[rows]) for rows in (keys.argsort(), keys.argsort(descending=True), shuffled[0])]
    hanging = [name for name, value in plain.items() if not all(_same(value, look[name]) for look in looks)]
    if hanging:
        noisy = output + torch.randn(output.shape, generator=generator).to(output)
        ordered, mixed = scores(noisy, y), scores(noisy[shuffled[0]], y[shuffled[0]])
        hanging = [name for name in hanging if _same(ordered[name], mixed[name])]
    if hanging:
        found = [looks[-1], *(scores(output, y[rows]) for rows in shuffled[1:])]
        plain |= {name: sum(each[name] for each in found) / ORDERS for name in hanging}
    return plain


def _same(one: float, other: float) -> bool:
    """Also where neither is a number."""
    return math.isclose(one, other, rel_tol=ROUNDING) or (math.isnan(one) and math.isnan(other))
