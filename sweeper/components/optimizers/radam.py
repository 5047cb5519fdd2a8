"""RAdam: Adam that waits until its variance can be trusted (Liu et al. 2019, arXiv 1908.03265).

g ← g + λ·p
m ← m + (1 − β1)·(g − m)
v ← β2·v + (1 − β2)·g²
ρ∞ = 2 / (1 − β2) − 1,  ρₜ = ρ∞ − 2·t·β2ᵗ / (1 − β2ᵗ)
p ← p − lr·m / (1 − β1ᵗ)                                            while ρₜ ≤ 5
p ← p − lr·m / (1 − β1ᵗ) · √(1 − β2ᵗ) / (√v + eps) · r(ρₜ)          afterwards
r(ρ) = √((ρ − 4)(ρ − 2)·ρ∞ / ((ρ∞ − 4)(ρ∞ − 2)·ρ))

eps is added to the root that is not corrected yet, as in torch.optim.RAdam.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sweeper.components.optimizers.adam import ADAM_LIMIT, ADAM_OPTIONS, ADAM_PUBLISHED, AROUND_DEFAULT
from sweeper.components.optimizers.optimizer import Optimizer, Options, Rates
from sweeper.components.optimizers.rule import Hyper, Rule, power


def _coefficients(o: Hyper, lr: np.ndarray, step: np.ndarray) -> Sequence[np.ndarray]:
    decayed = power(o["beta2"], step)
    longest = 2 / (1 - o["beta2"]) - 1
    length = longest - 2 * step * decayed / (1 - decayed)
    trusted = length > 5.0
    safe = np.where(trusted, length, 6.0)  # no root of a negative number where the result is not used
    far = np.where(longest > 5.0, longest, 6.0)  # below, no step is trusted
    rectified = ((safe - 4) * (safe - 2) * far / ((far - 4) * (far - 2) * safe)) ** 0.5
    return (
        1 - power(o["beta1"], step),
        lr,
        1 - o["beta1"],
        o["beta2"],
        1 - o["beta2"],
        np.where(trusted, (1 - decayed) ** 0.5, 1.0),
        np.where(trusted, rectified, 1.0),
        o["eps"],
        trusted.astype(float),
    )


def _update(
    p: Tensor, g: Tensor, state: Sequence[Tensor], c: Sequence[Tensor], scratch: Sequence[Tensor]
) -> None:
    correction, lr, new1, keep2, new2, root, rectified, eps, trusted = c
    (m, v), (t,), one = state, scratch, torch.ones((), dtype=p.dtype, device=p.device)
    torch.lerp(m, g, new1, out=m)
    torch.mul(v, keep2, out=v)
    torch.mul(g, new2, out=t)
    torch.addcmul(v, t, g, out=v)
    torch.sqrt(v, out=t)
    torch.add(t, eps, out=t)
    torch.reciprocal(t, out=t)
    torch.mul(t, root, out=t)
    torch.where(trusted > 0, t, one, out=t)
    torch.div(m, correction, out=g)
    torch.mul(g, lr, out=g)
    torch.mul(g, t, out=g)
    torch.mul(g, rectified, out=g)
    torch.sub(p, g, out=p)


_RADAM = Rule("radam", columns=9, state=2, coefficients=_coefficients, update=_update, scratch=1)


def _divisor(state: Mapping[str, Any], group: Options) -> Tensor:
    """(√v + ε) / (r_t·√(1 − β2^t)) once the variance is rectified (ρ_t > 5), before that 1: momentum."""
    step, beta2 = float(state["step"]), group["betas"][1]
    longest = 2 / (1 - beta2) - 1
    length = longest - 2 * step * beta2**step / (1 - beta2**step)
    if length <= 5:
        return torch.ones_like(state["exp_avg_sq"])
    rectified = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
    root: Tensor = state["exp_avg_sq"].sqrt() + group["eps"]
    return root / math.sqrt(rectified * (1 - beta2**step))


RADAM = Optimizer(
    "radam",
    torch.optim.RAdam,
    (_RADAM,),
    ADAM_OPTIONS,
    published={"learning_rate": 1e-3, **ADAM_PUBLISHED},
    citation="torch.optim.RAdam, after Liu et al. 2020, arXiv 1908.03265",
    rates=Rates(1e-5, 1e-1, AROUND_DEFAULT, "Liu et al. 2019, arXiv 1908.03265"),
    buffers=2,
    limit=ADAM_LIMIT,
    divisor=_divisor,
)
