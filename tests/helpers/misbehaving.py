"""A model whose training goes wrong in the way it is told to, and data for it. Workers import it by name."""

import ctypes
import math
import os
import re
import signal
import time

import numpy as np
import torch
from torch import nn


class Misbehaving(nn.Module):
    """Linear, and from the third training step on what `way` says."""

    def __init__(self, in_features: int, out_features: int, activation: type[nn.Module], way: str) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(in_features, 4), activation(), nn.Linear(4, out_features))
        self.way, self.calls = way, 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The output of the layers, if it comes to that."""
        self.calls += self.training
        if self.calls > 2 and self.training:
            self.misbehave()
        return self.layers(x) * (math.nan if self.way == "nan" and self.calls > 2 else 1)

    def misbehave(self) -> None:
        """End in one of the ways."""
        if self.way == "raise":
            raise ValueError("this activation\nwill not do")
        if self.way == "memory":
            torch.empty(1 << 50)
        if self.way == "exit":
            os._exit(1)
        if self.way == "segfault":
            ctypes.string_at(0)
        if self.way == "kill":  # as the kernel does with the one who eats all memory
            os.kill(os.getpid(), signal.SIGKILL)
        if self.way == "hang":
            time.sleep(600)
        if self.way == "hang in C":  # never lets another thread run
            re.match(r"(a+)+$", "a" * 40 + "b")
        while self.way.startswith("wait for ") and not os.path.exists(self.way[9:]):
            time.sleep(0.02)
        if self.way == "slow":
            time.sleep(0.05)


def model(in_features: int, out_features: int, activation: type[nn.Module], way: str = "fine") -> nn.Module:
    """The model function."""
    if way == "exit at once":
        os._exit(1)
    return Misbehaving(in_features, out_features, activation, way)


def data() -> tuple[np.ndarray, np.ndarray]:
    """Sixty rows of three numbers, two classes."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(60, 3))
    return x, (x[:, 0] > 0).astype(np.int64)


class Logged(nn.Module):
    """A linear model that writes to a file in its fifth training step, and takes a third of a second for six.

    A look at the model before a run takes fewer steps.
    """

    def __init__(self, in_features: int, out_features: int, tag: int) -> None:
        super().__init__()
        self.layer, self.tag, self.calls = nn.Linear(in_features, out_features), tag, 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The output; the fifth call in training leaves a line."""
        if self.training:
            self.calls += 1
            time.sleep(0.06)
            if self.calls == 5:
                with open(os.environ["SWEEPER_TEST_LOG"], "a", encoding="utf-8") as log:
                    log.write(f"{self.tag}\n")
        return self.layer(x)


def logged(in_features: int, out_features: int, tag: int = 0) -> nn.Module:
    """The model function."""
    return Logged(in_features, out_features, tag)
