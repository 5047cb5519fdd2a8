"""Whether one thing rises with another."""

import numpy as np
from scipy.stats import kendalltau

CHANCE = 0.05
"""Significance level: how likely values in random order may be to rise this clearly."""


def rises(at: np.ndarray, values: np.ndarray) -> bool:
    """Whether `values` rise with `at`: one-sided test of Kendall's τ at level `CHANCE`."""
    if len(at) < 2 or len(set(values)) < 2:
        return False
    return bool(kendalltau(at, values, alternative="greater").pvalue <= CHANCE)
