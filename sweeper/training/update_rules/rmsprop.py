"""RMSprop (Tieleman and Hinton 2012), plain and with momentum, as torch.optim.RMSprop has it.

g ← g + λ·p
v ← α·v + (1 − α)·g²
p ← p − lr·g / (√v + eps)                     without momentum
b ← μ·b + g / (√v + eps);  p ← p − lr·b       with momentum
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from sweeper.training.update_rules.rule import Hyper, Rule


def _coefficients(o: Hyper, lr: np.ndarray, step: np.ndarray) -> Sequence[np.ndarray]:
    return -lr, o["alpha"], 1 - o["alpha"], o["eps"]


def _momentum_coefficients(o: Hyper, lr: np.ndarray, step: np.ndarray) -> Sequence[np.ndarray]:
    return *_coefficients(o, lr, step), o["momentum"]


def _root(g: Tensor, v: Tensor, c: Sequence[Tensor], t: Tensor) -> None:
    """Update v and leave √v + eps in `t`."""
    _, keep, new, eps = c
    torch.mul(v, keep, out=v)
    torch.mul(g, new, out=t)
    torch.addcmul(v, t, g, out=v)
    torch.sqrt(v, out=t)
    torch.add(t, eps, out=t)


def _plain(
    p: Tensor, g: Tensor, state: Sequence[Tensor], c: Sequence[Tensor], scratch: Sequence[Tensor]
) -> None:
    (v,), (t,) = state, scratch
    _root(g, v, c, t)
    torch.mul(g, c[0], out=g)
    torch.addcdiv(p, g, t, out=p)


def _momentum(
    p: Tensor, g: Tensor, state: Sequence[Tensor], c: Sequence[Tensor], scratch: Sequence[Tensor]
) -> None:
    (v, b), (t,) = state, scratch
    _root(g, v, c[:-1], t)
    torch.mul(b, c[-1], out=b)
    torch.addcdiv(b, g, t, out=b)
    torch.addcmul(p, b, c[0], out=p)


RMSPROP = Rule("rmsprop", 4, 1, _coefficients, _plain, scratch=1)
RMSPROP_MOMENTUM = Rule("rmsprop with momentum", 5, 2, _momentum_coefficients, _momentum, scratch=1)
