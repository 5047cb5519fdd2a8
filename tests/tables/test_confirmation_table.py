"""Finalists on fresh seeds: means, intervals, pairs, ties."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from synthetic_records import SyntheticRecords

from sweeper.tables.confirmation import FEW, confirmed, interval
from sweeper.tables.finalists import COLUMNS, finalists
from sweeper.tables.source import Source


def confirm_rows(scores: dict[int, list[float]]) -> pd.DataFrame:
    """``trials`` with one confirm row per trial and seed; NaN is a diverged seed."""
    rows = [
        (trial, "confirm", seed, "diverged" if np.isnan(value) else "completed", value)
        for trial, values in scores.items()
        for seed, value in enumerate(values, 1)
    ]
    return pd.DataFrame(rows, columns=["trial", "phase", "seed", "outcome", "objective"])


def test_lowest_mean_wins() -> None:
    """Finalists are ordered by their mean over seeds, and means are plain averages."""
    table = confirmed(confirm_rows({7: [3.0, 4, 5, 6, 7], 2: [1.0, 2, 3, 4, 5], 5: [2.0, 3, 4, 5, 6]}))
    assert table["trial"].tolist() == [2, 5, 7]
    assert table["mean"].tolist() == [3.0, 4.0, 5.0]
    assert table["n"].tolist() == [5, 5, 5]


def test_a_diverged_seed_ranks_after_all_sound_finalists() -> None:
    """A better mean does not make up for a seed that diverged; failures are counted."""
    table = confirmed(confirm_rows({1: [0.1, np.nan, 0.1, 0.1, 0.1], 2: [0.5] * 5}))
    assert table[["trial", "n", "failures", "tied"]].to_numpy().tolist() == [
        [2, 5, 0, True],
        [1, 4, 1, False],
    ]


def test_interval_agrees_with_scipy() -> None:
    """The percentile bootstrap interval is the one of scipy.stats.bootstrap, up to resampling noise."""
    values = np.random.default_rng(3).normal(1, 0.3, 12)
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, method="percentile", rng=1
    ).confidence_interval
    assert interval(values) == pytest.approx((theirs.low, theirs.high), abs=0.01)


def test_few_seeds_give_their_range() -> None:
    """With fewer than five seeds a bootstrap would be too narrow: the range is given."""
    values = np.array([0.3, 0.1, 0.7, 0.2])
    assert len(values) < FEW
    assert interval(values) == (0.1, 0.7)


def test_pairs_see_what_separate_intervals_do_not() -> None:
    """A small but constant difference is no tie although the intervals overlap; a changing one is."""
    seeds = np.linspace(0, 1, 10)
    changing = seeds + 0.01 + 0.1 * np.array([1, -1] * 5)
    table = confirmed(confirm_rows({1: list(seeds), 2: list(seeds + 0.02), 3: list(changing)})).set_index(
        "trial"
    )
    assert table.loc[2, "low"] < table.loc[1, "high"]
    assert table["tied"].to_dict() == {1: True, 3: True, 2: False}
    assert table.loc[2, "difference_low"] == pytest.approx(0.02)


def test_one_seed_tells_nothing_apart() -> None:
    """With a single shared seed every finalist is tied with the winner."""
    assert confirmed(confirm_rows({1: [0.1], 2: [0.9]}))["tied"].all()


def test_nothing_retrained_gives_an_empty_frame(records: SyntheticRecords) -> None:
    """Without confirm rows, or with diverged ones alone, there is no ranking but all columns."""
    search = records.trials[records.trials["phase"] != "confirm"]
    for trials in (search, confirm_rows({1: [np.nan, np.nan]})):
        assert confirmed(trials).empty
        assert {"trial", "mean", "low", "high", "n", "failures", "tied"} <= set(confirmed(trials))


def test_finalists_table_repeats_the_ranking_seed_by_seed(records: SyntheticRecords) -> None:
    """Every confirm row appears once, in the order of the ranking, beside its search score."""
    table = finalists(Source(records.trials, records.curves, records.layers))
    ranking = confirmed(records.trials)
    assert list(table.columns) == COLUMNS
    assert len(table) == (records.trials["phase"] == "confirm").sum()
    assert table.drop_duplicates("rank")["trial"].tolist() == ranking["trial"].tolist()
    search = records.trials[records.trials["phase"] != "confirm"].set_index("trial")["objective"]
    assert table["search_objective"].tolist() == search.loc[table["trial"]].tolist()


def test_a_finalist_that_never_completed_comes_last(records: SyntheticRecords) -> None:
    """A finalist without one sound seed is shown, with null mean, not dropped."""
    trials = records.trials.copy()
    winner = int(confirmed(trials)["trial"].iloc[0])
    lost = (trials["trial"] == winner) & (trials["phase"] == "confirm")
    trials.loc[lost, ["outcome", "objective"]] = ["diverged", np.nan]
    table = finalists(Source(trials, records.curves, records.layers))
    last = table[table["rank"] == 3]
    assert last["trial"].unique().tolist() == [winner]
    assert last["mean"].isna().all()
    assert last["failures"].tolist() == [5] * 5
