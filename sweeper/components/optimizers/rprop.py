"""Rprop: each weight has a step of its own (Riedmiller and Braun 1993), as torch.optim.Rprop has it.

s = sign(g·g₋)
Δ ← Δ·1.2 where s > 0, Δ·½ where s < 0, within [1e-6, 50];  Δ is the learning rate before the first step
g ← 0 where s < 0
p ← p − Δ·sign g;  g₋ ← g

The learning rate is the first step alone: a schedule has no effect. It is made for full batches.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from sweeper.components.optimizers.optimizer import Optimizer, Rates
from sweeper.components.optimizers.rule import Hyper, Rule

SHRINK, GROW = 0.5, 1.2
SMALLEST, LARGEST = 1e-6, 50.0


def _coefficients(o: Hyper, lr: np.ndarray, step: np.ndarray) -> Sequence[np.ndarray]:
    return (np.where(step == 1, lr, 0.0),)


def _update(
    p: Tensor, g: Tensor, state: Sequence[Tensor], c: Sequence[Tensor], scratch: Sequence[Tensor]
) -> None:
    (first,), (before, size), (t,) = c, state, scratch
    torch.add(size, first, out=size)
    torch.mul(g, before, out=t)
    turned = t < 0
    torch.where(t > 0, size * GROW, size, out=t)
    torch.where(turned, size * SHRINK, t, out=size)
    torch.clamp(size, SMALLEST, LARGEST, out=size)
    before.copy_(g).masked_fill_(turned, 0.0)
    torch.sign(before, out=g)
    torch.addcmul(p, g, size, value=-1, out=p)


RPROP = Optimizer(
    "rprop",
    torch.optim.Rprop,
    (
        Rule(
            "rprop", columns=1, state=2, coefficients=_coefficients, update=_update, scratch=1, coupled=False
        ),
    ),
    {},
    published={"learning_rate": 0.01},
    citation="torch.optim.Rprop, after Riedmiller and Braun 1993, who take 0.1",
    rates=Rates(
        1e-4,
        1.0,
        "two decades to either side of torch's default; steps adapt",
        "torch.optim.Rprop",
    ),
    buffers=2,
    moves_by_rate=True,
    first_step_only=True,
)
