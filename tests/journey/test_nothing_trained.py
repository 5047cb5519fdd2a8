"""A run in which nothing was trained has failed: it never ends with exit code 0 and an empty answer."""

from pathlib import Path

import pandas as pd
from quick_runs import quick, run, write_study

from sweeper.answer.outcomes import all_failed


def test_a_run_without_a_trial_has_failed() -> None:
    """The message says so."""
    assert all_failed(pd.DataFrame({"reason": []})) == "no trial was trained"


def test_a_run_in_which_every_trial_diverged_has_a_result(tmp_path: Path) -> None:
    """Divergence is an outcome: the page says so, and the exit code is 0."""
    write_study(tmp_path)
    with quick():
        code, out, err = run(tmp_path, "--set", "search.space.learning_rate=1e30")
    assert code == 0, err
    assert "diverged" in out
    assert (tmp_path / "reports" / "tiny" / "index.html").exists()
