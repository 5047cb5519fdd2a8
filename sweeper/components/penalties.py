"""Activation penalties: one layer's activations -> a scalar that is added to the loss, times its weight.

All are means over elements, so a weight means the same for every width and batch size. Keras divides
a sum over units by the batch size instead: its weight is ours divided by the number of units.
"""

import re
from collections.abc import Callable
from inspect import getdoc

from torch import Tensor


def l1(activation: Tensor) -> Tensor:
    """mean |a| over all elements; pushes activations to exactly 0 where they matter least."""
    return activation.abs().mean()


def l2(activation: Tensor) -> Tensor:
    """mean a² over all elements: AR of Merity et al. 2017 (arXiv 1708.01009)."""
    return activation.square().mean()


def temporal(activation: Tensor) -> Tensor:
    """mean (a[t+1] − a[t])² of activations (batch, time, …): TAR of Merity et al. 2017.

    Raises:
        ValueError: for activations without a time axis.
    """
    if activation.ndim != 3:
        shape = tuple(activation.shape)
        raise ValueError(
            f"penalty_kind 'temporal' needs activations (batch, time, units), not {shape}; use l1 or l2"
        )
    return (activation[:, 1:] - activation[:, :-1]).square().mean()


DEFAULT_KIND = "l2"
"""Where a study does not say."""
PENALTIES: dict[str, Callable[[Tensor], Tensor]] = {"l1": l1, "l2": l2, "temporal": temporal}


def formula(kind: str) -> str:
    """``mean a² over all elements``: what a penalty is, with which its docstring begins."""
    return re.split("[:;.]", getdoc(PENALTIES[kind]) or f"the mean that {kind} takes")[0]
