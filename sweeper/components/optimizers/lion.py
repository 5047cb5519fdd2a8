"""Lion: the sign of a momentum (Chen et al. 2023, arXiv 2302.06675, algorithm 2).

c = β1·m + (1 − β1)·g
p ← p − lr·(sign c + λ·p)
m ← β2·m + (1 − β2)·g
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sweeper.components.optimizers.optimizer import Optimizer, Rates
from sweeper.components.optimizers.option import AT_LEAST_ZERO, BETAS
from sweeper.components.optimizers.rule import Hyper, Rule


def _coefficients(o: Hyper, lr: np.ndarray, step: np.ndarray) -> Sequence[np.ndarray]:
    return -lr, o["beta1"], 1 - o["beta1"], o["beta2"], 1 - o["beta2"], o["weight_decay"]


def _update(
    p: Tensor, g: Tensor, state: Sequence[Tensor], c: Sequence[Tensor], scratch: Sequence[Tensor]
) -> None:
    rate, keep1, new1, keep2, new2, decay = c
    (m,), (t, u) = state, scratch
    torch.mul(m, keep1, out=t)
    torch.mul(g, new1, out=u)
    torch.add(t, u, out=t)
    torch.sign(t, out=t)
    torch.mul(p, decay, out=u)
    torch.add(t, u, out=t)
    torch.mul(t, rate, out=t)
    torch.add(p, t, out=p)
    torch.mul(m, keep2, out=m)
    torch.mul(g, new2, out=g)
    torch.add(m, g, out=m)


_RULE = Rule("lion", columns=6, state=1, coefficients=_coefficients, update=_update, scratch=2, coupled=False)


class Lion(torch.optim.Optimizer):
    """Evolved sign momentum (Chen et al. 2023, arXiv 2302.06675, algorithm 2).

    c = β1·m + (1 − β1)·g;  w ← w − lr·(sign c + λ·w);  m ← β2·m + (1 − β2)·g
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:  # type: ignore[override]
        """One update of every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["m"] = torch.zeros_like(p)
                m = state["m"]
                direction = torch.sign(beta1 * m + (1 - beta1) * p.grad)
                p.sub_(group["lr"] * (direction + group["weight_decay"] * p))
                m.copy_(beta2 * m + (1 - beta2) * p.grad)
        return loss


LION = Optimizer(
    "lion",
    Lion,
    (_RULE,),
    {"betas": BETAS, "weight_decay": AT_LEAST_ZERO},
    published={"learning_rate": 1e-4, "betas": (0.9, 0.99), "weight_decay": 0.0},
    citation="Chen et al. 2023, arXiv 2302.06675",
    rates=Rates(
        1e-6, 1e-2, "3 to 10 times below those of AdamW", "Chen et al. 2023, arXiv 2302.06675, section 5"
    ),
    buffers=1,
    moves_by_rate=True,
)
