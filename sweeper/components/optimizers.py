"""Optimizers: ``torch.optim`` with its defaults, and Lion.

To add one, add a line to `OPTIMIZERS`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn


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


@dataclass(frozen=True)
class Optimizer:
    """An optimizer by name."""

    name: str
    expression: str
    """Its class as Python code, with ``torch`` imported; `Lion` stands in this module."""
    options: frozenset[str]
    """Study parameters that it takes besides the learning rate."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Options that differ from the class's own defaults."""

    def make(self, params: Iterable[nn.Parameter], lr: float, **options: Any) -> torch.optim.Optimizer:
        """The optimizer over `params`; options that it does not take are a KeyError."""
        unknown = set(options) - self.options
        if unknown:
            raise KeyError(f"optimizer {self.name} takes no {', '.join(sorted(unknown))}")
        made: torch.optim.Optimizer = self.kind(params, lr=lr, **{**self.defaults, **options})
        return made

    @property
    def kind(self) -> Callable[..., torch.optim.Optimizer]:
        """The class."""
        return Lion if self.name == "lion" else getattr(torch.optim, self.expression.rpartition(".")[2])


_SGD = frozenset({"momentum", "nesterov", "dampening", "weight_decay"})
_ADAM = frozenset({"betas", "eps", "weight_decay"})

OPTIMIZERS: dict[str, Optimizer] = {
    optimizer.name: optimizer
    for optimizer in (
        Optimizer("sgd", "torch.optim.SGD", _SGD),
        Optimizer("momentum", "torch.optim.SGD", _SGD - {"nesterov"}, {"momentum": 0.9}),
        Optimizer(
            "nesterov",
            "torch.optim.SGD",
            frozenset({"momentum", "weight_decay"}),
            {"momentum": 0.9, "nesterov": True},
        ),
        Optimizer("adam", "torch.optim.Adam", _ADAM),
        Optimizer("adamw", "torch.optim.AdamW", _ADAM),
        Optimizer("nadam", "torch.optim.NAdam", _ADAM),
        Optimizer("radam", "torch.optim.RAdam", _ADAM),
        Optimizer("adamax", "torch.optim.Adamax", _ADAM),
        Optimizer("rmsprop", "torch.optim.RMSprop", frozenset({"momentum", "eps", "weight_decay"})),
        Optimizer("adagrad", "torch.optim.Adagrad", frozenset({"eps", "weight_decay"})),
        Optimizer("adadelta", "torch.optim.Adadelta", frozenset({"eps", "weight_decay"})),
        Optimizer("lion", "Lion", frozenset({"betas", "weight_decay"})),
    )
}

OPTIMIZER_OPTIONS: frozenset[str] = frozenset().union(*(o.options for o in OPTIMIZERS.values()))
