"""Models that norm parts of a batch (ghost batch norm) are looked at on as many rows as that takes."""

import math

import pytest
import torch
from torch import Tensor, nn

from sweeper.components.build import build


class Ghost(nn.Module):
    """Norms of the four parts of a batch, while it trains (Hoffer et al. 2017)."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.first, self.norm = nn.Linear(in_features, 8), nn.BatchNorm1d(8)
        self.act, self.last = nn.ReLU(), nn.Linear(8, out_features)

    def forward(self, x: Tensor) -> Tensor:
        """In evaluation one norm for all."""
        h = self.first(x)
        h = torch.cat([self.norm(part) for part in h.chunk(4)]) if self.training else self.norm(h)
        return self.last(self.act(h))


class Virtual(Ghost):
    """Parts of eight rows, in evaluation too, as tables are often norm'd."""

    def forward(self, x: Tensor) -> Tensor:
        """A last part of a single row would raise."""
        h = self.first(x)
        h = torch.cat([self.norm(part) for part in h.chunk(math.ceil(len(h) / 8))])
        return self.last(self.act(h))


class Lazy(Ghost):
    """Its layers get their widths from the rows."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__(in_features, out_features)
        self.first, self.norm = nn.LazyLinear(8), nn.LazyBatchNorm1d()


@pytest.mark.parametrize("model", [Ghost, Virtual, Lazy])
def test_activations_beside_norms_of_parts_are_swapped(model: type[nn.Module]) -> None:
    """And layers are found; running statistics are as in a model that nobody looked at."""
    built = build(model, row=torch.ones(1, 5), out_features=2, activation="tanh", init=None, options={})
    assert isinstance(built.model.act, nn.Tanh)
    assert [layer.name for layer in built.layers] == ["first", "last"]
    assert torch.equal(built.model.norm.running_mean, torch.zeros(8))


def test_random_numbers_go_on_as_after_the_model_alone() -> None:
    """Whoever builds it without swapping draws the same ones."""
    drawn = []
    for activation in ("tanh", None):
        torch.manual_seed(0)
        build(Ghost, row=torch.ones(1, 5), out_features=2, activation=activation, init=None, options={})
        drawn.append(torch.rand(3))
    torch.manual_seed(0)
    Ghost(5, 2)
    assert torch.equal(drawn[0], torch.rand(3))
    assert torch.equal(drawn[0], drawn[1])
