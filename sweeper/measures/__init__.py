"""What is measured while training, one quantity a file: from a `Layer` to a scalar or ``None``."""

from collections.abc import Callable
from dataclasses import fields, replace

import torch
from torch import Tensor

from sweeper.measures.activation_mean import activation_mean
from sweeper.measures.activation_std import activation_std
from sweeper.measures.dead import dead
from sweeper.measures.gradient_norm import gradient_norm
from sweeper.measures.layer import Layer
from sweeper.measures.saturated import saturated
from sweeper.measures.update_ratio import update_ratio
from sweeper.measures.weight_gradient_norm import weight_gradient_norm

__all__ = ["MEASURES", "NEEDS", "Layer"]

MEASURES: dict[str, Callable[[Layer], Tensor | None]] = {
    "gradient_norm": gradient_norm,
    "weight_gradient_norm": weight_gradient_norm,
    "activation_mean": activation_mean,
    "activation_std": activation_std,
    "saturated": saturated,
    "dead": dead,
    "update_ratio": update_ratio,
}


def _parts(measure: Callable[[Layer], Tensor | None]) -> frozenset[str]:
    """The parts of a layer without which `measure` has no value."""
    names = [field.name for field in fields(Layer)]
    whole = Layer(**{name: torch.ones(2, 2) for name in names})
    return frozenset(name for name in names if measure(replace(whole, **{name: None})) is None)


NEEDS: dict[str, frozenset[str]] = {name: _parts(measure) for name, measure in MEASURES.items()}
"""What each measure is computed from; it is ``None`` for a layer that has no such part."""
