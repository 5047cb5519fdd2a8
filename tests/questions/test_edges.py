"""Edges of searched ranges, and what is proposed there."""

import re

import numpy as np
import pandas as pd
import pytest
from report_inputs import Asked, spoken, with_columns
from run_data import run_data

from sweeper.answer.edges import Edge
from sweeper.questions import basins, range_edges
from sweeper.wording import number


def test_a_crowded_bound_comes_with_the_option_that_widens_it(asked: Asked) -> None:
    """The suggestion of the table is repeated word for word."""
    option = "--set search.space.learning_rate.high=10.0"
    frame = asked.tables["range_edges"]
    first = frame.index == 0
    crowded = with_columns(
        asked, "range_edges", at_edge=first, side="high", suggestion=pd.Series(option, frame.index)
    )
    assert option in " ".join(spoken(basins.sentences(*crowded)))


def test_section_and_card_name_the_same_edges(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wider range is proposed for the answer's own edges, of whatever origin, and for rates alone."""
    frame = asked.tables["range_edges"]
    other = frame["key"] == "activation_penalty"
    crowd = with_columns(asked, "range_edges", at_edge=other, side="high", suggestion="")
    text = " ".join(spoken(basins.sentences(*crowd)))
    assert "high end of activation_penalty" in text
    assert "the answer does not, so no wider range is proposed" in text
    assert "--set" not in text.partition("high end of")[2]
    edge = Edge("learning_rate", "learning_rate.adam", 0.1, "high", 0.1, 1.0, 1e-5)
    monkeypatch.setattr(range_edges, "edges", lambda *_: (edge,))
    text = " ".join(spoken(basins.sentences(*with_columns(asked, "range_edges", at_edge=False))))
    assert "The answer lies near the high end of learning_rate.adam (0.1); a better value may" in text
    assert "--set search.space.learning_rate.adam.high=1.0" in text
    table = range_edges.range_edges(asked.run)
    proposed = set(table.loc[table["suggestion"] != "", "key"])
    assert all(key.startswith("learning_rate") for key in proposed)


@pytest.mark.parametrize(("near", "share"), [(1.0, "All"), (0.75, "More than half")])
def test_all_of_the_best_are_called_all(asked: Asked, near: float, share: str) -> None:
    """At a bound lie all of the best trials, or else more than half."""
    run, tables = with_columns(asked, "range_edges", at_edge=True, side="high", suggestion="", near_high=near)
    text = " ".join(spoken(range_edges.sentences(run, tables["range_edges"])))
    assert f"{share} of the best " in text.replace("all of", "All of").replace("more than", "More than")
    assert ("ore than half" in text) == (near < 1)


@pytest.mark.parametrize(("value", "end"), [(1.0, "high"), (1e-4, "low"), (0.3, "")])
def test_an_answer_that_lies_on_a_bound_alone_is_told(value: float, end: str) -> None:
    """Where the best trials lie elsewhere, its own place is no crowd, and no secret."""
    made = drawn(0, "activation_penalty")
    made["activation_penalty"] = np.geomspace(1e-3, 0.1, len(made))
    made.loc[made["objective"].idxmin(), "activation_penalty"] = value
    space = {"optimizer": ["sgd"], "activation_penalty": {"low": 1e-4, "high": 1.0, "log": True}}
    nothing = pd.DataFrame(columns=["trial", "seed", "step", "metric", "value"])
    run = run_data(made, nothing, nothing, search={"space": space})
    said = " ".join(spoken(range_edges.sentences(run, range_edges.range_edges(run))))
    told = f"The answer's own activation penalty lies at the {end} end ({number(value)})"
    assert (told in said) == bool(end), said
    assert not end or f"{told}, near which lies 1 of the best" in said
    assert "do not crowd at a bound of the 2 ranges checked" in said


def test_how_many_lie_near_the_bound_of_the_answer_is_counted() -> None:
    """A range that allows 0 beside its numbers has no crowd at its low end: those there are counted still."""
    made = drawn(0, "activation_penalty")
    ranks = made["objective"].rank(method="first").astype(int)
    made["activation_penalty"] = ranks.map({1: 1e-4, 2: 1.1e-4, 3: 1.2e-4}).fillna(0.1)
    space = {
        "optimizer": ["sgd"],
        "activation_penalty": {"low": 1e-4, "high": 1.0, "log": True, "zero": 0.3},
    }
    nothing = pd.DataFrame(columns=["trial", "seed", "step", "metric", "value"])
    run = run_data(made, nothing, nothing, search={"space": space})
    table = range_edges.range_edges(run)
    best = int(table.set_index("key").loc["activation_penalty", "best_trials"])
    said = " ".join(spoken(range_edges.sentences(run, table)))
    assert f"lies at the low end (1e-4), near which lie 3 of the best {best} trials" in said
    made.loc[ranks <= best - 1, "activation_penalty"] = 1.1e-4
    run = run_data(made, nothing, nothing, search={"space": space})
    said = " ".join(spoken(range_edges.sentences(run, range_edges.range_edges(run))))
    assert (
        f"{best - 1} of the best {best} trials lie near the low end of activation penalty (1e-4); beyond"
        in said
    )
    assert "do not crowd at another bound of the 2 ranges checked" in said


def drawn(seed: int, name: str) -> pd.DataFrame:
    """Completed trials: in some draws most lie near the high bound, in some these are better."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(10, 60))
    places = np.where(rng.random(n) < rng.choice([0.0, 0.3, 0.8]), 0.99, rng.random(n))
    costs = rng.random(n) - rng.choice([0.0, 0.3, 1.0]) * places
    made = pd.DataFrame({"trial": range(n), "phase": "explore", "outcome": "completed", "optimizer": "sgd"})
    drawn_values = {"learning_rate": 0.1} | {name: 1e-4 * 1e4**places}
    return made.assign(seed=0, steps=9, activation="relu", **drawn_values, objective=costs)


@pytest.mark.parametrize("name", ["learning_rate", "activation_penalty"])
def test_best_trials_at_a_bound_are_told_whatever_they_show(name: str) -> None:
    """Where more than half of the best lie at a bound no sentence denies it: it says that better values may
    lie beyond, or why that is not shown. Of 16 draws, there are some of each."""
    space = {"optimizer": ["sgd"], name: {"low": 1e-4, "high": 1.0, "log": True}}
    nothing, seen = pd.DataFrame(columns=["trial", "seed", "step", "metric", "value"]), set()
    for seed in range(16):
        run = run_data(drawn(seed, name), nothing, nothing, search={"space": space})
        table = range_edges.range_edges(run)
        row = table.set_index("key").loc[name]
        said = " ".join(spoken(range_edges.sentences(run, table)))
        near, own = max(row["near_low"], row["near_high"]) > 0.5, "The answer lies" in said
        assert own or near == ("do not crowd at a bound" not in said)
        assert own or row["unshown"] in said
        assert near == (bool(row["at_edge"]) != bool(row["unshown"]))
        seen.add((near, re.sub(r"[\d.]+ %", "", row["unshown"])))
    assert len(seen) == (2 if name == "learning_rate" else 3)


def test_the_best_trials_are_of_those_that_drew_from_the_range() -> None:
    """Of a range that one optimizer has, the best of that optimizer are counted, and so they are called."""
    wide = {"low": 1e-4, "high": 1.0, "log": True}
    space = {"optimizer": ["sgd", "adam"], "learning_rate": wide, "learning_rate.adam": wide}
    made = drawn(3, "learning_rate")
    made = made.assign(optimizer=np.where(np.arange(len(made)) % 2, "sgd", "adam"))
    nothing = pd.DataFrame(columns=["trial", "seed", "step", "metric", "value"])
    run = run_data(made, nothing, nothing, search={"space": space})
    table = range_edges.range_edges(run).set_index("key")
    assert table["drawn_by"].to_dict() == {"learning_rate": "sgd", "learning_rate.adam": "adam"}
    for key, name in (("learning_rate", "sgd"), ("learning_rate.adam", "adam")):
        rows = table.loc[[key]].reset_index().assign(at_edge=True, side="high", near_high=1.0, suggestion="")
        said = " ".join(spoken(range_edges.sentences(run, rows)))
        assert re.search(rf"best \d+ trials with {name} lie near the high end of {re.escape(key)} ", said), (
            said
        )
