"""Small models with habits (complex and random numbers, state, writing in place); lists of all models."""

import random
from typing import Any

import numpy as np
import torch
from model_kinds import (
    Convolutions,
    Embeds,
    Encoder,
    Excited,
    Experts,
    FrozenNorm,
    Graph,
    HandWritten,
    Hyper,
    Lazy,
    Learned,
    MultiHead,
    Net,
    Norms,
    Ode,
    Orthogonal,
    Padded,
    Residual,
    Sorted,
    Spectral,
    Splines,
    Tied,
    TwoHeads,
    W,
    WeightNorm,
)
from sequence_models import Cells, Encoders, LongShort, Masked, Packed, Recurrent
from torch import Tensor, nn
from torch.nn import functional as F


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
        self.register_buffer("waves", torch.polar(torch.ones(W), torch.linspace(0, 5, W)))

    def middle(self, h: Tensor) -> Tensor:
        z = h * self.waves
        return z.real + z.conj().imag


class ComplexAttention(Net):
    def middle(self, h: Tensor) -> Tensor:
        z = torch.view_as_complex(h.view(-1, W // 2, 1, 2))
        weights = torch.softmax((z @ z.mH).real, -1)
        return torch.view_as_real(weights.to(z.dtype) @ z).reshape(h.shape)


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


class Sampled(Net):
    """Categories drawn with Gumbel noise; numbers above 1 are cut off by a mask."""

    def middle(self, h: Tensor) -> Tensor:
        h = h.clone()
        h[h > 1] = 1.0
        return h + (F.gumbel_softmax(h, hard=True) if self.training else torch.softmax(h, 1))


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


class NumpyDepth(StochasticDepth):
    """Whether the block is left out is drawn by NumPy."""

    def middle(self, h: Tensor) -> Tensor:
        return h if self.training and np.random.random() < 0.5 else h + self.block(h)


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


class _Weakening(torch.autograd.Function):
    """x, with gradients that are smaller from the third backward pass on."""

    passes = 0
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        pass

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Tensor:
        _Weakening.passes += 1
        return g / max(_Weakening.passes - 2, 1)


class CountsBackward(Net):
    def middle(self, h: Tensor) -> Tensor:
        return _Weakening.apply(h)


class StraightThrough(Net):
    def middle(self, h: Tensor) -> Tensor:
        return h + (h.round() - h).detach()


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
    *(Net, FourierConvolution, WeightNorm),
    *(Tied, InPlaceHidden, Residual, Norms, Encoder, MultiHead, HandWritten, Embeds, Convolutions),
    *(Learned, Splines, Experts, Dropouts, Cooled, Hyper, Sorted, TwoHeads, Lazy, Excited, Graph, Ode),
    *(StraightThrough, Remembered, FrozenNorm, Recurrent, LongShort, Cells, Masked),
    *(Spectral, Padded, Sampled, Packed, Encoders),
]
ALONE: dict[type[Net], str] = {
    ComplexWeights: "parameters that are complex numbers",
    InPlaceInput: "the model writes into its inputs",
    InPlaceInEvaluation: "the model writes into its inputs",
    Variational: "the model draws random numbers when it is evaluated",
    MonteCarlo: "the model draws random numbers when it is evaluated",
    PythonDepth: "the forward pass changes Python's random numbers",
    NumpyDepth: "the forward pass changes NumPy's random numbers",
    CountsInDict: "the forward pass changes model_zoo.STATE['calls']",
    CountsInList: "the forward pass depends on an earlier one",
    Warmup: "the forward pass changes now",
    Annealed: "the forward pass changes steps",
    EvaluationCounts: "the model writes into its buffers in evaluation mode",
    Sparse: "sparse",
    CountsBackward: "the backward pass changes model_zoo._Weakening.passes",
    WritesWeights: "the model writes into its parameters",
}
EITHER: list[type[Net]] = [
    *(FourierFilter, ComplexAttention, Orthogonal, StochasticDepth, Double, OwnFunction),
    *(PlainTensor, Rounded, ComplexBuffer),
]
"""Stacked or not, as torch's batching rules have it."""
