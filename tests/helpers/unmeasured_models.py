"""Small models that train and whose layers cannot be measured."""

import torch
from torch import Tensor, nn
from torch.func import grad, vmap
from torch.utils.checkpoint import checkpoint

W = 6


class Energy(nn.Module):
    """A scalar of the input, its slope, and an output of both; the slope has a graph in training."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.first, self.act = nn.Linear(in_features, W), nn.Tanh()
        self.second, self.out = nn.Linear(W, 1), nn.Linear(in_features + 1, out_features)

    def energy(self, x: Tensor) -> Tensor:
        return self.second(self.act(self.first(x)))

    def forward(self, x: Tensor) -> Tensor:
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            energy = self.energy(x)
            (slope,) = torch.autograd.grad(energy.sum(), x, create_graph=self.training)
        return self.out(torch.cat([energy, slope], -1))


class Forces(Energy):
    """The slope alone: in evaluation mode, no gradient reaches the weights of the energy."""

    def forward(self, x: Tensor) -> Tensor:
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            (slope,) = torch.autograd.grad(self.energy(x).sum(), x, create_graph=self.training)
        return self.out(torch.cat([slope[:, :1], slope], -1))


class Reentrant(nn.Module):
    """A checkpoint whose first pass has no graph."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.first, self.act, self.out = nn.Linear(in_features, W), nn.Tanh(), nn.Linear(W, out_features)
        self.middle = nn.Sequential(nn.Linear(W, W), nn.Tanh(), nn.Linear(W, W))

    def forward(self, x: Tensor) -> Tensor:
        h = self.act(self.first(x))
        return self.out(
            checkpoint(self.middle, h, use_reentrant=True) if self.reentrant() else self.middle(h)
        )

    def reentrant(self) -> bool:
        return torch.is_grad_enabled()  # without a graph, checkpoints warn


class Transformed(Energy):
    """Activations inside of a transform of ``torch.func``."""

    def forward(self, x: Tensor) -> Tensor:
        slope = grad(lambda rows: self.energy(rows).sum())(x)
        return self.out(torch.cat([slope[:, :1], slope], -1))


class EachRow(Energy):
    """The same, row by row."""

    def forward(self, x: Tensor) -> Tensor:
        slope = vmap(grad(lambda row: self.energy(row).sum()))(x)
        return self.out(torch.cat([slope[:, :1], slope], -1))


class Frozen(Energy):
    """A look changes what requires gradients, and the model refuses that."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__(in_features, out_features)
        self.first.weight.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        if self.first.weight.requires_grad:
            raise RuntimeError("the first layer must stay frozen")
        return self.out(torch.cat([self.energy(x), x], -1))


class Later(Frozen):
    """The same from its third step on."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__(in_features, out_features)
        self.register_buffer("steps", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        looked_at = self.first.weight.requires_grad
        if looked_at and self.steps > 2:
            raise RuntimeError("the first layer must stay frozen")
        if self.training and not looked_at:
            self.steps += 1
        return self.out(torch.cat([self.energy(x), x], -1))
