"""Small models of many architectures. Each class is a model function."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations

W = 6
"""Width of hidden layers."""


class Net(nn.Module):
    """A linear layer, what the subclass does between, an activation, a linear layer."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.first, self.act, self.out = nn.Linear(in_features, W), nn.ReLU(), nn.Linear(W, out_features)
        self.make()

    def make(self) -> None:
        """Further layers."""

    def middle(self, h: Tensor) -> Tensor:
        return h

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.act(self.middle(self.first(x))))


class Spectral(Net):
    def make(self) -> None:
        self.norm = parametrizations.spectral_norm(nn.Linear(W, W))

    def middle(self, h: Tensor) -> Tensor:
        return self.norm(h)


class WeightNorm(Spectral):
    def make(self) -> None:
        self.norm = parametrizations.weight_norm(nn.Linear(W, W))


class Orthogonal(Spectral):
    def make(self) -> None:
        self.norm = parametrizations.orthogonal(nn.Linear(W, W))


class Tied(Net):
    def make(self) -> None:
        self.again = nn.Linear(W, W)

    def middle(self, h: Tensor) -> Tensor:
        return F.linear(torch.tanh(self.again(h)), self.again.weight.T)


class Residual(Net):
    def make(self) -> None:
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(W), nn.Linear(W, W), nn.GELU()) for _ in range(2)
        )

    def middle(self, h: Tensor) -> Tensor:
        for block in self.blocks:
            h = h + block(h)
        return h


class Norms(Net):
    def make(self) -> None:
        self.batch, self.group, self.instance = (
            nn.BatchNorm1d(W),
            nn.GroupNorm(2, W),
            nn.InstanceNorm1d(2, affine=True, track_running_stats=True),
        )

    def middle(self, h: Tensor) -> Tensor:
        h = self.group(self.batch(h))
        return self.instance(h.view(-1, 2, W // 2)).flatten(1)


class Encoder(Net):
    def make(self) -> None:
        self.layer = nn.TransformerEncoderLayer(2, 1, 4, dropout=0.1, batch_first=True, norm_first=True)

    def middle(self, h: Tensor) -> Tensor:
        return self.layer(h.view(-1, W // 2, 2)).flatten(1)


class MultiHead(Encoder):
    def make(self) -> None:
        self.layer = nn.MultiheadAttention(2, 2, batch_first=True)

    def middle(self, h: Tensor) -> Tensor:
        h = h.view(-1, W // 2, 2)
        return self.layer(h, h, h, need_weights=False)[0].flatten(1)


class HandWritten(Net):
    def make(self) -> None:
        self.qkv = nn.Linear(2, 6)

    def middle(self, h: Tensor) -> Tensor:
        q, k, v = self.qkv(h.view(-1, W // 2, 2)).chunk(3, -1)
        mask = torch.full((W // 2, W // 2), float("-inf")).triu(1).to(h)
        return (torch.softmax(q @ k.mT / 2**0.5 + mask, -1) @ v).flatten(1)


class Embeds(Net):
    def make(self) -> None:
        self.table = nn.Embedding(5, W)

    def middle(self, h: Tensor) -> Tensor:
        return h + self.table((h.detach() * 2).long().clamp(0, 4)).mean(1)


class Convolutions(Net):
    def make(self) -> None:
        self.one, self.two = nn.Conv1d(1, 3, 3, padding=1), nn.Conv2d(1, 2, 2)

    def middle(self, h: Tensor) -> Tensor:
        a = F.max_pool1d(self.one(h.unsqueeze(1)), 3).flatten(1)
        b = F.adaptive_avg_pool2d(self.two(h.view(-1, 1, 2, 3)), 1).flatten(1)
        return a + b.repeat(1, 3)


class Learned(Net):
    """PReLU and a Swish whose slope learns."""

    def make(self) -> None:
        self.slope, self.prelu = nn.Parameter(torch.tensor(1.5)), nn.PReLU(W)

    def middle(self, h: Tensor) -> Tensor:
        return self.prelu(h) * torch.sigmoid(self.slope * h)


class Splines(Net):
    """Gaussian bumps on a grid, as in Kolmogorov–Arnold networks."""

    def make(self) -> None:
        self.register_buffer("grid", torch.linspace(-2, 2, 5))
        self.spline = nn.Parameter(torch.randn(W, 5, W) / 5)

    def middle(self, h: Tensor) -> Tensor:
        return torch.einsum("bik,iko->bo", torch.exp(-((h.unsqueeze(-1) - self.grid) ** 2)), self.spline)


class Experts(Net):
    """The two best of four experts."""

    def make(self) -> None:
        self.gate, self.experts = nn.Linear(W, 4), nn.Parameter(torch.randn(4, W, W) / W)

    def middle(self, h: Tensor) -> Tensor:
        best, which = self.gate(h).topk(2, -1)
        each = torch.einsum("bi,eio->beo", h, self.experts)
        chosen = each.gather(1, which.unsqueeze(-1).expand(-1, -1, W))
        return (torch.softmax(best, -1).unsqueeze(-1) * chosen).sum(1)


class Hyper(Net):
    """The weights of a layer are the output of another."""

    def make(self) -> None:
        self.weights = nn.Linear(W, W * W)

    def middle(self, h: Tensor) -> Tensor:
        return torch.bmm(self.weights(h).view(-1, W, W) / W, h.unsqueeze(-1)).squeeze(-1)


class Sorted(Net):
    def middle(self, h: Tensor) -> Tensor:
        order = h.detach().argsort(-1)
        spread = torch.zeros_like(h).scatter_add(1, order, h.cumsum(-1))
        return h.sort(-1)[0] + h.gather(1, order.flip(-1)) + spread / W


class TwoHeads(Net):
    def make(self) -> None:
        self.left, self.right = nn.Linear(W, W), nn.Linear(W, W)
        self.right.requires_grad_(False)

    def middle(self, h: Tensor) -> Tensor:
        return torch.cat([self.left(h)[:, :3], self.right(h)[:, 3:]], -1) * torch.sigmoid(h)


class Lazy(Net):
    def make(self) -> None:
        self.lazy = nn.LazyLinear(W)

    def middle(self, h: Tensor) -> Tensor:
        return self.lazy(h)


class Excited(Net):
    """A residual convolution with squeeze and excitation."""

    def make(self) -> None:
        self.conv, self.norm = nn.Conv1d(2, 2, 3, padding=1), nn.BatchNorm1d(2)
        self.gate = nn.Sequential(nn.Linear(2, 2), nn.Sigmoid())

    def middle(self, h: Tensor) -> Tensor:
        z = self.norm(self.conv(h.view(-1, 2, 3)))
        return (h.view(-1, 2, 3) + z * self.gate(z.mean(-1)).unsqueeze(-1)).flatten(1)


class Graph(Net):
    def make(self) -> None:
        adjacency = torch.eye(3).roll(1, 0) + torch.eye(3)
        self.register_buffer("adjacency", adjacency / 2)
        self.share = nn.Linear(2, 2)

    def middle(self, h: Tensor) -> Tensor:
        return (self.adjacency @ self.share(h.view(-1, 3, 2))).flatten(1)


class Ode(Net):
    def make(self) -> None:
        self.field = nn.Linear(W, W)

    def middle(self, h: Tensor) -> Tensor:
        for _ in range(4):
            h = h + 0.25 * torch.tanh(self.field(h + 0.125 * torch.tanh(self.field(h))))
        return h


class Padded(Net):
    """A table whose first row has no gradient."""

    def make(self) -> None:
        self.table = nn.Embedding(3, W, padding_idx=0)

    def middle(self, h: Tensor) -> Tensor:
        return h + self.table((h[:, 0] > 0).long())


class FrozenNorm(Net):
    """Batch norm that stays in evaluation mode."""

    def make(self) -> None:
        self.norm = nn.BatchNorm1d(W)

    def train(self, mode: bool = True) -> "FrozenNorm":
        super().train(mode)
        self.norm.eval()
        return self

    def middle(self, h: Tensor) -> Tensor:
        return self.norm(h + 1)
