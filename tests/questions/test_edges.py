"""Edges of searched ranges, and what is proposed there."""

import pandas as pd
import pytest
from report_inputs import Asked, asked_of, made_input, spoken
from synthetic_records import SyntheticRecords

from sweeper.answer.edges import Edge
from sweeper.questions import basins


@pytest.fixture(scope="module")
def asked(records: SyntheticRecords) -> Asked:
    """All tables of the made-up study."""
    return asked_of(made_input(records))


def changed(asked: Asked, table: str, **columns: object) -> Asked:
    """The same asked with other values in one table."""
    frame = asked.tables[table].assign(**columns)
    return Asked(asked.run, {**asked.tables, table: frame})


def test_a_crowded_bound_comes_with_the_option_that_widens_it(asked: Asked) -> None:
    """The suggestion of the table is repeated word for word."""
    option = "--set search.space.learning_rate.high=10.0"
    frame = asked.tables["range_edges"]
    first = frame.index == 0
    crowded = changed(
        asked, "range_edges", at_edge=first, side="high", suggestion=pd.Series(option, frame.index)
    )
    assert option in " ".join(spoken(basins.sentences(*crowded)))


def test_section_and_card_name_the_same_edges(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wider range is proposed for the answer's own edges, of whatever origin, and for rates alone."""
    frame = asked.tables["range_edges"]
    other = frame["key"] == "activation_penalty"
    crowd = changed(asked, "range_edges", at_edge=other, side="high", suggestion="")
    text = " ".join(spoken(basins.sentences(*crowd)))
    assert "high end of activation_penalty" in text
    assert "the answer does not, so no wider range is proposed" in text
    assert "--set" not in text.partition("high end of")[2]
    edge = Edge("learning_rate", "learning_rate.adam", 0.1, "high", 0.1, 1.0, 1e-5)
    monkeypatch.setattr(basins, "edges", lambda *_: (edge,))
    text = " ".join(spoken(basins.sentences(*changed(asked, "range_edges", at_edge=False))))
    assert "The answer lies at the high end of learning_rate.adam (0.1); a better value may" in text
    assert "--set search.space.learning_rate.adam.high=1.0" in text
    table = basins.range_edges(asked.run)
    proposed = set(table.loc[table["suggestion"] != "", "key"])
    assert all(key.startswith("learning_rate") for key in proposed)
