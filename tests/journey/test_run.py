"""Whole runs of tiny studies: phases, seeds, the test, and the same whatever runs it; figures left out."""

from pathlib import Path

import pandas as pd
import pytest
from misbehaving import data
from quick_runs import without_workers
from whole_runs import comparable, copied_to_optuna, run, study

from sweeper.records.run_files import TEST
from sweeper.result import Result
from sweeper.training.sharpness_curve import LOSS, PRECONDITIONED, RATE, SHARPNESS

OF_SHARPNESS = (LOSS, PRECONDITIONED, RATE, SHARPNESS)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """The study with real workers, which get its data function by value, as from a notebook."""
    return run(tmp_path_factory.mktemp("plain"), study(data=lambda: data()), jobs=2)


def same(one: Result, other: Result, *, but: tuple[str, ...] = ()) -> None:
    """Same trials, same objectives, same curves `but` some and layers, same test scores."""
    pd.testing.assert_frame_equal(comparable(one), comparable(other))
    order = ["trial", "seed", "step", "metric"]
    curves = [result.curves[~result.curves["metric"].isin(but)] for result in (one, other)]
    layers = [one.layers, other.layers]
    for both, by in ((curves, order), (layers, [*order[:3], "layer", "measure"])):
        pd.testing.assert_frame_equal(*(rows.sort_values(by, ignore_index=True) for rows in both))
    assert TEST.read(one.folder)[0] == TEST.read(other.folder)[0]


def test_two_workers_give_what_this_process_gives_as_one(plain: Result, tmp_path: Path) -> None:
    """Whatever the number of jobs; so the tests of runs that go on from others need no workers.

    Nobody looks at the sharpness here.
    """
    with without_workers():
        same(run(tmp_path, study(), jobs=1), plain, but=OF_SHARPNESS)


def test_the_phases_follow_each_other(plain: Result) -> None:
    """Nothing exploits an empty history; finalists are confirmed; numbers without gaps."""
    search = plain.trials[plain.trials["phase"] != "confirm"]
    assert search["trial"].tolist() == list(range(12))
    assert search["phase"].tolist()[:6] == ["explore"] * 5 + ["exploit"]
    assert set(zip(search["seed"], search["engine"], strict=True)) == {(3, "reference")}


def test_confirmations_are_pairs_on_fresh_seeds(plain: Result) -> None:
    """Every finalist meets the same three seeds, none of them that of the search, with its own parameters."""
    confirmed = plain.trials[plain.trials["phase"] == "confirm"]
    assert confirmed.groupby("trial")["seed"].apply(list).tolist() == [[4, 5, 6]] * 2
    search = plain.trials[plain.trials["phase"] != "confirm"].set_index("trial")
    for name in ("optimizer", "activation", "learning_rate", "activation_penalty"):
        assert (confirmed[name].tolist()) == search.loc[confirmed["trial"], name].tolist()
    assert search["objective"].idxmin() in set(confirmed["trial"])


def test_the_winner_alone_is_tested(plain: Result) -> None:
    """On the fresh seeds; the curves of the records never hold a test score."""
    tested = TEST.read(plain.folder)[0]
    assert plain.answer is not None
    assert tested is not None
    assert (tested["trial"], tested["seeds"]) == (plain.answer.trial, [4, 5, 6])
    assert set(tested["scores"][0]) >= {"loss", "accuracy"}
    assert not plain.curves["metric"].str.contains("test").any()


def test_optuna_holds_a_copy(plain: Result) -> None:
    """In the journal of the run folder, number by number."""
    copied_to_optuna(plain)
