"""Models that call their activations as functions: in loops, methods, in place, in torch's layers."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

W = 8


class Plain(nn.Module):
    """Two calls in one line, one in place, one after a norm; a gate and an output that stay."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.a, self.b, self.gate = nn.Linear(in_features, W), nn.Linear(W, W), nn.Linear(W, W)
        self.norm, self.out = nn.BatchNorm1d(W), nn.Linear(W, out_features)

    def forward(self, x: Tensor) -> Tensor:
        """(n, in_features) -> (n, out_features)"""
        x = F.relu(self.b(F.relu(self.a(x))))
        x = F.silu(self.norm(x), inplace=True)
        x = torch.sigmoid(self.gate(x)) * x
        h = self.b(x) + 1
        h.relu_()
        return torch.tanh(self.out(h.tanh() + h))


class Block(nn.Module):
    """A call in a loop, and a method that calls."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.more = nn.Linear(W, W), nn.ModuleList(nn.Linear(W, W) for _ in range(2))

    def act(self, x: Tensor) -> Tensor:
        """Leaky ReLU"""
        return F.leaky_relu(x, 0.2)

    def forward(self, x: Tensor) -> Tensor:
        """(n, W) -> (n, W)"""
        for layer in self.more:
            x = torch.relu(layer(x))
        return x + self.layer(self.act(self.layer(self.act(x))))


class Blocks(nn.Sequential):
    """Goes through its parts; one of them is computed again in the backward pass."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__(nn.Linear(in_features, W), Block(), Block(), nn.Linear(W, out_features))

    def forward(self, x: Tensor) -> Tensor:
        """(n, in_features) -> (n, out_features)"""
        for number, part in enumerate(self.children()):
            x = F.relu(part(x)) if number == 0 else part(x)
        return x


class Checkpointed(Blocks):
    """Computes its blocks again in the backward pass."""

    def forward(self, x: Tensor) -> Tensor:
        """(n, in_features) -> (n, out_features)"""
        x = F.elu(self[0](x))
        for block in (self[1], self[2]):
            x = checkpoint(block, x, use_reentrant=False)
        return self[3](x)


class Recomputed(Blocks):
    """Computes a call again, outside of the module that makes it."""

    def forward(self, x: Tensor) -> Tensor:
        """(n, in_features) -> (n, out_features)"""

        def first(x: Tensor) -> Tensor:
            return self[1](F.elu(self[0](x)))

        return self[3](self[2](checkpoint(first, x, use_reentrant=False)))


class Attention(nn.Module):
    """Torch's layers, whose activation is a function."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(W, 2, W, 0.0, activation=F.silu, batch_first=True)
        self.first = nn.Linear(in_features, W)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.out = nn.Linear(W, out_features)

    def forward(self, x: Tensor) -> Tensor:
        """(n, in_features) -> (n, out_features)"""
        h = F.gelu(self.first(x))
        return self.out(self.encoder(torch.stack([h, 2 * h], 1)).mean(1))


class InPlace(nn.Module):
    """Modules that write into their input: a skip sees it, a call has no result, and of one nobody sees it.

    After ``ResidualConvUnit`` of MiDaS.
    """

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(in_features, W), nn.Linear(W, W), nn.Linear(W, W)
        self.act, self.plain, self.out = (
            nn.ReLU(inplace=True),
            nn.SiLU(inplace=True),
            nn.Linear(W, out_features),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(n, in_features) -> (n, out_features)"""
        x = self.a(x)
        x = self.b(self.act(x)) + x
        h = self.c(self.plain(self.b(x)))
        self.act(h)
        return self.out(h + x)


class HardSigmoid(nn.Module):
    """A formula around an activation module"""

    def __init__(self) -> None:
        super().__init__()
        self.relu = nn.ReLU6(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(…,) -> (…,)"""
        return self.relu(x + 3) / 6


class HardSwish(nn.Module):
    """A formula around a module that is one, as copies of MobileNetV3 have it."""

    def __init__(self) -> None:
        super().__init__()
        self.sigmoid = HardSigmoid()

    def forward(self, x: Tensor) -> Tensor:
        """(…,) -> (…,)"""
        return x * self.sigmoid(x)
