"""Activation functions: what hidden layers may apply to their pre-activations.

To add one, add a line to `ACTIVATIONS`; its range, Lipschitz constant, kinks and the rest are
computed (`activation_facts.py`), and the contract tests pick it up by its name.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch
from torch import Tensor, nn

from sweeper.user_code.lookup import names_function, resolve


@dataclass(frozen=True)
class Activation:
    """An activation function by name."""

    name: str
    expression: str
    """Python code that makes a new module, with ``nn`` = ``torch.nn``."""
    init: str = "he"
    """Initializer that keeps its signal alive: what ``init = "auto"`` means for it."""
    elementwise: bool = True
    note: str = ""
    """Why it is not for hidden layers, where it is not."""
    aliases: tuple[str, ...] = ()
    """Other names that the field uses, in small letters without signs."""
    straight: bool = False
    """Made of straight pieces with nothing to learn or draw: the simplest when finalists are compared."""
    zero_when_flat: bool = False
    """Its output is 0 wherever it is flat, so the saturated share is the share of activations at 0."""
    cures: tuple[str, ...] = ()
    """What the page proposes it against: dead units, vanishing gradients."""
    advised: int = 0
    """Its turn when `advise` fills up a study's short list of healthy ones; 0: never proposed."""
    users_class: Callable[[], nn.Module] | None = None
    """A class of the user's own, which `expression` stands for."""

    def make(self) -> nn.Module:
        """A new module; what it learns starts afresh."""
        if self.users_class is not None:
            return self.users_class()
        module: nn.Module = eval(self.expression, {"nn": nn, **OWN})
        return module

    @cached_property
    def learns(self) -> bool:
        """Whether it has parameters."""
        return any(True for _ in self.make().parameters())


class SwishLearned(nn.Module):
    """x·σ(β·x) with a learned β, 1 at first (Ramachandran, Zoph and Le 2017, arXiv 1710.05941: Swish)."""

    def __init__(self) -> None:
        super().__init__()
        self.beta = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        """x·σ(β·x), of the shape of x."""
        return x * torch.sigmoid(self.beta * x)


OWN: dict[str, type[nn.Module]] = {"SwishLearned": SwishLearned}
"""Classes that torch lacks; scripts get a copy."""


_SOFTMAX = (
    "softmax is not elementwise: its outputs compete and sum to 1, so a hidden layer passes on only "
    "which unit is largest; it belongs at the output, and cross_entropy has it inside"
)

ACTIVATIONS: dict[str, Activation] = {
    activation.name: activation
    for activation in (
        Activation("celu", "nn.CELU()"),
        Activation("elu", "nn.ELU()", cures=("dead",), advised=5),
        Activation("gelu", "nn.GELU()", cures=("dead", "vanishing"), advised=2),
        Activation("gelu_tanh", "nn.GELU(approximate='tanh')", aliases=("approxgelu",)),
        Activation("hardshrink", "nn.Hardshrink()"),
        Activation("hardsigmoid", "nn.Hardsigmoid()", "xavier", straight=True),
        Activation("hardswish", "nn.Hardswish()"),
        Activation("hardtanh", "nn.Hardtanh()", "xavier", straight=True),
        Activation("leaky_relu", "nn.LeakyReLU(0.01)", aliases=("lrelu",), straight=True, cures=("dead",)),
        Activation("logsigmoid", "nn.LogSigmoid()"),
        Activation("mish", "nn.Mish()"),
        Activation("prelu", "nn.PReLU()"),
        Activation("relu", "nn.ReLU()", straight=True, zero_when_flat=True, cures=("vanishing",), advised=1),
        Activation("relu6", "nn.ReLU6()", straight=True),
        Activation("rrelu", "nn.RReLU()"),
        Activation("selu", "nn.SELU()", "lecun"),
        Activation("sigmoid", "nn.Sigmoid()", "xavier", aliases=("logistic",)),
        Activation("silu", "nn.SiLU()", aliases=("swish",), advised=3),
        Activation("softmax", "nn.Softmax(dim=-1)", "xavier", elementwise=False, note=_SOFTMAX),
        Activation("softplus", "nn.Softplus()"),
        Activation("softshrink", "nn.Softshrink()"),
        Activation("softsign", "nn.Softsign()", "xavier"),
        Activation("swish_learned", "SwishLearned()", aliases=("swishbeta", "trainableswish")),
        Activation("tanh", "nn.Tanh()", "xavier", cures=("vanishing",), advised=4),
        Activation("tanhshrink", "nn.Tanhshrink()", "xavier"),
        Activation("threshold", "nn.Threshold(0.1, 0.0)"),
    )
}

_BY_TURN = sorted(ACTIVATIONS.values(), key=lambda each: each.advised)
ADVISED = tuple(each.name for each in _BY_TURN if each.advised)
"""Those that advice measures and may propose, whether a study has them or not."""


def activation_of(name: str) -> Activation:
    """The entry called `name`, or one for the user's own class ``package.module:Class``.

    What trains or writes a script has looked that class up from the study's folder before. A study in another
    folder may have another class of the same name, so caches are keyed by the entry, never by the name.
    """
    return _of_users_class(name, resolve(name)) if names_function(name) else ACTIVATIONS[name]


@lru_cache(maxsize=64)
def _of_users_class(name: str, users_class: Callable[[], nn.Module]) -> Activation:
    return Activation(name, f"{USERS_NAME}()", users_class=users_class)


DEFAULT_ACTIVATION = "relu"
"""Of a model that takes one, where nothing else is said."""


def initializer_of(init: str | None, activation: str | None) -> str:
    """The initializer that ``model.init`` names: ``auto`` is the activation's, nothing is torch's own."""
    if init == "auto" and activation:
        return activation_of(activation).init
    return "torch" if init in (None, "auto") else init


USERS_NAME = "Activation"
"""What the user's own class is called in a script."""
