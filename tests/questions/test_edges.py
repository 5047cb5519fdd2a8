"""Edges of searched ranges, and what is proposed there."""

import pandas as pd
import pytest
from report_inputs import Asked, spoken, with_columns

from sweeper.answer.edges import Edge
from sweeper.questions import basins


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
    monkeypatch.setattr(basins, "edges", lambda *_: (edge,))
    text = " ".join(spoken(basins.sentences(*with_columns(asked, "range_edges", at_edge=False))))
    assert "The answer lies at the high end of learning_rate.adam (0.1); a better value may" in text
    assert "--set search.space.learning_rate.adam.high=1.0" in text
    table = basins.range_edges(asked.run)
    proposed = set(table.loc[table["suggestion"] != "", "key"])
    assert all(key.startswith("learning_rate") for key in proposed)
