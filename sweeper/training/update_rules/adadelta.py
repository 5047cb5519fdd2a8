"""Adadelta (Zeiler 2012, arXiv 1212.5701), as torch.optim.Adadelta has it.

g ← g + λ·p
v ← ρ·v + (1 − ρ)·g²
Δ = √(d + eps) / √(v + eps) · g
d ← ρ·d + (1 − ρ)·Δ²
p ← p − lr·Δ
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from sweeper.training.update_rules.rule import Hyper, Rule


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


ADADELTA = Rule("adadelta", 4, 2, _coefficients, _update, scratch=2)
