"""Leaderboard, reasons, penalty by decade and edges of the range, against plain loops."""

import math
import statistics
from collections import Counter, defaultdict

import numpy as np
import pandas as pd
import pytest
from run_data import run_data
from synthetic_records import SyntheticRecords, synthetic_records

from sweeper.answer.edges import crowded, edges
from sweeper.answer.outcomes import reasons
from sweeper.questions.penalty import FEW, penalty_bins
from sweeper.questions.run_data import RunData
from sweeper.questions.trials import leaderboard_table, reasons_table
from sweeper.statistics.decades import part_of
from sweeper.study.space import Choice, Fixed, Range, Space


@pytest.fixture(scope="module")
def source() -> RunData:
    """A made-up study with enough trials in every decade of the penalty."""
    made = synthetic_records(160)
    return run_data(made.trials, made.curves, made.layers)


def test_leaderboard_holds_every_search_trial_once(source: RunData) -> None:
    """Completed ones by score with ranks from 1, then pruned, diverged and failed ones without rank."""
    board = leaderboard_table(source)
    search = [row for row in source.trials.to_dict("records") if row["phase"] != "confirm"]
    assert sorted(board["trial"]) == sorted(row["trial"] for row in search)
    done = sorted((r["objective"], r["trial"]) for r in search if r["outcome"] == "completed")
    assert board["trial"].head(len(done)).tolist() == [trial for _, trial in done]
    assert board["rank"].dropna().tolist() == list(range(1, len(done) + 1))
    order = ["completed", "pruned", "diverged", "failed"]
    places = [order.index(outcome) for outcome in board["outcome"]]
    assert places == sorted(places)
    assert board.set_index("trial").loc[23, "reason"] == "RuntimeError: out of luck"


def test_a_score_that_is_not_finite_has_no_rank(records: SyntheticRecords) -> None:
    """A trial that says completed but has no score is listed after those that have one."""
    odd = records.trials.assign(objective=records.trials["objective"].mask(records.trials["trial"] == 40))
    board = leaderboard_table(run_data(odd, records.curves, records.layers)).set_index("trial")
    assert board["rank"].isna()[40]


def test_reasons_of_one_kind_are_counted_together(source: RunData) -> None:
    """Reasons that differ in numbers alone are one row, quoted from its first trial, all phases counted."""
    trials = source.trials.assign(
        reason=[
            f"training loss {k}.5e3 at step {k}" if outcome == "diverged" else reason
            for k, (outcome, reason) in enumerate(
                zip(source.trials["outcome"], source.trials["reason"], strict=True)
            )
        ]
    )
    found = reasons_table(run_data(trials, source.curves, source.layers))
    expected = Counter(trials["outcome"])
    del expected["completed"]
    assert dict(zip(found["outcome"], found["trainings"], strict=True)) == expected
    assert found["trainings"].is_monotonic_decreasing
    diverged = trials[trials["outcome"] == "diverged"].sort_values(["trial", "seed"]).iloc[0]
    row = found[found["outcome"] == "diverged"].iloc[0]
    assert (row["first_trial"], row["reason"]) == (diverged["trial"], diverged["reason"])


def test_a_failure_of_the_search_comes_before_one_of_a_confirmation() -> None:
    """The first is the first in time; trial #1 failed on a fresh seed after #4 had failed in the search."""
    rows = [("explore", 4, "at step 3"), ("exploit", 6, "at step 9"), ("confirm", 1, "at step 5")]
    trials = pd.DataFrame(rows, columns=["phase", "trial", "reason"]).assign(outcome="failed", seed=0)
    (found,) = reasons(trials.sample(frac=1, random_state=1)).to_dict("records")
    assert (found["trainings"], found["first_trial"], found["reason"]) == (3, 4, "at step 3")


def test_penalty_bins_are_quartiles_by_decade(source: RunData) -> None:
    """Zeros first as the reference; quartiles of score, count and comparison of each decade."""
    groups: dict[float, list[float]] = defaultdict(list)
    for row in source.trials.to_dict("records"):
        if row["phase"] != "confirm" and row["outcome"] == "completed":
            weight = row["activation_penalty"]
            groups[10.0 ** math.floor(math.log10(weight)) if weight else 0.0].append(row["objective"])
    found = penalty_bins(source)
    assert [10.0 ** math.floor(math.log10(low)) if low else 0.0 for low in found["weight_low"]] == sorted(
        groups
    )
    assert found["compared"].iloc[0] == "reference"
    base = np.quantile(groups[0.0], [0.25, 0.75])
    for row, key in zip(found.to_dict("records"), sorted(groups), strict=True):
        values = groups[key]
        low, high = np.quantile(values, [0.25, 0.75])
        assert (row["trials"], row["median"]) == (len(values), pytest.approx(statistics.median(values)))
        assert (row["low"], row["high"]) == (pytest.approx(low), pytest.approx(high))
        if key:
            word = "lower" if high < base[0] else "higher" if low > base[1] else "overlaps"
            assert row["compared"] == ("few" if len(values) < FEW else word)


def test_few_trials_are_not_compared(records: SyntheticRecords) -> None:
    """A decade, or a reference, of fewer than five trials is said to be few."""
    rare = records.trials["activation_penalty"].mask(records.trials["activation_penalty"] == 0, 1e-6)
    zeros = rare.mask(records.trials["trial"].isin([0, 4]), 0.0)
    found = penalty_bins(
        run_data(records.trials.assign(activation_penalty=zeros), records.curves, records.layers)
    )
    assert set(found["compared"].iloc[1:]) == {"few"}


RATE = Range(1e-4, 1.0, log=True)


def space(**entries: object) -> Space:
    """A space of sgd and adam with these entries."""
    kept = {"optimizer": Choice(("sgd", "adam")), **entries}
    accepted = {"sgd": frozenset({"momentum"}), "adam": frozenset()}
    return Space(kept, accepted, frozenset({"momentum"}))  # type: ignore[arg-type]


def like(parameters: dict) -> pd.DataFrame:
    """Forty trials, the best ten of which have these settings."""
    frame = pd.DataFrame({"trial": range(40), "phase": "explore", "outcome": "completed", **parameters})
    frame["steps"] = 9
    rest = {name: 0.3 for name in parameters if name != "optimizer"}
    return frame.assign(objective=np.arange(40.0)).where(
        frame["trial"] < 10, frame.assign(**rest, objective=99.0)
    )


@pytest.mark.parametrize(
    ("rate", "side", "wider"),
    [
        (1e-4, "low", 1e-5),
        (3e-4, "low", 1e-5),
        (0.01, None, None),
        (0.8, "high", 10.0),
        (1.0, "high", 10.0),
    ],
)
def test_a_value_near_a_bound_is_at_the_edge(rate: float, side: str | None, wider: float | None) -> None:
    """Within 15 % of the logarithmic range, where the best trials crowd; one such winner alone is luck, but
    not where its rate is the bound itself."""
    settings = {"optimizer": "sgd", "learning_rate": rate}
    found = edges(space(learning_rate=RATE), settings, like(settings))
    assert [(edge.side, edge.wider) for edge in found] == ([(side, wider)] if side else [])
    alone = like({"optimizer": "sgd", "learning_rate": 0.01})
    at_bound = [(side, wider)] if rate in (RATE.low, RATE.high) else []
    found = edges(space(learning_rate=RATE), settings, alone)
    assert [(edge.side, edge.wider) for edge in found] == at_bound


@pytest.mark.parametrize(
    ("rate", "optimizer", "apart", "told"),
    [(0.95, "sgd", 1.0, False), (0.7, "sgd", 1.0, True), (0.95, "adam", 1.0, True), (0.95, "sgd", 0.0, True)],
)
def test_no_edge_is_where_fresh_seeds_show_worse_what_lies_further_out(
    rate: float, optimizer: str, apart: float, told: bool
) -> None:
    """A finalist of the same optimizer, nearer the bound than the winner, and worse seed by seed."""
    chosen = {"optimizer": "sgd", "learning_rate": 0.8}
    search = like(chosen).assign(seed=0)
    search.loc[1, ["optimizer", "learning_rate"]] = optimizer, rate
    fresh = [
        {
            **search.loc[number].to_dict(),
            "phase": "confirm",
            "seed": seed,
            "objective": cost + 0.01 * seed % 0.03,
        }
        for number, cost in ((0, 1.0), (1, 1.0 + apart))
        for seed in range(1, 9)
    ]
    trials = pd.concat([search, pd.DataFrame(fresh)], ignore_index=True)
    assert (edges(space(learning_rate=RATE), chosen, trials) != ()) is told


def test_a_crowd_of_all_trials_is_no_edge_of_the_best() -> None:
    """Where most trials of a penalty lie near its bound the best do so by chance; a rate is widened still."""
    weights = Range(1e-6, 1e-1, log=True)
    for name, values, best, told in (
        ("activation_penalty", weights, 0.09, False),
        ("learning_rate", RATE, 0.9, True),
    ):
        chosen = {"optimizer": "sgd", name: best}
        made = like(chosen)
        assert edges(space(**{name: values}), chosen, made) != ()
        crowd = made.assign(**{name: np.where(made["trial"] < 35, best, made[name])})
        assert (edges(space(**{name: values}), chosen, crowd) != ()) is told


@pytest.mark.parametrize(("high", "low"), [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)])
@pytest.mark.parametrize("side", ["low", "high"])
@pytest.mark.parametrize("name", ["activation_penalty", "weight_decay", "eps"])
def test_a_setting_without_a_shown_effect_has_no_edge(name: str, side: str, high: float, low: float) -> None:
    """Ten best of 2,000 trials at a bound are no edge where the other trials near it score like the rest, or
    worse; they are one where these score better."""
    values, place = Range(1e-6, 1e-1, log=True), np.linspace(0, 1, 2000)
    costs = np.arange(2000) * 0.618034 % 1  # spread evenly in each part of the range
    costs += high * (place > 0.7) + low * (place < 0.3)
    best = 0.05 if side == "low" else 0.95
    place[:10], costs[:10] = best, -1.0
    drawn = 1e-6 * 1e5**place
    made = pd.DataFrame(
        {"trial": range(2000), "phase": "explore", "outcome": "completed", "optimizer": "sgd"}
    )
    made = made.assign(**{name: drawn}, objective=costs, steps=9)
    better = bool(low if side == "high" else high)
    found = edges(space(**{name: values}), {"optimizer": "sgd", name: drawn[0]}, made)
    assert [edge.side for edge in found] == ([side] if better else [])
    assert crowded(made, {name: values})["suggestion"].iloc[0].startswith("--set") is better


def test_only_ranges_that_can_widen_have_edges() -> None:
    """No lower edge where 0 was tried, none for linear, whole or fixed values; an optimizer's own range."""
    weights = Range(1e-6, 1e-1, log=True, zero=0.25)
    made = space(
        learning_rate=RATE,
        activation_penalty=weights,
        momentum=Range(0.0, 0.99),
        eps=Fixed(1e-8),
        **{
            "learning_rate.adam": Range(1e-5, 1e-1, log=True),
            "model.width": Range(8, 64, log=True, integer=True),
        },
    )
    chosen = {"activation_penalty": 1e-6, "momentum": 0.99, "eps": 1e-8, "model.width": 64}
    chosen = {"optimizer": "sgd", "learning_rate": 0.01, **chosen}
    assert edges(made, chosen, like(chosen)) == ()
    chosen = {"activation_penalty": 0.1, "optimizer": "adam", "learning_rate": 0.1}
    both = edges(made, chosen, like(chosen))
    assert [(edge.key, edge.bound) for edge in both] == [
        ("learning_rate.adam", 0.1),
        ("activation_penalty", 0.1),
    ]
    chosen = {"optimizer": "adam", "learning_rate": 0.02, "activation_penalty": 0.0}
    assert edges(made, chosen, like(chosen)) == ()


def test_a_bound_that_can_move_no_further_is_no_edge() -> None:
    """A logarithmic range of momentum widens towards 1, not tenfold; where it is there already, nothing."""
    for high, wider in ((0.9, [0.95]), (0.999, [])):
        chosen = {"optimizer": "sgd", "momentum": high}
        found = edges(space(momentum=Range(0.1, high, log=True)), chosen, like(chosen))
        assert [edge.wider for edge in found] == wider


def test_tables_of_nothing_are_empty(source: RunData) -> None:
    """A run that has just begun."""
    nothing = run_data(source.trials.head(0), source.curves.head(0), source.layers.head(0))
    for table in (leaderboard_table, reasons_table, penalty_bins):
        assert isinstance(table(nothing), pd.DataFrame)
        assert table(nothing).empty


def test_no_decade_begins_at_the_upper_bound_of_a_range() -> None:
    """A weight that is the bound ends the last decade that was searched; one of a list begins its own."""
    weights = pd.Series([0.0, 1e-3, 0.0099, 0.01, 0.5, 1.0])
    assert part_of(weights).fillna(-99).tolist() == [-99, -3, -3, -2, -1, -1]
    assert part_of(pd.Series([0.0, 1.0, 1.0])).fillna(-99).tolist() == [-99, 0, 0]
    assert part_of(pd.Series([0.0, 1e-3, 0.1, 1.0])).fillna(-99).tolist() == [-99, -3, -1, 0]
    assert part_of(pd.Series([1e-3, 1.5])).tolist() == [-3, 0]
