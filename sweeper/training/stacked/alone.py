"""How the model computes when it trains alone: what a stack that takes its place has to keep to."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sweeper.training.stacked.refusal import NotFusible
from sweeper.training.stacked.tape import Recorder, tensors


class Layout(NamedTuple):
    """A random array and the order of its numbers in memory, which is that of their drawing."""

    shape: tuple[int, ...]
    stride: tuple[int, ...]

    def empty(self, like: Tensor) -> Tensor:
        """Memory for it."""
        return torch.empty_strided(self.shape, self.stride, dtype=like.dtype, device=like.device)


def draws(model: nn.Module, x: Tensor) -> Sequence[Layout]:
    """The random arrays that one forward pass of the model in training mode draws, in order.

    Raises:
        NotFusible: if the pass depends on an earlier one by more than the values of its buffers.
    """
    model.train()
    holders = [(m._buffers, name, b) for m in model.modules() for name, b in m._buffers.items()]
    values = [b.clone() if b is not None else None for *_, b in holders]
    outputs, found = [], list[Layout]()
    for _ in range(2):
        with torch.random.fork_rng(devices=[x.device] if x.is_cuda else []), Recorder() as recorder:
            outputs.append(tensors([model(x)]))
        arrays = [(c.arguments[0] if c.written else c.results[0]) for c in recorder.calls if c.random]
        found = [Layout(tuple(a.shape), a.stride()) for a in arrays]
        for buffers, name, b in holders:
            if buffers[name] is not b:
                raise NotFusible(f"the forward pass puts a new tensor in the place of the buffer {name}")
        with torch.no_grad():
            for (*_, b), value in zip(holders, values, strict=True):
                if b is not None and value is not None:
                    b.copy_(value)
    if not all(torch.allclose(a, b, equal_nan=True) for a, b in zip(*outputs, strict=True)):
        raise NotFusible("the forward pass depends on an earlier one, beside its buffers")
    return found
