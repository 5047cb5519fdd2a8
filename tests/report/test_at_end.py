"""What is said and proposed where trainings that go on lose what their best evaluations had."""

from dataclasses import replace

import pytest
from report_inputs import SPACE, made_input, made_study
from synthetic_records import SyntheticRecords

from sweeper.answer.answer import Answer
from sweeper.answer.baseline import Against, Baseline
from sweeper.answer.claims import GUESS
from sweeper.answer.edges import Edge
from sweeper.answer.learning import Learning
from sweeper.report.doubts import warnings
from sweeper.report.next_step import next_step


def judged(records: SyntheticRecords, end: float) -> Answer:
    """A winner at 0.4 where guessing has 0.69, whose last evaluation has `end`."""
    found = made_input(records).answer
    assert found is not None
    learned = Learning(1.0, 0.5, 0.4, 0.6, 5, True, 0.6, 20, 0.7, at_end=end)
    own = Against("validation", "loss", 0.4, 0.69, 0.29, 0.2, 0.4, 5, higher=False)
    return replace(found, baseline=Baseline("it", "", own, ()), learning=learned)


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (0.7, "is 0.7, which does not beat guessing (0.69):"),
        (0.6, "is 0.6, beside 0.4 at the best ones; guessing has 0.69:"),
        (0.5, ""),
        (float("nan"), ""),
    ],
)
def test_an_end_that_loses_most_of_the_gain_is_warned_of(
    records: SyntheticRecords, end: float, said: str
) -> None:
    """The best of many evaluations beat guessing, while trainings go on and lose it, or most of it."""
    told = warnings(made_study(), judged(records, end), None)
    found = [text for text in told if "At the last evaluation" in text]
    assert [said in text for text in found] == [True] * bool(said)


@pytest.mark.parametrize("doubted", [False, True])
def test_a_rate_that_falls_is_the_next_step_and_no_advice_where_nothing_is(
    records: SyntheticRecords, doubted: bool
) -> None:
    """Also in the middle of a range; nothing is said of rates where guessing is not shown to be beaten."""
    answer = judged(records, 0.6)
    answer = replace(answer, standing=GUESS) if doubted else answer
    told = warnings(made_study(), answer, None)
    assert any("At the last evaluation" in text for text in told) is not doubted
    step = next_step(made_study(), answer, records.trials, None, None, None)
    assert ("training.schedule=cosine" in step.command) is not doubted


@pytest.mark.parametrize(
    ("end", "side", "schedule", "falls"),
    [
        (0.6, "high", "constant", True),
        (0.41, "high", "constant", False),
        (0.6, "low", "constant", False),
        (0.6, "high", "cosine", False),
        (0.6, "high", "searched", False),
    ],
)
def test_no_higher_rates_are_proposed_where_trainings_lose_their_gain(
    records: SyntheticRecords, end: float, side: str, schedule: str, falls: bool
) -> None:
    """At the high end of a range a rate that falls is the next step then, in a run of its own."""
    search = {"trials": 60, "space": {**SPACE, "schedule": ["constant", "cosine"]}}
    study = made_study(
        **({"search": search} if schedule == "searched" else {"training": {"schedule": schedule}})
    )
    bounds = (0.1, 1.0, 1e-4) if side == "high" else (1e-4, 1e-5, 0.1)
    edge = Edge("learning_rate", "learning_rate", 0.09 if side == "high" else 1.1e-4, side, *bounds)
    step = next_step(study, judged(records, end), records.trials, None, edge, None)
    assert ("training.schedule=cosine" in step.command) is falls
    assert ("--set name=" in step.command and "--fresh" not in step.command) or not falls
    assert ("Widen" in step.text) is not falls
