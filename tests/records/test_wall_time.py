"""The wall time of a run, which its page tells whenever it is written."""

from pathlib import Path

import pytest
from quick_runs import quick, run, write_study

import sweeper
from sweeper.records.run_files import wall_time


def test_a_page_that_is_written_again_knows_the_wall_time(tmp_path: Path) -> None:
    """Of the call that made all trainings; not once another call has added some."""
    write_study(tmp_path)

    def told() -> float | None:
        return sweeper.load_result("tiny", runs=tmp_path / "runs")._run_data().seconds

    with quick():
        assert run(tmp_path)[0] == 0
        took = told()
        assert took is not None
        assert took > 0
        assert run(tmp_path)[0] == 0, "which trains nothing more"
        assert told() == took
        assert run(tmp_path, "--set", "search.trials=6")[0] == 0
        assert told() is None


@pytest.mark.parametrize(
    "plan", [None, {}, {"took": 3}, {"took": {"seconds": "x", "trainings": 4}}, {"took": {"trainings": 3}}]
)
def test_what_is_no_time_is_none(plan: dict[str, object] | None) -> None:
    """A plan of an earlier release, or one that somebody has edited."""
    assert wall_time(plan, 4) is None
    assert wall_time({"took": {"seconds": 2, "trainings": 4}}, 4) == 2.0
