"""Data as the study names them, whole, and split into parts."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Data:
    """All rows of a data set."""

    inputs: np.ndarray
    """(n, …) float64, or int64 for tokens."""
    targets: np.ndarray
    """(n,) int64 class numbers, or (n, k) float64."""
    classes: tuple[str, ...] | None
    """Class names by number; ``None`` for real-valued targets."""
    fixed: Mapping[str, np.ndarray] | None = None
    """Row numbers of train, validation and test where the data came split."""
    name: str = "data"
    feature_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Parts:
    """Rows by use; float64 or int64 arrays."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_validation: np.ndarray
    y_validation: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
