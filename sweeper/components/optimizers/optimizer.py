"""What this package knows of one optimizer; each is one file beside this one."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from sweeper.components.optimizers.option import Allowed
from sweeper.components.optimizers.rule import Rule
from sweeper.private_torch import without_compiler

Options = Mapping[str, Any]
"""Options of ``torch.optim`` by name; a parameter group is such a mapping."""

Divisor = Callable[[Mapping[str, Any], Options], Tensor]
"""(state of one parameter, its group of options) -> diagonal of P, in the parameter's shape"""


@dataclass(frozen=True)
class Rates:
    """The learning rates that a search starts from, and who says so."""

    low: float
    high: float
    why: str
    citation: str


@dataclass(frozen=True)
class StepLimit:
    """Up to which learning rate η an update is stable on a quadratic, along curvature λ."""

    value: Callable[[Options, int], float]
    """(options, updates made) -> largest stable η·λ, without unit"""
    formula: Callable[[Options], str]
    """The same in letters."""
    preconditioned: bool = False
    """Whether λ is the curvature of P⁻¹H, with P what the gradient is divided by, not that of H."""


@dataclass(frozen=True)
class Optimizer:
    """An optimizer by name."""

    name: str
    optimizer_class: Callable[..., torch.optim.Optimizer]
    """One of ``torch.optim``, or one in the file of the optimizer, which scripts get a copy of."""
    rules: tuple[Rule, ...]
    """Its update for many trials at once, or each of the updates that its options choose between."""
    options: Mapping[str, Allowed]
    """Study parameters besides the learning rate: arguments of its class, and what each may be."""
    published: Mapping[str, Any]
    """The settings that its users start from: the learning rate, and what else belongs to them."""
    citation: str
    """Where `published` is from."""
    rates: Rates
    buffers: int
    """Numbers that its class stores for each weight, with the default options."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Options that differ from the class's own defaults."""
    choose: Callable[[Options], Rule] | None = None
    """The one of `rules` for these options; ``None``: there is one."""
    limit: StepLimit | None = None
    """``None`` where no linear theory holds."""
    divisor: Divisor | None = None
    """What it divides the gradient by, where it divides number by number."""
    moves_by_rate: bool = False
    """Whether its first step moves every weight by about the learning rate, whatever the gradient."""
    first_step_only: bool = False
    """Whether the learning rate is that of its first step alone, so that a schedule has no effect."""
    strict_nesterov: bool = False
    """Whether it refuses Nesterov momentum without momentum, or with dampening."""
    aliases: tuple[str, ...] = ()
    """Other names that the field uses, in small letters without signs."""

    def make(
        self, params: Iterable[nn.Parameter] | Iterable[dict[str, Any]], lr: float, **options: Any
    ) -> torch.optim.Optimizer:
        """The optimizer over `params`; options that it does not take are a KeyError."""
        unknown = options.keys() - self.options.keys()
        if unknown:
            raise KeyError(f"optimizer {self.name} takes no {', '.join(sorted(unknown))}")
        return without_compiler(lambda: self.optimizer_class(params, lr=lr, **{**self.defaults, **options}))

    def rule(self, options: Options) -> Rule:
        """Its update with these options, those of a parameter group."""
        return self.choose(options) if self.choose is not None else self.rules[0]

    def chosen(self, settings: Options) -> dict[str, Any]:
        """Those of `settings` that are its options, over its defaults."""
        return {**self.defaults, **{key: value for key, value in settings.items() if key in self.options}}

    @property
    def expression(self) -> str:
        """Its class as Python code, with ``torch`` imported, or the class of this package by its name."""
        name = str(getattr(self.optimizer_class, "__name__", ""))
        return name if self.own_module else f"torch.optim.{name}"

    @property
    def own_module(self) -> ModuleType | None:
        """Where its class stands, if that is here and not in torch."""
        module = self.optimizer_class.__module__
        return None if module.startswith("torch.") else sys.modules[module]

    @property
    def linear(self) -> bool:
        """Whether each update is linear in the gradients, so that η·λ of the loss itself has a limit."""
        return self.limit is not None and not self.limit.preconditioned

    @contextmanager
    def evaluation_weights(self, optimizer: torch.optim.Optimizer) -> Iterator[None]:
        """While open, parameters have the values with which the model is evaluated; mostly their own."""
        if self.averages:
            optimizer.eval()  # type: ignore[attr-defined]
        yield
        if self.averages:
            optimizer.train()  # type: ignore[attr-defined]

    @property
    def averages(self) -> bool:
        """Whether a model is trained with other weights than it is evaluated with: the class has `eval`."""
        return hasattr(self.optimizer_class, "eval")

    def preconditioner(self, optimizer: torch.optim.Optimizer) -> list[Tensor] | None:
        """P of every trained parameter: the diagonal of the update −η·P⁻¹·(gradient, maybe averaged).

        Read from the state before the next step. ``None`` if it has none, and before the first step, when
        nothing has been averaged yet. A parameter that never had a gradient is not moved; its P is 1.
        """
        if self.divisor is None:
            return None
        divisors, moved = [], False
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                state = optimizer.state.get(parameter, {})
                # Some states are there from the beginning; one without a count is made by the first step.
                stepped = bool(state) and float(state.get("step", 1)) > 0
                divisor = self.divisor(state, group) if stepped else torch.ones_like(parameter)
                divisors.append(divisor.detach())
                moved = moved or stepped
        return divisors if moved else None
