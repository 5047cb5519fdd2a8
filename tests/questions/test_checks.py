"""Checks of expectations: each verdict on records whose truth is known, against plain numbers."""

import math
import re
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from check_runs import SEEDS, asked, paired, source, verdict
from run_data import run_data, with_records
from scipy import stats

from sweeper.answer.rows import parameters_of
from sweeper.components.optimizers.sgd import sgd_limit
from sweeper.questions.checks import CHECKS
from sweeper.questions.checks.better import difference
from sweeper.questions.checks.verdict import CONTRARY, FOUND, NOT_FOUND, judge
from sweeper.questions.finding import finding, finding_of
from sweeper.questions.run_data import RunData
from sweeper.study import expect


@pytest.mark.parametrize(
    ("low", "high", "below", "said"),
    [
        (-2, -1, True, FOUND),
        (-2, 1, True, NOT_FOUND),
        (1, 2, True, CONTRARY),
        (1, 2, False, FOUND),
        (-2, -1, False, CONTRARY),
        (0, 1, True, NOT_FOUND),
        (math.nan, math.nan, True, NOT_FOUND),
    ],
)
def test_verdicts(low: float, high: float, below: bool, said: str) -> None:
    """Found and contrary need the whole interval on one side."""
    assert judge(low, high, 0, below=below) == said


@pytest.mark.parametrize(("effect", "said"), [(0.1, FOUND), (0.0, NOT_FOUND), (-0.1, CONTRARY)])
def test_better_pairs_fresh_seeds(effect: float, said: str) -> None:
    """Seed by seed, though seeds differ far more than values do; the search picks who stands for each."""
    records = paired(effect, second=1.0)
    found = verdict(records, "better", parameter="activation", value="relu", than="tanh")
    wide = records.trials.query("phase == 'confirm'").pivot(index="seed", columns="trial", values="objective")
    apart = wide[0] - wide[1]
    t = stats.t.interval(0.95, 9, apart.mean(), apart.sem())
    assert found.verdict == said
    assert found.number == pytest.approx(apart.mean())
    assert (found.low, found.high) == pytest.approx(t, abs=0.02)
    assert found.basis.startswith(
        "each by the finalist that was best in the search, #0 and #1, on 10 fresh seeds, pair by pair"
    )


def test_numbers_are_written_as_everywhere() -> None:
    """A score below 0 has a true minus sign; an exponent has that of a keyboard, as in tables."""
    records = paired(0.1)
    tiny = with_records(records, trials=records.trials.assign(objective=-1e-4 * records.trials["objective"]))
    found = verdict(tiny, "better", parameter="activation", value="relu", than="tanh")
    assert re.search(r"is −\d\.\d+e-4, with", found.sentence)
    assert "e−" not in found.sentence


@pytest.mark.parametrize(
    ("check", "second", "said"),
    [
        ("better", 1.0, CONTRARY),
        ("better", 0.0, NOT_FOUND),
        ("no_worse", -1.0, NOT_FOUND),
        ("no_worse", 1.0, CONTRARY),
    ],
)
def test_another_finalist_that_is_not_worse_speaks_for_its_value(
    check: str, second: float, said: str
) -> None:
    """The finalist that the search liked best is worse than tanh; where another of its value is not shown to
    be, nothing is said against the value, as nothing is where fresh seeds rank the finalists."""
    found = verdict(paired(-1.5, second=second), check, parameter="activation", value="relu", than="tanh")
    assert found.verdict == said
    assert ("; but #2, with the value that did worse, is not shown to be worse" in found.sentence) == (
        said == NOT_FOUND
    )


@pytest.mark.parametrize("picked", [0, 1, 2])
def test_a_comparison_names_what_it_compares(picked: int) -> None:
    """The numbers are those of the trials named, whatever finalist is the answer; where it has one of the
    values and is neither of them, the sentence says why."""
    records = paired(0.1)
    fresh = records.trials["phase"] == "confirm"
    best = fresh & (records.trials["trial"] == picked)
    scores = records.trials["objective"].mask(best, records.trials["objective"] - 5)
    records = source(records.trials.assign(objective=scores).to_numpy().tolist())
    assert records.answer is not None
    assert records.answer.trial == picked
    found = verdict(records, "better", parameter="activation", value="relu", than="tanh")
    means = records.trials[fresh].groupby("trial")["objective"].mean()
    one, other = map(int, re.findall(r"#(\d+)", found.basis)[:2])
    assert found.number == pytest.approx(means[one] - means[other])
    assert ("the answer, #2, was picked by these seeds" in found.sentence) is (picked == 2)


def test_nothing_speaks_against_a_value_that_nobody_tuned() -> None:
    """Where the finalist of the worse value is a published default that a trial of the search beats, fresh
    seeds compare nothing; they do where it is the better one, or where nothing was there to be tuned."""
    run = paired(0.1)  # relu is better on fresh seeds
    row = run.trials[run.trials["trial"] == 1].iloc[0]
    tuned = row.to_frame().T.assign(trial=7, learning_rate=0.2, objective=0.2)
    for beaten, default, compared in ((True, 1, False), (False, 1, True), (True, 0, True), (True, 9, True)):
        trials = (pd.concat([run.trials, tuned], ignore_index=True) if beaten else run.trials).infer_objects()
        known = tuple(parameters_of(row) for _, row in trials[trials["trial"] == default].head(1).iterrows())
        asked = replace(with_records(run, trials=trials), defaults=known)
        found = difference(asked, "activation", "relu", "tanh", "objective")
        assert (found is not None and "fresh seeds" in found.basis) is compared


def test_better_than_the_best_of_the_others() -> None:
    """An unset value is the best of the others in the search."""
    named = verdict(paired(0.1), "better", parameter="activation", value="relu", than="tanh")
    assert verdict(paired(0.1), "better", parameter="activation", value="relu") == named
    assert verdict(paired(0.1), "better", parameter="activation", than="tanh") == named


def test_better_is_not_found_where_it_fails_more_often() -> None:
    """A value that diverged on more of the seeds is not called better for those that were left."""
    records = paired(0.1)
    lost = (records.trials["trial"] == 0) & (records.trials["seed"] == 3)
    trials = records.trials.assign(
        outcome=records.trials["outcome"].mask(lost, "diverged"),
        objective=records.trials["objective"].mask(lost),
    )
    found = verdict(source(trials.to_numpy().tolist()), "better", parameter="activation", value="relu")
    assert (found.verdict, found.high < 0) == (NOT_FOUND, True)
    assert "failed on more seeds" in found.sentence


@pytest.mark.parametrize(("effect", "said"), [(0.0, FOUND), (-0.2, FOUND), (-2.0, CONTRARY)])
def test_no_worse_allows_a_margin(effect: float, said: str) -> None:
    """Up to 5 % of about 7.5 is no worse; 2 is."""
    found = verdict(paired(effect, second=3.0), "no_worse", parameter="activation", value="relu", than="tanh")
    assert found.verdict == said


def searched(better: float, each: int = 12) -> RunData:
    """Search trials alone: relu is `better` lower in the median; the last of each diverged."""
    rng, rows, curves = np.random.default_rng(1), [], []
    for trial in range(2 * each):
        name, lost = ("relu", "tanh")[trial % 2], trial >= 2 * each - 2
        loss = 1 + 0.1 * rng.standard_normal() - better * (name == "relu")
        score = math.nan if lost else loss
        rows.append((trial, "explore", 0, "diverged" if lost else "completed", score, "sgd", 0.1, name))
        curves.append((trial, 0, 0, "validation_loss", 2.3))
    for trial in range(2 * each, 5 * each):  # what TPE proposed later, and where, is no fair comparison
        score = 2.0 if trial % 3 else 0.0
        rows.append((trial, "exploit", 0, "completed", score, "sgd", 0.1, "relu" if score else "tanh"))
    return source(rows, curves)


@pytest.mark.parametrize(("effect", "said"), [(0.5, FOUND), (0.0, NOT_FOUND), (-0.5, CONTRARY)])
def test_better_falls_back_to_the_search(effect: float, said: str) -> None:
    """Without fresh seeds medians are compared, divergence counting as the first loss; the basis says so."""
    records = searched(effect)
    found = verdict(records, "better", parameter="activation", value="relu", than="tanh")
    explored = records.trials.query("phase == 'explore'")
    scores = explored["objective"].fillna(2.3).groupby(explored["activation"]).median()
    assert found.verdict == said
    assert found.number == pytest.approx(scores["relu"] - scores["tanh"])
    assert found.low < found.number < found.high
    assert "trials of the search, one seed each" in found.basis


def test_too_little_is_not_found() -> None:
    """Four trials of a value, or a value that was never tried, tell nothing; the sentence says so."""
    for records, value in ((searched(0.5, each=4), "relu"), (searched(0.5), "gelu")):
        found = verdict(records, "better", parameter="activation", value=value, than="tanh")
        assert (found.verdict, math.isnan(found.number)) == (NOT_FOUND, True)
        assert found.sentence.startswith("Neither fresh seeds nor exploration have enough trainings")


@pytest.mark.parametrize("quantity", ["objective", "gap"])
@pytest.mark.parametrize(("effect", "said"), [(0.5, FOUND), (-0.5, CONTRARY)])
def test_a_penalty_lowers(quantity: str, effect: float, said: str) -> None:
    """The best weight of the search against 0, in the objective and in the gap at the end of training."""
    rng, rows, curves = np.random.default_rng(2), [], []
    weights = [0.0, 0.1, 0.01]
    for trial, weight in enumerate(weights):
        rows.append((trial, "explore", 0, "completed", (0.5, 0.3, 0.4)[trial], "sgd", 0.1, "relu"))
        for seed in SEEDS:
            loss = 3 - effect * (weight == 0.1) - 9 * (weight == 0.01) + 0.05 * rng.standard_normal()
            rows.append((trial, "confirm", seed, "completed", loss, "sgd", 0.1, "relu"))
            for step, train in ((10, 5.0 - 9 * trial * effect), (20, 1.0)):  # the gap at step 20 counts
                curves += [(trial, seed, step, "train_loss", train)]
                curves += [(trial, seed, step, "validation_loss", loss)]
    column = [weights[row[0]] for row in rows]
    records = source(rows, curves, activation_penalty=column)
    found = verdict(records, "lowers", quantity=quantity)
    assert found.verdict == said
    assert found.number == pytest.approx(-effect, abs=0.1)
    assert f"{3 if quantity == 'objective' else 2}" in found.sentence


@pytest.mark.parametrize(("high", "said"), [(0.4, FOUND), (0.1, NOT_FOUND), (0.0, CONTRARY)])
def test_dead_units_are_counted_at_the_end(high: float, said: str) -> None:
    """Mean over layers of the last measured step: 0.1 at the low rate, `high` at the high one."""
    rng, rows, layers = np.random.default_rng(3), [], []
    for trial, rate in enumerate([0.01, 1.0]):
        rows.append((trial, "explore", 0, "completed", 0.5, "sgd", rate, "relu"))
        for seed in SEEDS:
            rows.append((trial, "confirm", seed, "completed", 0.5, "sgd", rate, "relu"))
            share = (0.1 if trial == 0 else high) + 0.01 * rng.standard_normal()
            layers += [
                (trial, seed, step, layer, "dead", 0.9 * (1 - trial)) for layer in (0, 1) for step in (0, 9)
            ]
            layers += [
                (trial, seed, 50, layer, "dead", share + away) for layer, away in ((0, -0.05), (1, 0.05))
            ]
    found = verdict(source(rows, (), layers), "dead_share", parameter="learning_rate", value=1.0, than=0.01)
    assert found.verdict == said
    assert found.number == pytest.approx(high - 0.1, abs=0.02)


@pytest.mark.parametrize(
    ("bound", "said"),
    [
        ({"below": -0.5}, FOUND),
        ({"below": -0.7}, CONTRARY),
        ({"above": -0.7}, FOUND),
        ({"above": 0.0}, CONTRARY),
    ],
)
def test_the_slope_is_that_of_distinct_deep_networks(bound: dict[str, float], said: str) -> None:
    """−0.6 decades per layer in 8 layers; shallow networks and copies of one initialisation do not count."""
    rows, layers = [], []
    for trial, depth in enumerate([8, 8, 2]):
        rng = np.random.default_rng(0)  # trials of the search start from the same weights
        rows.append((trial, "explore", 0, "completed", 0.5, "sgd", 0.1, "sigmoid"))
        logs = np.cumsum((-0.6 if depth == 8 else 5) + 0.03 * rng.standard_normal(depth))[::-1]
        layers += [(trial, 0, 0, layer, "gradient_norm", 10**log) for layer, log in enumerate(logs)]
        layers += [(trial, 0, 9, layer, "gradient_norm", 1.0) for layer in range(depth)]
    found = verdict(source(rows, (), layers), "slope", parameter="activation", value="sigmoid", **bound)
    assert found.verdict == said
    assert found.number == pytest.approx(-0.6, abs=0.05)
    assert "7 steps from layer to layer in 1 untrained network of 8 layers" in found.basis


def cliff(limits: dict[str, float], rates: dict[str, np.ndarray]) -> RunData:
    """Losses that grow from `limits` on: a little, so that no trial has exploded, or so much that it has."""
    rows: list[tuple[Any, ...]] = []
    curves: list[tuple[Any, ...]] = []
    for name, tried in rates.items():
        for rate in tried:
            trial, exploded = len(rows), rate > 1.1 * limits[name]
            end = 3.0 if rate > limits[name] else 0.5
            score, outcome = (math.nan, "diverged") if exploded else (min(end, 2.0), "completed")
            rows.append((trial, "explore", 0, outcome, score, name, rate, "relu"))
            curves += [(trial, 0, 0, "validation_loss", 2.0), (trial, 0, 9, "validation_loss", end)]
    return source(rows, curves)


@pytest.mark.parametrize(
    ("off", "step", "said"), [(1.0, 0.005, FOUND), (1.05, 0.005, CONTRARY), (1.0, 0.05, NOT_FOUND)]
)
def test_thresholds_of_three_methods(off: float, step: float, said: str) -> None:
    """2, 3.8 and 1.357 at momentum 0.9, when brackets are narrow; too wide ones tell nothing."""
    curvature = 50.0
    theory = {"sgd": 2.0, "momentum": 3.8, "nesterov": 3.8 / 2.8}
    limits = {name: value / curvature for name, value in theory.items()}
    rates = {name: value * np.arange(0.8, 1.2, step) for name, value in limits.items()}
    limits["nesterov"] *= off
    found = verdict(cliff(limits, rates), "threshold", curvature=curvature)
    assert found.verdict == said
    assert found.low <= off <= found.high
    assert found.high - found.low == pytest.approx(step)
    for name, momentum in (("sgd", 0.0), ("momentum", 0.9), ("nesterov", 0.9)):
        assert f"(theory {sgd_limit(momentum, nesterov=name == 'nesterov'):.4g})" in found.sentence


def test_a_threshold_needs_both_sides() -> None:
    """Where nothing diverged there is no threshold."""
    found = verdict(cliff({"sgd": 9.0}, {"sgd": np.array([0.1, 0.2])}), "threshold", curvature=10.0)
    assert (found.verdict, math.isnan(found.number)) == (NOT_FOUND, True)
    assert found.sentence == "No pair of a stable and an unstable rate was seen for sgd."


@pytest.mark.parametrize(("factor", "said"), [(4.0, FOUND), (2.0, CONTRARY), (3.0, NOT_FOUND)])
def test_the_best_rate_lies_below_the_limit(factor: float, said: str) -> None:
    """Of ten seeds five prefer 0.3 and five 0.4, 0.1 and 1 are worse; 1.2 failed on one."""
    rates = [0.1, 0.3, 0.4, 1.0, 1.2]
    made = cliff({"sgd": 1.5}, {"sgd": np.array([*rates, 1.6, 2.0])})
    fresh = []
    for seed in SEEDS:
        for trial, loss in list(enumerate([0.9, 0.5, 0.5, 0.9, 0.1]))[seed > 4 :]:  # 0.1 left the race
            lost = trial == 4 and seed == 5
            score = math.nan if lost else seed + loss + 0.1 * (trial % 2 == seed % 2)
            outcome = "diverged" if lost else "completed"
            fresh.append((trial, "confirm", seed, outcome, score, "sgd", rates[trial], "relu"))
    records = source([*made.trials.to_numpy().tolist(), *fresh], made.curves.to_numpy().tolist())
    found = verdict(records, "near_limit", factor=factor)
    assert found.verdict == said
    assert (found.low, found.high) == pytest.approx((1 / 0.4, 1 / 0.3))
    assert found.low <= found.number <= found.high


def test_the_best_rate_without_fresh_seeds() -> None:
    """The rates of the search within 10 % of its lowest loss stand in for an interval, and it says so."""
    made = cliff({"sgd": 1.5}, {"sgd": np.array([0.1, 0.3, 0.4, 1.0, 1.6, 2.0])})
    losses = np.array([0.9, 0.5, 0.54, 0.56, np.nan, np.nan])
    records = run_data(made.trials.assign(objective=losses), made.curves, made.layers)
    found = verdict(records, "near_limit", factor=4.0)
    assert (found.verdict, found.number) == (FOUND, pytest.approx(1 / 0.3))
    assert (found.low, found.high) == pytest.approx((1 / 0.4, 1 / 0.3))
    assert "in place of an interval" in found.basis


def test_names_and_arguments_are_those_of_the_study_file() -> None:
    """The study stage declares exactly the checks that the tables can make, and arguments they take."""
    assert list(CHECKS) == list(expect.CHECKS)
    for name, check in CHECKS.items():
        hint = check.__annotations__["asked"]
        assert hint is expect.CHECKS[name], name
        assert fields(expect.CHECKS[name])


def test_the_table_is_empty_without_an_expectation() -> None:
    """Nothing expected, or nothing recorded: no row; else one, with what was expected and by whom."""
    records = paired(0.1)
    assert finding(records).empty
    assert finding_of(source([]), asked("better", parameter="activation", value="relu")) is None
    expecting = asked("better", parameter="activation", value="relu")
    study = records.study.model_copy(update={"expect": expecting})
    (row,) = finding(replace(records, study=study)).to_dict("records")
    assert (row["verdict"], row["expected"], row["expected_by"]) == (FOUND, "f", "s")
