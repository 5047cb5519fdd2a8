"""Averaged gradient descent (Polyak and Juditsky 1992), as torch.optim.ASGD has it.

g ← g + λ·p
p ← (1 − lambd·ηₜ)·p − ηₜ·g
η₁ = lr₁,  ηₜ₊₁ = lrₜ / (1 + lambd·lrₜ·t)^α,  lambd = 1e-4, α = ¾

The average of p over the steps after t0 = 10⁶ is kept by torch under ``ax``, and neither trained with nor
evaluated there: nor here, so that many trials leave it out. torch keeps ηₜ in float32, whatever the
precision of the parameters; so does this. A schedule acts one step late, as there.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from sweeper.components.optimizers.optimizer import Optimizer, Options, Rates
from sweeper.components.optimizers.option import AT_LEAST_ZERO
from sweeper.components.optimizers.rule import Hyper, Rule


def _own_rates(options: Options, learning_rates: np.ndarray) -> Mapping[str, np.ndarray]:
    """ηₜ of every update; `learning_rates`: lrₜ, (steps,)."""
    lambd, alpha = options["lambd"], options["alpha"]
    later = [lr / ((1 + lambd * lr * step) ** alpha) for step, lr in enumerate(learning_rates.tolist(), 1)]
    return {"eta": np.array([*learning_rates[:1], *later[:-1]], dtype=np.float32).astype(np.float64)}


def _coefficients(o: Hyper, lr: np.ndarray, step: np.ndarray) -> Sequence[np.ndarray]:
    return -o["eta"], 1 - o["lambd"] * o["eta"]


def _update(
    p: Tensor, g: Tensor, state: Sequence[Tensor], c: Sequence[Tensor], scratch: Sequence[Tensor]
) -> None:
    rate, keep = c
    torch.mul(p, keep, out=p)
    torch.addcmul(p, g, rate, out=p)


ASGD = Optimizer(
    "asgd",
    torch.optim.ASGD,
    (
        Rule(
            "averaged gradient descent",
            columns=2,
            state=0,
            coefficients=_coefficients,
            update=_update,
            history=_own_rates,
        ),
    ),
    {"weight_decay": AT_LEAST_ZERO},
    published={"learning_rate": 0.01, "weight_decay": 0.0},
    citation="torch.optim.ASGD, after Polyak and Juditsky 1992",
    rates=Rates(
        1e-3,
        10.0,
        "those of plain gradient descent, which it is while it does not average",
        "Bengio 2012, arXiv 1206.5533, section 3.1.1",
    ),
    buffers=1,
)
