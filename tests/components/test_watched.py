"""What a look at a model before its training finds beside modules, and that it leaves no trace."""

import random
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sweeper.components.build import Built, build


class Functions(nn.Module):
    """Hidden layers as modules, and functions beside them: in a module, in the model, in compiled code."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.act, self.block = nn.Linear(16, 4), nn.ReLU(), Mixed()
        self.scripted = torch.jit.script(nn.Sequential(nn.Linear(4, 4), nn.Tanh()))
        self.recurrent, self.out = nn.RNN(4, 4, batch_first=True), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        """(n, 16) -> (n, 3)"""
        x = torch.sin(x)  # before all weights: an encoding
        h = self.scripted(self.block(self.act(self.first(x))))
        return torch.sigmoid(self.out(torch.sin(self.recurrent(h[:, None])[0][:, 0])))


class Mixed(nn.Module):
    """Its activation is a function."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        """(n, 4) -> (n, 4)"""
        return torch.tanh(self.layer(x)).clamp(min=-0.5)


class Counting(nn.Module):
    """Keeps a count of its passes, and draws from Python's and NumPy's generators."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(16, 4), nn.BatchNorm1d(4, track_running_stats=False), nn.ReLU())
        self.out, self.passes = nn.Linear(4, 3), 0

    def forward(self, x: Tensor) -> Tensor:
        """(n, 16) -> (n, 3)"""
        self.passes += 1
        return self.out(self.net(x)) * random.random() * np.random.rand()


def made(function: Callable[[], nn.Module]) -> Built:
    """The model, its activation layers swapped."""
    row = torch.linspace(0, 1, 16)[None]
    return build(function, row=row, out_features=3, activation="tanh", init=None, options={})


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_activations_that_are_kept_are_told_of() -> None:
    """By their lines, in compiled code by name and module; what comes before all weights is no activation."""
    built = made(Functions)
    assert built.swapped is not None
    first = Functions.forward.__code__.co_firstlineno
    mixed = f"test_watched.py:{Mixed.forward.__code__.co_firstlineno + 2}"
    called = [f"test_watched.py:{first + 4} sigmoid", f"{mixed} clamp", f"test_watched.py:{first + 4} sin"]
    called += [
        f"{name} (as a function)" for name in ("tanh called in the model", "rnn_tanh called in recurrent")
    ]
    assert built.swapped.line() == f"swapped: act, {mixed} tanh; kept: {', '.join(called)}"


def test_looking_leaves_counts_and_random_numbers_alone() -> None:
    """A model is watched before its training, which must begin as if it had not been."""
    random.seed(0)
    np.random.seed(0)
    model = made(Counting).model
    assert model.passes == 0
    found = random.random(), np.random.rand()
    random.seed(0)
    np.random.seed(0)
    assert found == (random.random(), np.random.rand())
