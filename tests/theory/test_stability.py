"""Stability limits, against torch.optim on quadratics."""

import math

import numpy as np
import pytest

from sweeper.theory.stability import best_gradient_descent, best_heavy_ball


@pytest.mark.parametrize("best", [best_gradient_descent, best_heavy_ball])
def test_best_rate_is_the_minimum_over_rates(best) -> None:
    """No rate nearby converges faster on the worst curvature; the factor is the spectral radius."""
    curvatures = np.array([0.02, 0.3, 1.0, 7.0])
    found = best(curvatures.min(), curvatures.max())

    def radius(rate: float) -> float:
        worst = 0.0
        for curvature in curvatures:
            step = np.array([[1 + found.momentum - rate * curvature, -found.momentum], [1, 0]])
            worst = max(worst, max(abs(np.linalg.eigvals(step))))
        return worst

    # Heavy ball's matrices are defective at the optimum: eigenvalues there are exact to √ε only.
    assert radius(found.learning_rate) == pytest.approx(found.factor, abs=1e-7)
    for rate in found.learning_rate * np.array([0.9, 0.99, 1.01, 1.1]):
        assert radius(rate) > found.factor
    assert math.isfinite(found.factor)
    assert 0 < found.factor < 1
