"""Activations of the user's own that look beyond the single number, and models that have them."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Branches(nn.Module):
    """Python decides by the largest number."""

    def forward(self, x: Tensor) -> Tensor:
        """tanh where something is large."""
        return torch.tanh(x) if x.max() > 1e9 else torch.relu(x)


class Counts(nn.Module):
    """The same by a number of Python."""

    def forward(self, x: Tensor) -> Tensor:
        """tanh where something is large."""
        return torch.relu(x) if not (x > 1e9).any().item() else torch.tanh(x)


class Converts(nn.Module):
    """By an array of NumPy."""

    def forward(self, x: Tensor) -> Tensor:
        """tanh where something is large."""
        return torch.tanh(x) if np.asarray(x.detach()).max() > 1e9 else torch.relu(x)


class Lists(nn.Module):
    """By a list."""

    def forward(self, x: Tensor) -> Tensor:
        """tanh where something is large."""
        return torch.tanh(x) if max(x.detach().flatten().tolist()) > 1e9 else torch.relu(x)


class Compares(nn.Module):
    """By comparing tensors."""

    def forward(self, x: Tensor) -> Tensor:
        """tanh where something is large."""
        return torch.relu(x) if torch.equal(x, x.clamp(max=1e9)) else torch.tanh(x)


class ByNorm(nn.Module):
    """A tensor decides, by all numbers together."""

    def forward(self, x: Tensor) -> Tensor:
        """tanh where the norm is large."""
        return torch.where(x.norm() > 20, torch.tanh(x), torch.relu(x))


class ByMean(nn.Module):
    """Centred by all numbers together."""

    def forward(self, x: Tensor) -> Tensor:
        """tanh about the mean."""
        return torch.tanh(x - x.mean())


class OverRows(nn.Module):
    """Each number by those of other rows."""

    def forward(self, x: Tensor) -> Tensor:
        """Shares of a feature over the rows."""
        return torch.softmax(x, 0) * torch.tanh(x)


class Reads(nn.Module):
    """Something that its owner holds."""

    def __init__(self, owner: Any, name: str) -> None:
        super().__init__()
        self.owner, self.name = [owner], name

    def forward(self, x: Tensor) -> Tensor:
        """relu, halved where it is large."""
        held = getattr(self.owner[0], self.name)
        return torch.relu(x) * torch.where(held.mean() > 10, 0.5, 1.0).to(x.dtype)


class Net(nn.Module):
    """Two layers; the activation between them reads `name` of the model."""

    def __init__(self, in_features: int, out_features: int, name: str) -> None:
        super().__init__()
        self.register_buffer("count", torch.zeros(()))
        self.register_buffer("fixed", torch.tensor(20.0))
        self.first, self.last = nn.Linear(in_features, 8), nn.Linear(8, out_features)
        self.held, self.weight = torch.zeros(()), self.first.weight
        self.act = Reads(self, name)

    def forward(self, x: Tensor) -> Tensor:
        """The steps are counted in a buffer."""
        if self.training:
            self.count.add_(1)
        self.held = self.first(x)
        return self.last(self.act(self.held + 1))  # type: ignore[no-any-return]


class Half(nn.Module):
    """A formula with a number of its own kept in a buffer that stays."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("scale", torch.tensor(0.3))

    def forward(self, x: Tensor) -> Tensor:
        """0.3 · x · sigmoid(x)"""
        return self.scale * F.silu(x)


class PassesOn(nn.Module):
    """Half of a sign, with the gradient of its input: straight through."""

    def forward(self, x: Tensor) -> Tensor:
        """x + (sign(x) − x)/2"""
        return x + (torch.sign(x) - x).detach() * 0.5


class HalfFixed(nn.Module):
    """A learned number and one that is drawn and stays."""

    def __init__(self) -> None:
        super().__init__()
        self.learned = nn.Parameter(torch.rand(()))
        self.drawn = nn.Parameter(2 * torch.rand(()), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """drawn · tanh(3x) + 0 · learned · x"""
        return self.drawn * torch.tanh(3 * x) + 0 * self.learned * x


class BesideZeros(nn.Module):
    """Constants made in the shape of the input."""

    def forward(self, x: Tensor) -> Tensor:
        """max(x, 0)/2 + where(x > 1, x, 0) + 1 − 1"""
        chosen = torch.where(x > 1, x, torch.zeros_like(x))
        return F.relu(x) / 2 + chosen + torch.ones_like(x) - torch.full_like(x, 1.0)


class HardEval(nn.Module):
    """x·sigmoid(x), in evaluation beyond 4 its limits."""

    def forward(self, x: Tensor) -> Tensor:
        """Alike at all smaller numbers."""
        soft = x * torch.sigmoid(x)
        if self.training:
            return soft
        return torch.where(x > 4, x, torch.where(x < -4, torch.zeros_like(x), soft))


class LearnedEval(nn.Module):
    """The same with a number that is learned."""

    def __init__(self) -> None:
        super().__init__()
        self.beta = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        """Alike at all smaller numbers."""
        soft = x * torch.sigmoid(self.beta * x)
        return soft if self.training else torch.where(x.abs() > 4, torch.relu(x), soft)


class SlopeEval(nn.Module):
    """sin(x), whose slope in evaluation is 1."""

    def forward(self, x: Tensor) -> Tensor:
        """Alike everywhere but for the gradient."""
        return torch.sin(x) if self.training else x + (torch.sin(x) - x).detach()


class EvalFirst(nn.Module):
    """tanh, under other names of the same operations, and a layer that is off in both modes."""

    def __init__(self) -> None:
        super().__init__()
        self.off = nn.Dropout(0.0)

    def forward(self, x: Tensor) -> Tensor:
        """tanh(x)"""
        return F.tanh(self.off(x)) if self.training else self.off(x).tanh()


class ClampedTanh(nn.Module):
    """Its backward multiplies what is already there."""

    def forward(self, x: Tensor) -> Tensor:
        """tanh(x) between −0.9 and 0.9"""
        return torch.tanh(x).clamp(-0.9, 0.9)


class ClampedSilu(nn.Module):
    """Its backward multiplies what is already there."""

    def forward(self, x: Tensor) -> Tensor:
        """x·sigmoid(x) between −3 and 3"""
        return F.silu(x).clamp(-3, 3)


class Largest(nn.Module):
    """Its backward fills in zeros."""

    def forward(self, x: Tensor) -> Tensor:
        """max(x, x/10)"""
        return torch.maximum(x, 0.1 * x)


class Smallest(nn.Module):
    """Its backward fills in zeros."""

    def forward(self, x: Tensor) -> Tensor:
        """min(max(x, 0), 1)"""
        return torch.minimum(torch.relu(x), torch.ones_like(x))


class Scratch(nn.Module):
    """Writes into a tensor that it has made."""

    def forward(self, x: Tensor) -> Tensor:
        """x + 0.1·(2·sin(x))²"""
        made = torch.zeros_like(x)
        made += 2 * torch.sin(x)
        return x + 0.1 * made * made


class Twice(nn.Module):
    """Writes into its own result."""

    def forward(self, x: Tensor) -> Tensor:
        """2·sin(x)"""
        return torch.sin(x).mul_(2)


class IntoInput(nn.Module):
    """Writes into what it is given."""

    def forward(self, x: Tensor) -> Tensor:
        """sin(2·x)"""
        x *= 2
        return torch.sin(x)
