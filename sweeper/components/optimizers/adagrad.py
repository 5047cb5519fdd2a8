"""Adagrad (Duchi et al. 2011), as torch.optim.Adagrad has it.

g ← g + λ·p
s ← s + g²
p ← p − lr / (1 + (t − 1)·lr_decay) · g / (√s + eps)
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sweeper.components.optimizers.optimizer import Optimizer, Options, Rates
from sweeper.components.optimizers.option import ABOVE_ZERO, AT_LEAST_ZERO
from sweeper.components.optimizers.rmsprop import RMSPROP_LIMIT
from sweeper.components.optimizers.rule import Hyper, Rule


def _coefficients(o: Hyper, lr: np.ndarray, step: np.ndarray) -> Sequence[np.ndarray]:
    return -(lr / (1 + (step - 1) * o["lr_decay"])), o["eps"]


def _update(
    p: Tensor, g: Tensor, state: Sequence[Tensor], c: Sequence[Tensor], scratch: Sequence[Tensor]
) -> None:
    rate, eps = c
    (s,), (t,) = state, scratch
    torch.addcmul(s, g, g, out=s)
    torch.sqrt(s, out=t)
    torch.add(t, eps, out=t)
    torch.mul(g, rate, out=g)
    torch.addcdiv(p, g, t, out=p)


_RULE = Rule("adagrad", columns=2, state=1, coefficients=_coefficients, update=_update, scratch=1)


def _divisor(state: Mapping[str, Any], group: Options) -> Tensor:
    """√(Σ g²) + ε."""
    root: Tensor = state["sum"].sqrt() + group["eps"]
    return root


ADAGRAD = Optimizer(
    "adagrad",
    torch.optim.Adagrad,
    (_RULE,),
    {"eps": ABOVE_ZERO, "weight_decay": AT_LEAST_ZERO},
    published={"learning_rate": 0.01, "eps": 1e-10, "weight_decay": 0.0},
    citation="torch.optim.Adagrad, after Duchi, Hazan and Singer 2011",
    rates=Rates(1e-4, 1.0, "two decades to either side of torch's default, 1e-2", "torch.optim.Adagrad"),
    buffers=1,
    limit=RMSPROP_LIMIT,
    divisor=_divisor,
)
