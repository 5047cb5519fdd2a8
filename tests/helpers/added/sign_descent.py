"""Sign descent (Bernstein et al. 2018, arXiv 1802.04434): p ← p − lr·sign g, where |g| > threshold."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sweeper.components.optimizers.optimizer import Optimizer, Rates
from sweeper.components.optimizers.option import AT_LEAST_ZERO
from sweeper.components.optimizers.rule import Hyper, Rule


def _coefficients(o: Hyper, lr: np.ndarray, step: np.ndarray) -> Sequence[np.ndarray]:
    return -lr, o["threshold"]


def _update(
    p: Tensor, g: Tensor, state: Sequence[Tensor], c: Sequence[Tensor], scratch: Sequence[Tensor]
) -> None:
    rate, threshold = c
    g.copy_(torch.where(g.abs() > threshold, torch.sign(g), 0.0))
    torch.addcmul(p, g, rate, out=p)


class SignDescent(torch.optim.Optimizer):
    """p ← p − lr·sign g where |g| is above the threshold"""

    def __init__(self, params: Iterable[Any], lr: float = 1e-3, threshold: float = 0.0) -> None:
        super().__init__(params, {"lr": lr, "threshold": threshold})

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor] | None = None) -> None:
        """One update."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.sub_(group["lr"] * torch.where(p.grad.abs() > group["threshold"], p.grad.sign(), 0.0))


SIGN_DESCENT = Optimizer(
    "sign_descent",
    SignDescent,
    (Rule("sign descent", columns=2, state=0, coefficients=_coefficients, update=_update, coupled=False),),
    {"threshold": AT_LEAST_ZERO},
    published={"learning_rate": 1e-3, "threshold": 0.0},
    citation="Bernstein et al. 2018, arXiv 1802.04434",
    rates=Rates(1e-6, 1e-1, "every step has this size", "Bernstein et al. 2018"),
    buffers=0,
    moves_by_rate=True,
)
