"""What is said and proposed where trainings that go on lose what their best evaluations had."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from report_inputs import SPACE, made_input, made_study
from synthetic_records import SyntheticRecords

from sweeper.answer.answer import Answer
from sweeper.answer.baseline import Against, Baseline
from sweeper.answer.claims import GUESS
from sweeper.answer.edges import Edge
from sweeper.answer.learning import Learning, learning
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
        (0.5, "is 0.5, beside 0.4 at the best ones; guessing has 0.69:"),
        (0.45, ""),
        (float("nan"), ""),
    ],
)
def test_an_end_that_loses_much_of_the_gain_is_warned_of(
    records: SyntheticRecords, end: float, said: str
) -> None:
    """The best of many evaluations beat guessing, while trainings go on and lose it, or much of it."""
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
        (0.5, "high", "constant", False),
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


@pytest.mark.parametrize(
    ("unstable", "seeds", "falls"), [(9, 10, True), (5, 5, True), (6, 10, False), (3, 3, False)]
)
def test_a_winner_that_is_unstable_on_most_seeds_lets_its_rate_fall(
    records: SyntheticRecords, unstable: int, seeds: int, falls: bool
) -> None:
    """Rather than a wider range or its script; not on a few seeds, nor where half of all may be steady."""
    answer = judged(records, 0.41)
    assert answer.learning is not None
    answer = replace(answer, learning=replace(answer.learning, unstable=unstable, seeds=seeds))
    step = next_step(made_study(), answer, records.trials, None, None, None)
    assert ("training.schedule=cosine" in step.command) is falls
    assert (f"unstable on {unstable} of {seeds} fresh seeds" in step.text) is falls


@pytest.mark.parametrize("noise", [0.0, 0.4])
def test_unstable_seeds_are_counted_by_their_validation_losses(noise: float) -> None:
    """Curves that go up and down by two fifths of their loss are, and those that fall smoothly are not."""
    rows: list[tuple[object, ...]] = []
    for seed in range(1, 6):
        losses = np.exp(-np.linspace(0, 2, 21)) + 0.2
        losses[5:] *= 1 + noise * (-1.0) ** np.arange(16)
        rows += [(0, seed, step, "validation_loss", value) for step, value in enumerate(losses)]
    curves = pd.DataFrame(rows, columns=["trial", "seed", "step", "metric", "value"])
    found = learning(curves, 0, [1, 2, 3, 4, 5], "validation_loss")
    assert found is not None
    assert (found.unstable, found.unsteady) == ((5, True) if noise else (0, False))


@pytest.mark.parametrize(
    ("improving", "objective", "told"), [(5, None, True), (3, None, False), (5, "validation_error", False)]
)
def test_a_winner_that_still_improves_is_to_be_trained_longer(
    records: SyntheticRecords, improving: int, objective: str | None, told: bool
) -> None:
    """By its script, where the loss ranks trials and most seeds show it."""
    answer = judged(records, 0.41)
    assert answer.learning is not None
    answer = replace(answer, learning=replace(answer.learning, improving=improving))
    search = {"trials": 60, "space": SPACE, **({"objective": objective} if objective else {})}
    step = next_step(made_study(search=search), answer, records.trials, None, None, Path("reports/x"))
    longer = "script (raise STEPS in it: the loss still fell at the end on 5 of 5 fresh seeds):"
    assert (longer in step.text) is told
    assert step.command == f"python {Path('reports/x/best.py')}"


def test_seeds_that_still_improve_are_counted() -> None:
    """A loss that falls to the end, beside one that has levelled off."""
    rows: list[tuple[object, ...]] = []
    for seed in range(1, 7):
        falls = np.linspace(1, 0.2, 21) if seed < 6 else np.r_[np.linspace(1, 0.2, 6), np.full(15, 0.2)]
        rows += [(0, seed, step, "validation_loss", value) for step, value in enumerate(falls)]
    curves = pd.DataFrame(rows, columns=["trial", "seed", "step", "metric", "value"])
    found = learning(curves, 0, [1, 2, 3, 4, 5], "validation_loss")
    assert found is not None
    assert (found.improving, found.unstable, found.goes_on) == (5, 0, True)


def test_a_rate_that_falls_already_is_not_told_to_fall(records: SyntheticRecords) -> None:
    """With a schedule what is left is to stop earlier, or lower rates."""
    for study, falls in ((made_study(), False), (made_study(training={"schedule": "cosine"}), True)):
        (told,) = (text for text in warnings(study, judged(records, 0.6), None) if "At the last" in text)
        assert ("let the rate fall" in told) is not falls
        assert "search lower rates" in told
