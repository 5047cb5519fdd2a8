"""Models in the precision of the study."""

import pytest
import torch
from torch import nn

from sweeper.components.precision import to_precision


class Mixed(nn.Module):
    """Real, complex and whole numbers, as parameters and as buffers."""

    def __init__(self) -> None:
        super().__init__()
        self.real = nn.Parameter(torch.tensor([1.5], dtype=torch.float64))
        self.complex = nn.Parameter(torch.tensor([1 + 2j], dtype=torch.complex64))
        self.register_buffer("waves", torch.tensor([3 - 4j], dtype=torch.complex128))
        self.register_buffer("steps", torch.tensor([7]))
        self.register_buffer("mask", torch.tensor([True]))


@pytest.mark.parametrize("name", ["float32", "float64"])
def test_real_and_complex_numbers_get_the_precision(name: str) -> None:
    """Complex numbers keep their imaginary part; whole numbers and truth values keep their type."""
    dtype = getattr(torch, name)
    model = to_precision(Mixed(), "cpu", dtype)
    found = {key: value.dtype for key, value in model.state_dict().items()}
    wanted = {"real": dtype, "complex": dtype.to_complex(), "waves": dtype.to_complex()}
    assert found == {**wanted, "steps": torch.int64, "mask": torch.bool}
    assert model.complex.item() == 1 + 2j
    assert model.waves.item() == 3 - 4j
    assert all(isinstance(parameter, nn.Parameter) for parameter in (model.real, model.complex))


def test_tied_parameters_stay_tied() -> None:
    """Two names of one parameter are one parameter afterwards."""
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[1].weight = model[0].weight
    to_precision(model, "cpu", torch.float64)
    assert model[1].weight is model[0].weight
