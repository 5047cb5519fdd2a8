"""Gradient descent: sgd, momentum and nesterov, as torch.optim.SGD has them.

Robbins and Monro 1951; Polyak 1964; Nesterov 1983, in the form of Sutskever et al. 2013.

g ← g + λ·p
v ← g at the first update, then μ·v + (1 − dampening)·g
p ← p − lr·g                without momentum
p ← p − lr·v                heavy ball
p ← p − lr·(g + μ·v)        Nesterov, in torch's form

The limits are where an eigenvalue of the recursion along a direction of curvature λ reaches −1.
The learning rate stays outside the velocity, so a schedule acts at once.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from sweeper.components.optimizers.optimizer import Optimizer, Options, Rates, StepLimit
from sweeper.components.optimizers.option import AT_LEAST_ZERO, BELOW_ONE, SWITCH
from sweeper.components.optimizers.rule import Hyper, Rule


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


_PLAIN = Rule("gradient descent", columns=1, state=0, coefficients=_plain_coefficients, update=_plain)
_HEAVY_BALL = Rule("heavy ball", columns=3, state=1, coefficients=_velocity_coefficients, update=_heavy_ball)
_NESTEROV = Rule("nesterov", columns=3, state=1, coefficients=_velocity_coefficients, update=_nesterov)


def _rule(options: Options) -> Rule:
    if options["momentum"] == 0:
        return _PLAIN
    return _NESTEROV if options["nesterov"] else _HEAVY_BALL


def sgd_limit(momentum: float = 0.0, dampening: float = 0.0, *, nesterov: bool = False) -> float:
    """Largest stable η·λ of ``torch.optim.SGD``, without unit.

    Heavy ball (v ← β·v + (1 − d)·g, θ ← θ − η·v): 2(1 + β) / (1 − d); β = 0 gives 2, gradient descent.
    Nesterov as torch has it (θ ← θ − η·(g + β·v)): 2(1 + β) / (1 + 2β). Both are where an eigenvalue of
    the two-step recursion reaches −1.

    Args:
        momentum: β in [0, 1).
        dampening: d in [0, 1); torch refuses it with Nesterov. For momentum 0 torch ignores it.
        nesterov: the look-ahead form.
    """
    if not 0 <= momentum < 1 or not 0 <= dampening < 1:
        raise ValueError(f"momentum {momentum} and dampening {dampening} must lie in [0, 1)")
    if nesterov:
        if dampening:
            raise ValueError("Nesterov momentum goes without dampening")
        return 2 * (1 + momentum) / (1 + 2 * momentum)
    return 2 * (1 + momentum) / (1 - dampening * (momentum > 0))


def _limit(options: Options, step: int) -> float:
    momentum, dampening = (float(options.get(name, 0.0)) for name in ("momentum", "dampening"))
    return sgd_limit(momentum, dampening, nesterov=bool(options.get("nesterov", False)))


def _formula(options: Options) -> str:
    if not options.get("momentum", 0.0):
        return "2"
    if options.get("nesterov", False):
        return "2(1 + β)/(1 + 2β)"
    return "2(1 + β)/(1 − dampening)" if options.get("dampening", 0.0) else "2(1 + β)"


_LIMIT = StepLimit(_limit, _formula)
_RATES = Rates(
    1e-4,
    1.0,
    "that of plain gradient descent, divided by 10",
    "Bengio 2012, arXiv 1206.5533",
)

SGD = Optimizer(
    "sgd",
    torch.optim.SGD,
    (_PLAIN, _HEAVY_BALL, _NESTEROV),
    {"momentum": BELOW_ONE, "nesterov": SWITCH, "dampening": BELOW_ONE, "weight_decay": AT_LEAST_ZERO},
    published={
        "learning_rate": 0.01,
        "momentum": 0.0,
        "nesterov": False,
        "dampening": 0.0,
        "weight_decay": 0.0,
    },
    citation="Keras, SGD(learning_rate=0.01)",
    rates=Rates(
        1e-3,
        10.0,
        "0.01 is a usual default for standardized inputs and rates above 1 are rare; one decade more on top "
        "costs little, since what diverges ends early",
        "Bengio 2012, arXiv 1206.5533, section 3.1.1",
    ),
    buffers=0,
    choose=_rule,
    limit=_LIMIT,
    strict_nesterov=True,
)

MOMENTUM = Optimizer(
    "momentum",
    torch.optim.SGD,
    (_HEAVY_BALL, _PLAIN),
    {"momentum": BELOW_ONE, "dampening": BELOW_ONE, "weight_decay": AT_LEAST_ZERO},
    published={"learning_rate": 0.01, "momentum": 0.9, "dampening": 0.0, "weight_decay": 0.0},
    citation="Krizhevsky, Sutskever and Hinton 2012, section 5: 0.01 and momentum 0.9",
    rates=_RATES,
    buffers=1,
    defaults={"momentum": 0.9},
    choose=_rule,
    limit=_LIMIT,
    aliases=("sgdmomentum", "heavyball"),
)

NESTEROV = Optimizer(
    "nesterov",
    torch.optim.SGD,
    (_NESTEROV,),
    {"momentum": BELOW_ONE, "weight_decay": AT_LEAST_ZERO},
    published={"learning_rate": 0.01, "momentum": 0.9, "weight_decay": 0.0},
    citation="as momentum; Sutskever et al. 2013 for the form",
    rates=_RATES,
    buffers=1,
    defaults={"momentum": 0.9, "nesterov": True},
    limit=_LIMIT,
    strict_nesterov=True,
    aliases=("nag",),
)
