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

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from sweeper.training.update_rules.rule import Hyper, Rule, power


def _coefficients(o: Hyper, lr: np.ndarray, step: np.ndarray) -> Sequence[np.ndarray]:
    decayed = power(o["beta2"], step)
    longest = 2 / (1 - o["beta2"]) - 1
    length = longest - 2 * step * decayed / (1 - decayed)
    trusted = length > 5.0
    safe = np.where(trusted, length, 6.0)  # no root of a negative number where the result is not used
    rectified = ((safe - 4) * (safe - 2) * longest / ((longest - 4) * (longest - 2) * safe)) ** 0.5
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


RADAM = Rule("radam", 9, 2, _coefficients, _update, scratch=1)
