"""Gradient descent, plain and with momentum (torch.optim.SGD; Polyak 1964; Sutskever et al. 2013).

g ← g + λ·p
v ← g at the first update, then μ·v + (1 − dampening)·g
p ← p − lr·g                without momentum
p ← p − lr·v                heavy ball
p ← p − lr·(g + μ·v)        Nesterov, in torch's form

The learning rate stays outside the velocity, so a schedule acts at once.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from sweeper.training.update_rules.rule import Hyper, Rule


def _plain_coefficients(o: Hyper, lr: np.ndarray, step: np.ndarray) -> Sequence[np.ndarray]:
    return (-lr,)


def _plain(
    p: Tensor, g: Tensor, state: Sequence[Tensor], c: Sequence[Tensor], scratch: Sequence[Tensor]
) -> None:
    (rate,) = c
    torch.addcmul(p, g, rate, out=p)


def _velocity_coefficients(o: Hyper, lr: np.ndarray, step: np.ndarray) -> Sequence[np.ndarray]:
    return -lr, o["momentum"], np.where(step == 1, 1.0, 1 - o["dampening"])


def _heavy_ball(
    p: Tensor, g: Tensor, state: Sequence[Tensor], c: Sequence[Tensor], scratch: Sequence[Tensor]
) -> None:
    rate, momentum, share = c
    (v,) = state
    torch.mul(v, momentum, out=v)
    torch.addcmul(v, g, share, out=v)
    torch.addcmul(p, v, rate, out=p)


def _nesterov(
    p: Tensor, g: Tensor, state: Sequence[Tensor], c: Sequence[Tensor], scratch: Sequence[Tensor]
) -> None:
    rate, momentum, share = c
    (v,) = state
    torch.mul(v, momentum, out=v)
    torch.addcmul(v, g, share, out=v)
    torch.addcmul(g, v, momentum, out=g)
    torch.addcmul(p, g, rate, out=p)


SGD = Rule("gradient descent", 1, 0, _plain_coefficients, _plain)
HEAVY_BALL = Rule("heavy ball", 3, 1, _velocity_coefficients, _heavy_ball)
NESTEROV = Rule("nesterov", 3, 1, _velocity_coefficients, _nesterov)
