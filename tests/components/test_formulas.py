"""Activation modules that write their formula out are swapped whole; what only looks like one stays."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sweeper.components.build import build


class Written(nn.Module):
    """A formula in a class of its own."""

    def __init__(self, formula: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.formula = formula

    def forward(self, x: Tensor) -> Tensor:
        """The formula of x."""
        return self.formula(x)


class Gated(nn.Module):
    """x · σ(x), the sigmoid a module."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        """Of the same shape."""
        return x * self.gate(x)


def gelu_tanh(x: Tensor) -> Tensor:
    """As in the code of GPT-2."""
    return 0.5 * x * (1.0 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * torch.pow(x, 3.0))))


def hard_sigmoid(x: Tensor) -> Tensor:
    """As in code of MobileNetV3."""
    return F.relu6(x + 3.0) / 6.0


class Squeezed(nn.Module):
    """Features that a hard sigmoid of a layer of theirs gates."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.act = nn.Linear(4, 8), Written(lambda x: x * hard_sigmoid(x))
        self.second, self.gate, self.head = nn.Linear(8, 8), Written(hard_sigmoid), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        """(n, 4) -> (n, 3)"""
        x = self.act(self.first(x))
        return self.head(x * self.gate(self.second(x)))


def line(model: Callable[[], nn.Module]) -> str:
    """What is swapped and kept."""
    made = build(model, row=torch.zeros(1, 4), out_features=3, activation="elu", init=None, options={})
    assert made.swapped is not None
    return made.swapped.line()


def between(module: nn.Module) -> Callable[[], nn.Module]:
    """A model with the module after its first layer and a ReLU after its second."""
    return lambda: nn.Sequential(
        nn.Linear(4, 8), module, nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 3), Written(gelu_tanh)
    )


@pytest.mark.parametrize(
    "formula",
    [
        Written(gelu_tanh),
        Written(lambda x: x * torch.sigmoid(1.702 * x)),
        Written(lambda x: x * torch.tanh(F.softplus(x))),
        Written(lambda x: x * 0.5 * (1.0 + torch.erf(x / math.sqrt(2.0)))),
        Written(lambda x: x * F.relu6(x + 3.0) / 6.0),
        Gated(),
    ],
)
def test_formulas_are_swapped_as_modules(formula: nn.Module) -> None:
    """Hidden ones whole, also what is multiplied inside; the one at the output is kept."""
    assert line(between(formula)) == "swapped: 1, 3; kept: 5"


def test_a_formula_may_be_a_gate() -> None:
    """What it is for is read off what is done with its output, as of any activation."""
    assert line(Squeezed) == "swapped: act; kept: gate"


@pytest.mark.parametrize(
    "other",
    [
        Written(lambda x: x / (x.norm(dim=-1, keepdim=True) + torch.sigmoid(x))),
        Written(lambda x: F.dropout(torch.tanh(x) * 3.0 * x, 0.5)),
        Written(lambda x: x * 2.0 + 1.0),
        Written(lambda x: torch.cat([torch.sigmoid(x) * x, x], dim=-1)[..., :8]),
        Written(lambda x: x.chunk(2, -1)[0].sigmoid().repeat(1, 2) * x),
    ],
)
def test_what_is_no_formula_stays(other: nn.Module) -> None:
    """Norms, random numbers, lines, gated units: not a number from each number."""
    swapped = line(between(other)).partition(";")[0].removeprefix("swapped: ")
    assert "1" not in swapped.split(", ")
    assert "3" in swapped.split(", ")


def test_a_module_that_calls_one_function_is_that_call() -> None:
    """It has the name that studies know: the line of the call."""
    made = line(between(Written(F.gelu)))
    assert made.startswith("swapped: test_formulas.py:")
    assert made.endswith("gelu, 3; kept: 5")
