"""Measures of a layer, against numbers worked out by hand."""

import math
from dataclasses import fields

import pytest
import torch
from torch import Tensor

from sweeper.measures import MEASURES, Layer

A = torch.tensor([[1.0, -2.0], [3.0, 6.0]])
SLOPES = torch.tensor([[0.0, 0.05], [0.0, -0.2], [0.0, 0.0]])
DEEP = torch.zeros(2, 3, 2, 2, 2)
DEEP[1, 2, 1, 1, 1] = -1.0
"""One number of the last of three channels is not 0."""

VALUES: dict[str, tuple[str, Layer, float]] = {
    "mean": ("activation_mean", Layer(activation=A), 2.0),
    "spread without a correction": ("activation_std", Layer(activation=A), math.sqrt((1 + 16 + 1 + 16) / 4)),
    "gradient": ("gradient_norm", Layer(activation_gradient=A), math.sqrt(50)),
    "gradient of weights": ("weight_gradient_norm", Layer(weight_gradient=A.flatten()), math.sqrt(50)),
    "update": ("update_ratio", Layer(weight=A.flatten() + 1, weight_before=A.flatten()), 2 / math.sqrt(50)),
    "at a twentieth is not below": ("saturated", Layer(derivative=SLOPES, steepest=torch.tensor(1.0)), 4 / 6),
    "a little above it": ("saturated", Layer(derivative=SLOPES, steepest=torch.tensor(0.9)), 4 / 6),
    "a steeper one": ("saturated", Layer(derivative=SLOPES, steepest=torch.tensor(4.01)), 1.0),
    "flat on every row": ("dead", Layer(derivative=SLOPES), 1 / 2),
    "of a channel": ("dead", Layer(derivative=DEEP[..., 1]), 2 / 3),
    "of a channel in depth": ("dead", Layer(derivative=DEEP), 2 / 3),
    "of a feature over time": ("dead", Layer(derivative=DEEP[:, :, 1, 1]), 1 / 2),
}


@pytest.mark.parametrize("name", VALUES)
def test_a_measure_is_what_its_docstring_says(name: str) -> None:
    """The value of a small layer."""
    measure, layer, value = VALUES[name]
    found = MEASURES[measure](layer)
    assert isinstance(found, Tensor)
    assert float(found) == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize("name", MEASURES)
def test_a_measure_is_taken_of_many_trials_at_once(name: str) -> None:
    """As stacks take it: nothing in it decides by the value of a tensor."""
    parts = {each.name: torch.rand(3, 4, 5) for each in fields(Layer)}
    parts["steepest"] = torch.ones(3)
    together = torch.vmap(lambda part: MEASURES[name](Layer(**part)))(parts)
    alone = [MEASURES[name](Layer(**{key: part[k] for key, part in parts.items()})) for k in range(3)]
    torch.testing.assert_close(together, torch.stack([torch.as_tensor(each) for each in alone]))
