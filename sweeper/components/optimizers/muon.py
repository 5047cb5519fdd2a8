"""Muon: momentum whose matrices are made orthogonal (Jordan et al. 2024), as torch.optim.Muon has it.

For a parameter of two dimensions, A × B:

m ← m + (1 − μ)·(g − m)
u = g + μ·(m − g) with Nesterov momentum, else m
p ← (1 − lr·λ)·p − lr·√max(1, A/B)·O(u)

O is five steps of X ← a·X + (b·XXᵀ + c·(XXᵀ)²)·X from X = u / ‖u‖, in bfloat16. All other parameters
(biases, scales, filters of convolutions) are AdamW's, at 0.015 times the rate: torch's documentation and
Jordan's code give them 3e-4 beside 0.02 for matrices.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sweeper.components.optimizers.adam import ADAMW
from sweeper.components.optimizers.optimizer import Optimizer, Rates
from sweeper.components.optimizers.option import AT_LEAST_ZERO, BELOW_ONE, SWITCH
from sweeper.components.optimizers.rule import Hyper, Rule

SHARE = 0.015
"""AdamW's learning rate over Muon's: 3e-4 / 0.02."""


class Muon(torch.optim.Optimizer):
    """torch.optim.Muon for matrices, torch.optim.AdamW at `SHARE` of the rate for all other parameters."""

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 0.02,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
    ) -> None:
        every = list(params)
        given = every if every and isinstance(every[0], dict) else [{"params": every}]
        options = {"lr": lr, "weight_decay": weight_decay, "momentum": momentum, "nesterov": nesterov}
        parts = [
            ({**group, "params": [p for p in group["params"] if self._is_matrix(p) == matrices]}, share)
            for matrices, share in ((True, 1.0), (False, SHARE))
            for group in given
        ]
        parts = [(group, share) for group, share in parts if group["params"]]
        super().__init__([group for group, _ in parts], options)
        self.parts = [
            (self._part(group, share), share)
            for group, (_, share) in zip(self.param_groups, parts, strict=True)
        ]

    @staticmethod
    def _is_matrix(p: Tensor) -> bool:
        return p.ndim == 2 and not p.is_complex()

    @staticmethod
    def _part(group: dict[str, Any], share: float) -> torch.optim.Optimizer:
        given, decay = group["params"], group["weight_decay"]
        if share != 1.0:
            return torch.optim.AdamW(given, lr=share * group["lr"], weight_decay=decay)
        more = {"momentum": group["momentum"], "nesterov": group["nesterov"]}
        return torch.optim.Muon(given, lr=group["lr"], weight_decay=decay, **more)

    def step(self, closure: Callable[[], Tensor] | None = None) -> Tensor | None:  # type: ignore[override]
        """One update of every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group, (part, share) in zip(self.param_groups, self.parts, strict=True):
            part.state = self.state
            part.param_groups[0]["lr"] = share * group["lr"]
            part.step()
        return loss


_A, _B, _C = 3.4445, -4.7750, 2.0315
_ITERATIONS, _SMALLEST = 5, 1e-7
_ADAMW = ADAMW.rules[0]
_PLAIN = {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8}
"""AdamW's options here, those of its class."""


def _coefficients(o: Hyper, lr: np.ndarray, step: np.ndarray) -> Sequence[np.ndarray]:
    plain = {name: np.full(lr.shape[1], value) for name, value in _PLAIN.items()}
    others = _ADAMW.coefficients({**o, **plain}, SHARE * lr, step)
    towards = np.where(o["nesterov"] > 0, o["momentum"], 1.0)  # from g all the way to m is m
    return -lr, 1 - o["momentum"], towards, 1 - lr * o["weight_decay"], *others


def _update(
    p: Tensor,
    g: Tensor,
    state: Sequence[Tensor],
    c: Sequence[Tensor],
    scratch: Sequence[Tensor],
    shapes: Sequence[torch.Size],
) -> None:
    start = 0
    for shape in shapes:
        part = slice(start, start := start + shape.numel())
        mine = [[matrix[:, part] for matrix in matrices] for matrices in (state, scratch)]
        if len(shape) == 2:
            _matrices(p[:, part], g[:, part], mine[0][0], c[:4], shape)
        else:
            _ADAMW.update(p[:, part], g[:, part], mine[0], c[4:], mine[1])


def _matrices(p: Tensor, g: Tensor, m: Tensor, c: Sequence[Tensor], shape: torch.Size) -> None:
    rate, new, towards, decay = c
    torch.lerp(m, g, new, out=m)
    torch.lerp(g, m, towards, out=g)
    for row in g:
        # One by one: batched products round bfloat16 otherwise, and what is rounded so coarsely would show.
        row.copy_(_orthogonal(row.reshape(shape)).reshape(-1))
    torch.mul(p, decay, out=p)
    torch.addcmul(p, g, rate * max(1, shape[0] / shape[1]) ** 0.5, out=p)


def _orthogonal(matrix: Tensor) -> Tensor:
    """About U·Vᵀ of the singular value decomposition: singular values come out between 0.7 and 1.2."""
    x = matrix.bfloat16()
    tall = matrix.shape[0] > matrix.shape[1]
    x = x.T if tall else x
    x = x / x.norm().clamp(min=_SMALLEST)
    for _ in range(_ITERATIONS):
        square = x @ x.T
        x = torch.addmm(x, torch.addmm(square, square, square, beta=_B, alpha=_C), x, beta=_A)
    return x.T if tall else x


MUON = Optimizer(
    "muon",
    Muon,
    (
        Rule(
            "muon",
            columns=4 + _ADAMW.columns,
            state=2,
            coefficients=_coefficients,
            update=_update,
            scratch=1,
            coupled=False,
            shaped=True,
        ),
    ),
    {"momentum": BELOW_ONE, "nesterov": SWITCH, "weight_decay": AT_LEAST_ZERO},
    published={"learning_rate": 0.02, "momentum": 0.95, "nesterov": True, "weight_decay": 0.1},
    citation="Jordan et al. 2024, Muon: an optimizer for hidden layers in neural networks; torch.optim.Muon",
    rates=Rates(
        1e-4, 1.0, "about two decades to either side of the published default, 0.02", "Jordan et al. 2024"
    ),
    buffers=2,
)
