"""Data as the study names them, whole, and split into parts."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sweeper.components.tree import Tree, leaves, rows_in


@dataclass(frozen=True)
class Data:
    """All rows of a data set."""

    inputs: Tree
    """(n, …): real numbers (float64; float32 and uint8 as they came), or int64 for codes such as tokens. A
    tuple or dict of such arrays for several inputs, among them also truth values (masks)."""
    targets: np.ndarray
    """(n,) int64 class numbers, or (n, k) float64."""
    classes: tuple[str, ...] | None
    """Class names by number; ``None`` for real-valued targets."""
    fixed: Mapping[str, np.ndarray] | None = None
    """Row numbers of train, validation and test where the data came split."""
    name: str = "data"
    feature_names: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """How many there are."""
        return rows_in(self.inputs)

    @property
    def has_real_inputs(self) -> bool:
        """Whether any input is real numbers, which are standardized."""
        return any(map(is_real, leaves(self.inputs)))


@dataclass(frozen=True)
class Parts:
    """Rows by use; inputs as in `Data`, real ones in float64 where they are standardized."""

    x_train: Tree
    y_train: np.ndarray
    x_validation: Tree
    y_validation: np.ndarray
    x_test: Tree
    y_test: np.ndarray


def is_real(array: np.ndarray) -> bool:
    """Real numbers, or grey values; else codes or truth values."""
    return array.dtype.kind == "f" or array.dtype == np.uint8
