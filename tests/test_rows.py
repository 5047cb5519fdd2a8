"""Rows that are kept step by step are what the same tuples are."""

import math
import pickle

import numpy as np
import pytest

from sweeper.records.schema import CURVES, LAYERS, curve_rows, layer_rows
from sweeper.trial import Outcome, Rows, Trial, TrialResult, shared

NAMES = ((0, 1, 1), ("dead", "dead", "gradient_norm"))


def made() -> tuple[Rows[tuple[int, int, str, float]], list[tuple[int, int, str, float]]]:
    """Three steps, one of which has a value that is not finite, and the tuples that they stand for."""
    rows: Rows[tuple[int, int, str, float]] = Rows()
    rows.add(0, NAMES, [0.5, 0.25, 3.0])
    rows.add(4, ((0, 1, 1), tuple(list(NAMES[1]))), [0.75, math.nan, 2.0])
    rows.add(9, ((), ()), [])
    rows.add(16, NAMES, [math.inf, -math.inf, 1e-300])
    expected = [(0, 0, "dead", 0.5), (0, 1, "dead", 0.25), (0, 1, "gradient_norm", 3.0)]
    expected += [(4, 0, "dead", 0.75), (4, 1, "gradient_norm", 2.0), (16, 1, "gradient_norm", 1e-300)]
    return rows, expected


def test_rows_are_their_tuples() -> None:
    """Length, order, positions, equality both ways, and what is shown; infinite ones are not there."""
    rows, expected = made()
    assert (len(rows), [*rows], rows[1], rows[-2:]) == (6, expected, expected[1], tuple(expected[-2:]))
    assert rows == expected == rows == tuple(expected)
    assert tuple(expected) == rows
    assert rows != expected[:-1]
    assert rows != "text"
    assert (repr(rows), hash(rows)) == (repr(tuple(expected)), hash(tuple(expected)))
    assert expected[2] in rows
    rows.clear()
    assert (len(rows), rows == (), bool(rows)) == (0, True, False)


def test_columns_are_those_of_the_tuples() -> None:
    """Column by column, also of no rows."""
    rows, expected = made()
    assert rows.columns(4) == [[row[k] for row in expected] for k in range(4)]
    assert Rows().columns(4) == [[], [], [], []]


def test_rows_travel_with_names_that_are_held_once() -> None:
    """What comes out of a pickle is equal, and a hundred results are hardly larger than their numbers."""
    rows, expected = made()
    assert pickle.loads(pickle.dumps(rows)) == expected
    names = tuple(f"validation_score_{k}" for k in range(50))
    many = []
    for trial in range(100):
        each: Rows[tuple[int, str, float]] = Rows()
        each.add(trial, (tuple(name[:] for name in names),), np.arange(50.0).tolist())
        many.append(each)
    assert len(pickle.dumps(many, protocol=5)) < 100 * (50 * 9 + 40) + 2000
    assert shared((names,)) is shared((tuple([*names]),))


@pytest.mark.parametrize("kept", [True, False])
def test_records_are_the_same_either_way(kept: bool) -> None:
    """Tables of rows that are kept step by step, of tuples, and of none."""
    layers, tuples = made()
    curves: Rows[tuple[int, str, float]] = Rows()
    curves.add(3, (("loss", "accuracy"),), [0.5, 0.75])
    given = (curves, layers) if kept else (tuple(curves), tuple(tuples))
    trial = Trial(7, "explore", 2, {})
    results = [
        TrialResult(trial, Outcome.COMPLETED, 0.5, 16, 1.0, "fused", "", *given, layer_names=("first",)),
        TrialResult(trial, Outcome.FAILED, math.nan, 0, 1.0, "fused"),
    ]
    assert curve_rows(results).schema == CURVES
    assert [row["value"] for row in curve_rows(results).to_pylist()] == [0.5, 0.75]
    table = layer_rows(results)
    assert table.schema == LAYERS
    assert [tuple(row.values())[2:] for row in table.to_pylist()] == [
        (step, layer, "first" if layer == 0 else None, measure, value)
        for step, layer, measure, value in tuples
    ]
