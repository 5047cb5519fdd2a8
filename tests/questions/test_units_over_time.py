"""Units while training goes on."""

import numpy as np
import pandas as pd
import pytest
from gradient_runs import line, made
from matplotlib.colors import Normalize
from report_inputs import spoken
from run_data import run_data, with_records
from synthetic_records import DEPTH, STEPS, SyntheticRecords

from sweeper.questions.gradient_networks import MEASURE as NORM
from sweeper.questions.gradients import QUESTION as GRADIENTS
from sweeper.questions.layer_maps import layer_map, panels_of
from sweeper.questions.layers import END, layer_profile, other_depths
from sweeper.questions.run_data import RunData
from sweeper.questions.units import units
from sweeper.questions.units_over_time import QUESTION, alt, units_over_time


@pytest.fixture(scope="module")
def source(records: SyntheticRecords) -> RunData:
    """The made-up study."""
    return run_data(records.trials, records.curves, records.layers)


def test_units_over_time_equal_a_plain_loop(source: RunData) -> None:
    """Medians over completed trials by activation, look and layer."""
    table = units_over_time(source)
    assert set(table["step"]) == {0, 1, 10, 100, STEPS}
    search = source.trials[source.trials["phase"] != "confirm"]
    done = search[search["outcome"] == "completed"]
    for row in table[table["layer"].isin([0, DEPTH - 1]) & table["step"].isin([0, STEPS])].to_dict("records"):
        members = done.loc[done["activation"] == row["activation"], "trial"]
        rows = source.layers[
            source.layers["trial"].isin(members) & (source.layers["measure"] == row["measure"])
        ]
        values = rows.loc[(rows["step"] == row["step"]) & (rows["layer"] == row["layer"]), "value"]
        assert (row["median"], row["trials"]) == (pytest.approx(values.median()), len(values))


@pytest.mark.parametrize("layers", [[1, 3, 7], [0, 1], [2], list(range(0, 40, 2))])
def test_layers_between_which_nothing_is_measured_have_no_row(layers: list[int]) -> None:
    """One row of equal height for each measured layer, under its own number; a value lies in its row."""
    _, (axes,) = panels_of(["relu"])
    rows = pd.DataFrame([(k, s, k + s, 3) for k in layers[1:] or layers for s in (0, 9)])
    rows.columns = pd.Index(["layer", "step", "median", "trials"])
    mesh = layer_map(axes, rows, "Blues", Normalize(0, 60), layers)
    assert set(np.diff(mesh.get_coordinates()[:, 0, 1])) == {1.0}
    found = mesh.get_array().reshape(len(layers), 2)
    for place, label in zip(axes.get_yticks(), axes.get_yticklabels(), strict=True):
        layer = layers[int(place)]
        assert label.get_text() == str(layer)
        if layer in rows["layer"].tolist():
            assert found[int(place)].tolist() == [layer, layer + 9]
    assert len(axes.get_yticks()) <= 7


def test_looks_of_unlike_lengths_are_put_together() -> None:
    """Steps within a quarter decade are one look; a single look is no course of time."""
    source = made({"relu": [line(0.0, 2)] * 2}, dead=[0.0, 0.2])
    layers = source.layers
    later = (layers["trial"] == 1) & (layers["step"] == 9)
    source = with_records(source, layers=layers.assign(step=layers["step"].mask(later, 10)))
    table = units_over_time(source)
    assert table.drop_duplicates("step")["trials"].tolist() == [2, 2]
    assert units_over_time(with_records(source, layers=layers[layers["step"] == 0])).empty


@pytest.mark.parametrize("other", [40, 90])
def test_the_last_look_is_that_of_the_last_step(other: int) -> None:
    """Two looks of one trial that lie close together are not mixed, nor is any trial counted twice."""
    source = made({"relu": [line(0.0, 2)] * 2}, dead=[0.0, 0.2])
    rows = source.layers
    early = rows[rows["step"] == 9].assign(step=24)
    late = rows[rows["step"] == 9].assign(value=lambda frame: frame["value"] + 0.5)
    late = late.assign(step=late["trial"].map(lambda trial: 40 if trial == 0 else other))
    table = units_over_time(with_records(source, layers=pd.concat([rows, early, late], ignore_index=True)))
    assert table["trials"].max() == 2
    last = table[(table["measure"] == "dead") & (table["step"] == table["step"].max())]
    assert (last["median"] >= 0.5).all()


def test_the_last_look_is_the_end_of_every_training() -> None:
    """Trials of a tenth of the steps end in the last column too, with the medians that tables have there."""
    source = made({"relu": [line(0.0, 2)] * 2 + [line(-0.3, 2)] * 3}, dead=[0.0, 0.2])
    rows = source.layers
    short = rows["trial"].isin([0, 1])
    layers = rows.assign(step=rows["step"].where(short | (rows["step"] == 0), 90))
    layers = pd.concat([layers, layers[~short & (layers["step"] == 90)].assign(step=10, value=0.5)])
    run = with_records(source, layers=layers)
    table = units_over_time(run).query("measure == 'dead'")
    assert table["step"].max() == 90
    many = layers.assign(
        step=layers["step"].where(layers["trial"] != 1, layers["step"] // 9)
    )  # ends at 1, 9, 90
    assert units_over_time(with_records(source, layers=many))["step"].max() == 90
    last = table[table["step"] == table["step"].max()].set_index("layer")
    ends = layer_profile(run, ("dead",)).query(f"moment == {END!r}").set_index("layer")
    assert last["trials"].tolist() == ends["trials"].tolist() == [5, 5]
    assert last["median"].to_dict() == ends["median"].to_dict()


@pytest.mark.parametrize(
    ("dead", "said"),
    [
        ([0.0, 0.0], "No layer of a completed trial ends with 1 % or more dead units."),
        ([0.0, 0.005], "No layer of a completed trial ends with 1 % or more dead units."),
        (None, "dead units in the median trial of an activation; 1 of 3 trials has one that does."),
        ([0.0, 0.4], "With relu, 40 % of the units of layer 1 are dead at the end"),
    ],
)
def test_what_no_median_shows_is_counted(dead: list[float] | None, said: str) -> None:
    """That no layer is dead is said of all trials, or of the median trial with the number of the others."""
    source = made({"relu": [line(0.0, 2)] * 3}, dead=dead or [0.0, 0.0])
    if dead is None:
        rows = source.layers
        worst = (rows["measure"] == "dead") & (rows["trial"] == 1) & (rows["layer"] == 1) & (rows["step"] > 0)
        source = with_records(source, layers=rows.assign(value=rows["value"].mask(worst, 1.0)))
    tables = {"units": units(source), "units_over_time": units_over_time(source)}
    assert said in " ".join(spoken(QUESTION.sentences(source, tables)))


def test_networks_of_other_depths_are_told() -> None:
    """Layers are compared in networks of one depth; how many these are, and whether the answer is one."""
    for depths, said in (
        ((3, 3, 2), "These are the networks with 3 layers, 2 of 3 measured trials."),
        ((3, 3, 3), ""),
    ):
        run = made({"relu": [line(0.0, depth) for depth in depths]}, dead=[0.0] * 3)
        assert other_depths(run, "gradient_norm").startswith(said)
        assert bool(other_depths(run, "gradient_norm")) == bool(said)


def test_layers_without_an_activation_are_not_counted_as_none() -> None:
    """Of seven layers four may have an activation: "4 layers" beside a "layer 7" would be wrong."""
    run = made({"relu": [line(0.0, depth) for depth in (3, 3, 2)]}, dead=[0.0] * 3)
    apart = with_records(run, layers=run.layers.assign(layer=2 * run.layers["layer"] + 1))
    assert other_depths(apart, "gradient_norm").startswith(
        "These are the networks with an activation in 3 layers"
    )


def unlike_depths() -> RunData:
    """Six completed trials of two layers, of which half have dead units, and of three layers one completed
    trial without any and seven that diverged."""
    run = made({"relu": [line(0.0, 2)] * 6, "tanh": [line(0.0, 3)] * 8}, dead=[0.0, 0.0, 0.0])
    layers = run.layers
    layers = layers[(layers["trial"] >= 6) | (layers["layer"] < 2)]
    dead = (layers["measure"] == "dead") & (layers["trial"] < 3) & (layers["step"] > 0)
    layers = layers.assign(value=layers["value"].mask(dead, 0.5))
    outcomes = run.trials["outcome"].mask(run.trials["trial"] > 6, "diverged")
    return run_data(run.trials.assign(outcome=outcomes), run.curves, layers)


def test_the_depth_of_most_completed_trials_speaks_and_is_named() -> None:
    """Failed trials do not choose the depth; each sentence on units says which networks it saw."""
    run = unlike_depths()
    said = " ".join(
        spoken(QUESTION.sentences(run, {"units": units(run), "units_over_time": units_over_time(run)}))
    )
    assert (
        "With relu, 25 % of the units of layer 0 are dead at the end (0 % at step 0; 6 trials with 2 " in said
    )
    assert "networks with 2 layers, 6 of 14 measured trials, 6 of 7 completed ones." in said
    few = with_records(run, layers=run.layers.assign(value=0.0))
    tables = {"units": units(few), "units_over_time": units_over_time(few)}
    none = "No layer of a completed trial with 2 layers ends with 1 % or more dead units."
    assert none in spoken(QUESTION.sentences(few, tables))


def test_gradients_are_judged_in_networks_of_two_layers_or_more() -> None:
    """A gradient can only vanish between layers: the verdict, and all else that is said of layers, is on
    networks that have two, however few these are, and says so."""
    run = made({"relu": [line(0.0, 1)] * 3 + [line(0.0, 5)]})
    assert set(layer_profile(run, (NORM,))["depth"]) == {5}
    tables = {name: table(run) for name, table in GRADIENTS.tables.items()}
    said = spoken(GRADIENTS.sentences(run, tables))
    assert "At initialisation, with 5 layers, gradients are healthy" in said[0]


def test_a_share_below_what_is_told_is_not_rounded_up_to_it() -> None:
    """Where no layer has 5 % or more, no figure says 5 %."""
    frame = pd.DataFrame(
        {"measure": "saturated", "activation": "tanh", "layer": 1, "step": [0, 9], "median": [0.0, 0.0486]}
    )
    assert "from 0 % to 4.9 % at the end" in alt(frame)
    assert "to 5 % at the end" in alt(frame.assign(median=[0.0, 0.0501]))
