"""What is measured while training, one quantity a file: from a `Layer` to a scalar or ``None``."""

from collections.abc import Callable

from torch import Tensor

from sweeper.measures.activation_mean import activation_mean
from sweeper.measures.activation_std import activation_std
from sweeper.measures.dead import dead
from sweeper.measures.gradient_norm import gradient_norm
from sweeper.measures.layer import Layer
from sweeper.measures.saturated import saturated
from sweeper.measures.update_ratio import update_ratio
from sweeper.measures.weight_gradient_norm import weight_gradient_norm

__all__ = ["MEASURES", "Layer"]

MEASURES: dict[str, Callable[[Layer], Tensor | None]] = {
    "gradient_norm": gradient_norm,
    "weight_gradient_norm": weight_gradient_norm,
    "activation_mean": activation_mean,
    "activation_std": activation_std,
    "saturated": saturated,
    "dead": dead,
    "update_ratio": update_ratio,
}
