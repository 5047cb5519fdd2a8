"""Components of variance are what there is, not what rounding leaves."""

import numpy as np
import pytest

from sweeper.statistics.variance import components, share_intervals


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e9])
def test_what_rounding_leaves_is_no_component(scale: float) -> None:
    """Settings that are the same but for the last bit have no variance between them; a true one stays."""
    seeds = np.random.default_rng(0).normal(size=10)
    found, _, _ = share_intervals(scale * np.stack([seeds, seeds * (1 + 1e-16), seeds]))
    assert found[0] == 0
    squares = scale * np.array([[1.0, 1.0 + 1e-14, 1.0], [1.0 + 1e-6, 1.0, 1.0]])
    assert (components(squares, 3, 10)[:, :2] > 0).tolist() == [[False, False], [True, False]]
