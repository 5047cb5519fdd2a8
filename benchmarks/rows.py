"""The data of the networks that are timed, in a module as somebody's project has it: what a run imports."""

import math

import numpy as np


def _clusters(features: int, classes: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    targets = generator.integers(classes, size=rows)
    centres = generator.standard_normal((classes, features)) / math.sqrt(features) * 4
    return centres[targets] + generator.standard_normal((rows, features)), targets


def two() -> tuple[np.ndarray, np.ndarray]:
    """400 points of the plane in 2 classes."""
    return _clusters(2, 2, 400)


def sixty_four() -> tuple[np.ndarray, np.ndarray]:
    """1,800 rows of 64 features in 10 classes: the size of the digits."""
    return _clusters(64, 10, 1800)


def wide_rows() -> tuple[np.ndarray, np.ndarray]:
    """2,500 rows of 784 features in 10 classes."""
    return _clusters(784, 10, 2500)
