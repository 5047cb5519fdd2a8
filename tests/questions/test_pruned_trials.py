"""A pruned trial is never the best, whatever it had reached when it was stopped."""

import numpy as np
import pandas as pd
import pytest
from rate_runs import source_of
from report_inputs import spoken

from sweeper.questions import basins, isolation, learning_rate, parallel
from sweeper.questions.checks.better import _of_search
from sweeper.questions.run_data import RunData
from sweeper.wording import number

RATES = np.array([1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1])
LOSSES = np.array([0.9, 0.6, 0.5, 0.4, 0.55, 0.8])
BEST, PRUNED = 1e-2, 3e-2


@pytest.fixture(scope="module")
def run() -> RunData:
    """The lowest loss of sgd and of relu is that of a pruned trial; with lion, all were pruned."""
    parts = [
        pd.DataFrame({"learning_rate": RATES, "objective": LOSSES + shift, "optimizer": name})
        for name, shift in (("sgd", 0.0), ("adam", 0.02), ("lion", -0.2))
    ]
    trials = pd.concat(parts, ignore_index=True)
    stopped = (trials["optimizer"] == "lion") | (trials["learning_rate"] == PRUNED)
    activations = np.where(trials["optimizer"] == "adam", "tanh", "relu")
    return source_of(trials.assign(outcome=np.where(stopped, "pruned", "completed"), activation=activations))


def test_tables_name_no_pruned_trial_as_the_best(run: RunData) -> None:
    """Best rates, best trials and bests of a half decade are of completed trials; lion has none."""
    basin = basins.basins(run).query("activation == 'any'").set_index("optimizer")
    assert basin["best_rate"].dropna().to_dict() == {"adam": BEST, "sgd": BEST}
    assert basin.loc["lion", ["best_rate", "best_loss", "low", "high"]].isna().all()
    assert (basin.loc["sgd", "within"], basin.loc["sgd", "high"]) == (2, 1e-1)
    outcomes = run.trials.set_index("trial")["outcome"]
    rates = learning_rate.learning_rate(run)
    assert set(rates.loc[rates["best_in_bin"], "outcome"]) == {"completed"}
    values = isolation.isolation(run)
    assert set(outcomes[values["best_trial"].dropna()]) == {"completed"}
    assert values.set_index("value").loc["lion", ["best", "best_trial"]].isna().all()
    assert outcomes[parallel.parallel(run)["trial"].iloc[-1]] == "completed"


def test_a_tick_stands_at_no_rate_that_came_as_close() -> None:
    """The basin ends before the next rate that did worse: a pruned trial within 10 % does not end it."""
    losses = [0.9, 0.5, 0.52, 0.9]
    frame = pd.DataFrame({"learning_rate": RATES[:4], "objective": losses})
    frame["outcome"] = ["completed", "completed", "pruned", "completed"]
    row = basins.basins(source_of(frame)).iloc[0]
    assert (row["within"], row["low"], row["high"], row["above"]) == (1, RATES[1], RATES[1], RATES[3])


def test_sentences_and_figures_name_the_best_that_completed(run: RunData) -> None:
    """The rate of the pruned trials stands in none of them, and lion is said to have no such trial."""
    tables = {name: table(run) for name, table in learning_rate.QUESTION.tables.items()}
    said = " ".join(spoken(learning_rate.sentences(run, tables)))
    assert "with lion" in said
    assert "No trial that learned completed with lion." in said
    told = [
        said.partition("Rate of the lowest")[2].partition("No trial")[0],
        learning_rate.alt(tables["learning_rate"]),
        basins.alt(tables["basins"]).replace("to 0.1, best", "best"),
        parallel.alt(parallel.parallel(run)),
    ]
    for text in told:
        assert number(BEST) in text
        assert number(PRUNED) not in text
    for draw, table in ((learning_rate.draw, "learning_rate"), (basins.draw, "basins")):
        draw(tables[table])
    isolation.draw(isolation.isolation(run))


def test_where_all_were_pruned_no_best_is_named(run: RunData) -> None:
    """Of a search of pruned trials alone, words and figures name none."""
    trials = run.trials.assign(outcome="pruned")
    nothing = source_of(trials)
    frame = parallel.parallel(nothing)
    assert "The best, #" not in parallel.alt(frame)
    table = learning_rate.learning_rate(nothing)
    assert not table["best_in_bin"].any()
    assert "lowest" not in learning_rate.alt(table)
    learning_rate.draw(table)


def test_a_value_is_chosen_by_trials_that_completed(run: RunData) -> None:
    """Medians against any other optimizer are those against the best one, of which trials completed."""
    found = _of_search(run, "optimizer", "adam", None, "objective")
    assert found is not None
    assert found.than_name == "sgd"
