"""Finalists on fresh seeds: means, intervals, pairs, ties."""

import json

import numpy as np
import pandas as pd
import pytest
from run_data import run_data
from scipy import stats
from soak import SOAK
from synthetic_records import SyntheticRecords

from sweeper.answer.answer import answer
from sweeper.answer.confirmed import COLUMNS as CONFIRMED
from sweeper.answer.confirmed import confirmed
from sweeper.questions.confirmation import COLUMNS, finalists
from sweeper.statistics.intervals import interval
from sweeper.statistics.levels import shown_level
from sweeper.statistics.race import interim_look


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
    assert list(table.columns) == list(CONFIRMED)


def test_a_diverged_seed_ranks_after_all_sound_finalists() -> None:
    """A better mean does not make up for a seed that diverged; failures are counted."""
    table = confirmed(confirm_rows({1: [0.1, np.nan, 0.1, 0.1, 0.1], 2: [0.5] * 5}))
    assert table[["trial", "n", "failures", "tied"]].to_numpy().tolist() == [
        [2, 5, 0, True],
        [1, 4, 1, False],
    ]
    assert table["better"].tolist() == [False, False]


def test_intervals_are_those_of_the_means() -> None:
    """Every finalist that is not tied has the plain interval of its own seeds."""
    rng = np.random.default_rng(0)
    scores = {k: list(k + rng.normal(0, 0.1, 10)) for k in range(3)}
    table = confirmed(confirm_rows(scores))
    for row in table.to_dict("records"):
        assert (row["low"], row["high"]) == pytest.approx(interval(np.array(scores[row["trial"]])))


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
    assert table["better"].to_dict() == {1: False, 3: False, 2: True}


def test_differences_by_hand() -> None:
    """Mean difference, simultaneous interval and share of seeds equal plain arithmetic; ties count half."""
    winner = [0.1, 0.2, 0.3, 0.2, 0.1, 0.2]
    rival = [0.3, 0.2, 0.5, 0.1, 0.4, 0.5]
    row = confirmed(confirm_rows({1: winner, 2: rival})).iloc[1]
    both = np.array([winner, rival])
    pairs = both[1] - both[0]
    assert row["difference"] == pytest.approx(pairs.mean())
    reach = stats.t.ppf(1 - shown_level(2) / 2, 5) * pairs.std(ddof=1) / np.sqrt(6)
    assert row["difference_low"] <= pairs.mean() - reach < pairs.mean()
    assert (row["difference_low"], row["seen"]) == (interim_look(both).low[1], interim_look(both).seen[1])
    assert row["p_better"] == pytest.approx((4 + 0.5) / 6)
    assert row["pairs"] == 6


def test_better_asks_for_most_seeds_too() -> None:
    """A mean that is driven by six of ten seeds is no tie, but the winner is not called better."""
    winner = np.zeros(10)
    rival = np.array([1.0, 1, 1, 1, 1, 1, -0.01, -0.01, -0.01, -0.01])
    noise = 0.01 * np.arange(10)
    row = confirmed(confirm_rows({1: list(winner + noise), 2: list(rival + noise)})).iloc[1]
    assert row["p_better"] == pytest.approx(0.6)
    assert not row["better"]


def test_one_seed_tells_nothing_apart() -> None:
    """With a single shared seed every finalist is tied with the winner, and no interval is stated."""
    table = confirmed(confirm_rows({1: [0.1], 2: [0.9]}))
    assert table["tied"].all()
    assert table[["low", "high", "difference_low", "difference_high"]].iloc[1].isna().all()


def test_one_seed_is_valid_json() -> None:
    """An interval that is not known is null in ``best --json``, not NaN."""
    search = pd.DataFrame([(1, "explore", 0, "completed", 0.1)], columns=confirm_rows({}).columns)
    found = answer(pd.concat([search, confirm_rows({1: [0.1]})], ignore_index=True), None)
    assert found is not None
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["confirmed"] == {
        "mean": 0.1,
        "low": None,
        "high": None,
        "seeds": 1,
        "diverged": 0,
        "failed": 0,
    }


def test_nothing_retrained_gives_an_empty_frame(records: SyntheticRecords) -> None:
    """Without confirm rows, or with diverged ones alone, there is no ranking but all columns."""
    search = records.trials[records.trials["phase"] != "confirm"]
    for trials in (search, confirm_rows({1: [np.nan, np.nan]})):
        assert confirmed(trials).empty
        assert set(CONFIRMED) <= set(confirmed(trials))


RUNS = 120 if SOAK else 60


@pytest.mark.parametrize(
    ("kind", "spread"),
    [
        ("normal", "identical"),
        ("skewed", "identical"),
        ("skewed", "two alike"),
        ("normal", "spread"),
        ("normal", "clear"),
    ],
)
def test_the_winners_interval_holds_its_true_mean(kind: str, spread: str) -> None:
    """Over many runs with ten seeds it holds in 90 to 99 %, though picked; false claims stay below 5 %."""
    means = {
        "identical": np.zeros(5),
        "two alike": np.array([0, 0, 2, 2, 2.0]),
        "spread": np.array([0, 0.2, 0.5, 1, 2]),
        "clear": np.array([0, 3, 3, 3, 3.0]),
    }[spread]
    rng, hits, claims = np.random.default_rng(1), 0, 0
    for _ in range(RUNS):
        noise = (
            rng.normal(size=(5, 10)) if kind == "normal" else rng.lognormal(0, 0.5, (5, 10)) - np.exp(0.125)
        )
        scores = means[:, None] + noise + 0.5 * rng.normal(size=10)
        table = confirmed(confirm_rows(dict(enumerate(scores.tolist()))))
        first, truth = table.iloc[0], means[table["trial"]]
        hits += first["low"] <= truth[0] <= first["high"]
        claims += bool((~table["tied"].to_numpy(bool) & (truth <= truth[0])).any())
    assert 0.90 <= hits / RUNS <= 0.99
    assert claims / RUNS < 0.05


def test_a_finalist_that_left_the_race_ranks_last() -> None:
    """Fewer seeds because it was called worse: dropped, not tied, whatever its mean over its easy seeds."""
    rng = np.random.default_rng(0)
    seeds = np.array([0.0] * 4 + [5.0] * 6)  # the first four are easy, for all alike
    scores = {k: list(seeds + 0.01 * rng.normal(size=10)) for k in (1, 2)}
    rows = confirm_rows({**scores, 3: list(seeds[:4] + 1 + 0.01 * rng.normal(size=4))})
    table = confirmed(rows).set_index("trial")
    assert table.index[-1] == 3
    assert table.loc[3, "mean"] < table["mean"].iloc[0]
    assert table["dropped"].to_dict() == {1: False, 2: False, 3: True}
    assert not table.loc[3, "tied"]
    assert table.loc[3, "difference_low"] > 0.9


def test_an_interrupted_round_drops_nobody() -> None:
    """Fewer seeds because the run was stopped: still in the race, and tied."""
    rng = np.random.default_rng(0)
    scores = {k: list(rng.normal(size=6 if k < 2 else 4)) for k in range(3)}
    table = confirmed(confirm_rows(scores))
    assert not table["dropped"].any()
    assert table["tied"].all()


def test_finalists_table_repeats_the_ranking_seed_by_seed(records: SyntheticRecords) -> None:
    """Every confirm row appears once, in the order of the ranking, beside its search score."""
    table = finalists(run_data(records.trials, records.curves, records.layers))
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
    table = finalists(run_data(trials, records.curves, records.layers))
    last = table[table["rank"] == 3]
    assert last["trial"].unique().tolist() == [winner]
    assert last["mean"].isna().all()
    assert last["failures"].tolist() == [5] * 5
