"""Convergence, bands, gradients and units against plain loops."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from run_data import run_data
from synthetic_records import DEPTH, SLOPE, STEPS, SyntheticRecords

from sweeper.answer.rows import best_trials
from sweeper.questions.convergence import SHOWN, convergence
from sweeper.questions.gradients import gradients
from sweeper.questions.layers import END, START, layer_profile
from sweeper.questions.losses import initial
from sweeper.questions.run_data import RunData
from sweeper.questions.units import units


@pytest.fixture(scope="module")
def source(records: SyntheticRecords) -> RunData:
    """The made-up study."""
    return run_data(records.trials, records.curves, records.layers)


def made(outcomes: dict[int, str], curves: list[tuple], layers: list[tuple]) -> RunData:
    """A study of sgd and relu trials: outcomes, (trial, step, value) and (trial, step, layer, value) rows."""
    trials = pd.DataFrame(
        {
            "trial": list(outcomes),
            "outcome": list(outcomes.values()),
            "phase": "explore",
            "seed": 0,
            "objective": 0.5,
        }
    ).assign(optimizer="sgd", activation="relu", learning_rate=0.1, activation_penalty=0.0)
    curve_rows = [(t, 0, s, "validation_loss", v) for t, s, v in curves]
    layer_rows = [(t, 0, s, layer, "gradient_norm", v) for t, s, layer, v in layers]
    return run_data(
        trials,
        pd.DataFrame(curve_rows, columns=["trial", "seed", "step", "metric", "value"]),
        pd.DataFrame(layer_rows, columns=["trial", "seed", "step", "layer", "measure", "value"]),
    )


def test_convergence_is_the_recorded_curves_of_the_best(source: RunData) -> None:
    """Values are the records', the search seed's alone, best trial first."""
    table = convergence(source)
    best = best_trials(source.trials, SHOWN)["trial"].tolist()
    assert table.drop_duplicates("rank")["trial"].tolist() == best
    for (trial, metric), line in table.groupby(["trial", "metric"]):
        recorded = source.curves[
            (source.curves["trial"] == trial)
            & (source.curves["metric"] == metric)
            & (source.curves["seed"] == 0)
        ]
        assert line["value"].tolist() == recorded["value"].tolist()
        assert line["step"].tolist() == recorded["step"].tolist()


def test_initial_is_the_loss_at_step_zero(source: RunData) -> None:
    """One value per search trial that was evaluated, confirm seeds left out."""
    table = initial(source)
    failed = source.trials["outcome"].eq("failed").sum()
    assert table["trial"].is_unique
    assert len(table) == 60 - failed
    assert (table["initial"] == 2.3).all()


def test_gradient_profile_equals_a_plain_loop(source: RunData) -> None:
    """Median and quartiles by activation and layer; completed trials alone at the end of training."""
    table = gradients(source)
    rows = source.layers[source.layers["measure"] == "gradient_norm"]
    search = source.trials[source.trials["phase"] != "confirm"]
    for row in table[table["layer"].isin([0, DEPTH - 1])].to_dict("records"):
        members = search[search["activation"] == row["activation"]]
        if row["moment"] == END:
            members = members[members["outcome"] == "completed"]
        step = 0 if row["moment"] == START else STEPS
        place = (
            (rows["step"] == step) & (rows["layer"] == row["layer"]) & rows["trial"].isin(members["trial"])
        )
        values = rows.loc[place, "value"]
        assert row["trials"] == len(values)
        assert [row["low"], row["median"], row["high"]] == pytest.approx(
            list(np.percentile(values, [25, 50, 75]))
        )


def test_slope_finds_the_law_of_the_data(source: RunData) -> None:
    """Sigmoid was made to lose 0.6 decades a layer on the way back, ReLU none."""
    table = gradients(source)
    found = (
        table[table["moment"] == START]
        .drop_duplicates("activation")
        .set_index("activation")["decades_per_layer"]
    )
    for name, slope in SLOPE.items():
        assert found[name] == pytest.approx(slope, abs=0.05)


def test_slope_by_hand() -> None:
    """Norms 1e-3, 1e-2, 1e-1 from input to output vanish by one decade a layer backwards."""
    source = made({0: "completed"}, [], [(0, 0, layer, 10.0 ** (layer - 3)) for layer in range(3)])
    assert gradients(source)["decades_per_layer"].tolist() == pytest.approx([-1.0] * 3)


def test_no_slope_through_one_point_or_zeros() -> None:
    """A single layer, or norms of exactly 0, have no slope and do not raise."""
    for norms in ([0.1], [0.0, 0.0, 0.0], [0.0, 0.2]):
        source = made({0: "completed"}, [], [(0, 0, layer, norm) for layer, norm in enumerate(norms)])
        assert gradients(source)["decades_per_layer"].isna().all()


def test_only_one_depth_is_shown() -> None:
    """Of trials of several depths one depth is taken, so that layer numbers mean the same: of equally many
    the answer's, then the deeper."""
    layers = [(0, 0, layer, 1.0) for layer in range(2)] + [(1, 0, layer, 5.0) for layer in range(4)]
    source = made({0: "completed", 1: "completed"}, [], layers)
    assert source.answer is not None
    assert source.answer.trial == 0
    assert gradients(source)["median"].tolist() == [1.0] * 2
    table = gradients(replace(source, answer=None))
    assert table["depth"].unique().tolist() == [4]
    assert table["median"].tolist() == [5.0] * 4


def test_the_depth_that_most_completed_trials_have_goes_first() -> None:
    """A deeper shape that completed less often does not hide the others."""
    layers = [(t, 0, layer, 1.0) for t in (0, 1) for layer in range(2)] + [
        (t, 0, layer, 1.0) for t in (2, 3, 4) for layer in range(4)
    ]
    outcomes = {t: "completed" if t < 3 else "diverged" for t in range(5)}
    assert gradients(made(outcomes, [], layers))["depth"].unique().tolist() == [2]


@pytest.mark.parametrize(("own", "depth"), [(5, 2), (4, 4)])
def test_the_answers_depth_goes_first_where_enough_have_it(own: int, depth: int) -> None:
    """Five completed trials of the answer's depth are enough, however many have another."""
    depths = {trial: 2 if trial < own else 4 for trial in range(12)}
    layers = [(trial, 0, layer, 1.0) for trial, layers in depths.items() for layer in range(layers)]
    source = made(dict.fromkeys(depths, "completed"), [], layers)
    assert source.answer is not None
    assert source.answer.trial == 0
    assert gradients(source)["depth"].unique().tolist() == [depth]


def test_a_trial_measured_only_at_the_start_has_no_end() -> None:
    """Step 0 is not the end of training."""
    source = made({0: "completed", 1: "diverged"}, [], [(0, 0, 0, 1.0), (1, 0, 0, 1.0), (1, 7, 0, 9.0)])
    assert set(gradients(source)["moment"]) == {START}


def test_units_carry_both_shares(source: RunData) -> None:
    """Saturated and dead shares lie in [0, 1], both moments, every layer."""
    table = units(source)
    assert set(table["measure"]) == {"saturated", "dead"}
    assert set(table["moment"]) == {START, END}
    assert table[["low", "median", "high"]].stack().between(0, 1).all()
    assert set(table["layer"]) == set(range(DEPTH))


def test_not_finite_values_are_left_out() -> None:
    """An infinite norm does not reach the medians."""
    source = made({0: "completed", 1: "completed"}, [], [(0, 0, 0, math.inf), (1, 0, 0, 2.0), (0, 0, 1, 1.0)])
    table = layer_profile(source, ("gradient_norm",))
    assert table["median"].max() <= 2.0


def test_depth_counts_the_layers_that_have_an_activation() -> None:
    """Layers are numbered with those that have none; these are not counted."""
    source = made({0: "completed"}, [], [(0, step, layer, 1.0) for step in (0, 5) for layer in (1, 3, 5)])
    assert set(layer_profile(source, ("gradient_norm",))["depth"]) == {3}
    assert set(gradients(source)["depth"]) == {3}
