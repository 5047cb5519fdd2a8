"""Analysis of variance of scores over settings and seeds."""

import numpy as np

COMPONENTS = ("settings", "seed", "settings × seed")


def mean_squares(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean squares of settings, seed and rest, and degrees of freedom; `values` is (finalists, seeds)."""
    finalists, seeds = values.shape
    by_settings = values.mean(axis=1, keepdims=True) - values.mean()
    by_seed = values.mean(axis=0, keepdims=True) - values.mean()
    rest = values - values.mean() - by_settings - by_seed
    freedoms = np.array([finalists - 1, seeds - 1, (finalists - 1) * (seeds - 1)], dtype=float)
    sums = np.array([seeds * (by_settings**2).sum(), finalists * (by_seed**2).sum(), (rest**2).sum()])
    return sums / freedoms, freedoms


def components(squares: np.ndarray, finalists: int, seeds: int) -> np.ndarray:
    """Variance components from mean squares, both (draws, 3) in the order of `COMPONENTS`."""
    settings, seed, rest = squares.T
    estimates = [(settings - rest) / seeds, (seed - rest) / finalists, rest]
    return np.maximum(np.stack(estimates, axis=1), 0.0)
