"""Adamax: Adam with the largest gradient for the root (Kingma and Ba 2014, arXiv 1412.6980, section 7.1).

g ← g + λ·p
m ← m + (1 − β1)·(g − m)
u ← max(β2·u, |g| + eps)
p ← p − lr / (1 − β1ᵗ) · m / u
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from sweeper.training.update_rules.rule import Hyper, Rule, power


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


ADAMAX = Rule("adamax", 4, 2, _coefficients, _update)
