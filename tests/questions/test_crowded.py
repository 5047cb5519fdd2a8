"""Whether the best trials crowd at a bound of their range, on data with known answers."""

import math

import numpy as np
import pandas as pd
import pytest
from rate_runs import WIDE, many, source_of, valley

from sweeper.answer.basin_end import REACH
from sweeper.answer.edges import COLUMNS, _proposed, crowded, wider
from sweeper.questions.basins import basins
from sweeper.questions.divergence import ANY
from sweeper.study.rates import search_rates
from sweeper.study.space import Range
from sweeper.wording import number


def test_best_trials_at_a_bound_ask_for_a_wider_range() -> None:
    """Losses that fall up to the highest rate: the suggestion is ten times that bound, ready to be typed."""
    rates = np.geomspace(1e-4, 1, 60)
    row = crowded(source_of(many(rates, -np.log10(rates))).trials, {"learning_rate": WIDE}).iloc[0]
    assert row["at_edge"]
    assert (row["side"], row["wider"], row["best_trials"]) == ("high", 10.0, 6)
    assert row["suggestion"] == "--set search.space.learning_rate.high=10.0"
    row = crowded(source_of(many(rates, np.log10(rates))).trials, {"learning_rate": WIDE}).iloc[0]
    assert row["suggestion"] == "--set search.space.learning_rate.low=1e-5"


def test_a_valley_inside_asks_for_nothing() -> None:
    """Best trials in the middle of the range."""
    rates = np.geomspace(1e-4, 1, 60)
    row = crowded(source_of(many(rates, valley(rates))).trials, {"learning_rate": WIDE}).iloc[0]
    assert not row["at_edge"]
    assert row["suggestion"] == ""
    assert (row["near_low"], row["near_high"]) == (0, 0)


def test_ranges_of_one_optimizer_are_judged_by_its_trials() -> None:
    """``learning_rate.adam`` is about adam alone, and ``learning_rate`` about the others."""
    rates = np.geomspace(1e-4, 1, 40)
    frame = pd.concat(
        [many(rates, valley(rates), optimizer="sgd"), many(rates / 10, -np.log10(rates), optimizer="adam")],
        ignore_index=True,
    )
    ranges = {"learning_rate": WIDE, "learning_rate.adam": Range(1e-5, 0.1, log=True)}
    table = crowded(source_of(frame).trials, ranges).set_index("key")
    assert table["at_edge"].to_dict() == {"learning_rate": False, "learning_rate.adam": True}
    assert table.loc["learning_rate.adam", "suggestion"] == "--set search.space.learning_rate.adam.high=1.0"


def test_no_wider_range_is_proposed_beyond_a_basin_that_ends() -> None:
    """Where two trials or more lie beyond the basin of the best optimizer, towards the bound, the rates there
    are known to be worse: of 60 noisy searches that fall towards their highest rate, none asks for more."""
    rng, crowd = np.random.default_rng(3), []
    for _ in range(60):
        rates = 10 ** rng.uniform(-4, 0, 60)
        peak = 10 ** rng.uniform(-0.6, 0.0)
        losses = np.where(rates > peak, 3.0, 1 - np.log10(rates)) * np.exp(0.05 * rng.normal(size=60))
        source = source_of(many(rates, losses))
        found = basins(source)
        (basin,) = found[found["activation"] == ANY].to_dict("records")
        row = crowded(source.trials, {"learning_rate": WIDE}).iloc[0]
        beyond = int((rates > basin["high"]).sum())
        if row["near_high"] > 0.5:
            ends = beyond >= 2 and np.log10(rates.max() / basin["high"]) >= REACH
            crowd.append(not ends)
            assert not ends or f"above {number(basin['high'])} did worse" in row["unshown"]
            assert ends or row["at_edge"] or "tend to do worse" in row["unshown"]
    assert 5 < sum(crowd) < len(crowd) - 5  # some of each


@pytest.mark.parametrize(
    ("best", "tied", "edge"), [(0.0, 2, False), (0.0, 1, True), (0.1, 9, False), (0.1, 3, True)]
)
def test_ties_as_the_best_show_no_edge(best: float, tied: int, edge: bool) -> None:
    """Where more tie as the best than are looked at, or some at a cost of 0, the first may lie anywhere."""
    rates = np.geomspace(1e-4, 1, 60)
    losses = np.where(np.arange(60) >= 60 - tied, best, best + 1 - np.log10(rates))
    row = crowded(source_of(many(rates, losses)).trials, {"learning_rate": WIDE}).iloc[0]
    assert row["at_edge"] == edge
    assert (f"{tied} trials tie as the best" in row["unshown"]) != edge


def test_where_most_trials_lie_at_a_bound_the_best_ones_there_show_nothing() -> None:
    """They do not show that better values lie beyond; nor do they show that none do."""
    weights = np.concatenate([np.geomspace(1e-4, 0.1, 20), np.geomspace(0.8, 1, 20)])
    frame = many(np.full(40, 0.1), -weights, weight=weights, optimizer="sgd")
    row = crowded(source_of(frame).trials, {"weight": WIDE}).iloc[0]
    assert not row["at_edge"]
    assert row["unshown"].endswith("trials lie there too, which does not show that better values lie beyond")


def test_a_range_that_nothing_draws_from_counts_for_no_chance() -> None:
    """Where each optimizer has a range of its own, that of all rates is no range to crowd at by luck."""
    weights = np.geomspace(1e-4, 1, 40)
    losses = np.where(
        np.arange(40) == 20, -38.5, -np.arange(40.0)
    )  # three of the best four are near the bound
    frame = many(np.full(40, 0.1), losses, weight=weights, optimizer="sgd")
    ranges = {"learning_rate.sgd": WIDE, "weight": WIDE}
    unused = {f"learning_rate.{name}": WIDE for name in ("adam", "lion", "muon", "radam", "nadam")}
    alone = crowded(source_of(frame).trials, ranges).set_index("key").loc["weight"]
    among = crowded(source_of(frame).trials, ranges | unused).set_index("key").loc["weight"]
    assert alone["at_edge"]
    assert among["at_edge"]


def test_uniform_ranges_seldom_look_like_edges() -> None:
    """Where every rate is as good as any other, fewer than 5 % of 400 searches suggest a wider range."""
    rng, found = np.random.default_rng(1), 0
    trials = source_of(many(np.full(40, 0.1), np.zeros(40))).trials
    for _ in range(400):
        drawn = trials.assign(learning_rate=10 ** rng.uniform(-4, 0, 40), objective=rng.random(40))
        found += bool(crowded(drawn, {"learning_rate": WIDE})["at_edge"].iloc[0])
    assert found / 400 < 0.05


def test_zero_has_no_lower_edge() -> None:
    """A weight that may be 0 shows what lies below its smallest values; too few trials say nothing."""
    weights = np.concatenate([np.zeros(10), np.geomspace(1e-6, 1e-1, 30)])
    frame = many(np.full(40, 0.1), weights, activation_penalty=weights)
    spread = {"activation_penalty": Range(1e-6, 1e-1, log=True, zero=0.25)}
    assert not crowded(source_of(frame).trials, spread)["at_edge"].iloc[0]
    assert crowded(source_of(frame.head(7)).trials, spread).empty
    assert list(crowded(source_of(frame).trials, {}).columns) == COLUMNS


@pytest.mark.parametrize(
    ("name", "within", "side", "bound"),
    [
        ("weight_decay", Range(1e-6, 1e-2, log=True), "high", 0.1),
        ("momentum", Range(0.5, 0.9), "high", 0.95),
        ("momentum", Range(0.5, 0.999), "high", math.nan),
        ("dampening", Range(0.1, 0.6), "high", 0.8),
        ("eps", Range(1e-8, 1e-2), "low", math.nan),
        ("weight_decay", Range(1e-3, 1e-2), "low", 0.0),
        ("model.dropout", Range(0.1, 0.4), "high", 0.7),
        ("model.depth", Range(2, 10, integer=True), "high", 14),
        ("model.depth", Range(1, 9, integer=True), "low", math.nan),
        ("model.dropout", Range(0.0, 0.4), "low", math.nan),
        ("some", Range(-1.0, 1.0), "low", -2.0),
    ],
)
def test_bounds_move_as_far_as_makes_sense(name: str, within: Range, side: str, bound: float) -> None:
    """A factor of ten, half the width, whole numbers, and never past what the parameter may be."""
    assert wider(name, within, side) == pytest.approx(bound, nan_ok=True)


def test_another_optimizers_basin_does_not_speak_for_the_bound() -> None:
    """One optimizer is best in the middle, where its basin ends; those that crowd at the bound are another's,
    and better ones may lie beyond it."""
    rates = np.geomspace(1e-4, 10, 30)
    inner = many(rates, 0.9 + np.abs(np.log10(rates / 0.05)), optimizer="adamw")
    outer = many(rates, 0.95 + 0.2 * np.log10(10 / rates), optimizer="adadelta")
    trials = source_of(pd.concat([inner, outer], ignore_index=True)).trials
    row = crowded(trials, {"learning_rate": Range(1e-4, 10.0, log=True)}).iloc[0]
    assert row["at_edge"]
    assert row["wider"] > 10
    beyond = outer.assign(objective=np.where(rates > 5, 3.0, outer["objective"]))
    trials = source_of(pd.concat([inner, beyond], ignore_index=True)).trials
    row = crowded(trials, {"learning_rate": Range(1e-4, 10.0, log=True)}).iloc[0]
    assert not row["at_edge"]


@pytest.mark.parametrize(("steps", "capped"), [(9, True), (0, False)])
def test_a_proposed_range_is_capped_by_rates_that_broke_a_training(steps: int, capped: bool) -> None:
    """Not by those of trials that diverged before their first step."""
    rates = np.geomspace(1e-3, 0.3, 30)
    outcome = np.where(np.arange(30) >= 24, "diverged", "completed")
    frame = many(rates, np.ones(30), optimizer="sgd", outcome=outcome)
    trials = source_of(frame).trials.assign(steps=np.where(outcome == "diverged", steps, 9))
    assert (_proposed(trials, 0.05)[1] < search_rates("sgd", good=[0.05])[1]) is capped


@pytest.mark.parametrize("side", ["low", "high"])
@pytest.mark.parametrize(("worse", "at_edge"), [(0.01, False), (0.0, True), (-0.01, True)])
def test_costs_that_rise_towards_a_bound_ask_for_nothing_beyond_it(
    side: str, worse: float, at_edge: bool
) -> None:
    """Eight trials between the best rate and the bound, all within 10 % of the best: where they are the worse
    the nearer they lie to the bound, no better value is expected beyond it."""
    rates = np.concatenate([np.geomspace(1e-4, 0.2, 51), np.geomspace(0.4, 1, 9)])
    near = np.arange(60) - 51
    losses = np.where(near < 0, 2.0 - near / 50, 1 + worse * near + 1e-3 * np.cos(near * 2))
    losses[51] = 0.99 if worse >= 0 else losses.min() - 0.01
    rates = rates if side == "high" else 1e-4 / rates
    row = crowded(source_of(many(rates, losses)).trials, {"learning_rate": WIDE}).iloc[0]
    assert row[f"near_{side}"] == 1.0
    assert bool(row["at_edge"]) is at_edge
    assert (f"the 8 trials {'above' if side == 'high' else 'below'}" in row["unshown"]) is not at_edge
