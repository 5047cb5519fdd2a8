"""Adagrad (Duchi et al. 2011), as torch.optim.Adagrad has it.

g ← g + λ·p
s ← s + g²
p ← p − lr / (1 + (t − 1)·lr_decay) · g / (√s + eps)
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from sweeper.training.update_rules.rule import Hyper, Rule


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


ADAGRAD = Rule("adagrad", 2, 1, _coefficients, _update, scratch=1)
