"""Forward passes that look at a model and leave it as it was."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from sweeper.components.tree import Tree, applied, copied
from sweeper.private_torch import buffers_of
from sweeper.user_code.observing import put_values
from sweeper.user_code.outside import of_model
from sweeper.user_code.put_back import put_back


@contextmanager
def undisturbed(model: nn.Module, *, training: bool, lazy: bool = False) -> Iterator[None]:
    """While open, the mode is that; afterwards all is what it was.

    Modes, buffers, the random numbers of torch, NumPy and Python, and what user code keeps elsewhere; the
    last not if `lazy`, since lazy layers change their own attributes for good.
    """
    roots = {} if lazy else of_model(model)
    numpy_state, python_state = np.random.get_state(), random.getstate()
    modes = {module: module.training for module in model.modules()}
    tables = [buffers_of(module) for module in model.modules()]
    held = [(buffers, name, b) for buffers in tables for name, b in buffers.items()]
    shapeless = nn.parameter.UninitializedBuffer
    kept = [b.clone() if b is not None and not isinstance(b, shapeless) else None for *_, b in held]
    model.train(training)
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]), put_back(roots, weights=False):
            yield
    finally:
        np.random.set_state(numpy_state)
        random.setstate(python_state)
        with torch.no_grad():
            for (buffers, name, buffer), value in zip(held, kept, strict=True):
                if buffer is not None and value is not None:
                    buffers[name] = buffer
                    put_values(buffer, value)
        for module, mode in modes.items():
            module.training = mode


@contextmanager
def slow_paths() -> Iterator[None]:
    """While open, torch's attention layers take no fast path, which calls no modules."""
    enabled = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(enabled)


def materialise(model: nn.Module, x: Tree) -> None:
    """Lazy layers get their shapes from a first look at the rows `x`."""
    if any(isinstance(p, nn.parameter.UninitializedParameter) for p in model.parameters()):
        with undisturbed(model, training=False, lazy=True):
            applied(model, copied(x))
