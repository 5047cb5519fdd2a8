"""Forward passes that look at a model and leave it as it was."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode


class Uncompiled(TorchDispatchMode):
    """A mode that sees every operation below autograd, and nothing of the compiler."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled while this is open; saying so would import the compiler, for seconds."""
        return False


@contextmanager
def undisturbed(model: nn.Module, *, training: bool) -> Iterator[None]:
    """While open, the mode is that; afterwards modes, buffers and random state are what they were."""
    modes = {module: module.training for module in model.modules()}
    held = [(m._buffers, name, b) for m in model.modules() for name, b in m._buffers.items()]
    lazy = nn.parameter.UninitializedBuffer
    kept = [b.clone() if b is not None and not isinstance(b, lazy) else None for *_, b in held]
    model.train(training)
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            yield
    finally:
        with torch.no_grad():
            for (buffers, name, buffer), value in zip(held, kept, strict=True):
                if buffer is not None and value is not None:
                    buffers[name] = buffer
                    buffer.copy_(value)
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


def materialise(model: nn.Module, x: Tensor) -> None:
    """Lazy layers get their shapes from a first look at the rows `x`."""
    if any(isinstance(p, nn.parameter.UninitializedParameter) for p in model.parameters()):
        with undisturbed(model, training=False):
            model(x.clone())
