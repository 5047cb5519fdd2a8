"""Networks of unlike structure are told apart wherever layers are measured."""

import numpy as np
import pandas as pd
import pytest
from gradient_runs import line, made
from report_inputs import sentences_of
from run_data import with_records

from sweeper.questions import TABLES
from sweeper.questions.checks.slope import increments, slope
from sweeper.questions.checks.verdict import CONTRARY, FOUND, NOT_FOUND
from sweeper.questions.gradient_verdicts import gradient_verdicts
from sweeper.questions.layers import END
from sweeper.questions.run_data import RunData
from sweeper.questions.structures import MOST, alike, like, structures
from sweeper.study.expect import Slope
from sweeper.wording import shown


def normed(**settings: list[object]) -> RunData:
    """Six sigmoid networks whose gradient vanishes, and six where it does not; `settings` of all twelve."""
    lines = [line(-0.6, noise=0.02, seed=k) for k in range(6)] + [
        line(0.0, noise=0.02, seed=k) for k in range(6)
    ]
    run = made({"sigmoid": lines}, dead=[0.0] * 8)
    named = {name.replace("_", ".", 1): values for name, values in settings.items()}
    return with_records(run, trials=run.trials.assign(**named))


@pytest.mark.parametrize("values", [("none", "batch"), (False, True)])
def test_verdicts_are_of_networks_of_one_kind(values: tuple[object, object]) -> None:
    """Half vanish and half do not: that is no network in between, nor an open verdict."""
    run = normed(model_norm=[values[0]] * 6 + [values[1]] * 6)
    table = gradient_verdicts(run).set_index("activation")
    assert table["verdict"].to_dict() == {
        f"sigmoid (norm {shown(values[0])})": "vanishing",
        f"sigmoid (norm {shown(values[1])})": "healthy",
    }
    assert table["sure"].all()
    text = sentences_of(run, "gradients")["gradients"]
    one, other = (f"sigmoid (norm {shown(value)})" for value in values)
    assert f"{one}: Gradients are healthy with {other}: prefer that" in text
    assert f"gradients vanish towards the input with sigmoid (norm {shown(values[0])})" in text
    for name in ("gradients", "units", "units_over_time", "gradients_over_time"):
        found = set(TABLES[name](run)["activation"]) if len(TABLES[name](run)) else set(table.index)
        assert found <= set(table.index)


def test_numbers_are_no_structure_of_their_own() -> None:
    """Widths are many, and a dropout is none: they vary in what is one kind of network."""
    run = normed(model_width=list(range(8, 20)), model_dropout=list(np.linspace(0, 0.5, 12)))
    assert set(structures(run)) == {"sigmoid"}
    assert (len(alike(run)), like(run)) == (12, "")


def test_kinds_that_nobody_could_tell_apart_are_those_of_the_answer() -> None:
    """More labels than a figure can hold: networks like the answer's alone, and the page says so."""
    kinds = [f"kind{k}" for k in range(MOST + 1)] + ["kind0"] * (12 - MOST - 1)
    run = normed(model_block=kinds)
    assert set(structures(run)) == {"sigmoid"}
    assert run.answer is not None
    own = kinds[run.answer.trial]
    assert alike(run) == {trial for trial, kind in enumerate(kinds) if kind == own}
    assert f" and model.block = {own}" in sentences_of(run, "gradients")["gradients"]


@pytest.mark.parametrize(
    ("bound", "verdict"), [({"below": -0.4}, NOT_FOUND), ({"below": 0.5}, FOUND), ({"above": 0.5}, CONTRARY)]
)
def test_an_expected_slope_holds_of_every_kind(bound: dict[str, float], verdict: str) -> None:
    """Two populations have no mean slope: where they do not agree nothing is found, and both are told."""
    run = normed(model_norm=["none"] * 6 + ["batch"] * 6)
    found = slope(run, Slope(parameter="activation", value="sigmoid", **bound))
    assert found.verdict == verdict
    assert ("do not agree" in found.sentence) == (verdict == NOT_FOUND)
    parts = dict(increments(run, "activation", "sigmoid"))
    assert {kind: round(float(np.mean(steps)), 1) for kind, (steps, *_) in parts.items()} == {
        "model.norm = batch": 0.0,
        "model.norm = none": -0.6,
    }
    assert all(f"with {kind} by " in found.sentence for kind in parts)


@pytest.mark.parametrize(
    ("fresh", "cure"), [(0.0, "a lower learning rate"), (0.4, "other initial weights: 40 %")]
)
def test_units_that_were_dead_before_are_those_of_all_draws(fresh: float, cure: str) -> None:
    """All trials of a search start from one draw of the weights; fresh seeds say what the others have."""
    run = made({"relu": [line(0.0, noise=0.02, seed=k) for k in range(6)]}, dead=[0.0] * 7 + [0.4])
    own = run.trials.head(1).assign(phase="confirm")
    more = pd.concat([own.assign(seed=seed) for seed in range(1, 7)])
    start = run.layers[(run.layers["trial"] == own["trial"].iloc[0]) & (run.layers["step"] == 0)]
    dead = start.assign(value=start["value"].where(start["measure"] != "dead", fresh))
    layers = [dead.assign(seed=seed) for seed in range(1, 7)]
    run = with_records(
        run,
        trials=pd.concat([run.trials, more], ignore_index=True),
        layers=pd.concat([run.layers, *layers, run.layers[run.layers["measure"] != "dead"].assign(step=9)]),
    )
    table = gradient_verdicts(run)
    (said,) = table.loc[table["moment"] == END, "suggestion"]
    assert f"else try {cure}" in said
    assert ("the median of 7 draws" in said) == (fresh > 0)


@pytest.mark.parametrize("kinds", [2, MOST + 1])
def test_layers_have_the_names_of_the_networks_that_a_row_is_about(kinds: int) -> None:
    """Where normalization moves the modules, no row has the names of networks of another kind, nor of those
    that a moment leaves out: neither lines that are told apart nor the answer's kind where these are many."""
    norms = [f"kind{trial % kinds}" for trial in range(12)]
    run = normed(model_norm=norms)
    lost = run.trials["trial"] >= 12 - kinds  # the last one of each kind
    run = with_records(run, trials=run.trials.assign(outcome=np.where(lost, "diverged", "completed")))
    own = run.layers["trial"].map(pd.Series(norms)) + run.layers["trial"].map(
        lost.map({True: "x", False: ""})
    )
    layers = run.layers.assign(layer_name=own + "." + run.layers["layer"].astype("str"))
    run = with_records(
        run, layers=pd.concat([layers, layers.query("measure == 'gradient_norm'").assign(step=9)])
    )
    assert run.answer is not None
    tables = {name: TABLES[name](run) for name in ("gradients", "units", "layer_measures")}
    verdicts = gradient_verdicts(run).rename(columns={"dead_layer": "layer", "dead_name": "layer_name"})
    for row in pd.concat([*tables.values(), verdicts]).to_dict("records"):
        kind = row["activation"].partition("norm ")[2].removesuffix(")") or norms[run.answer.trial]
        completed, diverged = (f"{kind}{mark}.{row['layer']}" for mark in ("", "x"))
        assert row["layer_name"] == (completed if row["moment"] == END else f"{completed} or {diverged}")
    assert not tables["layer_measures"].duplicated(["moment", "activation", "layer"]).any()


def test_each_layer_of_a_table_of_measures_has_one_named_row() -> None:
    """The weights of the output layer are measured, its activation is not: no measure takes the names away
    from another."""
    run = made({"relu": [line(0.0, seed=k) for k in range(4)]}, dead=[0.0] * 4)
    norms = run.layers[run.layers["measure"] == "gradient_norm"]
    norms = norms.assign(layer_name="hidden" + norms["layer"].astype("str"))
    last = int(norms["layer"].max())
    outputs = norms[norms["layer"] == last].assign(layer=last + 1, layer_name="output")
    weights = pd.concat([norms, outputs]).assign(measure="weight_gradient_norm")
    table = TABLES["layer_measures"](with_records(run, layers=pd.concat([norms, weights])))
    rows = table.drop_duplicates(["layer", "layer_name"])
    assert rows["layer_name"].tolist() == [*(f"hidden{layer}" for layer in range(last + 1)), "output"]
    assert not table.duplicated(["moment", "activation", "layer"]).any()
    assert table.loc[table["layer"] <= last, ["gradient_norm", "weight_gradient_norm"]].notna().all(axis=None)


def test_all_measures_of_a_layer_are_of_networks_of_one_depth() -> None:
    """Shallow networks are more, and have two layers with weights but one with an activation: gradients
    speak of the deeper ones, and so does every other column of their rows."""
    run = made({"relu": [line(0.0, 1)] * 5 + [line(0.0, 3)] * 2}, dead=[0.0] * 3)
    norms = run.layers[run.layers["measure"] == "gradient_norm"]
    deep = norms["trial"] >= 5
    outputs = norms.drop_duplicates(["trial", "step"]).assign(layer=lambda rows: 1 + 2 * (rows["trial"] >= 5))
    weights = pd.concat([norms, outputs]).assign(measure="weight_gradient_norm")
    weights = weights.assign(value=np.where(weights["trial"] >= 5, 7.0, 1.0))
    table = TABLES["layer_measures"](with_records(run, layers=pd.concat([norms, weights])))
    assert deep.any()
    assert table["layer"].max() == 3
    assert set(table["weight_gradient_norm"]) == {7.0}
    assert table.loc[table["layer"] < 3, "gradient_norm"].notna().all()
