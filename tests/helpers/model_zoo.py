"""Small models of many kinds: what people bring. Each class is a model function."""

import random
from typing import Any

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


class FourierFilter(Net):
    def make(self) -> None:
        self.scale = nn.Parameter(torch.rand(W // 2 + 1, 2))

    def middle(self, h: Tensor) -> Tensor:
        spectrum = torch.fft.rfft(h)
        return torch.fft.irfft(spectrum * torch.view_as_complex(self.scale).conj(), n=W) + spectrum.imag.sum(
            -1, keepdim=True
        )


class FourierConvolution(Net):
    def make(self) -> None:
        self.kernel = nn.Parameter(torch.randn(W) / W)

    def middle(self, h: Tensor) -> Tensor:
        return torch.fft.ifft(torch.fft.fft(h) * torch.fft.fft(self.kernel).conj()).real


class ComplexWeights(Net):
    def make(self) -> None:
        self.waves = nn.Parameter(torch.randn(W, W, dtype=torch.get_default_dtype().to_complex()) / W)

    def middle(self, h: Tensor) -> Tensor:
        z = h.to(self.waves.dtype) @ self.waves
        return (z * z.conj()).real + z.imag


class ComplexBuffer(Net):
    def make(self) -> None:
        self.register_buffer("waves", torch.polar(torch.ones(W), torch.arange(W).float()))

    def middle(self, h: Tensor) -> Tensor:
        z = h * self.waves
        return z.real + z.conj().imag


class ComplexAttention(Net):
    def middle(self, h: Tensor) -> Tensor:
        z = torch.view_as_complex(h.view(-1, W // 2, 1, 2))
        weights = torch.softmax((z @ z.mH).real, -1)
        return torch.view_as_real(weights.to(z.dtype) @ z).reshape(h.shape)


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


class InPlaceInput(Net):
    def forward(self, x: Tensor) -> Tensor:
        x *= 0.5
        x[:, 0] = 0
        return super().forward(x)


class InPlaceInEvaluation(Net):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x if self.training else x.add_(0.1))


class InPlaceHidden(Net):
    def middle(self, h: Tensor) -> Tensor:
        h = h.clone()
        h[:, ::2] *= 2
        h.clamp_(-1, 1)
        return h


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


class Variational(Net):
    def make(self) -> None:
        self.spread = nn.Linear(W, W)

    def middle(self, h: Tensor) -> Tensor:
        return h + torch.exp(0.5 * self.spread(h)) * torch.randn_like(h)


class MonteCarlo(Net):
    def middle(self, h: Tensor) -> Tensor:
        return F.dropout(h, 0.3, training=True)


class Dropouts(Net):
    def middle(self, h: Tensor) -> Tensor:
        return F.alpha_dropout(F.dropout(h, 0.2, self.training), 0.1, self.training)


class StochasticDepth(Net):
    def make(self) -> None:
        self.block = nn.Linear(W, W)

    def middle(self, h: Tensor) -> Tensor:
        if not self.training:
            return h + 0.8 * self.block(h)
        return h + torch.bernoulli(torch.full((len(h), 1), 0.8).to(h)) * self.block(h)


class PythonDepth(StochasticDepth):
    """Whether the block is left out is drawn by Python."""

    def middle(self, h: Tensor) -> Tensor:
        return h if self.training and random.random() < 0.5 else h + self.block(h)


STATE: dict[str, Any] = {"calls": 0}
SEEN: list[int] = []


class CountsInDict(Net):
    def middle(self, h: Tensor) -> Tensor:
        STATE["calls"] += 1
        return h / STATE["calls"]


class CountsInList(Net):
    def middle(self, h: Tensor) -> Tensor:
        SEEN.append(1)
        return h * (1 + len(SEEN) / 10)


class Warmup(Net):
    """A schedule that begins after the first steps, on a plain tensor."""

    def make(self) -> None:
        self.now = torch.zeros(())

    def middle(self, h: Tensor) -> Tensor:
        self.now = self.now + self.training
        return h * torch.clamp(self.now - 3, 0, 1) + 0.1 * h


class Annealed(Net):
    """The temperature is a buffer, cooled by a Python number."""

    def make(self) -> None:
        self.register_buffer("temperature", torch.ones(()))
        self.steps = 0

    def middle(self, h: Tensor) -> Tensor:
        if self.training:
            self.steps += 1
            self.temperature.fill_(max(0.1, 0.9**self.steps))
        return h / self.temperature


class Cooled(Net):
    """The temperature is a buffer, cooled by itself."""

    def make(self) -> None:
        self.register_buffer("temperature", torch.ones(()))

    def middle(self, h: Tensor) -> Tensor:
        if self.training:
            self.temperature.mul_(0.9)
        return h / self.temperature


class EvaluationCounts(Net):
    """A buffer that evaluations change."""

    def make(self) -> None:
        self.register_buffer("evaluations", torch.zeros(()))

    def middle(self, h: Tensor) -> Tensor:
        if not self.training:
            self.evaluations += 1
        return h * (1 + self.evaluations)


class Recurrent(Net):
    def make(self) -> None:
        self.rnn = nn.GRU(2, W, batch_first=True)

    def middle(self, h: Tensor) -> Tensor:
        return self.rnn(h.view(-1, W // 2, 2))[0][:, -1]


class LongShort(Recurrent):
    def make(self) -> None:
        self.rnn = nn.LSTM(2, W, batch_first=True)


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


class Double(Net):
    """A field that is the gradient of an energy: two backward passes."""

    def make(self) -> None:
        self.energy = nn.Linear(W, W)

    def middle(self, h: Tensor) -> Tensor:
        with torch.enable_grad():
            z = h if h.requires_grad else h.detach().requires_grad_()
            energy = torch.tanh(self.energy(z)).square().sum()
            (force,) = torch.autograd.grad(energy, z, create_graph=True)
        return h - 0.1 * force


class _Clipped(torch.autograd.Function):
    """x, with a gradient between −0.01 and 0.01."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Tensor:
        return g.clamp(-0.01, 0.01)


class OwnFunction(Net):
    def middle(self, h: Tensor) -> Tensor:
        return _Clipped.apply(h)


class StraightThrough(Net):
    def middle(self, h: Tensor) -> Tensor:
        return h + (h.round() - h).detach()


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


class Remembered(Net):
    """Keeps what it computed for others to look at."""

    def middle(self, h: Tensor) -> Tensor:
        self.features = h.detach()
        return h


class PlainTensor(Net):
    """Random features that are no buffer: other seeds have others."""

    def make(self) -> None:
        self.features = torch.randn(W, W)

    def middle(self, h: Tensor) -> Tensor:
        return torch.cos(h @ self.features.to(h))


class Sparse(Net):
    def middle(self, h: Tensor) -> Tensor:
        eye = torch.eye(W).to(h).to_sparse()
        return torch.sparse.mm(eye, h.T).T


class Rounded(Net):
    """Half of it in single precision."""

    def middle(self, h: Tensor) -> Tensor:
        return torch.sin(h.float()).to(h.dtype)


class WritesWeights(Net):
    """Keeps its weights small."""

    def middle(self, h: Tensor) -> Tensor:
        with torch.no_grad():
            self.out.weight.clamp_(-0.3, 0.3)
        return h


STACKED: list[type[Net]] = [
    *(Net, FourierConvolution, ComplexBuffer, WeightNorm),
    *(Tied, InPlaceHidden, Residual, Norms, Encoder, MultiHead, HandWritten, Embeds, Convolutions),
    *(Learned, Splines, Experts, Dropouts, Cooled, Hyper, Sorted, TwoHeads, Lazy, Excited, Graph, Ode),
    *(StraightThrough, Remembered),
]
ALONE: dict[type[Net], str] = {
    ComplexWeights: "parameters that are complex numbers",
    InPlaceInput: "the model writes into its inputs",
    InPlaceInEvaluation: "the model writes into its inputs",
    Variational: "the model draws random numbers when it is evaluated",
    MonteCarlo: "the model draws random numbers when it is evaluated",
    PythonDepth: "the forward pass changes Python's random numbers",
    CountsInDict: "the forward pass changes model_zoo.STATE['calls']",
    CountsInList: "the forward pass depends on an earlier one",
    Warmup: "the forward pass changes now",
    Annealed: "the forward pass changes steps",
    EvaluationCounts: "the model writes into its buffers in evaluation mode",
    Recurrent: "aten::gru.input",
    LongShort: "aten::lstm.input",
    Sparse: "sparse",
    WritesWeights: "the model writes into its parameters",
}
EITHER: list[type[Net]] = [
    *(FourierFilter, ComplexAttention, Spectral, Orthogonal, StochasticDepth, Double, OwnFunction),
    *(PlainTensor, Rounded),
]
"""Stacked or not, as torch's batching rules have it."""
