"""A run in which nothing was trained has failed: it never ends with exit code 0 and an empty answer."""

import pandas as pd

from sweeper.answer.outcomes import all_failed


def test_a_run_without_a_trial_has_failed() -> None:
    """The message says so."""
    assert all_failed(pd.DataFrame({"reason": []})) == "no trial was trained"
