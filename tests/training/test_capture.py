"""Layers are measured as training sees them, and the model is left as it is."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from sweeper.components.build import Built, build
from sweeper.training.capture import layers_of

DEPTH = 20


def deep(kind: str) -> Built:
    """`DEPTH` layers of 64 units, each with batch norm, and dropout."""

    def function(activation: type[nn.Module], init: object) -> nn.Module:
        layers: list[nn.Module] = []
        for _ in range(DEPTH):
            layers += [nn.Linear(64, 64), nn.BatchNorm1d(64), activation()]
        model = nn.Sequential(*layers, nn.Dropout(0.5), nn.Linear(64, 10))
        init(model)  # type: ignore[operator]
        return model

    torch.manual_seed(0)
    row = torch.zeros(1, 64)
    return build(function, row=row, out_features=10, activation=kind, init="auto", options={})


@pytest.mark.parametrize(("kind", "low", "high"), [("sigmoid", 0.0, 0.5), ("relu", 1.3, 2.0)])
def test_batch_norm_is_that_of_training(kind: str, low: float, high: float) -> None:
    """Decades of the gradient norm from last to first layer; in evaluation mode sigmoid loses nine."""
    built = deep(kind)
    generator = torch.Generator().manual_seed(1)
    x, y = torch.randn(128, 64, generator=generator), torch.randint(10, (128,), generator=generator)
    before = {name: value.clone() for name, value in built.model.state_dict().items()}
    state = torch.get_rng_state()
    layers = layers_of(built, F.cross_entropy, x, y, None)
    norms = [one.activation_gradient.norm().item() for one in layers if one.activation_gradient is not None]
    assert len(norms) == DEPTH
    assert low < math.log10(norms[0] / norms[-1]) < high
    assert all(torch.equal(before[name], value) for name, value in built.model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert all(module.training for module in built.model.modules())


def test_one_row_has_no_statistics() -> None:
    """Batch norm then uses what it has seen, as in evaluation."""
    layers = layers_of(
        deep("relu"), F.cross_entropy, torch.ones(1, 64), torch.zeros(1, dtype=torch.long), None
    )
    assert all(one.weight_gradient is not None for one in layers)
