"""Least squares with intervals that hold when errors are unequal."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

FEWEST = 10


@dataclass(frozen=True)
class Fit:
    """Coefficients of the columns asked for, with what their intervals need."""

    estimates: np.ndarray
    errors: np.ndarray
    """Standard errors; null where the data cannot tell the column from others."""
    freedom: int
    """Degrees of freedom, rows − rank."""

    def ends(self, level: float) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper ends of Student intervals."""
        reach = stats.t.ppf((1 + level) / 2, self.freedom) * self.errors
        return self.estimates - reach, self.estimates + reach


def fit(y: np.ndarray, asked: np.ndarray, nuisance: np.ndarray) -> Fit | None:
    """Regress `y` on the columns `asked` and `nuisance`; ``None`` below `FEWEST` degrees of freedom.

    `nuisance` is taken out of `y` and of `asked` first (Frisch and Waugh 1933), so its columns may depend
    on each other. Errors are HC3 (MacKinnon and White 1985): residuals divided by 1 − leverage.
    """
    basis = _basis(nuisance)
    rest, left = y - basis @ (basis.T @ y), asked - basis @ (basis.T @ asked)
    varies = (left**2).sum(axis=0) > 1e-8 * np.maximum((asked**2).sum(axis=0), 1e-300)
    inner = _basis(left[:, varies])
    freedom = len(y) - basis.shape[1] - inner.shape[1]
    if freedom < FEWEST or inner.shape[1] < varies.sum():
        return None
    pseudo = np.linalg.pinv(left[:, varies])
    estimates, errors = np.full((2, asked.shape[1]), np.nan)
    estimates[varies] = pseudo @ rest
    residuals = rest - left[:, varies] @ estimates[varies]
    leverage = np.minimum((basis**2).sum(axis=1) + (inner**2).sum(axis=1), 1 - 1e-9)
    scaled = residuals / (1 - leverage)
    scaled[leverage > 1 - 1e-6] = 0.0  # a row with a column of its own says nothing about the others
    errors[varies] = np.sqrt(((pseudo * scaled) ** 2).sum(axis=1))
    return Fit(estimates, errors, freedom)


def _basis(columns: np.ndarray) -> np.ndarray:
    """Orthonormal columns that span `columns`, dependent ones left out."""
    if columns.shape[1] == 0:
        return np.zeros((len(columns), 0))
    scale = np.maximum(np.sqrt((columns**2).sum(axis=0)), 1e-300)
    left, sizes, _ = np.linalg.svd(columns / scale, full_matrices=False)
    return np.asarray(left[:, sizes > 1e-9 * sizes[0]])
