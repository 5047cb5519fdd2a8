"""Verdicts on gradients, and the networks that they are about."""

import math

import numpy as np
import pandas as pd
import pytest
from gradient_runs import line, made
from report_inputs import sentences_of, spoken
from run_data import run_data, with_records
from synthetic_records import DEPTH, SLOPE, SyntheticRecords

from sweeper.questions.gradient_networks import changes, distinct, side, slopes
from sweeper.questions.gradient_verdicts import COLUMNS, gradient_verdicts, runs
from sweeper.questions.gradients import gradients, layer_measures, sentences
from sweeper.questions.layers import END, START
from sweeper.questions.run_data import RunData
from sweeper.statistics.intervals import interval

MEASURES = {"gradient_norm": 1.0, "saturated": 0.0, "dead": 0.0}


@pytest.fixture(scope="module")
def source(records: SyntheticRecords) -> RunData:
    """The made-up study."""
    return run_data(records.trials, records.curves, records.layers)


def test_slopes_equal_polyfit_trial_by_trial(source: RunData) -> None:
    """One least-squares slope per trial, by sums, equals numpy's fit."""
    rows = source.layers[(source.layers["measure"] == "gradient_norm") & (source.layers["step"] == 0)]
    found = slopes(rows).set_index("trial")["slope"]
    for trial, part in rows.groupby("trial"):
        assert found[trial] == pytest.approx(-np.polyfit(part["layer"], np.log10(part["value"]), 1)[0])


def test_changes_are_factors_between_neighbours() -> None:
    """log10 of each norm over that of the layer above, networks apart; a norm of 0 breaks the chain."""
    rows = pd.DataFrame(
        {
            "trial": [0, 0, 0, 1, 1, 1],
            "seed": 0,
            "layer": [0, 1, 2] * 2,
            "value": [1e-3, 1e-2, 1e-1, 5.0, 0.0, 5.0],
        }
    )
    assert changes(rows) == pytest.approx([-1, -1])


def test_the_law_of_the_data_is_found(source: RunData) -> None:
    """Sigmoid was made to lose 0.6 decades a layer, ReLU none: intervals and verdicts say so."""
    table = gradient_verdicts(source)
    assert list(table.columns) == COLUMNS
    start = table[table["moment"] == START].set_index("activation")
    for name, slope in SLOPE.items():
        assert start.loc[name, "low"] - 0.02 <= slope <= start.loc[name, "high"] + 0.02
        assert start.loc[name, "total"] == pytest.approx(slope * (DEPTH - 1), abs=0.2)
    assert start["verdict"].to_dict() == {
        "sigmoid": "vanishing",
        "tanh": "healthy",
        "relu": "healthy",
        "gelu": "healthy",
    }
    assert start["sure"].all()
    assert start.loc["sigmoid", "layers"] == "0-5"
    assert (start.loc[["tanh", "relu", "gelu"], "layers"] == "").all()


@pytest.mark.parametrize(("slope", "verdict"), [(-0.5, "vanishing"), (0.5, "exploding"), (0.0, "healthy")])
def test_verdicts(slope: float, verdict: str) -> None:
    """A decade or more over the whole depth, either way."""
    row = gradient_verdicts(made({"tanh": [line(slope)]})).iloc[0]
    assert row["verdict"] == verdict
    assert row["slope"] == pytest.approx(slope)


def test_thresholds_are_a_decade_over_the_depth() -> None:
    """A shallow network may lose more a layer than a deep one."""
    assert [side(total) for total in (-1.0, -0.99, 0.99, 1.0)] == [
        "vanishing",
        "healthy",
        "healthy",
        "exploding",
    ]
    assert side(math.nan) == "healthy"


def test_equal_networks_count_once() -> None:
    """Trials of one activation and seed start alike: they are one network, whatever their number."""
    table = gradient_verdicts(made({"tanh": [line(-0.3, noise=0.1)] * 6}))
    assert table["networks"].tolist() == [1]
    assert table["trials"].tolist() == [6]


def test_rounding_makes_no_second_network() -> None:
    """Engines add in other orders: what differs in the sixth digit is one network, by a tenth it is two."""
    first = line(-0.3, noise=0.1)
    rounded = [[norm * (1 + 1e-6 * (-1) ** (k + j)) for k, norm in enumerate(first)] for j in range(6)]
    assert gradient_verdicts(made({"tanh": rounded}))["networks"].tolist() == [1]
    assert gradient_verdicts(made({"tanh": [*rounded, line(-0.3, noise=0.1, seed=1)]}))[
        "networks"
    ].tolist() == [2]


def test_networks_of_different_seeds_differ() -> None:
    """Each seed draws its own weights, however near its slope comes to that of another one."""
    rows = pd.DataFrame({"trial": [0, 1, 2], "seed": [0, 1, 1], "slope": [-0.3, -0.3, -0.3], "cut": False})
    assert distinct(rows)["seed"].tolist() == [0, 1]


@pytest.mark.parametrize(("slope", "sure"), [(-0.6, True), (-1 / 7, False)])
def test_one_network_has_no_interval(slope: float, sure: bool) -> None:
    """Its slope is told alone; whether the verdict is sure follows from the factors between its layers."""
    run = made({"tanh": [line(slope, noise=0.1)] * 3})
    row = gradient_verdicts(run).iloc[0]
    assert math.isnan(row["low"])
    assert math.isnan(row["high"])
    assert row["sure"] == sure
    assert "95 % interval" not in sentences_of(run, "gradients")["gradients"]


def test_few_networks_take_their_interval_from_their_layers() -> None:
    """It holds the true slope, and is centred on the stated one, though there are two networks."""
    networks = {}
    for seed in range(100):
        # Factors between layers are independent, as in wide networks: a random walk, not noise about a line.
        rng = np.random.default_rng(seed)
        steps = -0.3 + 0.1 * rng.normal(size=(2, 9))
        logs = np.cumsum(np.concatenate([np.zeros((2, 1)), steps], axis=1), axis=1)[:, ::-1]
        networks[f"activation_{seed}"] = (10**logs).tolist()
    rows = gradient_verdicts(made(networks))
    assert len(rows) == 100
    assert (rows["networks"] == 2).all()
    assert ((rows["low"] <= -0.3) & (rows["high"] >= -0.3)).mean() >= 0.88


def test_a_borderline_verdict_is_not_sure() -> None:
    """Where the interval crosses the threshold the verdict says so."""
    noisy = [line(-1 / 7, noise=0.3, seed=k) for k in range(6)]
    assert not gradient_verdicts(made({"tanh": noisy}))["sure"].iloc[0]
    assert gradient_verdicts(made({"tanh": [line(-0.6, noise=0.1, seed=k) for k in range(6)]}))["sure"].iloc[
        0
    ]


def test_a_layer_without_gradient_is_cut_off() -> None:
    """Norms of exactly 0 in most networks: no gradient reaches those layers, whatever the rest."""
    norms = [[0.0, 0.0, 0.0, 0.5, 1.0], [0.0, 0.0, 0.0, 0.4, 1.0]]
    row = gradient_verdicts(made({"relu": norms})).iloc[0]
    assert row["verdict"] == "cut off"
    assert row["layers"] == "0-2"
    assert row["layer_names"] == ""


@pytest.mark.parametrize(("networks", "moment", "sure"), [(1, START, True), (1, END, False), (2, END, True)])
def test_one_trained_network_says_nothing_of_most(networks: int, moment: str, sure: bool) -> None:
    """Before training all of one activation and seed are one network; after it they differ."""
    norms = [[0.0, 0.0, 0.0, 0.5 - 0.1 * k, 1.0] for k in range(networks)]
    run = made({"relu": norms})
    both = pd.concat([run.layers, run.layers.assign(step=9)], ignore_index=True)
    table = gradient_verdicts(with_records(run, layers=both))
    (row,) = table[table["moment"] == moment].to_dict("records")
    assert (row["verdict"], bool(row["sure"])) == ("cut off", sure)


def test_fresh_seeds_add_networks(records: SyntheticRecords) -> None:
    """Finalists measured at initialisation on fresh seeds count among the networks."""
    one = records.trials["trial"].isin([40]) & (records.trials["phase"] != "confirm")
    confirm = records.trials[one].assign(phase="confirm", seed=7)
    trials = pd.concat([records.trials[one], confirm], ignore_index=True)
    layers = records.layers[records.layers["trial"] == 40]
    other = layers.assign(seed=7, value=layers["value"] * np.linspace(1, 2, len(layers)))
    both = run_data(trials, records.curves, pd.concat([layers, other], ignore_index=True))
    alone = gradient_verdicts(run_data(records.trials[one], records.curves, layers))
    assert alone.query("moment == @START")["networks"].tolist() == [1]
    assert gradient_verdicts(both).query("moment == @START")["networks"].tolist() == [2]
    table = gradient_verdicts(both)
    assert table[table["moment"] == END]["networks"].tolist() == [1]
    for lines in (gradients(both), layer_measures(both).rename(columns={"gradient_norm": "median"})):
        shown = lines[lines["moment"] == START].set_index("layer")["median"]
        started = pd.concat([layers, other]).query("step == 0 and measure == 'gradient_norm'")
        assert shown.to_dict() == pytest.approx(started.groupby("layer")["value"].mean().to_dict())
    assert set(gradients(both).query("moment == @START")["trials"]) == {2}


def test_lines_and_ratios_are_of_the_same_networks(records: SyntheticRecords) -> None:
    """Many trials that start alike are one network beside those of fresh seeds: the line of a figure falls
    or rises as its ratio says."""
    own = records.layers.query("trial == 40 and step == 0 and measure == 'gradient_norm'")
    row = records.trials[(records.trials["trial"] == 40) & (records.trials["phase"] != "confirm")]
    trials, layers = [row.assign(trial=k) for k in range(9)], [own.assign(trial=k) for k in range(9)]
    last = own["layer"].max()
    for seed in (7, 8, 9):
        trials.append(row.assign(trial=0, phase="confirm", seed=seed))
        value = own["value"].max() * 2.0 ** (own["layer"] - last) * seed
        layers.append(own.assign(trial=0, seed=seed, value=value))
    run = run_data(pd.concat(trials, ignore_index=True), records.curves, pd.concat(layers, ignore_index=True))
    shown = gradients(run).set_index("layer")
    assert set(shown["trials"]) == {4}
    assert shown["ratio"].iloc[0] == pytest.approx(2.0**-last)
    assert shown["median"].is_monotonic_increasing


def test_worst_layers_are_named() -> None:
    """The largest median share of saturated and of dead units, and where it is."""
    source = made({"relu": [line(0.0, 3)]}, saturated=[0.5, 0.9, 0.4], dead=[0.0, 0.1, 0.3])
    row = gradient_verdicts(source).iloc[0]
    assert (row["saturated"], row["saturated_layer"], row["dead"], row["dead_layer"]) == (0.9, 1, 0.3, 2)
    assert (row["saturated_name"], row["dead_name"]) == ("", "")
    without = gradient_verdicts(made({"relu": [line(0.0, 3)]})).iloc[0]
    assert math.isnan(without["dead"])


def test_layers_come_with_the_names_of_their_modules() -> None:
    """Those that the verdict is about, and the worst; runs by their ends."""
    norms = [1e-4, 1e-3, 0.5, 1e-2, 1.0]
    source = made({"relu": [norms]}, saturated=[0, 0, 0, 0, 0.9], dead=[0, 0.3, 0, 0, 0])
    names = pd.Series(["in", "net.1", "net.2", "net.3", "head"])
    layers = source.layers.assign(layer_name=source.layers["layer"].map(names))
    row = gradient_verdicts(with_records(source, layers=layers)).iloc[0]
    assert (row["layers"], row["layer_names"]) == ("0-1, 3", "in to net.1, net.3")
    assert (row["saturated_name"], row["dead_name"]) == ("head", "net.1")


def test_one_ratio_stands_behind_figure_and_sentence() -> None:
    """Both tell the measured ratio of the median network, which one that vanished does not move."""
    slopes_made = (0.0, -0.05, -0.9)
    source = made({"sigmoid": [line(slope) for slope in slopes_made], "relu": [line(0.0)]})
    table = gradients(source)
    figure = table.groupby("activation")["ratio"].agg(["first", "nunique"])
    verdict = gradient_verdicts(source).set_index("activation")
    assert figure["nunique"].tolist() == [1, 1]
    assert figure["first"].to_dict() == verdict["ratio"].to_dict()
    assert verdict.loc["sigmoid", "ratio"] == pytest.approx(10 ** (7 * -0.05))
    said = " ".join(
        spoken(sentences(source, {"gradients": table, "gradient_verdicts": verdict.reset_index()}))
    )
    assert "no verdict is settled for sigmoid" in said
    assert (
        "with sigmoid: median 0.45 (least 5e-7, largest 1) in 3 networks (2 healthy and 1 vanishing) at init"
        in said
    )


@pytest.mark.parametrize("seed", range(4))
def test_what_is_told_of_networks_was_measured(seed: int) -> None:
    """Every ratio of a sentence is that of a network, and the counts add up, however networks differ."""
    rng = np.random.default_rng(seed)
    norms = 10 ** rng.uniform(-6, 1, size=(5, 4))
    norms[rng.random(norms.shape) < 0.15] = 0.0
    norms[:, -1] = 1.0
    row = gradient_verdicts(made({"tanh": norms.tolist()})).iloc[0]
    ratios = norms[:, 0] / norms[:, -1]
    assert row["ratio"] == pytest.approx(np.median(ratios))
    assert (row["ratio_low"], row["ratio_high"]) == pytest.approx((ratios.min(), ratios.max()))
    cut = (norms == 0).any(axis=1)
    assert row["cut"] == cut.sum()
    assert row["vanished"] == (ratios[~cut] <= 0.1).sum()
    assert row["exploded"] == (ratios[~cut] >= 10).sum()
    assert row[["healthy", "vanished", "exploded", "cut"]].sum() == len(norms)
    assert row["verdict"] == ("cut off" if cut.mean() >= 0.5 else side(math.log10(np.median(ratios))))


@pytest.mark.parametrize("count", [5, 12])
def test_networks_that_agree_have_a_verdict(count: int) -> None:
    """Where all ratios lie well on one side the verdict is sure, however bent the lines between the ends."""
    rng = np.random.default_rng(count)
    for middle, verdict in ((0.3, "healthy"), (-2.0, "vanishing"), (2.5, "exploding")):
        ends = 10 ** (middle + 0.2 * rng.normal(size=count))
        bent = [[end, 1e-4, 1e4, 1e-4 * end, 1.0] for end in ends]
        row = gradient_verdicts(made({"tanh": bent})).iloc[0]
        assert (row["verdict"], row["sure"]) == (verdict, True)


def test_a_slope_through_few_layers_is_not_carried_on_to_all() -> None:
    """Where inner layers get no gradient, the ends are told as measured, not by a fit through the others."""
    run = made({"relu": [[0.5, 0.0, 0.0, 0.0, 0.0, 1e-3, 1.0]] + [line(0.0, 7, 0.01, k) for k in range(4)]})
    row = gradient_verdicts(run).iloc[0]
    assert (row["verdict"], row["cut"], row["healthy"]) == ("healthy", 1, 4)
    assert row["ratio_low"] == pytest.approx(0.5)


def test_layers_are_joined() -> None:
    """Runs of neighbours are written as such."""
    assert runs([0, 1, 2, 5, 7, 8]) == "0-2, 5, 7-8"
    assert runs([]) == ""


@pytest.mark.parametrize(("healthy", "cut", "sure"), [(3, 2, False), (6, 5, False), (9, 1, True)])
def test_networks_that_are_cut_off_count_against_a_verdict(healthy: int, cut: int, sure: bool) -> None:
    """The interval of the mean leaves them out, as 0 has no logarithm, so the count of networks decides."""
    lines = [line(0.0, noise=0.1, seed=seed) for seed in range(healthy)]
    dead = [[0.0, *line(0.0, depth=7, noise=0.1, seed=20 + seed)] for seed in range(cut)]
    row = gradient_verdicts(made({"relu": [*lines, *dead]})).iloc[0]
    assert (row["healthy"], row["cut"]) == (healthy, cut)
    assert (row["verdict"], bool(row["sure"])) == ("healthy", sure)


def test_nothing_measured_gives_an_empty_table(source: RunData) -> None:
    """No gradient norms, no verdicts; all columns stand."""
    empty = with_records(source, layers=source.layers[source.layers["measure"] == "dead"])
    assert list(gradient_verdicts(empty).columns) == COLUMNS
    assert gradient_verdicts(empty).empty


def test_networks_that_agree_settle_the_verdict() -> None:
    """Five of one class do, however skewed their slopes are; four, or three of six, do not."""
    skewed = [line(slope) for slope in (-0.14, 0.13, 0.131, 0.132, 0.133, 0.134)]
    steep = [line(slope) for slope in (-0.9, -0.3, -0.2)]
    assert not is_settled_by_slopes(skewed)
    assert gradient_verdicts(made({"tanh": skewed})).iloc[0]["sure"]
    assert not gradient_verdicts(made({"tanh": [*skewed[:3], *steep]})).iloc[0]["sure"]


def is_settled_by_slopes(norms: list[list[float]]) -> bool:
    """Whether the interval of the mean slope lies within the healthy band over the whole depth."""
    found = [-np.polyfit(range(len(one)), np.log10(one), 1)[0] for one in norms]
    low, high = (end * (len(norms[0]) - 1) for end in interval(np.array(found)))
    return bool(low > -1 and high < 1)


def test_networks_unlike_the_others_are_counted_beside_a_healthy_verdict() -> None:
    """Two of 20 that vanish are told though the average is healthy; where all are, no counts are given."""
    lines = [line(0.001 * k) for k in range(20)]
    for rows, told in (([*lines[:18], line(-0.5), line(-0.51)], True), (lines, False)):
        run = made({"relu": rows})
        tables = {"gradients": gradients(run), "gradient_verdicts": gradient_verdicts(run)}
        said = " ".join(spoken(sentences(run, tables)))
        assert "gradients are healthy" in said
        assert ("and 2 vanishing)" in said) == told


@pytest.mark.parametrize("cut", [0, 1])
def test_healthy_networks_beside_one_that_is_cut_off_are_told_as_such(cut: int) -> None:
    """The average is of those of which a gradient reaches all layers."""
    healthy = [line(0.01, noise=0.01, seed=k) for k in range(13)]
    run = made({"relu": [*healthy, *[[0.0, *healthy[0][1:]]] * cut]})
    verdicts = gradient_verdicts(run)
    said = " ".join(spoken(sentences(run, {"gradients": gradients(run), "gradient_verdicts": verdicts})))
    assert "gradients are healthy (on average within a factor of 10" in said
    assert ("where one reaches them all" in said) is bool(cut)
