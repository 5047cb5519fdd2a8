"""Up to which learning rate an optimizer is stable on a quadratic, and how fast the best rate converges.

On f(θ) = ½ θᵀHθ every update of ``torch.optim.SGD`` is linear, so along an eigenvector of curvature λ it
is stable exactly while η·λ stays below a limit that depends on momentum alone. Largest rate: limit / λmax.
On other losses λmax changes while training; the limits then say where the sharpness must stay below
(the edge of stability, Cohen et al. 2021, arXiv 2103.00065), not whether it does.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sweeper.components.optimizers import OPTIMIZERS


@dataclass(frozen=True)
class Best:
    """The settings that converge fastest on all quadratics with curvatures from μ to L."""

    learning_rate: float
    momentum: float
    factor: float
    """What the error is multiplied with in each step, asymptotically."""


def sgd_limit(momentum: float = 0.0, dampening: float = 0.0, *, nesterov: bool = False) -> float:
    """Largest stable η·λ of ``torch.optim.SGD``, without unit.

    Heavy ball (v ← β·v + (1 − d)·g, θ ← θ − η·v): 2(1 + β) / (1 − d); β = 0 gives 2, gradient descent.
    Nesterov as torch has it (θ ← θ − η·(g + β·v)): 2(1 + β) / (1 + 2β). Both are where an eigenvalue of
    the two-step recursion reaches −1.

    Args:
        momentum: β in [0, 1).
        dampening: d in [0, 1); torch refuses it with Nesterov. For momentum 0 torch ignores it.
        nesterov: the look-ahead form.
    """
    if not 0 <= momentum < 1 or not 0 <= dampening < 1:
        raise ValueError(f"momentum {momentum} and dampening {dampening} must lie in [0, 1)")
    if nesterov:
        if dampening:
            raise ValueError("Nesterov momentum goes without dampening")
        return 2 * (1 + momentum) / (1 + 2 * momentum)
    return 2 * (1 + momentum) / (1 - dampening * (momentum > 0))


def adam_limit(beta1: float = 0.9) -> float:
    """Largest stable η·λ of the preconditioned Hessian P⁻¹H, for Adam, AdamW, NAdam-like methods.

    With P = diag(√v̂ + ε) frozen, Adam is momentum with dampening β1: 2(1 + β1) / (1 − β1), 38 for β1 = 0.9
    (Cohen et al. 2022, arXiv 2207.14484). Full-batch Adam was seen to settle there.
    """
    return sgd_limit(beta1, beta1)


def nadam_limit(beta1: float = 0.9, step: int = 0) -> float:
    """Largest stable η·λ of P⁻¹H for NAdam: 2(1 + β1) / (1 + β1 − 2·β1·μ), P frozen.

    The update is μ·m + (1 − μ)·g with m ← β1·m + (1 − β1)·g; the limit is where an eigenvalue reaches −1.
    μ = β1·(1 − ½·0.96^(0.004·t)) rises over some ten thousand steps from β1/2 to β1 (``torch.optim.NAdam``),
    so the limit moves slowly, from 3.49 to 13.6 for β1 = 0.9.

    Args:
        beta1: in [0, 1).
        step: updates made.
    """
    mu = beta1 * (1 - 0.5 * 0.96 ** (0.004 * (step + 1)))
    return 2 * (1 + beta1) / (1 + beta1 - 2 * beta1 * mu)


def rmsprop_limit(momentum: float = 0.0) -> float:
    """Largest stable η·λ of P⁻¹H for RMSprop: gradient descent (or heavy ball), preconditioned: 2(1 + β)."""
    return sgd_limit(momentum)


@dataclass(frozen=True)
class Limit:
    """Where the linear theory puts the edge of stability of an optimizer."""

    value: float
    """Largest stable learning rate × curvature, without unit."""
    preconditioned: bool
    """Whether the curvature is λmax of P⁻¹H, not of H."""


def limit(optimizer: str, options: Mapping[str, Any], step: int = 0) -> Limit | None:
    """The limit of an optimizer of `OPTIMIZERS` with these options, before the step after `step` updates.

    ``None`` where there is no linear theory: Lion's steps do not shrink with the gradient, so it never
    settles at any rate. Options that are not given are torch's, or those of `OPTIMIZERS`.
    """
    chosen = {**OPTIMIZERS[optimizer].defaults, **options}
    momentum = float(chosen.get("momentum", 0.0))
    beta1 = float(chosen.get("betas", (0.9, 0.999))[0])
    if optimizer in ("sgd", "momentum", "nesterov"):
        nesterov = bool(chosen.get("nesterov", False))
        return Limit(sgd_limit(momentum, float(chosen.get("dampening", 0.0)), nesterov=nesterov), False)
    if optimizer in ("adam", "adamw", "radam", "adamax"):
        return Limit(adam_limit(beta1), True)
    if optimizer == "nadam":
        return Limit(nadam_limit(beta1, step), True)
    if optimizer in ("rmsprop", "adagrad", "adadelta"):
        return Limit(rmsprop_limit(momentum), True)
    return None


def best_gradient_descent(smallest: float, largest: float) -> Best:
    """η = 2 / (L + μ), factor (κ − 1)/(κ + 1) with κ = L/μ (Nesterov 2004, theorem 2.1.15)."""
    kappa = largest / smallest
    return Best(2 / (largest + smallest), 0.0, (kappa - 1) / (kappa + 1))


def best_heavy_ball(smallest: float, largest: float) -> Best:
    """η = (2/(√L + √μ))², β = ((√κ − 1)/(√κ + 1))², factor √β (Polyak 1964)."""
    root = (math.sqrt(largest / smallest) - 1) / (math.sqrt(largest / smallest) + 1)
    return Best((2 / (math.sqrt(largest) + math.sqrt(smallest))) ** 2, root**2, root)
