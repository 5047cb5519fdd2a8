"""Layers are numbered in the order of the forward pass, and carry the names of their modules."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from sweeper.components.build import build


class Backwards(nn.Module):
    """Defined from the output back."""

    def __init__(self) -> None:
        super().__init__()
        self.out, self.second, self.act2 = nn.Linear(4, 3), nn.Linear(4, 4), nn.Tanh()
        self.first, self.act1, self.unused = nn.Linear(4, 4), nn.Tanh(), nn.Linear(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        """(n, 4) -> (n, 3)"""
        return self.out(self.act2(self.second(self.act1(self.first(x)))))


class Residual(nn.Module):
    """A residual block with a gate and a shortcut; its activation is used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.gate, self.short = (nn.Linear(4, 4) for _ in range(4))
        self.act, self.out, self.position = nn.ReLU(), nn.Linear(4, 3), nn.Parameter(torch.ones(1, 4))

    def forward(self, x: Tensor) -> Tensor:
        """(n, 4) -> (n, 3)"""
        x = x + self.position
        y = self.b(self.act(self.a(x)))
        return self.out(self.act(y * torch.sigmoid(self.gate(y)) + self.short(x)))


class Repeated(nn.Module):
    """One layer with weights and one activation, three times, and an activation before all weights."""

    def __init__(self) -> None:
        super().__init__()
        self.before, self.layer, self.act, self.out = nn.SiLU(), nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        """(n, 4) -> (n, 3)"""
        x = self.before(x)
        for _ in range(3):
            x = self.act(self.layer(x))
        return self.out(x)


class Tied(nn.Module):
    """Embedding and output share their weights; attention's are applied without a call of their module."""

    def __init__(self) -> None:
        super().__init__()
        self.head, self.embedding, self.last = (
            nn.Linear(4, 9, bias=False),
            nn.Embedding(9, 4),
            nn.Linear(9, 3),
        )
        self.embedding.weight = self.head.weight
        self.attention, self.wide, self.act = nn.MultiheadAttention(4, 2), nn.Linear(4, 8), nn.GELU()
        self.narrow = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        """(n, 4) -> (n, 3)"""
        x = self.embedding(x.abs().long() % 9)
        x = x + self.attention(x, x, x)[0]
        return self.last(self.head(self.narrow(self.act(self.wide(x)))).mean(1))


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (Backwards, "first* second* out"),
        (Residual, "a* b* gate short out"),
        (Repeated, "before* layer* act #2* act #3* out"),
        (Tied, "head attention attention.out_proj wide* narrow last"),
    ],
)
def test_layers_come_in_the_order_of_the_forward_pass(function: Callable[[], nn.Module], names: str) -> None:
    """Each activation (a star) with the weights before it; what is not applied is no layer."""
    row = torch.linspace(1, 4, 4)[None]
    made = build(function, row=row, out_features=3, activation=None, init=None, options={})
    shown = " ".join(layer.name + "*" * (layer.call is not None) for layer in made.layers)
    assert shown == names
    calls = [layer.call for layer in made.layers if layer.call is not None]
    assert calls == list(range(len(calls)))
