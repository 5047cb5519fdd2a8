"""Functions of arrays that are computed once for the same numbers."""

import numpy as np
import pytest

from sweeper.statistics.remembered import remembered


def test_the_same_numbers_are_computed_once_and_others_anew() -> None:
    """Equal arrays in other objects are the same; another shape, dtype, value or option is not."""
    calls: list[tuple[tuple[int, ...], float]] = []

    @remembered
    def total(values: np.ndarray, scale: float = 1.0) -> float:
        calls.append((values.shape, scale))
        return scale * float(values.sum())

    values = np.arange(6.0)
    assert total(values) == total(values.copy()) == total(np.arange(6).astype(object).astype(float)) == 15
    assert len(calls) == 1
    for other in (values.reshape(2, 3), values.astype("float32"), values[::-1]):
        assert total(other) == 15
    assert [total(values + 1), total(values, scale=2.0)] == [21, 30]
    assert len(calls) == 6


def test_what_is_remembered_is_that_of_the_numbers_not_of_the_array() -> None:
    """An array that changes afterwards gives its own result; arguments cannot be written to."""

    @remembered
    def spoiled(values: np.ndarray) -> float:
        values[0] = 7.0
        return float(values[0])

    @remembered
    def first(values: np.ndarray) -> float:
        return float(values[0])

    values = np.ones(3, dtype=object)
    assert first(values) == 1
    values[0] = 2
    assert first(values) == 2
    with pytest.raises(ValueError, match="read-only"):
        spoiled(values)
