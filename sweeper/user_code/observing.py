"""Looks at a model under way that leave its training as it was."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from sweeper.private_torch import buffers_of


def seed_all(seed: int) -> None:
    """Seed the generators of torch, NumPy and Python: what a model draws from any of them repeats."""
    if torch.accelerator.is_available():
        torch.manual_seed(seed)
    else:  # for each kind of device that is not there it would write down the whole call stack
        torch.default_generator.manual_seed(seed)
    np.random.seed(seed % 2**32)
    random.seed(seed)


@contextmanager
def drawn_alike() -> Iterator[None]:
    """While open, what is drawn from the generators of torch, NumPy and Python is the same every time."""
    states = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        seed_all(0)
        try:
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])


LOOKS = 4
VALIDATION, TEST, LAYERS, OBSERVER = range(LOOKS)
"""What looks at a model on its way, each with random numbers of its own."""


def seed_of(seed: int, step: int, look: int) -> int:
    """Seed of the random numbers of one measurement: the trial's seed, the step, and what is measured."""
    return (seed * 1_000_003 + step) * LOOKS + look


@contextmanager
def apart(model: nn.Module, seed: int) -> Iterator[None]:
    """While open, random numbers come from generators seeded with `seed`.

    Afterwards these generators and the buffers of `model` are as they were before.
    """
    modules = [*model.modules()]
    held = [(buffers_of(m), name, b) for m in modules for name, b in buffers_of(m).items() if b is not None]
    values = [tensor.clone() for *_, tensor in held]
    numpy_state, python_state = np.random.get_state(), random.getstate()
    devices = {p.device for p in model.parameters() if p.is_cuda}
    with torch.random.fork_rng(devices=list(devices)):
        seed_all(seed)
        try:
            yield
        finally:
            np.random.set_state(numpy_state)
            random.setstate(python_state)
            with torch.no_grad():
                for (buffers, name, tensor), value in zip(held, values, strict=True):
                    buffers[name] = tensor
                    put_values(tensor, value)


def put_values(tensor: Tensor, values: Tensor) -> None:
    """Give `tensor` the `values` that it had. One that was expanded stays: nobody can have written to it."""
    if not any(size > 1 and not stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True)):
        tensor.copy_(values)
