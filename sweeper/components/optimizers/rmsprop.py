"""RMSprop (Tieleman and Hinton 2012), plain and with momentum, as torch.optim.RMSprop has it.

g ← g + λ·p
v ← α·v + (1 − α)·g²
p ← p − lr·g / (√v + eps)                     without momentum
b ← μ·b + g / (√v + eps);  p ← p − lr·b       with momentum
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sweeper.components.optimizers.adam import AROUND_DEFAULT
from sweeper.components.optimizers.optimizer import Optimizer, Options, Rates, StepLimit
from sweeper.components.optimizers.option import ABOVE_ZERO, AT_LEAST_ZERO, BELOW_ONE
from sweeper.components.optimizers.rule import Hyper, Rule
from sweeper.components.optimizers.sgd import sgd_limit


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


_PLAIN = Rule("rmsprop", columns=4, state=1, coefficients=_coefficients, update=_plain, scratch=1)
_MOMENTUM = Rule(
    "rmsprop with momentum",
    columns=5,
    state=2,
    coefficients=_momentum_coefficients,
    update=_momentum,
    scratch=1,
)


def _rule(options: Options) -> Rule:
    return _MOMENTUM if options["momentum"] > 0 else _PLAIN


def rmsprop_limit(momentum: float = 0.0) -> float:
    """Largest stable η·λ of P⁻¹H for RMSprop: gradient descent (or heavy ball), preconditioned: 2(1 + β)."""
    return sgd_limit(momentum)


def _formula(options: Options) -> str:
    return "2(1 + β)" if options.get("momentum", 0.0) else "2"


def _divisor(state: Mapping[str, Any], group: Options) -> Tensor:
    """√v + ε."""
    root: Tensor = state["square_avg"].sqrt() + group["eps"]
    return root


RMSPROP_LIMIT = StepLimit(
    lambda options, step: rmsprop_limit(float(options.get("momentum", 0.0))), _formula, preconditioned=True
)

RMSPROP = Optimizer(
    "rmsprop",
    torch.optim.RMSprop,
    (_PLAIN, _MOMENTUM),
    {"momentum": BELOW_ONE, "eps": ABOVE_ZERO, "weight_decay": AT_LEAST_ZERO},
    published={"learning_rate": 1e-3, "momentum": 0.0, "eps": 1e-8, "weight_decay": 0.0},
    citation="learning rate: Tieleman and Hinton 2012, lecture 6.5, and Keras (0.01 in torch); the rest: "
    "torch, whose mean square decays by 0.99 a step, theirs by 0.9",
    rates=Rates(1e-5, 1e-1, AROUND_DEFAULT, "Tieleman and Hinton 2012, lecture 6.5"),
    buffers=1,
    choose=_rule,
    limit=RMSPROP_LIMIT,
    divisor=_divisor,
)
