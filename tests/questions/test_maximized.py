"""A run ranked by a score: each table, sentence and figure shows the score itself, higher being better."""

import re

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import LogNorm
from run_data import run_data
from synthetic_records import SyntheticRecords

from sweeper.questions import FIGURES, QUESTIONS, TABLES, heatmap, learning_rate
from sweeper.questions.question import Tables
from sweeper.questions.run_data import RunData

SEARCH = {"scientific": ["optimizer", "activation"]}
VALUES = {
    "objective", "best_so_far", "loss", "initial", "best_loss", "expected_best", "bin_objective", "mean",
    "mean_so_far", "search_objective",
}  # fmt: skip
ALSO = {"best": {"heatmap", "isolation"}, "median": {"penalty_bins"}, "last": {"finalists"}}
"""Columns that hold the objective in these tables alone."""
ENDS = {"finalists", "comparison", "isolation", "penalty_bins"}
"""Tables whose low and high are of the objective."""
APART = {
    "difference": "difference",
    "difference_low": "difference_high",
    "difference_high": "difference_low",
    "optimism": "optimism",
    "mean_optimism": "mean_optimism",
    "mean_optimism_low": "mean_optimism_high",
    "mean_optimism_high": "mean_optimism_low",
}
"""Differences -> the column that holds the same of a loss, negated."""
OTHER = {"metric", "seen_share", "compared", "best_trial"}
"""Named after the direction, or divided by the mean itself."""


@pytest.fixture(scope="module")
def twins(records: SyntheticRecords) -> tuple[RunData, RunData]:
    """The same trainings, ranked by a loss x, and by an AUC of 1 − x."""
    trials = records.trials.assign(objective=1 - records.trials["objective"])
    of_loss = records.curves[records.curves["metric"] == "validation_loss"]
    scores = of_loss.assign(metric="validation_auc", value=1 - of_loss["value"])
    curves = pd.concat([records.curves, scores], ignore_index=True)
    return (
        run_data(records.trials, records.curves, records.layers, search=SEARCH),
        run_data(trials, curves, records.layers, search={**SEARCH, "objective": "validation_auc"}),
    )


@pytest.fixture(scope="module")
def tables(twins: tuple[RunData, RunData]) -> tuple[Tables, Tables]:
    """Every table of both."""
    return tuple({name: table(run) for name, table in TABLES.items()} for run in twins)  # type: ignore[return-value]


@pytest.mark.parametrize("name", list(TABLES))
def test_tables_hold_the_score(tables: tuple[Tables, Tables], name: str) -> None:
    """What is a loss x in one twin is 1 − x in the other, ends and differences turned; the rest equal."""
    by_loss, by_score = (each[name] for each in tables)
    if name == "penalty_effects":  # effects on the score are told next to those on the loss
        by_score = by_score[by_score["quantity"] != "validation_auc"].reset_index(drop=True)
    if name == "curve_classes":  # fewer steps are advised by the loss where it ranks
        assert not by_score["advice"].str.contains("fewer|stop there").any()
        by_loss, by_score = by_loss.drop(columns="advice"), by_score.drop(columns="advice")
    assert list(by_loss.columns) == list(by_score.columns)
    assert len(by_loss) == len(by_score)
    for column in by_loss.columns.difference(list(OTHER)):
        if column in VALUES or name in ALSO.get(column, ()):
            expected = 1 - by_loss[column].astype(float)
        elif column in ("low", "high") and name in ENDS:
            expected = 1 - by_loss[{"low": "high", "high": "low"}[column]].astype(float)
        elif column in APART and name != "finding":
            expected = -by_loss[APART[column]].astype(float)
        else:
            expected = by_loss[column]
        found = by_score[column]
        if column in ("low", "high") and name in ENDS:  # intervals end where an AUC does
            found, expected = found.astype(float).clip(0, 1), expected.clip(0, 1)
        if pd.api.types.is_numeric_dtype(expected) and not pd.api.types.is_bool_dtype(expected):
            np.testing.assert_allclose(found.astype(float), expected.astype(float), rtol=1e-9, atol=1e-9)
        else:
            assert found.fillna("").tolist() == expected.fillna("").tolist()


def test_sentences_and_figures_say_that_higher_is_better(
    twins: tuple[RunData, RunData], tables: tuple[Tables, Tables]
) -> None:
    """No text speaks of 1 − AUC, of the lowest AUC, or of a lower one that is better."""
    drawn = [each for each in QUESTIONS if each.figure is None or len(tables[1][each.figure.table])]
    said = [text for each in drawn for text in each.sentences(twins[1], tables[1])]
    said += [spec.alt(tables[1][spec.table]) for spec in FIGURES.values() if len(tables[1][spec.table])]
    text = " ".join(map(str, said))
    assert "highest validation AUC" in text
    assert not re.search(r"1 [−-] validation|lowest validation AUC|winner (is )?lower", text)


def test_figures_draw_the_score(tables: tuple[Tables, Tables]) -> None:
    """Axes are linear, run upwards to the better side and say so; dark cells of the heat map are the best."""
    rates = learning_rate.draw(tables[1]["learning_rate"])
    axes = rates.axes[0]
    assert axes.get_yscale() == "linear"
    assert axes.get_ylabel() == "best validation AUC\n(higher is better)"
    mesh = heatmap.draw(tables[1]["heatmap"]).axes[0].collections[0]
    by_loss = heatmap.draw(tables[0]["heatmap"]).axes[0].collections[0]
    best = np.nanargmax(np.ma.filled(mesh.get_array(), np.nan))
    assert best == np.nanargmin(np.ma.filled(by_loss.get_array(), np.nan))
    assert np.allclose(mesh.to_rgba(mesh.get_array()).reshape(-1, 4)[best], by_loss.cmap(0.0))
    assert not isinstance(mesh.norm, LogNorm)
