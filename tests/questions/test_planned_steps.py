"""How long a training was to be, and how it ended."""

from dataclasses import replace

import pandas as pd
import pytest
from report_inputs import made_study
from run_data import run_data
from synthetic_records import SyntheticRecords

from sweeper.questions.answer_curves import OF_THE_ANSWER, of_the_answer
from sweeper.questions.curve_classes import _usual, curve_classes


@pytest.mark.parametrize(("rows", "over"), [({}, True), ({"train": 100}, False)])
def test_planned_steps_tell_whether_a_warm_up_would_be_over(
    records: SyntheticRecords, rows: dict[str, int], over: bool
) -> None:
    """All diverged at the first of three hundred steps: within a warm-up, as far as the rows are known."""
    trials = records.trials[records.trials["phase"] != "confirm"].assign(outcome="diverged", steps=1)
    curves = records.curves[records.curves["step"] == 0]
    run = run_data(trials, curves, records.layers.head(0))
    run = replace(run, rows=rows, study=made_study(training={"steps": 300}))
    texts = curve_classes(run)["advice"]
    assert len(texts) > 50
    assert texts.str.contains("over by then").tolist() == [over] * len(texts)


@pytest.mark.parametrize(("end", "noisy"), [(0.2001, False), (0.23, True)])
def test_an_end_above_the_lowest_loss_is_levelled_off_as_far_as_noise_shows(end: float, noisy: bool) -> None:
    """As of the best trial of the search: what a surer curve would be judged by is told."""
    rows = [(1, seed, "saturated", 21, 400, 150, 150, 0.2, end, 150) for seed in range(6)]
    said = of_the_answer(pd.DataFrame(rows, columns=OF_THE_ANSWER), frozenset())
    assert said.startswith("The answer, trial #1, had levelled off when it ended on 6 of 6 fresh seeds")
    assert (", as far as their noise shows" in said) is noisy


@pytest.mark.parametrize(("total", "said"), [(2, "1 of the 2 called flat: higher"), (1, "1 flat: higher")])
def test_advice_counts_those_of_its_class_that_it_is_not_for(total: int, said: str) -> None:
    """Two are counted flat above; a clause that speaks of one says of how many."""
    rest = pd.DataFrame({"class": ["flat"], "advice": ["higher learning rate"]})
    assert list(_usual(rest, "", {"flat": total})) == [f"{said} learning rate."]
