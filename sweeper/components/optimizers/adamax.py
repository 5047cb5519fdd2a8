"""Adamax: Adam with the largest gradient for the root (Kingma and Ba 2014, arXiv 1412.6980, section 7.1).

g ← g + λ·p
m ← m + (1 − β1)·(g − m)
u ← max(β2·u, |g| + eps)
p ← p − lr / (1 − β1ᵗ) · m / u
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sweeper.components.optimizers.adam import ADAM_LIMIT, ADAM_OPTIONS, ADAM_PUBLISHED
from sweeper.components.optimizers.optimizer import Optimizer, Options, Rates
from sweeper.components.optimizers.rule import Hyper, Rule, power


def _coefficients(o: Hyper, lr: np.ndarray, step: np.ndarray) -> Sequence[np.ndarray]:
    return -(lr / (1 - power(o["beta1"], step))), 1 - o["beta1"], o["beta2"], o["eps"]


def _update(
    p: Tensor, g: Tensor, state: Sequence[Tensor], c: Sequence[Tensor], scratch: Sequence[Tensor]
) -> None:
    rate, new1, keep2, eps = c
    m, u = state
    torch.lerp(m, g, new1, out=m)
    torch.mul(u, keep2, out=u)
    torch.abs(g, out=g)
    torch.add(g, eps, out=g)
    torch.maximum(u, g, out=u)
    torch.mul(m, rate, out=g)
    torch.addcdiv(p, g, u, out=p)


_ADAMAX = Rule("adamax", columns=4, state=2, coefficients=_coefficients, update=_update)


def _divisor(state: Mapping[str, Any], group: Options) -> Tensor:
    """u, the running maximum of |g| (ε is inside)."""
    peak: Tensor = state["exp_inf"]
    return peak


ADAMAX = Optimizer(
    "adamax",
    torch.optim.Adamax,
    (_ADAMAX,),
    ADAM_OPTIONS,
    published={"learning_rate": 2e-3, **ADAM_PUBLISHED},
    citation="Kingma and Ba 2015, arXiv 1412.6980, section 7.1",
    rates=Rates(1e-5, 1e-1, "two decades around 1e-3; published: 2e-3", "Kingma and Ba 2014"),
    buffers=2,
    limit=ADAM_LIMIT,
    divisor=_divisor,
    moves_by_rate=True,
)
