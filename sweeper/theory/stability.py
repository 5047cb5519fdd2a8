"""The settings that converge fastest on a quadratic, and how fast.

On f(θ) = ½ θᵀHθ every update of ``torch.optim.SGD`` is linear, so along an eigenvector of curvature λ it
is stable exactly while η·λ stays below a limit that depends on momentum alone: `sgd_limit`.
On other losses λmax changes while training; the limits then say where the sharpness must stay below
(the edge of stability, Cohen et al. 2021, arXiv 2103.00065), not whether it does.
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Best:
    """The settings that converge fastest on all quadratics with curvatures from μ to L."""

    learning_rate: float
    momentum: float
    factor: float
    """What the error is multiplied with in each step, asymptotically."""


def best_gradient_descent(smallest: float, largest: float) -> Best:
    """η = 2 / (L + μ), factor (κ − 1)/(κ + 1) with κ = L/μ (Nesterov 2004, theorem 2.1.15)."""
    kappa = largest / smallest
    return Best(2 / (largest + smallest), 0.0, (kappa - 1) / (kappa + 1))


def best_heavy_ball(smallest: float, largest: float) -> Best:
    """η = (2/(√L + √μ))², β = ((√κ − 1)/(√κ + 1))², factor √β (Polyak 1964)."""
    root = (math.sqrt(largest / smallest) - 1) / (math.sqrt(largest / smallest) + 1)
    return Best((2 / (math.sqrt(largest) + math.sqrt(smallest))) ** 2, root**2, root)
