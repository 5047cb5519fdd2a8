"""Basins, blind trials, the divergence boundary and the edges of ranges, on data with known answers."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from rate_runs import START, many, source_of, valley

from sweeper.answer.baseline import baseline
from sweeper.questions.basins import FIGURE, TABLES, _basin, basins, sentences
from sweeper.questions.divergence import ANY, boundaries, breaks
from sweeper.questions.learning_rate import learning_rate
from sweeper.questions.losses import none_learned
from sweeper.statistics.learning_rates import boundary


def test_basin_by_hand() -> None:
    """Rates within 10 % of the lowest loss, and the nearest rates tried outside."""
    rates = np.array([1e-4, 1e-3, 5e-3, 1e-2, 2e-2, 1e-1, 1.0])
    losses = [1.9, 0.8, 0.54, 0.5, 0.55, 0.9, 5.0]
    row = basins(source_of(pd.DataFrame({"learning_rate": rates, "objective": losses}))).iloc[0]
    assert (row["optimizer"], row["activation"], row["trials"]) == ("sgd", ANY, 7)
    assert (row["best_rate"], row["best_loss"]) == (1e-2, 0.5)
    assert (row["low"], row["high"], row["below"], row["above"]) == (5e-3, 2e-2, 1e-3, 1e-1)
    assert row["decades"] == pytest.approx(math.log10(4))
    assert (row["rate_low"], row["rate_high"]) == (1e-4, 1.0)


def test_a_basin_at_the_end_is_open() -> None:
    """Where no rate was tried beyond the basin its edge is not known."""
    rates = np.array([1e-3, 1e-2, 1e-1])
    row = basins(source_of(pd.DataFrame({"learning_rate": rates, "objective": [1.0, 0.6, 0.5]}))).iloc[0]
    assert row["below"] == 1e-2
    assert math.isnan(row["above"])


def test_every_pair_has_its_basin() -> None:
    """One row for each optimizer with any activation, and one for each activation it was tried with."""
    rates = np.tile(np.geomspace(1e-4, 1, 25), 4)
    frame = pd.DataFrame({"learning_rate": rates, "optimizer": np.repeat(["sgd", "adam"], 50)})
    frame["activation"] = np.tile(np.repeat(["tanh", "relu"], 25), 2)
    frame["objective"] = np.where(frame["optimizer"] == "adam", valley(rates, -3.0), valley(rates, -1.0))
    table = basins(source_of(frame)).set_index(["optimizer", "activation"])
    assert list(table.index) == [(o, a) for o in ("adam", "sgd") for a in (ANY, "relu", "tanh")]
    assert table.loc["adam", "best_rate"].tolist() == pytest.approx([1e-3] * 3)
    assert table.loc["sgd", "best_rate"].tolist() == pytest.approx([1e-1] * 3)


def test_a_pair_that_never_learned_has_no_basin() -> None:
    """All diverged: no rate is good, the row says so with nulls, and others are not touched."""
    frame = pd.DataFrame({"learning_rate": [0.1, 0.2, 0.1], "objective": [np.nan, np.nan, 0.3]})
    frame = frame.assign(activation=["tanh", "tanh", "relu"], outcome=["diverged", "diverged", "completed"])
    table = basins(source_of(frame)).set_index("activation")
    assert table.loc["tanh", ["best_rate", "low", "high"]].isna().all()
    assert table.loc["relu", "low"] == 0.1


def test_a_pair_that_never_beat_guessing_has_no_basin() -> None:
    """It came below its own start, which lies above what guessing scores: no rate is good."""
    rates = np.geomspace(1e-3, 1e-1, 6)
    frame = pd.DataFrame({"learning_rate": np.tile(rates, 2), "objective": [1.85] * 6 + [0.3] * 6})
    run = source_of(frame.assign(activation=["sigmoid"] * 6 + ["relu"] * 6))
    scores = [{"seed": seed, "validation": {"loss": 1.8}} for seed in range(2)]
    known = baseline(
        {"guess": "the mean", "why": "", "scores": scores}, "validation_loss", {0: 0.3, 1: 0.3}, {}
    )
    told = basins(replace(run, answer=replace(run.answer, baseline=known))).set_index("activation")
    assert told["within"].to_dict() == {ANY: 6, "relu": 6, "sigmoid": 0}
    assert basins(run).set_index("activation")["within"].to_dict() == {ANY: 6, "relu": 6, "sigmoid": 6}


@pytest.mark.parametrize(("of_search", "within"), [(1.9, 6), (1.8, 0)])
def test_trials_are_held_against_guessing_on_their_own_rows(of_search: float, within: int) -> None:
    """The search has rows of its own, on which guessing may score other than on those of fresh seeds."""
    rates = np.geomspace(1e-3, 1e-1, 6)
    run = source_of(pd.DataFrame({"learning_rate": rates, "objective": [1.85] * 6}))
    scores = [{"seed": seed, "validation": {"loss": of_search if seed == 0 else 1.86}} for seed in range(4)]
    content = {"guess": "the mean", "why": "", "scores": scores}
    known = baseline(content, "validation_loss", {1: 1.85, 2: 1.85}, {}, searched=0)
    told = basins(replace(run, answer=replace(run.answer, baseline=known)))
    assert set(told["within"]) == {within}


def test_a_blind_trial_loses_what_the_trials_lost() -> None:
    """The mean of min(ℓ, ℓ0) − ℓ* over ℓ0 − ℓ* of the explore phase alone, published defaults left out."""
    rates = np.geomspace(1e-4, 1, 40)
    frame = pd.DataFrame({"learning_rate": rates, "objective": valley(rates)})
    frame["phase"] = np.where(np.arange(40) % 2 == 0, "explore", "exploit")
    run = replace(source_of(frame), defaults=({"optimizer": "sgd", "learning_rate": float(rates[0])},))
    row = basins(run).iloc[0]
    drawn = valley(rates)[2::2]
    shares = (np.minimum(drawn, START) - valley(rates).min()) / (START - valley(rates).min())
    assert row["blind"] == len(shares) == 19
    assert row["lost_share"] == pytest.approx(shares.mean())
    assert 0 <= row["lost_low"] < row["lost_share"] < row["lost_high"] <= 1
    assert math.isnan(basins(source_of(frame.head(8))).iloc[0]["lost_share"]), "four blind trials are few"


def test_blind_trials_are_those_that_were_drawn() -> None:
    """What the search proposed once it had learned is not drawn, whatever its phase."""
    rates = np.geomspace(1e-4, 1, 40)
    frame = pd.DataFrame({"learning_rate": rates, "objective": valley(rates), "phase": "explore"})
    row = basins(replace(source_of(frame), drawn=range(3, 12))).iloc[0]
    shares = (np.minimum(valley(rates), START)[3:12] - valley(rates).min()) / (START - valley(rates).min())
    assert (row["blind"], row["lost_share"]) == (9, pytest.approx(shares.mean()))


def test_pruned_blind_trials_are_told() -> None:
    """They count with what they had reached, and the sentence says how many they are and what that means."""
    rates = np.geomspace(1e-4, 1, 40)
    frame = pd.DataFrame({"learning_rate": rates, "objective": valley(rates), "phase": "explore"})
    for pruned in (0, 25):
        frame["outcome"] = np.where(frame.index < pruned, "pruned", "completed")
        run = source_of(frame)
        tables = {name: table(run) for name, table in TABLES.items()}
        assert tables["basins"]["blind_pruned"].iloc[0] == pruned
        said = " ".join(map(str, sentences(run, tables)))
        assert ("25 of them pruned" in said, "trained on, they lose that or less" in said) == (
            pruned > 0,
        ) * 2
        assert ("25 of them pruned" in FIGURE.alt(tables["basins"])) == (pruned > 0)


def test_one_trial_is_no_basin_in_any_figure() -> None:
    """No green band, no range in the alternative text; the best rate is drawn alone."""
    rates = np.array([1e-3, 1e-2, 1e-1])
    run = source_of(pd.DataFrame({"learning_rate": rates, "objective": [1.0, 0.9, 0.5]}))
    frame = basins(run)
    assert frame["within"].tolist() == [1, 1]
    assert "no second one, best 0.1" in FIGURE.alt(frame)
    assert learning_rate(run)[["basin_low", "basin_high"]].isna().all(axis=None)
    widest = [line.get_linewidth() for axes in FIGURE.draw(frame).axes for line in axes.lines]
    assert max(widest) < 5


def test_a_blind_trial_loses_what_it_could_have_learned_itself() -> None:
    """Its own loss before training counts, not one of all; a trial that begins at the best loses nothing."""
    rng, rates = np.random.default_rng(0), np.geomspace(1e-4, 1, 40)
    frame = pd.DataFrame({"learning_rate": rates, "objective": valley(rates), "phase": "explore"})
    starts = 1 + rng.random(40)
    starts[3] = valley(rates).min() / 2
    best = np.minimum(valley(rates), starts)[starts > valley(rates)].min()
    kept = starts > best
    losses = np.minimum(valley(rates), starts)[kept]
    shares = (losses - best) / (starts[kept] - best)
    row = basins(source_of(frame, starts)).iloc[0]
    assert row["blind"] == kept.sum()
    assert row["lost_share"] == pytest.approx(shares.mean())


def test_an_interval_of_a_boundary_ends_where_rates_were_tried() -> None:
    """Most diverge from the lowest rate on: how far below it the limit may lie, no trial shows."""
    frame = pd.DataFrame({"learning_rate": np.geomspace(0.03, 30, 24), "objective": 1.0})
    frame["outcome"] = np.where(frame.index % 4 == 0, "completed", "diverged")
    frame.loc[:3, "outcome"] = ["completed", "diverged", "completed", "completed"]
    frame.loc[8:, "outcome"] = "diverged"
    found = boundaries(source_of(frame))
    row = found.iloc[0]
    assert row["low"] == row["tried_low"] == pytest.approx(0.03)
    (said,) = breaks(found)
    assert "95 % interval from below 0.03, the lowest tried, to" in said


def test_a_boundary_beyond_the_rates_tried_is_none() -> None:
    """One lost trial at the highest rate places no boundary above it, and no interval reaches beyond it."""
    frame = pd.DataFrame({"learning_rate": np.geomspace(1e-4, 1, 30), "objective": 1.0})
    frame["outcome"] = np.where(frame.index < 29, "completed", "diverged")
    row = boundaries(source_of(frame)).iloc[0]
    assert math.isnan(row["boundary"]) or row["boundary"] <= row["high"] <= row["tried_high"] == 1
    assert row["pooled"] == 1


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        ([1] * 13, "All 13 trials with sgd diverged, from 1e-4 on: the limit lies below."),
        ([1] * 2, "Both trials with sgd diverged, from 1e-4 on: the limit lies below."),
        ([1], "The only trial with sgd diverged, from 1e-4 on: the limit lies below."),
        ([1, 0, 0, 0, 0], "Too few trials diverged with sgd to say from which rate on."),
        ([1] * 9 + [0], "9 of 10 trials with sgd diverged, the lowest at 1e-4: within the rates tried, no"),
    ],
)
def test_why_no_boundary_is_told(lost: list[int], said: str) -> None:
    """All diverged, few did, or the boundary lies below every rate tried: each is said as what it is."""
    frame = pd.DataFrame({"learning_rate": np.geomspace(1e-4, 1, len(lost)), "objective": 1.0})
    frame["outcome"] = np.where(np.array(lost, bool), "diverged", "completed")
    found = boundaries(source_of(frame))
    assert found["boundary"].isna().all()
    assert len(told := breaks(found)) == 1
    assert told[0].startswith(said)


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        ((1, 0, 0), "sgd + a (95 % interval"),
        ((1, 0, 0), "30 of 60 trials diverged, none of 120 with other activations)"),
        ((1, 1, 0), "60 of 180 trials diverged; 3 activations pooled)"),
    ],
)
def test_a_boundary_that_one_activation_makes_is_its_own(shares: tuple[int, ...], said: str) -> None:
    """Trials that never diverge do not move the rate from which those of the one activation do."""
    rates = np.geomspace(1e-3, 1, 60)
    frame = pd.DataFrame({"learning_rate": np.tile(rates, 3), "objective": 1.0})
    lost = np.concatenate([(rates > 10**-1.5) & bool(share) for share in shares])
    frame = frame.assign(
        activation=np.repeat(["a", "b", "c"], 60), outcome=np.where(lost, "diverged", "completed")
    )
    (told,) = breaks(boundaries(source_of(frame)))
    assert said in told


def test_boundary_holds_the_true_one() -> None:
    """Over 200 runs with a soft threshold the 95 % interval holds it in 90 % or more, and is not idle."""
    rng, hits, width = np.random.default_rng(0), 0, []
    for _ in range(200):
        truth, places = -1 + 0.3 * rng.normal(), rng.uniform(-4, 0, 60)
        lost = rng.random(60) < 1 / (1 + np.exp(-10 * (places - truth)))
        _, low, high = boundary(places, lost)
        hits += low <= 10**truth <= high
        width.append(math.log10(high / low))
    assert hits / 200 >= 0.90
    assert np.median(width) < 1


def test_a_sharp_boundary_lies_between_the_outcomes() -> None:
    """Separated outcomes, where a logistic fit has no maximum, give a boundary between them."""
    places = np.linspace(-4, 0, 41)
    middle, low, high = boundary(places, places > -1.02)
    assert 10**-1.1 < middle < 10**-0.95
    assert low < middle < high


def test_many_trials_place_a_sharp_boundary_between_the_outcomes() -> None:
    """Of 600 rates over four decades the boundary lies in the gap, be it a hundredth of a decade wide."""
    places = np.random.default_rng(0).uniform(-3, 1, 600)
    lost = places > 0.517
    middle, low, high = np.log10(boundary(places, lost))
    assert places[~lost].max() - 0.003 < middle < places[lost].min() + 0.003
    assert high - low < 0.1


def test_no_boundary_without_both_outcomes() -> None:
    """All diverged or none: nothing is known about where it begins."""
    places = np.linspace(-4, 0, 9)
    for lost in (np.zeros(9, bool), np.ones(9, bool)):
        assert np.isnan(boundary(places, lost)).all()


def test_one_rate_with_both_outcomes() -> None:
    """A single rate that diverged sometimes is no reason to fail."""
    assert np.isfinite(boundary(np.full(6, -1.0), np.array([1, 0, 1, 0, 1, 0], bool))).all()


def test_boundaries_name_the_trials() -> None:
    """Highest completed and lowest diverged rate are trials'; pruned ones count as not diverged."""
    frame = pd.DataFrame({"learning_rate": [0.01, 0.1, 0.3, 0.5], "objective": [1, 1, np.nan, 1]})
    frame["outcome"] = ["completed", "completed", "diverged", "pruned"]
    row = boundaries(source_of(frame)).iloc[0]
    assert (row["highest_completed"], row["lowest_diverged"]) == (0.1, 0.3)
    assert (row["trials"], row["diverged"]) == (4, 1)
    assert boundaries(source_of(frame.assign(outcome="completed"))).empty


def test_the_rate_table_carries_basin_and_boundary() -> None:
    """Each trial's row repeats those of its optimizer with any activation."""
    rates = np.geomspace(1e-4, 10, 30)
    frame = pd.DataFrame({"learning_rate": rates, "objective": np.where(rates > 1, np.nan, valley(rates))})
    frame["outcome"] = np.where(rates > 1, "diverged", "completed")
    source = source_of(frame)
    table = learning_rate(source)
    assert set(table["basin_low"]) == {basins(source)["low"].iloc[0]}
    assert set(table["boundary"]) == {boundaries(source)["boundary"].iloc[0]}


def test_a_basin_is_that_of_trials_that_learned() -> None:
    """A trial that learned from a high start counts, though capped losses of others are lower."""
    frame = pd.DataFrame(
        {
            "learning_rate": [1e-9, 1e-9, 1e-9],
            "loss": [2.3, 2.3, 2.9],
            "capped": [True, True, False],
            "initial": [2.3, 2.3, 3.0],
            "blind": [True, True, True],
            "outcome": ["diverged", "diverged", "completed"],
        }
    )
    count, within, rate, best, low, high, *_ = _basin(frame)
    assert (count, within, rate, best, low, high) == (3, 1, 1e-9, 2.9, 1e-9, 1e-9)


@pytest.mark.parametrize(
    ("rates", "what"), [(np.geomspace(1e-3, 1, 30), "rates and settings"), (0.1, "settings")]
)
def test_what_blind_trials_drew_is_named(rates: np.ndarray | float, what: str) -> None:
    """A rate that is fixed is drawn by nobody."""
    frame = pd.DataFrame({"learning_rate": rates, "objective": np.linspace(0.2, 0.9, 30), "phase": "explore"})
    run = source_of(frame)
    tables = {name: table(run) for name, table in TABLES.items()}
    said = [text for text in map(str, sentences(run, tables)) if "blindly drawn" in text]
    start = f"Of what could be learned, trials at blindly drawn {what}"
    assert [text.split(" lost")[0] for text in said] == [start]


@pytest.mark.parametrize(
    ("diverged", "failed", "lower"),
    [(12, 0, True), (7, 0, True), (3, 0, False), (0, 0, False), (9, 3, False)],
)
def test_rates_that_learned_nothing_are_too_high_where_half_diverged(
    diverged: int, failed: int, lower: bool
) -> None:
    """Where trials only stood still, rates may be too low; where some failed, those may be lower ones."""
    outcomes = ["failed"] * failed + ["diverged"] * diverged + ["completed"] * (12 - diverged - failed)
    run = source_of(many(np.full(12, 0.1), np.ones(12)))
    trials = run.records.trials.assign(steps=9, outcome=outcomes)
    run = replace(run, records=replace(run.records, trials=trials))
    said = none_learned(run, trials[trials["outcome"] != "failed"])
    assert ("Try much smaller rates." in said) is lower
    assert ("diverged" in said) is bool(diverged)
    assert ("better than before training" in said) is (diverged + failed < 12)
    assert ("9 trials that did not fail with an error" in said) is bool(failed)
