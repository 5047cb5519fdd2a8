"""Curves that come later, beside trials that are on record."""

from pathlib import Path

from made_up import MIXED, study
from made_up import result as made

from sweeper.records.schema import parameter_columns
from sweeper.records.store import MANY, Store, load, load_curves
from sweeper.search import explore
from sweeper.trial import SharpnessResult, Trial, TrialResult

SPACE = study(MIXED).space
POINT = explore.points(SPACE, (), 1, 0, "random")[0]


def result(number: int) -> TrialResult:
    """A finished trial."""
    return made(Trial(number, "explore", 0, POINT), 0.5)


def test_later_curves_join_their_trial(tmp_path: Path) -> None:
    """They are there after a restart and after merging, and neither trials nor layers come twice."""
    store = Store(tmp_path, parameter_columns(SPACE))
    store.append([result(0)])
    store.append_curves([])
    rows = ((0, "sharpness", 3.0), (7, "sharpness", 4.0))
    store.append_curves([SharpnessResult(result(0).trial, 0.5, rows)])
    store = Store(tmp_path, parameter_columns(SPACE))
    for number in range(1, MANY + 1):
        store.append([result(number)])
    records = load(tmp_path)
    assert records.trials["trial"].tolist() == list(range(MANY + 1))
    rows = records.curves[records.curves["metric"] == "sharpness"]
    assert rows[["trial", "seed", "step", "value"]].to_numpy().tolist() == [[0, 0, 0, 3], [0, 0, 7, 4]]
    assert len(load_curves(tmp_path, "sharpness")) == 2
    assert len(list(tmp_path.glob("trials-*.parquet"))) < MANY
