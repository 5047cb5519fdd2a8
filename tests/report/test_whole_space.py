"""A space of few configurations that were all tried: nobody is sent to look for more."""

from dataclasses import replace

import pandas as pd
import pytest
from report_inputs import made_input, made_study, sentences_of
from synthetic_records import synthetic_records

from sweeper.report.card import card


@pytest.mark.parametrize(("rates", "all_tried"), [(10, True), (40, False)])
def test_no_more_trials_are_asked_for_where_there_are_none(rates: int, all_tried: bool) -> None:
    """40 trials are all of a space of 4 × 10 configurations, and not of one four times as large."""
    made = synthetic_records(39)
    trials = made.trials
    search = trials[trials["phase"] != "confirm"]
    space = {
        "optimizer": ["sgd", "momentum", "rmsprop", "adam"],
        "activation": ["relu"],
        "learning_rate": [10 ** (-4 + k / 20) for k in range(rates)],
        "activation_penalty": 0.0,
    }
    study = made_study(search={"trials": 100, "space": space})
    assert study.space.size() == 4 * rates
    late = search.tail(1).assign(trial=99, objective=1e-9, outcome="completed")
    run = made_input(replace(made, trials=pd.concat([trials, late])), study=study)
    said = sentences_of(run, "history")["history"]
    told = {fact.label: fact.meaning for fact in card(run.study, run.answer, run.records.trials).facts}[
        "Trials"
    ]
    assert ("All 40 configurations of the space were tried" in said) is all_tried
    assert ("more trials may find better" in said) is not all_tried
    assert ("the space has 40 configurations, so no more of the 100 asked for" in told) is all_tried
