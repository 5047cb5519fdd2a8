"""Built-in data sets: plain functions that return ``(inputs, targets)``, or a dict of such pairs by part.

Each depends on numpy and scikit-learn alone, so that the stand-alone script of a run can carry
its source. Class targets are integers, real ones floats. scikit-learn is imported where it is needed, as
that takes a second.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

# loaded late: scikit-learn takes a second


Pair = tuple[np.ndarray, np.ndarray]


def digits() -> Pair:
    """1,797 handwritten digits of 8×8 grey values (64 features), 10 classes (scikit-learn)."""
    from sklearn.datasets import load_digits

    return load_digits(return_X_y=True)


def breast_cancer() -> Pair:
    """569 tumours, 30 features, 2 classes (scikit-learn)."""
    from sklearn.datasets import load_breast_cancer

    return load_breast_cancer(return_X_y=True)


def wine() -> Pair:
    """178 wines, 13 chemical features, 3 classes (scikit-learn)."""
    from sklearn.datasets import load_wine

    return load_wine(return_X_y=True)


def diabetes() -> Pair:
    """442 patients, 10 features, disease progression in a year as a number, 25 to 346 (scikit-learn)."""
    from sklearn.datasets import load_diabetes

    return load_diabetes(return_X_y=True)


def two_spirals(rows: int = 400, noise: float = 0.1, turns: float = 1.5, seed: int = 0) -> Pair:
    """Two interleaved spirals in the plane, 2 classes (after Lang and Witbrock 1988)."""
    generator = np.random.default_rng(seed)
    targets = np.arange(rows) % 2
    angle = np.sqrt(generator.uniform(0.02, 1, rows)) * turns * 2 * np.pi
    sign = np.where(targets == 0, 1.0, -1.0)
    inputs = np.stack([sign * angle * np.cos(angle), sign * angle * np.sin(angle)], axis=1)
    return inputs + noise * generator.standard_normal((rows, 2)), targets


def teacher(
    rows: int = 1000, features: int = 16, width: int = 16, depth: int = 2, noise: float = 0.05, seed: int = 0
) -> Pair:
    """Teacher–student regression: Gaussian inputs through a random tanh network, plus Gaussian noise.

    The teacher's hidden weights are normal with variance 2 / fan_in; targets have unit variance before the
    noise.
    """
    generator = np.random.default_rng(seed)
    inputs = signal = generator.standard_normal((rows, features))
    for _ in range(depth):
        weights = generator.standard_normal((signal.shape[1], width)) * np.sqrt(2 / signal.shape[1])
        signal = np.tanh(signal @ weights)
    targets = signal @ generator.standard_normal((signal.shape[1], 1))
    targets = (targets - targets.mean()) / targets.std()
    return inputs, targets + noise * generator.standard_normal((rows, 1))


def quadratic() -> dict[str, Pair]:
    """The quadratic bowl of DeepOBS (`quadratic_deep`) as least squares: ½ Σ λ (θ − 1)², full batch.

    90 curvatures λ from U(0, 1) and 10 from U(30, 60), drawn with ``RandomState(42)``. With the
    ``linear`` model without bias and loss mse, the Hessian is diag(λ): row i is sqrt(n λ_i / 2) · e_i.
    Train, validation and test are the same 100 rows. Set ``standardize = false``.
    """
    generator = np.random.RandomState(42)
    curvature = np.concatenate([generator.uniform(0, 1, 90), generator.uniform(30, 60, 10)])
    inputs = np.diag(np.sqrt(len(curvature) * curvature / 2))
    rows = (inputs, inputs.sum(axis=1, keepdims=True))
    return {"train": rows, "validation": rows, "test": rows}


LIMITS: dict[str, tuple[float, float]] = {
    "rows": (10, math.inf),
    "features": (1, math.inf),
    "width": (1, math.inf),
    "depth": (0, 10_000),
    "noise": (0, math.inf),
    "seed": (0, 2**63 - 1),
}
"""Arguments that are numbers: lowest and highest."""

DATASETS: dict[str, Callable[..., Any]] = {
    "digits": digits,
    "breast_cancer": breast_cancer,
    "wine": wine,
    "diabetes": diabetes,
    "two_spirals": two_spirals,
    "teacher": teacher,
    "quadratic": quadratic,
}
