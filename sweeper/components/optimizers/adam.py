"""Adam (Kingma and Ba 2014, arXiv 1412.6980) and AdamW (Loshchilov and Hutter 2017, arXiv 1711.05101).

Adam:   g ← g + λ·p
AdamW:  p ← (1 − lr·λ)·p
m ← m + (1 − β1)·(g − m)
v ← β2·v + (1 − β2)·g²
p ← p − lr / (1 − β1ᵗ) · m / (√v / √(1 − β2ᵗ) + eps)

eps stands outside the root and after the bias correction, as in torch.optim.Adam.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sweeper.components.optimizers.optimizer import Optimizer, Options, Rates, StepLimit
from sweeper.components.optimizers.option import ABOVE_ZERO, AT_LEAST_ZERO, BETAS, Allowed
from sweeper.components.optimizers.rule import Hyper, Rule, power
from sweeper.components.optimizers.sgd import sgd_limit


def _adam_coefficients(o: Hyper, lr: np.ndarray, step: np.ndarray) -> Sequence[np.ndarray]:
    rate = -(lr / (1 - power(o["beta1"], step)))
    inverse = (1 - power(o["beta2"], step)) ** -0.5  # a product costs less than a division, number by number
    return rate, 1 - o["beta1"], o["beta2"], 1 - o["beta2"], inverse, o["eps"]


def _adam(
    p: Tensor, g: Tensor, state: Sequence[Tensor], c: Sequence[Tensor], scratch: Sequence[Tensor]
) -> None:
    rate, new1, keep2, new2, inverse, eps = c
    (m, v), (t,) = state, scratch
    torch.lerp(m, g, new1, out=m)
    torch.mul(v, keep2, out=v)
    torch.mul(g, new2, out=t)
    torch.addcmul(v, t, g, out=v)
    torch.sqrt(v, out=t)
    torch.mul(t, inverse, out=t)
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


_ADAM = Rule("adam", columns=6, state=2, coefficients=_adam_coefficients, update=_adam, scratch=1)
_ADAMW = Rule(
    "adamw", columns=7, state=2, coefficients=_adamw_coefficients, update=_adamw, scratch=1, coupled=False
)


def adam_limit(beta1: float = 0.9) -> float:
    """Largest stable η·λ of the preconditioned Hessian P⁻¹H, for Adam and its like.

    With P = diag(√v̂ + ε) frozen, Adam is momentum with dampening β1: 2(1 + β1) / (1 − β1), 38 for β1 = 0.9
    (Cohen et al. 2022, arXiv 2207.14484). Full-batch Adam was seen to settle there.
    """
    return sgd_limit(beta1, beta1)


def beta1_of(options: Options) -> float:
    """β1 of the options of an optimizer that has ``betas``; 0.9 where they are not given."""
    return float(options.get("betas", (0.9, 0.999))[0])


def corrected_root(state: Mapping[str, Any], group: Options) -> Tensor:
    """√v̂ + ε with v̂ = v / (1 − β2^t)."""
    corrected = state["exp_avg_sq"] / (1 - group["betas"][1] ** float(state["step"]))
    root: Tensor = corrected.sqrt() + group["eps"]
    return root


ADAM_LIMIT = StepLimit(
    lambda options, step: adam_limit(beta1_of(options)),
    lambda options: "2(1 + β1)/(1 − β1)",
    preconditioned=True,
)
ADAM_OPTIONS: dict[str, Allowed] = {"betas": BETAS, "eps": ABOVE_ZERO, "weight_decay": AT_LEAST_ZERO}
ADAM_PUBLISHED = {"betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.0}
AROUND_DEFAULT = "two decades to either side of the published default, 1e-3"

ADAM = Optimizer(
    "adam",
    torch.optim.Adam,
    (_ADAM,),
    ADAM_OPTIONS,
    published={"learning_rate": 1e-3, **ADAM_PUBLISHED},
    citation="Kingma and Ba 2015, arXiv 1412.6980",
    rates=Rates(1e-5, 1e-1, AROUND_DEFAULT, "Kingma and Ba 2014, arXiv 1412.6980"),
    buffers=2,
    limit=ADAM_LIMIT,
    divisor=corrected_root,
    moves_by_rate=True,
)

ADAMW = Optimizer(
    "adamw",
    torch.optim.AdamW,
    (_ADAMW,),
    ADAM_OPTIONS,
    published={"learning_rate": 1e-3, **ADAM_PUBLISHED, "weight_decay": 0.01},
    citation="torch.optim.AdamW, after Loshchilov and Hutter 2019, arXiv 1711.05101",
    rates=Rates(1e-5, 1e-1, AROUND_DEFAULT, "Loshchilov and Hutter 2017, arXiv 1711.05101"),
    buffers=2,
    limit=ADAM_LIMIT,
    divisor=corrected_root,
    moves_by_rate=True,
)
