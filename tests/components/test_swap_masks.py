"""What is multiplied with masks, counts and inputs is hidden; gates stay gates behind masks."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sweeper.components.build import build
from sweeper.components.swap import Swapped


class Padded(nn.Module):
    """Functions between layers, and something done with the output of the second one."""

    def __init__(self, act: Callable[[Tensor], Tensor], then: Callable[["Padded", Tensor, Tensor], Tensor]):
        super().__init__()
        self.a, self.b, self.c, self.head = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 3)
        self.act, self.then = act, then
        self.place: Tensor
        self.register_buffer("place", torch.linspace(0.5, 1, 4)[:, None])

    def forward(self, x: Tensor) -> Tensor:
        """(n, 16) -> (n, 3)"""
        x = x.view(-1, 4, 4)
        h = self.then(self, self.act(self.b(F.gelu(self.a(x)))), x)
        return self.head(h.mean(1) if h.ndim > 2 else h)


Then = Callable[[Padded, Tensor, Tensor], Tensor]


def swapped_in(act: Callable[[Tensor], Tensor], then: Then) -> Swapped:
    """What is done with the activations of the model."""
    row = torch.linspace(0, 1, 16)[None]
    built = build(lambda: Padded(act, then), row=row, out_features=3, activation="elu", init=None, options={})
    assert built.swapped is not None
    return built.swapped


def real(x: Tensor) -> Tensor:
    """Which places of a row are no padding: (n, 4, 1)."""
    return x.mean(-1, keepdim=True) > 0.3


@pytest.mark.parametrize("act", [F.relu, F.silu, torch.tanh, torch.sigmoid])
@pytest.mark.parametrize(
    "then",
    [
        lambda m, h, x: (h * real(x).to(h.dtype)).sum(1) / real(x).to(h.dtype).sum(1),
        lambda m, h, x: (h * real(x)).sum(1) / real(x).sum(1).clamp(min=1),
        lambda m, h, x: real(x).float().expand_as(h) * h,
        lambda m, h, x: h.masked_fill(~real(x), 0),
        lambda m, h, x: torch.where(real(x), h, 0),
        lambda m, h, x: h.mul_(real(x)),
        lambda m, h, x: h * real(x).squeeze(-1).unsqueeze(-1),
        lambda m, h, x: torch.addcmul(torch.zeros_like(h), h, real(x).float()),
        lambda m, h, x: torch.einsum("ntf,nt->nf", h, real(x).squeeze(-1).float()),
        lambda m, h, x: h * torch.bernoulli(torch.full_like(h, 0.8)) / 0.8,
        lambda m, h, x: h * m.place,
        lambda m, h, x: h * x.mean(-1, keepdim=True),
        lambda m, h, x: h / (1 + x.abs().sum(1, keepdim=True)),
    ],
)
def test_what_no_parameter_makes_masks_and_is_not_gated(act: Callable[[Tensor], Tensor], then: Then) -> None:
    """Masks, counts, dropout, places and weights of inputs leave an activation hidden."""
    swapped = swapped_in(act, then)
    assert (len(swapped.swapped), swapped.kept) == (2, ())


@pytest.mark.parametrize(
    ("act", "then", "kept"),
    [
        (torch.sigmoid, lambda m, h, x: h * real(x) * m.c(x), 1),
        (torch.sigmoid, lambda m, h, x: h.masked_fill(~real(x), 0) * m.c(x), 1),
        (torch.sigmoid, lambda m, h, x: torch.where(real(x), h, 0) * m.c(x), 1),
        (F.silu, lambda m, h, x: h * real(x) * m.c(x), 1),
        (F.silu, lambda m, h, x: m.c(x) * real(x) * h, 1),
        (torch.sigmoid, lambda m, h, x: h * x, 1),
        (torch.sigmoid, lambda m, h, x: h * x + (1 - h) * m.c(x), 1),
        (F.relu, lambda m, h, x: h * x, 0),
        (F.relu, lambda m, h, x: h * torch.sigmoid(m.c(h)) * real(x), 1),
    ],
)
def test_gates_are_kept_behind_masks(act: Callable[[Tensor], Tensor], then: Then, kept: int) -> None:
    """A mask on the way changes nothing; inputs are features for what lies between 0 and 1."""
    swapped = swapped_in(act, then)
    assert len(swapped.kept) == kept


def test_similarity_of_a_hidden_vector_with_what_is_made_of_it() -> None:
    """A product that is among its own factors' parts ends, whatever its gates are made of."""
    swapped = swapped_in(torch.tanh, lambda m, h, x: h * F.cosine_similarity(h, m.c(h), dim=-1)[..., None])
    assert swapped.swapped
