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
    published: Mapping[str, Any] = field(default_factory=dict)
    """The settings that its users start from: the learning rate, and what else belongs to them."""
    source: str = ""
    """Where `published` is from."""

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

_ADAM_BETAS = {"betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.0}
_KINGMA = "Kingma and Ba 2015, arXiv 1412.6980"

OPTIMIZERS: dict[str, Optimizer] = {
    optimizer.name: optimizer
    for optimizer in (
        Optimizer(
            "sgd",
            "torch.optim.SGD",
            _SGD,
            published={
                "learning_rate": 0.01,
                "momentum": 0.0,
                "nesterov": False,
                "dampening": 0.0,
                "weight_decay": 0.0,
            },
            source="Keras, SGD(learning_rate=0.01)",
        ),
        Optimizer(
            "momentum",
            "torch.optim.SGD",
            _SGD - {"nesterov"},
            {"momentum": 0.9},
            {"learning_rate": 0.01, "momentum": 0.9, "dampening": 0.0, "weight_decay": 0.0},
            "Krizhevsky, Sutskever and Hinton 2012, section 5: 0.01 and momentum 0.9",
        ),
        Optimizer(
            "nesterov",
            "torch.optim.SGD",
            frozenset({"momentum", "weight_decay"}),
            {"momentum": 0.9, "nesterov": True},
            {"learning_rate": 0.01, "momentum": 0.9, "weight_decay": 0.0},
            "as momentum; Sutskever et al. 2013 for the form",
        ),
        Optimizer("adam", "torch.optim.Adam", _ADAM, {}, {"learning_rate": 1e-3, **_ADAM_BETAS}, _KINGMA),
        Optimizer(
            "adamw",
            "torch.optim.AdamW",
            _ADAM,
            {},
            {"learning_rate": 1e-3, **_ADAM_BETAS, "weight_decay": 0.01},
            "torch.optim.AdamW, after Loshchilov and Hutter 2019, arXiv 1711.05101",
        ),
        Optimizer(
            "nadam",
            "torch.optim.NAdam",
            _ADAM,
            {},
            {"learning_rate": 2e-3, **_ADAM_BETAS},
            "torch.optim.NAdam, after Dozat 2016",
        ),
        Optimizer(
            "radam",
            "torch.optim.RAdam",
            _ADAM,
            {},
            {"learning_rate": 1e-3, **_ADAM_BETAS},
            "torch.optim.RAdam, after Liu et al. 2020, arXiv 1908.03265",
        ),
        Optimizer(
            "adamax",
            "torch.optim.Adamax",
            _ADAM,
            {},
            {"learning_rate": 2e-3, **_ADAM_BETAS},
            f"{_KINGMA}, section 7.1",
        ),
        Optimizer(
            "rmsprop",
            "torch.optim.RMSprop",
            frozenset({"momentum", "eps", "weight_decay"}),
            {},
            {"learning_rate": 1e-3, "momentum": 0.0, "eps": 1e-8, "weight_decay": 0.0},
            "Tieleman and Hinton 2012, lecture 6e, and Keras; torch's own default is 0.01",
        ),
        Optimizer(
            "adagrad",
            "torch.optim.Adagrad",
            frozenset({"eps", "weight_decay"}),
            {},
            {"learning_rate": 0.01, "eps": 1e-10, "weight_decay": 0.0},
            "torch.optim.Adagrad, after Duchi, Hazan and Singer 2011",
        ),
        Optimizer(
            "adadelta",
            "torch.optim.Adadelta",
            frozenset({"eps", "weight_decay"}),
            {},
            {"learning_rate": 1.0, "eps": 1e-6, "weight_decay": 0.0},
            "Zeiler 2012, arXiv 1212.5701: no rate, that is 1",
        ),
        Optimizer(
            "lion",
            "Lion",
            frozenset({"betas", "weight_decay"}),
            {},
            {"learning_rate": 1e-4, "betas": (0.9, 0.99), "weight_decay": 0.0},
            "Chen et al. 2023, arXiv 2302.06675",
        ),
    )
}

OPTIMIZER_OPTIONS: frozenset[str] = frozenset().union(*(o.options for o in OPTIMIZERS.values()))
