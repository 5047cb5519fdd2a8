"""Critical values for the winner against its rivals, and how often they lie."""

import numpy as np
import pytest
from scipy import stats

from sweeper.tables.better import FALSE_CLAIMS, critical_value, step_down


def paired(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean paired differences to the lowest column of (seeds, finalists), with errors, winner left out."""
    winner = int(scores.mean(axis=0).argmin())
    differences = np.delete(scores - scores[:, [winner]], winner, axis=1)
    return differences.mean(axis=0), differences.std(axis=0, ddof=1) / np.sqrt(len(scores))


@pytest.mark.parametrize("seeds", [3, 5, 10, 30])
def test_two_finalists_are_a_two_sided_t_test(seeds: int) -> None:
    """The lower of two is compared with the other by |t|."""
    assert critical_value(2, seeds, 0.95) == pytest.approx(stats.t.ppf(0.975, seeds - 1))


def test_critical_value_equals_a_plain_simulation() -> None:
    """For four finalists on six seeds: the quantile of the largest t, trial by trial."""
    rng = np.random.default_rng(9)
    largest = []
    for _ in range(6000):
        means, errors = paired(rng.normal(size=(6, 4)))
        largest.append((means / errors).max())
    assert critical_value(4, 6, 0.95) == pytest.approx(np.quantile(largest, 0.95), rel=0.05)


def test_more_finalists_need_more() -> None:
    """The more settings the winner was picked from, the larger the luck that must be allowed for."""
    values = [critical_value(finalists, 10) for finalists in (2, 3, 5, 8)]
    assert values == sorted(values)
    assert values[-1] > 1.4 * values[0]


@pytest.mark.parametrize("seeds", [5, 10])
@pytest.mark.parametrize("kind", ["normal", "skewed", "heavy"])
def test_identical_settings_are_seldom_told_apart(seeds: int, kind: str) -> None:
    """Of 1,500 runs with five identical finalists fewer than 5 % make a claim; plain t tests make more."""
    rng, claims, plain = np.random.default_rng(seeds), 0, 0
    for _ in range(1500):
        shape = (seeds, 5)
        noise = {
            "normal": lambda shape=shape: rng.normal(size=shape),
            "skewed": lambda shape=shape: rng.lognormal(0, 0.5, shape),
            "heavy": lambda shape=shape: rng.standard_t(3, shape),
        }[kind]()
        means, errors = paired(noise + rng.normal(size=(seeds, 1)))
        claims += bool((means > step_down(means, errors, np.full(4, seeds))).any())
        plain += bool((means / errors > stats.t.ppf(0.975, seeds - 1)).any())
    assert claims / 1500 < 0.05
    assert plain / 1500 > 2 * FALSE_CLAIMS


def test_the_claim_holds_for_those_left_when_others_are_worse() -> None:
    """Step-down: with three clearly worse rivals, the one alike is claimed worse in fewer than 5 %."""
    rng, claims = np.random.default_rng(2), 0
    for _ in range(1000):
        means, errors = paired(np.array([0, 0, 9, 9, 9]) + rng.normal(size=(10, 5)))
        alike = int(means.argmin())
        claims += bool(means[alike] > step_down(means, errors, np.full(4, 10))[alike])
    assert claims / 1000 < 0.05


def test_step_down_is_kinder_to_those_left() -> None:
    """Once others are out, the critical value of two finalists is used, not that of five."""
    means, errors = np.array([50.0, 40.0, 30.0, 1.0]), np.ones(4)
    widths = step_down(means, errors, np.full(4, 10))
    assert widths == pytest.approx([critical_value(k, 10) for k in (5, 4, 3, 2)])


def test_constant_and_zero_differences() -> None:
    """A difference that never changes is known exactly; no difference at all is none."""
    widths = step_down(np.array([0.02, 0.0, 0.01]), np.array([0.0, 0.0, 1.0]), np.full(3, 10))
    assert widths[:2].tolist() == [0.0, 0.0]
    assert widths[2] > 1
