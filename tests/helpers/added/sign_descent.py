"""Sign descent (Bernstein et al. 2018, arXiv 1802.04434): p ← p − lr·sign g."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sweeper.components.optimizers.optimizer import Optimizer, Rates
from sweeper.components.optimizers.rule import Hyper, Rule


def _coefficients(o: Hyper, lr: np.ndarray, step: np.ndarray) -> Sequence[np.ndarray]:
    return (-lr,)


def _update(
    p: Tensor, g: Tensor, state: Sequence[Tensor], c: Sequence[Tensor], scratch: Sequence[Tensor]
) -> None:
    torch.sign(g, out=g)
    torch.addcmul(p, g, c[0], out=p)


class SignDescent(torch.optim.Optimizer):
    """p ← p − lr·sign g"""

    def __init__(self, params: Iterable[Any], lr: float = 1e-3) -> None:
        super().__init__(params, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor] | None = None) -> None:
        """One update."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.sub_(group["lr"] * p.grad.sign())


SIGN_DESCENT = Optimizer(
    "sign_descent",
    SignDescent,
    (Rule("sign descent", 1, 0, _coefficients, _update, coupled=False),),
    frozenset(),
    published={"learning_rate": 1e-3},
    citation="Bernstein et al. 2018, arXiv 1802.04434",
    rates=Rates(1e-6, 1e-1, "every step has this size", "Bernstein et al. 2018"),
    buffers=0,
    moves_by_rate=True,
)
