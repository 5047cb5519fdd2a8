"""Adam (Kingma and Ba 2014, arXiv 1412.6980) and AdamW (Loshchilov and Hutter 2017, arXiv 1711.05101).

Adam:   g ← g + λ·p
AdamW:  p ← (1 − lr·λ)·p
m ← m + (1 − β1)·(g − m)
v ← β2·v + (1 − β2)·g²
p ← p − lr / (1 − β1ᵗ) · m / (√v / √(1 − β2ᵗ) + eps)

eps stands outside the root and after the bias correction, as in torch.optim.Adam.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from sweeper.training.update_rules.rule import Hyper, Rule, power


def _adam_coefficients(o: Hyper, lr: np.ndarray, step: np.ndarray) -> Sequence[np.ndarray]:
    rate = -(lr / (1 - power(o["beta1"], step)))
    root = (1 - power(o["beta2"], step)) ** 0.5
    return rate, 1 - o["beta1"], o["beta2"], 1 - o["beta2"], root, o["eps"]


def _adam(
    p: Tensor, g: Tensor, state: Sequence[Tensor], c: Sequence[Tensor], scratch: Sequence[Tensor]
) -> None:
    rate, new1, keep2, new2, root, eps = c
    (m, v), (t,) = state, scratch
    torch.lerp(m, g, new1, out=m)
    torch.mul(v, keep2, out=v)
    torch.mul(g, new2, out=t)
    torch.addcmul(v, t, g, out=v)
    torch.sqrt(v, out=t)
    torch.div(t, root, out=t)
    torch.add(t, eps, out=t)
    torch.mul(m, rate, out=g)
    torch.addcdiv(p, g, t, out=p)


def _adamw_coefficients(o: Hyper, lr: np.ndarray, step: np.ndarray) -> Sequence[np.ndarray]:
    return *_adam_coefficients(o, lr, step), 1 - lr * o["weight_decay"]


def _adamw(
    p: Tensor, g: Tensor, state: Sequence[Tensor], c: Sequence[Tensor], scratch: Sequence[Tensor]
) -> None:
    torch.mul(p, c[-1], out=p)
    _adam(p, g, state, c[:-1], scratch)


ADAM = Rule("adam", 6, 2, _adam_coefficients, _adam, scratch=1)
ADAMW = Rule("adamw", 7, 2, _adamw_coefficients, _adamw, scratch=1, coupled=False)
