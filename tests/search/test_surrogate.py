"""The additive Gaussian process against its definition."""

import numpy as np
import pytest
from made_up import MIXED, study
from scipy.optimize import approx_fprime

from sweeper.search import explore, kernel, surrogate
from sweeper.search.coordinates import Coordinates
from sweeper.search.kernel import Kernel, parts_of
from sweeper.search.shifts import shifts_of
from sweeper.search.surrogate import Posterior, fit

SPACE = study(MIXED).space
COORDINATES = Coordinates(SPACE)
SCIENTIFIC = ("optimizer", "activation")
SHIFTS = shifts_of(COORDINATES, SCIENTIFIC)
KERNEL = Kernel(parts_of(COORDINATES, SCIENTIFIC), len(COORDINATES.numbers), SHIFTS)
POINTS = COORDINATES.encode(explore.points(SPACE, (), 30, 1, "random"))
Y = np.random.default_rng(0).standard_normal(30)
THETA = KERNEL.middle + 0.3 * np.random.default_rng(1).standard_normal(len(KERNEL.middle))


def test_the_covariance_is_the_sum_of_its_parts() -> None:
    """Entry by entry as the formula says of the shifted rates, and positive definite."""
    variances, lengths, _ = KERNEL.split(THETA)
    positions = SHIFTS.moved(POINTS, THETA[-len(SHIFTS.spreads) :]).positions
    assert not np.array_equal(positions, POINTS.positions)
    moved = KERNEL.moved(THETA, POINTS)
    found = KERNEL.between(THETA, moved, moved)
    for i, j in ((0, 1), (2, 2), (3, 17), (5, 29)):
        expected = 1.0
        for variance, part in zip(variances, KERNEL.parts, strict=True):
            for term in part:
                value = variance / len(part)
                for c in term.categories:
                    value *= POINTS.codes[i, c] == POINTS.codes[j, c] >= 0
                for k in term.zeros:
                    value *= POINTS.on[i, k] == POINTS.on[j, k]
                for k in term.numbers:
                    s = np.sqrt(5) * abs(positions[i, k] - positions[j, k]) / lengths[k]
                    value *= POINTS.on[i, k] and POINTS.on[j, k] and (1 + s + s**2 / 3) * np.exp(-s)
                expected += value
        assert found[i, j] == pytest.approx(expected)
    assert np.linalg.eigvalsh(found).min() > -1e-9
    assert np.allclose(KERNEL.at(THETA, POINTS), np.diag(found))


@pytest.mark.parametrize("at_once", [1, 70, 10**6])
def test_the_covariance_is_the_same_however_many_rows_are_worked_out_at_a_time(
    monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    """To the last bit, whether the pieces fill up or not; of no rows there are none."""
    moved = KERNEL.moved(THETA, POINTS)
    row_by_row = [KERNEL.between(THETA, moved[[row]], moved[:20])[0] for row in range(30)]
    monkeypatch.setattr(kernel, "IN_CACHE", at_once)
    assert np.array_equal(KERNEL.between(THETA, moved, moved[:20]), row_by_row)
    assert KERNEL.between(THETA, moved, moved[:0]).shape == (30, 0)


def test_the_gradient_of_the_fit_is_that_of_its_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    """Against finite differences, at a random place."""
    seen = {}

    def caught(loss: object, start: object, **_: object) -> object:
        seen["loss"] = loss
        return type("Found", (), {"x": KERNEL.middle})

    monkeypatch.setattr(surrogate, "minimize", caught)
    fit(KERNEL, POINTS, Y, np.zeros(30))
    value, gradient = seen["loss"](THETA)
    assert np.isfinite(value)
    assert np.allclose(gradient, approx_fprime(THETA, lambda t: seen["loss"](t)[0], 1e-6), atol=1e-3)


def test_what_is_believed_is_the_textbook_posterior() -> None:
    """Mean and variance of a plain Gaussian process; a believed point moves no mean and shrinks variances."""
    at = COORDINATES.encode(explore.points(SPACE, (), 12, 5, "random"))
    posterior = Posterior(KERNEL, THETA, POINTS, Y, np.zeros(30))
    moved, there = KERNEL.moved(THETA, POINTS), KERNEL.moved(THETA, at)
    noisy = KERNEL.between(THETA, moved, moved) + posterior.noise * np.eye(30)
    across = KERNEL.between(THETA, moved, there)
    belief = posterior.believed(at)
    mean, variance = belief.mean, belief.variance
    assert np.allclose(mean, across.T @ np.linalg.solve(noisy, Y))
    assert np.allclose(variance, KERNEL.at(THETA, at) - (across * np.linalg.solve(noisy, across)).sum(axis=0))
    posterior.watch(at)
    assert posterior.observe(belief, 3) == pytest.approx(mean[3])
    after, less = posterior.believed(at).mean, posterior.believed(at).variance
    assert np.allclose(after, mean)
    assert np.allclose(less, posterior.watched.variance)
    assert (less <= variance + 1e-9).all()
    assert less[3] < 0.5 * variance[3]
