"""What is advised against gradients that vanish, explode or end."""

import math

import pandas as pd
import pytest

from sweeper.components.activations import ACTIVATIONS
from sweeper.questions.gradient_advice import advice, option_of
from sweeper.questions.gradients import changes
from sweeper.questions.layers import END, START
from sweeper.study.study import Study
from sweeper.wording import listing


def row_of(**facts: object) -> dict:
    """A row of the table, healthy unless said otherwise."""
    healthy = {
        "moment": START,
        "activation": "tanh",
        "verdict": "healthy",
        "slope": 0.0,
        "depth": 10,
        "saturated": 0.0,
        "saturated_layer": 0,
        "dead": 0.0,
        "dead_layer": 0,
        "layers": "0-4",
        "layer_names": "",
    }
    return {**healthy, **facts}


@pytest.mark.parametrize(
    ("facts", "at_start", "init", "said"),
    [
        ({}, "healthy", "auto", ""),
        (
            {"moment": END, "dead": 0.4, "dead_layer": 3, "dead_name": "net.6"},
            "healthy",
            "auto",
            "40 % of the units of layer 3 (net.6) are dead",
        ),
        ({"moment": END, "verdict": "exploding"}, "healthy", "auto", "training did it"),
        ({"moment": END, "verdict": "exploding", "dead": 0.5}, "healthy", "auto", "training did it"),
        ({"activation": "sigmoid", "verdict": "vanishing", "slope": -0.5}, None, "he", "at most 0.25"),
        ({"activation": "sigmoid", "verdict": "vanishing", "slope": -0.5}, None, "he", "--set model.depth=2"),
        ({"verdict": "vanishing", "slope": -0.3, "saturated": 0.8}, None, "he", "--set model.init=xavier"),
        (
            {"verdict": "vanishing", "slope": -0.24},
            None,
            "torch",
            "too small for tanh (--set model.init=auto)",
        ),
        ({"verdict": "exploding", "slope": 0.3}, None, "he", "too large for tanh (--set model.init=auto)"),
        ({"verdict": "exploding", "slope": 0.3}, None, "auto", "--set model.depth=4"),
    ],
)
def test_advice_follows_from_the_facts(facts: dict, at_start: str | None, init: str, said: str) -> None:
    """Each rule, in its order, gives its sentence with a ready option."""
    text = advice(row_of(**facts), at_start, init)
    assert said in text
    assert bool(text) is bool(said)


def test_the_advised_depth_is_healthy() -> None:
    """A network of the depth that is advised changes its gradient by less than a decade."""
    for slope in (-0.24, -0.5, -0.6, 0.3):
        text = advice(row_of(verdict="vanishing" if slope < 0 else "exploding", slope=slope), None, "auto")
        depth = int(text.split("model.depth=")[1].split(")")[0])
        assert abs(slope) * (depth - 1) < 1 <= abs(slope) * depth


@pytest.mark.parametrize("slope", [math.nan, 0.0])
def test_no_depth_is_advised_without_a_slope(slope: float) -> None:
    """Where no slope could be fitted nothing is known of the depth that would do."""
    row = row_of(activation="sigmoid", verdict="vanishing", slope=slope)
    assert "try steeper activations" in advice(row, None, "auto")
    for text in (advice(row, None, "auto"), advice({**row, "activation": "relu"}, None, "he")):
        assert "model.depth" not in text


def test_a_cut_off_gradient_is_told_with_what_stops_it() -> None:
    """The layer that is dead or saturated throughout; where none is, that something else stops it."""
    cut = row_of(verdict="cut off", slope=math.nan)
    assert "100 % of the units of layer 3 are dead" in advice(
        {**cut, "dead": 1.0, "dead_layer": 3}, None, "auto"
    )
    flat = advice({**cut, "saturated": 1.0, "saturated_layer": 2}, None, "auto")
    assert "100 % of the elements of layer 2 are saturated" in flat
    text = advice(cut, None, "auto")
    assert "look for what stops the gradient above layers 0-4" in text
    assert "--set" not in text


def test_an_option_that_the_study_does_not_take_is_not_offered() -> None:
    """Of a model without the key, the advice stands in words; for initial weights, with the gain."""
    steep = advice(row_of(activation="silu", verdict="vanishing", slope=-0.3), None, "", lambda setting: "")
    assert "--set" not in steep
    assert (
        "too small for silu: their deviation times the root of a layer's inputs should be about 1." in steep
    )
    loud = row_of(verdict="exploding", slope=0.3)
    assert advice(loud, None, "auto", lambda setting: "") == "Try fewer layers."


def test_nothing_is_offered_that_is_searched() -> None:
    """A depth, an initializer or a schedule of the space has had its chance; other activations have not."""
    space = {"model.depth": [2, 6], "schedule": ["constant", "cosine"], "activation": ["relu", "tanh"]}
    free, searched = (Study(name="made", search={"space": own}) for own in ({}, space))
    for setting in ("model.depth=2", "search.space.schedule=warmup_cosine"):
        assert option_of(free, setting)
        assert option_of(searched, setting) == ""
    assert option_of(searched, 'search.space.activation=["elu"]')


def test_no_activation_is_advised_that_was_searched() -> None:
    """Those that had their chance are named as searched; only the others get an option."""
    row = row_of(activation="sigmoid", verdict="vanishing", slope=-0.5)
    cures = [name for name, entry in ACTIVATIONS.items() if "vanishing" in entry.cures]
    text = advice(row, None, "he", searched={"sigmoid", cures[0]})
    assert "try steeper activations (--set" in text
    assert cures[0] not in text
    text = advice(row, None, "he", searched={"sigmoid", *cures})
    assert (
        f"steeper activations were searched beside it, such as {listing(cures)}; else try fewer layers"
        in text
    )
    assert "search.space" not in text


@pytest.mark.parametrize(("confirmed", "advised"), [("sigmoid", False), (None, True)])
def test_nothing_is_advised_against_a_confirmed_activation(confirmed: str | None, advised: bool) -> None:
    """What fresh seeds confirm is not to be changed, whatever its gradients are; the others may be."""
    rows = [{"activation": name, "suggestion": "Try another."} for name in ("sigmoid", "tanh")]
    said = changes(pd.DataFrame(rows), confirmed)
    assert ("What to change with sigmoid: Try another." in said) == advised
    assert any("Fresh seeds confirm sigmoid all the same" in text for text in said) != advised
    assert "What to change with tanh: Try another." in said


@pytest.mark.parametrize(
    ("before", "said"), [(0.1, "a lower learning rate"), (0.56, "other initial weights: 56 %")]
)
def test_units_that_were_dead_before_are_no_matter_of_the_rate(before: float, said: str) -> None:
    """No rate made what was dead at step 0, and none made it in a layer that training brought to life."""
    row = row_of(moment=END, activation="relu", dead=0.44, dead_layer=2, dead_before=before, draws=7)
    assert advice(row, "healthy", "auto").count("else try ") == 1
    assert f"else try {said}" in advice(row, "healthy", "auto")


def test_dead_units_of_penalized_trainings_may_be_the_penalty_s() -> None:
    """Where every training had a penalty, a smaller one is named; where some had none, it is not."""
    row = row_of(moment=END, activation="relu", dead=0.44, dead_layer=2)
    assert "or a smaller penalty: all of these" in advice({**row, "penalized": True}, "healthy", "auto")
    assert "penalty" not in advice({**row, "penalized": False}, "healthy", "auto")


@pytest.mark.parametrize(
    "changes",
    [
        {"activation": "relu", "dead": 0.44, "dead_layer": 2},
        {"activation": "tanh", "verdict": "exploding"},
        {"activation": "relu", "verdict": "cut off", "dead": 1.0, "dead_layer": 3},
    ],
    ids=["dead", "by training", "cut off"],
)
def test_where_the_highest_rates_scored_best_a_lower_one_is_not_praised_alone(
    changes: dict[str, object],
) -> None:
    """The section on rates says that better ones may lie above: this one does not say the contrary."""
    row = row_of(moment=END, **changes)
    lower = "a lower learning rate, though the highest of those tried scored best"
    assert lower in advice(row, "healthy", "auto", highest_best=True)
    assert lower not in advice(row, "healthy", "auto")
    assert "a lower learning rate" in advice(row, "healthy", "auto")


def test_no_lower_rate_is_advised_where_higher_ones_are_healthier() -> None:
    """Training did it, but not the rate: a network at a lower one is farther from healthy."""
    row = row_of(moment=END, activation="tanh", verdict="exploding", healthier_above=True)
    assert "a lower one is no cure" in advice(row, "healthy", "auto")
    assert "try" not in advice(row, "healthy", "auto")
