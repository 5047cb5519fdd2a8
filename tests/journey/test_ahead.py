"""A winner that trained ahead of the end of the race is the one that trains after it."""

from pathlib import Path
from typing import Any
from unittest import mock

import pandas as pd
import pytest
from whole_runs import comparable, run, study

from sweeper.answer.rows import trained_alone
from sweeper.result import Result
from sweeper.training.ahead import Ahead
from sweeper.training.pool.interface import Call
from sweeper.trial import Trial

SEARCH = {"trials": 24, "generation": 12, "seed": 4}
TRAINING = {"steps": 40, "batch_size": 8, "evaluations": 2, "device": "cpu"}
RACE = {"finalists": 4, "seeds": 8}


def ran(folder: Path, **options: Any) -> tuple[Result, list[Call | None]]:
    """A run in stacks, and what was taken of trainings that had begun ahead."""
    taken = list[Call | None]()
    take = Ahead.take

    def noted(self: Ahead, trial: Trial | None) -> Call | None:
        taken.append(take(self, trial))
        return taken[-1]

    with mock.patch.object(Ahead, "take", noted):
        asked = study(search=SEARCH, training=TRAINING, confirm=RACE)
        return run(folder, asked, engine="fused", **options), taken


@pytest.mark.parametrize("misguessed", [False, True])
def test_records_are_the_same_however_the_winner_was_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, misguessed: bool
) -> None:
    """Begun ahead, after a wrong guess, or by a single worker at the end: row by row, the curves as well."""
    right, first = ran(tmp_path / "ahead", jobs=2)
    assert right.answer is not None
    assert trained_alone(right.trials, right.answer.trial) is not None
    if not misguessed:
        other, second = ran(tmp_path / "one", jobs=1)
    else:
        wrong = (set(right.trials["trial"]) - {right.answer.trial}).pop()
        monkeypatch.setattr("sweeper.sweep.leader", lambda *given: wrong)
        other, second = ran(tmp_path / "wrong", jobs=2)
    assert len(first) == len(second) == 1
    assert first[0] is not None, "the leader after the first round wins"
    assert second[0] is None
    pd.testing.assert_frame_equal(comparable(right), comparable(other))
    order = ["trial", "seed", "step", "metric"]
    curves = [each.curves.sort_values(order).reset_index(drop=True) for each in (right, other)]
    pd.testing.assert_frame_equal(*curves)
