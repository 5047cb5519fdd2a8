"""NAdam: Adam with Nesterov momentum (Dozat 2016), as torch.optim.NAdam has it, and NAdamW, with the weight
decay of Loshchilov and Hutter 2017.

NAdam:   g ← g + λ·p
NAdamW:  p ← (1 − lr·λ)·p
μₜ = β1·(1 − ½·0.96^(t·ψ)),  Πₜ = μ₁ ⋯ μₜ,  ψ = momentum_decay = 0.004
m ← m + (1 − β1)·(g − m)
v ← β2·v + (1 − β2)·g²
d = √(v / (1 − β2ᵗ)) + eps
p ← p − lr·(1 − μₜ) / (1 − Πₜ) · g / d − lr·μₜ₊₁ / (1 − Πₜ₊₁) · m / d

torch keeps Πₜ in float32, whatever the precision of the parameters; so does this.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from sweeper.components.optimizers.adam import ADAM_OPTIONS, ADAM_PUBLISHED, beta1_of, corrected_root
from sweeper.components.optimizers.optimizer import Optimizer, Rates, StepLimit
from sweeper.components.optimizers.rule import Hyper, Rule, power


@lru_cache(maxsize=256)
def _momenta(beta1: float, decay: float, size: int) -> tuple[np.ndarray, np.ndarray]:
    """μ₀ … μ_size and Π₀ … Π_size, the latter rounded to float32 after each factor."""
    momenta = np.array([beta1 * (1.0 - 0.5 * (0.96 ** (step * decay))) for step in range(size + 1)])
    factors = np.concatenate([[1.0], momenta[1:]]).astype(np.float32)
    return momenta, np.multiply.accumulate(factors).astype(np.float64)


def _coefficients(o: Hyper, lr: np.ndarray, step: np.ndarray) -> Sequence[np.ndarray]:
    size = 1 << max(8, int(step.max() + 1).bit_length())
    now, later, product = np.empty((3, *step.shape))
    for slot, (beta1, decay) in enumerate(zip(o["beta1"], o["momentum_decay"], strict=True)):
        momenta, products = _momenta(float(beta1), float(decay), size)
        updates = step[:, slot].astype(np.int64)
        now[:, slot], later[:, slot] = momenta[updates], momenta[updates + 1]
        product[:, slot] = products[updates]
    gradient_rate = -lr * (1.0 - now) / (1.0 - product)
    momentum_rate = (-lr * later) / (1.0 - product * later)
    correction = 1 - power(o["beta2"], step)
    return gradient_rate, momentum_rate, 1 - o["beta1"], o["beta2"], 1 - o["beta2"], correction, o["eps"]


def _update(
    p: Tensor, g: Tensor, state: Sequence[Tensor], c: Sequence[Tensor], scratch: Sequence[Tensor]
) -> None:
    gradient_rate, momentum_rate, new1, keep2, new2, correction, eps = c
    (m, v), (t,) = state, scratch
    torch.lerp(m, g, new1, out=m)
    torch.mul(v, keep2, out=v)
    torch.mul(g, new2, out=t)
    torch.addcmul(v, t, g, out=v)
    torch.div(v, correction, out=t)
    torch.sqrt(t, out=t)
    torch.add(t, eps, out=t)
    torch.mul(g, gradient_rate, out=g)
    torch.addcdiv(p, g, t, out=p)
    torch.mul(m, momentum_rate, out=g)
    torch.addcdiv(p, g, t, out=p)


_NADAM = Rule("nadam", columns=7, state=2, coefficients=_coefficients, update=_update, scratch=1)


def nadam_limit(beta1: float = 0.9, step: int = 0) -> float:
    """Largest stable η·λ of P⁻¹H for NAdam: 2(1 + β1) / (1 + β1 − 2·β1·μ), P frozen.

    The update is μ·m + (1 − μ)·g with m ← β1·m + (1 − β1)·g; the limit is where an eigenvalue reaches −1.
    μ = β1·(1 − ½·0.96^(0.004·t)) rises over some ten thousand steps from β1/2 to β1 (``torch.optim.NAdam``),
    so the limit moves slowly, from 3.49 to 13.6 for β1 = 0.9.

    Args:
        beta1: in [0, 1).
        step: updates made.
    """
    mu = beta1 * (1 - 0.5 * 0.96 ** (0.004 * (step + 1)))
    return 2 * (1 + beta1) / (1 + beta1 - 2 * beta1 * mu)


_LIMIT = StepLimit(
    lambda options, step: nadam_limit(beta1_of(options), step),
    lambda options: "2(1 + β1)/(1 + β1 − 2·β1·μ)",
    preconditioned=True,
)


def _decoupled_coefficients(o: Hyper, lr: np.ndarray, step: np.ndarray) -> Sequence[np.ndarray]:
    return *_coefficients(o, lr, step), 1 - lr * o["weight_decay"]


def _decoupled(
    p: Tensor, g: Tensor, state: Sequence[Tensor], c: Sequence[Tensor], scratch: Sequence[Tensor]
) -> None:
    torch.mul(p, c[-1], out=p)
    _update(p, g, state, c[:-1], scratch)


NADAM = Optimizer(
    "nadam",
    torch.optim.NAdam,
    (_NADAM,),
    ADAM_OPTIONS,
    published={"learning_rate": 2e-3, **ADAM_PUBLISHED},
    citation="torch.optim.NAdam, after Dozat 2016",
    rates=Rates(1e-5, 1e-1, "two decades to either side of 1e-3, as for Adam", "Dozat 2016"),
    buffers=2,
    limit=_LIMIT,
    divisor=corrected_root,
    moves_by_rate=True,
)

NADAMW = Optimizer(
    "nadamw",
    torch.optim.NAdam,
    (
        Rule(
            "nadamw",
            columns=8,
            state=2,
            coefficients=_decoupled_coefficients,
            update=_decoupled,
            scratch=1,
            coupled=False,
        ),
    ),
    ADAM_OPTIONS,
    published={"learning_rate": 2e-3, **ADAM_PUBLISHED},
    citation="torch.optim.NAdam, after Dozat 2016, and Loshchilov and Hutter 2019 for the decay",
    rates=NADAM.rates,
    buffers=2,
    defaults={"decoupled_weight_decay": True},
    limit=_LIMIT,
    divisor=corrected_root,
    moves_by_rate=True,
)
