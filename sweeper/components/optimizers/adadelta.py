"""Adadelta (Zeiler 2012, arXiv 1212.5701), as torch.optim.Adadelta has it.

g ← g + λ·p
v ← ρ·v + (1 − ρ)·g²
Δ = √(d + eps) / √(v + eps) · g
d ← ρ·d + (1 − ρ)·Δ²
p ← p − lr·Δ
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
    return -lr, o["rho"], 1 - o["rho"], o["eps"]


def _update(
    p: Tensor, g: Tensor, state: Sequence[Tensor], c: Sequence[Tensor], scratch: Sequence[Tensor]
) -> None:
    rate, keep, new, eps = c
    (v, d), (t, u) = state, scratch
    torch.mul(v, keep, out=v)
    torch.mul(g, new, out=t)
    torch.addcmul(v, t, g, out=v)
    torch.add(v, eps, out=t)
    torch.sqrt(t, out=t)
    torch.add(d, eps, out=u)
    torch.sqrt(u, out=u)
    torch.div(u, t, out=u)
    torch.mul(u, g, out=g)
    torch.mul(d, keep, out=d)
    torch.mul(g, new, out=t)
    torch.addcmul(d, t, g, out=d)
    torch.addcmul(p, g, rate, out=p)


_RULE = Rule("adadelta", columns=4, state=2, coefficients=_coefficients, update=_update, scratch=2)


def _divisor(state: Mapping[str, Any], group: Options) -> Tensor:
    """√(v + ε) / √(mean squared update + ε)."""
    root: Tensor = ((state["square_avg"] + group["eps"]) / (state["acc_delta"] + group["eps"])).sqrt()
    return root


ADADELTA = Optimizer(
    "adadelta",
    torch.optim.Adadelta,
    (_RULE,),
    {"eps": ABOVE_ZERO, "weight_decay": AT_LEAST_ZERO},
    published={"learning_rate": 1.0, "eps": 1e-6, "weight_decay": 0.0},
    citation="Zeiler 2012, arXiv 1212.5701: no rate, that is 1",
    rates=Rates(1e-2, 10.0, "around 1, which is the method without a rate", "Zeiler 2012, arXiv 1212.5701"),
    buffers=2,
    limit=RMSPROP_LIMIT,
    divisor=_divisor,
)
