"""Where the basin of an optimizer ends, from trials beyond its last good rate."""

import numpy as np
import pandas as pd
import pytest

from sweeper.answer.basin_end import ends_before


def tried(rates: list[float], costs: list[float]) -> pd.DataFrame:
    """Completed trials of one optimizer; a cost that is not finite is a divergence."""
    outcomes = ["completed" if np.isfinite(cost) else "diverged" for cost in costs]
    columns = {"optimizer": "adam", "learning_rate": rates, "objective": costs, "outcome": outcomes}
    return pd.DataFrame(columns)


@pytest.mark.parametrize(
    ("beyond", "ends"),
    [
        ([0.0995, 0.0997, 0.0999, 0.09995], False),  # all but the best rate
        ([0.0995, 0.13], True),
        ([0.13], False),  # one alone
        ([], False),
    ],
)
def test_a_basin_ends_where_trials_beyond_reach_far_enough(beyond: list[float], ends: bool) -> None:
    """Worse trials within a tenth of a decade of the last good rate show nothing."""
    rates, costs = [0.01, 0.03, 0.099], [3.0, 2.0, 1.0]
    made = tried([*rates, *beyond], [*costs, *(2.0 for _ in beyond)])
    said = ends_before(made, made.iloc[2], "high")
    assert bool(said) is ends
    mirrored = made.assign(learning_rate=1e-3 / made["learning_rate"])
    assert bool(ends_before(mirrored, mirrored.iloc[2], "low")) is ends


def test_what_diverges_beyond_ends_it() -> None:
    """Two rates that diverged are worse than any cost."""
    made = tried([0.01, 0.1, 0.2, 0.3], [2.0, 1.0, np.inf, np.inf])
    assert ends_before(made, made.iloc[1], "high") == "both trials above 0.1 did worse in the search"
