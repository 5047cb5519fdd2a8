"""Gradients of real networks beside mean-field theory: python benchmarks/mean_field.py [--width 1000] ...

For each activation and initialisation: the factor per layer by which the variance of the gradient changes
on its way back, once as theory follows it layer by layer, once measured in random networks. Both are the
slope of ln ‖gradient‖² over the layers, as an exponential.
"""

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from sweeper.components.activations import ACTIVATIONS
from sweeper.components.initializers import INITIALIZERS
from sweeper.components.models import mlp
from sweeper.theory.mean_field import (
    log_variance_spread,
    network_variances,
    predicted_profile,
    propagation,
)

NAMES, INITS = ("relu", "tanh", "sigmoid", "gelu"), ("torch", "he")


@dataclass(frozen=True)
class Comparison:
    """One activation and initialisation; factors are those on the variance of the gradient, per layer."""

    activation: str
    init: str
    chi: float
    """Theory, infinite depth."""
    theory: float
    """Theory at this depth."""
    measured: float
    """Geometric mean over the networks."""
    tolerance: float
    """Largest difference of ln(factor) that chance explains."""

    @property
    def agrees(self) -> bool:
        """Theory and measurement differ by no more than chance."""
        return abs(math.log(self.measured / self.theory)) <= self.tolerance


def compare(activation: str, init: str, width: int, depth: int, seeds: int) -> Comparison:
    """Measure `seeds` networks of `depth` hidden layers of `width` units, each on one normal input."""
    variances = network_variances(init, [width] * (depth + 1))
    slopes = [_slope(_norms(activation, init, width, depth, seed)) for seed in range(seeds)]

    def predicted(q_input: float) -> float:
        return _slope(predicted_profile(activation, variances, q_input))

    theory = predicted(1.0)
    return Comparison(
        activation,
        init,
        propagation(activation, *variances[-1]).chi,
        math.exp(theory),
        math.exp(np.mean(slopes)),
        _tolerance(slopes, [predicted(q) - theory for q in _wandering(width, depth)], width, depth),
    )


def _tolerance(slopes: Sequence[float], shifts: Sequence[float], width: int, depth: int) -> float:
    """What chance does to the mean slope: three standard errors, and two effects that do not average out."""
    # The slope through a random walk scatters more than its ends do, in variance by 6/5. Some activations
    # scatter more than ReLU, for which the formula holds.
    spread = max(math.sqrt(6 / 5) * log_variance_spread(depth, width) / depth, float(np.std(slopes, ddof=1)))
    lower_mean_of_logarithms = 5 / (2 * width)
    return 3 * spread / math.sqrt(len(slopes)) + lower_mean_of_logarithms + max(map(abs, shifts))


def _wandering(width: int, depth: int) -> tuple[float, float]:
    """Squared lengths of the input that stand for how far those of the layers wander off, low and high.

    They walk at random as the gradient does, on average over the layers by 1/√3 of where they end. That
    matters where small differences in length grow: GELU with He weights.
    """
    step = log_variance_spread(depth, width) / math.sqrt(3)
    return math.exp(-step), math.exp(step)


def _slope(norms: np.ndarray) -> float:
    """Change of ln(norm²) per layer on the way to the input, by least squares."""
    return -2 * float(np.polyfit(np.arange(len(norms)), np.log(norms), 1)[0])


def _norms(activation: str, init: str, width: int, depth: int, seed: int) -> np.ndarray:
    """‖gradient‖ at the activations of each hidden layer, input side first."""
    torch.manual_seed(seed)
    kind = type(ACTIVATIONS[activation].make())
    model = mlp((width,), 1, ACTIVATIONS[activation].make, INITIALIZERS[init], depth=depth, width=width)
    model.double()  # sigmoid's variance falls by 1e-32 over twenty layers
    seen: list[Tensor] = []
    for module in model.modules():
        if isinstance(module, kind):
            module.register_forward_hook(lambda module, inputs, output: seen.append(output))
    output = model(torch.randn(1, width, dtype=torch.float64)).sum()
    return np.array([float(g.norm()) for g in torch.autograd.grad(output, seen)])


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 1 when something disagrees beyond chance."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--width", type=int, default=1000)
    parser.add_argument("--depth", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=4)
    asked = parser.parse_args(arguments)
    if asked.width < 1 or asked.depth < 2 or asked.seeds < 2:
        parser.error("--width must be at least 1, --depth and --seeds at least 2")
    print(f"factor per layer on the gradient's variance; width {asked.width}, depth {asked.depth},", end=" ")
    print(f"{asked.seeds} networks each")
    print(f"{'':8} {'init':6} {'chi(q*)':>9} {'theory':>9} {'measured':>9}  off by  tolerance")
    compared = [
        compare(name, init, asked.width, asked.depth, asked.seeds) for init in INITS for name in NAMES
    ]
    for found in compared:
        off = found.measured / found.theory - 1
        print(
            f"{found.activation:8} {found.init:6} {found.chi:9.5f} {found.theory:9.5f} {found.measured:9.5f}"
            f" {off:+7.1%} {math.expm1(found.tolerance):9.1%}  {'agrees' if found.agrees else 'DIFFERS'}"
        )
    return 0 if all(found.agrees for found in compared) else 1


if __name__ == "__main__":
    raise SystemExit(main())
