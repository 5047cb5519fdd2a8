"""A model in the precision of the study."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from sweeper.private_torch import apply_to_tensors


@contextmanager
def default_precision(dtype: torch.dtype) -> Iterator[None]:
    """While open, torch makes real numbers of `dtype` where none is asked for."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def to_precision(model: nn.Module, device: torch.device | str | None, dtype: torch.dtype) -> nn.Module:
    """Move `model` to `device`, its real numbers to `dtype`, complex ones to the complex type beside it.

    ``None`` leaves it where it is. Whole numbers and truth values keep their type.
    ``model.to(device, dtype)`` would drop imaginary parts.
    """

    def moved(tensor: Tensor) -> Tensor:
        if tensor.is_complex():
            return tensor.to(device=device, dtype=dtype.to_complex())
        return tensor.to(device=device, dtype=dtype if tensor.is_floating_point() else tensor.dtype)

    apply_to_tensors(model, moved)
    return model.to(device) if device is not None else model  # a module may keep its device in mind
