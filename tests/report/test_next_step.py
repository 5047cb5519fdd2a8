"""What a card asks for next where an answer rests on too few seeds."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from report_inputs import SPACE, made_input, made_study
from synthetic_records import SyntheticRecords, synthetic_records

from sweeper.answer.baseline import Against, Baseline
from sweeper.answer.claims import GUESS
from sweeper.answer.edges import Edge
from sweeper.questions.run_data import RunData
from sweeper.report.card import card
from sweeper.report.doubts import Doubt, with_warnings
from sweeper.report.facts import off_scale
from sweeper.report.next_step import NextStep, called_beside, next_step

UNSHOWN = Doubt(GUESS, "Not shown to be better.", "", compared="not shown to be better than guessing")


def step_of(run: RunData) -> NextStep:
    """That of its card."""
    return card(run.study, run.answer, run.records.trials).next_step


@pytest.mark.parametrize("seeds", [1, 3, 5])
def test_few_seeds_ask_for_more(seeds: int) -> None:
    """An answer that too few seeds can confirm is not the end; from five on its script is the next step."""
    records = synthetic_records(24, finalists=2, seeds=seeds)
    asked = made_study(confirm={"finalists": 2, "seeds": seeds})
    step = step_of(made_input(records, study=asked))
    assert ("confirm.seeds=10" in step.command) is (seeds < 5)
    assert (f"{seeds} fresh seed" in step.text) is (seeds < 5)
    unfinished = step_of(made_input(records))
    assert unfinished.text.startswith("Finish the run") is (seeds < 5)


@pytest.mark.parametrize(("tried", "lost"), [(5, 1), (6, 3), (6, 1)])
def test_lost_seeds_ask_for_more_as_soon_as_too_few_are_left(tried: int, lost: int) -> None:
    """Warning, status and next step count the seeds that were completed, not those that were tried."""
    made = synthetic_records(24, finalists=1, seeds=tried)
    trials, gone = made.trials, (made.trials["phase"] == "confirm") & (made.trials["seed"] <= lost)
    trials = trials.assign(
        outcome=trials["outcome"].mask(gone, "diverged"), objective=trials["objective"].mask(gone)
    )
    study, left = made_study(confirm={"finalists": 1, "seeds": tried}), tried - lost
    run = made_input(SyntheticRecords(trials, made.curves, made.layers), study=study)
    told = card(study, with_warnings(study, run.answer, None), trials)
    few = f"Only {left} fresh seeds were completed: too few to call the answer confirmed, which takes 5."
    assert (few in told.warnings) is (told.standing == "provisional") is (left < 5)
    assert told.next_step.text.startswith(f"{left} completed fresh seeds cannot confirm") is (left < 5)
    assert ("confirm.seeds=12" if tried == 6 else "confirm.seeds=10") in told.next_step.command or left >= 5


@pytest.mark.parametrize("low", [True, False])
def test_lower_rates_where_the_best_of_the_search_has_the_lowest(low: bool) -> None:
    """Where most trials diverged: not where a trial at a higher rate than the winner's scored best in the
    search."""
    made = synthetic_records(24, finalists=2, seeds=6)
    run = made_input(made, study=made_study(confirm={"finalists": 2, "seeds": 6}))
    assert run.answer is not None
    search = made.trials["phase"] != "confirm"
    trials = made.trials.assign(learning_rate=made.trials["learning_rate"].mask(search, 0.5))
    own, other = made.trials["trial"] == run.answer.trial, made.trials["trial"] == made.trials["trial"].min()
    kept = own | other
    trials = trials.assign(
        outcome=trials["outcome"].mask(search & ~kept, "diverged"),
        objective=trials["objective"].mask(search & ~kept).mask(search & other, 9.0 if low else 0.001),
        learning_rate=trials["learning_rate"].mask(own, 1e-4).mask(other, 0.1),
    )
    assert run.answer.trial != made.trials["trial"].min()
    answer = replace(run.answer, parameters={**run.answer.parameters, "learning_rate": 1e-4})
    step = next_step(run.study, answer, trials, None, None, None)
    assert ("search lower ones" in step.text) is low


@pytest.mark.parametrize(("least", "limit"), [(0.0651, 50.0), (0.0651, 0.2), (1e-3, 50.0)])
def test_lower_rates_leave_room_above_that_of_the_answer(least: float, limit: float) -> None:
    """The range searched next goes on to where trainings diverge, or half a decade above the answer's rate:
    else the page after it would widen it again."""
    made = synthetic_records(24, finalists=2, seeds=6)
    run = made_input(made, study=made_study(confirm={"finalists": 2, "seeds": 6}))
    assert run.answer is not None
    search, own = made.trials["phase"] != "confirm", made.trials["trial"] == run.answer.trial
    rates = made.trials["learning_rate"].mask(search, limit).mask(own, 0.0707)
    rates.iloc[int(np.flatnonzero(search & ~own)[0])] = least
    outcomes = made.trials["outcome"].mask(search & ~own, "diverged")
    trials = made.trials.assign(
        outcome=outcomes, objective=made.trials["objective"].mask(search & ~own), learning_rate=rates
    )
    answer = replace(run.answer, parameters={**run.answer.parameters, "learning_rate": 0.0707})
    step = next_step(run.study, answer, trials, None, None, None)
    if least < 0.01:
        assert "search lower ones" not in step.text
        return
    assert f"the answer has a rate at the low end of those tried, 0.0707 of 0.0651 to {limit:g}" in step.text
    (low,) = map(float, re.findall(r"low = ([\d.e+-]+)", step.command))
    (high,) = map(float, re.findall(r"high = ([\d.e+-]+)", step.command))
    assert low <= 0.0707 / 10**0.5
    assert 0.0707 * 10**0.5 <= high <= 50


@pytest.mark.parametrize("gain", [0.4, -0.4])
def test_two_seeds_that_beat_guessing_ask_for_more(gain: float) -> None:
    """Of scores that are better than guessing, and too few to show it, targets are not to blame."""
    made, asked = (
        synthetic_records(24, finalists=2, seeds=2),
        made_study(confirm={"finalists": 2, "seeds": 2}),
    )
    run = made_input(made, study=asked)
    assert run.answer is not None
    against = Against("validation", "loss", 1.0, 1.0 + gain, gain, gain - 3, gain + 3, 2, higher=False)
    answer = replace(run.answer, baseline=Baseline("it", "", against, ()))
    doubted = UNSHOWN
    step = next_step(asked, answer, made.trials, doubted, None, None)
    assert ("confirm.seeds=10" in step.command) is (gain > 0)
    assert ("check that targets belong to their rows" in step.text) is (gain < 0)


@pytest.mark.parametrize(("on_test", "widened"), [(0.1, True), (-0.1, False)])
def test_a_score_that_is_shown_to_be_worse_than_guessing_widens_no_range(
    on_test: float, widened: bool
) -> None:
    """At a bound of its range, and better than guessing on validation rows alone: rates are not to blame."""
    run = made_input(synthetic_records(24, finalists=2, seeds=10), study=made_study())
    assert run.answer is not None
    own = Against("validation", "loss", 1.0, 1.1, 0.1, -0.1, 0.3, 10, higher=False)
    test = Against("test", "loss", 1.0, 1.0 + on_test, on_test, on_test - 0.05, on_test + 0.05, 10, False)
    answer = replace(run.answer, baseline=Baseline("it", "", own, (test,)))
    doubted = UNSHOWN
    edge = Edge("learning_rate", "learning_rate", 0.09, "high", 0.1, 1.0, 1e-4)
    step = next_step(run.study, answer, run.trials, doubted, edge, None)
    assert ("Widen" in step.text or "wider" in step.text) is widened
    assert ("check that targets belong to their rows" in step.text) is not widened


def test_losses_that_are_not_finite_before_training_blame_no_rate() -> None:
    """No rate was applied yet: lower ones are not what is lacking, and nothing is deleted."""
    made = synthetic_records(24, finalists=1, seeds=2)
    search = made.trials[made.trials["phase"] != "confirm"]
    for steps, lower in ((0, False), (7, True)):
        lost = search.assign(outcome="diverged", objective=np.nan, steps=steps)
        step = next_step(made_study(), None, lost, None, None, None)
        assert ("search much lower ones" in step.text) is lower
        assert ("name=made-lower" in step.command) is lower
        assert "--fresh" not in step.command
        assert ("before the first step" in step.text) is not lower


@pytest.mark.parametrize("lowest", [3.0, 0.0522, 1e-3])
def test_lower_rates_are_below_those_that_diverged(lowest: float) -> None:
    """No range that is proposed goes beyond the lowest rate at which all diverged."""
    made = synthetic_records(24, finalists=1, seeds=2)
    search = made.trials[made.trials["phase"] != "confirm"]
    rates = np.geomspace(lowest, 30 * lowest, len(search))
    lost = search.assign(outcome="diverged", objective=np.nan, steps=7, learning_rate=rates)
    command = next_step(made_study(), None, lost, None, None, None).command
    highs = [float(high) for high in re.findall(r"high = ([\d.e+-]+)", command)]
    assert highs, command
    assert max(highs) <= lowest


def test_a_search_that_is_over_is_not_continued() -> None:
    """Most trainings failed: their cause is what to look for, as going on would train nothing."""
    made = synthetic_records(24, finalists=1, seeds=2)
    search = made.trials[made.trials["phase"] != "confirm"].head(14)
    outcomes = ["failed"] * 10 + ["diverged"] * 4
    lost = search.assign(outcome=outcomes, objective=np.nan, steps=7)
    for trials, text in ((14, "10 of 14 trainings failed"), (99, "Continue the search")):
        step = next_step(made_study(search={"trials": trials}), None, lost, None, None, None)
        assert step.text.startswith(text)
    pruned = search.assign(outcome="pruned", objective=np.nan, steps=7)
    step = next_step(made_study(search={"trials": 14}), None, pruned, None, None, None)
    assert "search.trials=28" in step.command


@pytest.mark.parametrize(
    ("auc", "seeds", "asked"), [(0.9, 6, "more seeds"), (0.9, 12, "advise"), (0.52, 6, "targets")]
)
def test_scores_far_above_guessing_clear_the_targets(auc: float, seeds: int, asked: str) -> None:
    """Where the AUC on test rows is beyond luck, targets belong to their rows, whatever accuracy shows."""
    asks = made_study(confirm={"finalists": 2, "seeds": seeds})
    run = made_input(synthetic_records(24, finalists=2, seeds=seeds), study=asks)
    assert run.answer is not None
    own = Against("validation", "accuracy", 0.755, 0.75, 0.005, -0.01, 0.02, seeds, higher=True)
    known = {"accuracy": (0.75, 0.75), "auc": (auc, 0.5), "f1": (0.1, 0.0)}
    test = tuple(
        Against(
            "test", name, value, guess, value - guess, value - guess - 1e-3, value - guess + 1e-3, seeds, True
        )
        for name, (value, guess) in known.items()
    )
    answer = replace(run.answer, baseline=Baseline("it", "", own, test, test_rows=200))
    doubted = UNSHOWN
    step = next_step(asks, answer, run.trials, doubted, None, None)
    assert ("check that targets belong to their rows" in step.text) is (asked == "targets")
    assert "balanced" not in step.command
    assert ("but its AUC on test rows beats guessing by far" in step.text) is (asked != "targets")
    assert ("confirm.seeds=" in step.command) is (asked == "more seeds")


def test_rates_as_low_as_any_are_not_lowered_for_ever() -> None:
    """Where all training diverges from the usual range's low end on, the scale of data is to be looked at."""
    made = synthetic_records(24, finalists=1, seeds=2)
    search = made.trials[made.trials["phase"] != "confirm"]
    for lowest, lower in ((3e-5, False), (1e-2, True)):
        rates = np.geomspace(lowest, 1.0, len(search))
        lost = search.assign(
            outcome="diverged", objective=np.nan, steps=7, learning_rate=rates, optimizer="adam"
        )
        step = next_step(made_study(), None, lost, None, None, None)
        assert ("search much lower ones" in step.text) is lower
        assert ("the scale of inputs and targets" in step.text) is not lower
        assert step.command.startswith("sweeper run" if lower else "sweeper advise")


@pytest.mark.parametrize(
    ("loss", "start", "asked"), [("mse", 1e6, True), ("mse", 2.0, False), ("l1", 400.0, True)]
)
def test_targets_far_from_a_scale_of_1_are_standardized(loss: str, start: float, asked: bool) -> None:
    """Where trainings fail and the loss before training is large, no rate and no other row is to blame."""
    made = synthetic_records(24, finalists=1, seeds=2)
    search = made.trials[made.trials["phase"] != "confirm"]
    lost = search.assign(outcome="diverged", objective=np.nan, steps=7)
    first = made.curves[(made.curves["metric"] == "validation_loss") & (made.curves["step"] == 0)]
    study = made_study(training={"loss": loss})
    step = card(study, None, lost, curves=first.assign(value=start)).next_step
    assert ("data.standardize_target=true" in step.command) is asked
    assert ("standardize them" in step.text) is asked
    scaled = made_study(training={"loss": loss}, data={"standardize_target": True})
    assert "standardize them" not in card(scaled, None, lost, curves=first.assign(value=start)).next_step.text


@pytest.mark.parametrize(
    ("guess", "auc", "balanced"), [(0.93, 0.9, True), (0.93, 0.5, False), (0.6, 0.9, False)]
)
def test_a_large_class_asks_for_a_score_of_all_classes(guess: float, auc: float, balanced: bool) -> None:
    """Where one label is right on 93 % of the rows and the AUC is beyond luck, under a name of its own."""
    asks = made_study(
        confirm={"finalists": 2, "seeds": 6},
        training={"loss": "cross_entropy"},
        search={"objective": "validation_accuracy"},
    )
    run = made_input(synthetic_records(24, finalists=2, seeds=6), study=asks)
    assert run.answer is not None
    own = Against("validation", "accuracy", guess, guess, 0.0, -0.01, 0.02, 6, higher=True)
    known = {"accuracy": (guess, guess), "auc": (auc, 0.5), "f1": (0.1, 0.0)}
    test = tuple(
        Against("test", n, *each, each[0] - each[1], each[0] - each[1] - 1e-3, 1.0, 6, True)
        for n, each in known.items()
    )
    answer = replace(run.answer, baseline=Baseline("it", "", own, test, test_rows=200))
    doubted = UNSHOWN
    step = next_step(asks, answer, run.trials, doubted, None, None)
    assert ("search.objective=validation_balanced_accuracy" in step.command) is balanced
    assert ("-balanced" in step.command) is balanced
    assert "--fresh" not in step.command


@pytest.mark.parametrize(
    ("name", "another"),
    [
        ("made", "made-lower"),
        ("made-lower", "made-lower-2"),
        ("made-lower-9", "made-lower-10"),
        ("lower", "lower-lower"),
        ("a-lower-b", "a-lower-b-lower"),
        ("made-2", "made-2-lower"),
    ],
)
def test_a_run_that_is_proposed_leaves_all_before_it(name: str, another: str) -> None:
    """Each proposal in a row has a name of its own."""
    assert called_beside(name, "lower") == another


@pytest.mark.parametrize(
    ("parameter", "unscaled", "scaled"),
    [("learning_rate", "its loss", True), ("learning_rate", "", False), ("activation_penalty", "its", False)],
)
def test_targets_far_from_a_scale_of_1_come_before_other_rates(
    parameter: str, unscaled: str, scaled: bool
) -> None:
    """A best rate at an end of its range is what such targets ask for."""
    training = {"loss": "mse", "steps": 10, "batch_size": 8}
    study = made_study(data={"source": "diabetes"}, training=training, confirm={"finalists": 2, "seeds": 10})
    run = made_input(synthetic_records(24, finalists=2, seeds=10), study=study)
    edge = Edge(parameter, parameter, 0.09, "high", 0.1, 1.0, 1e-4)
    step = next_step(study, run.answer, run.trials, None, edge, None, unscaled)
    assert ("data.standardize_target=true" in step.command) is scaled
    assert ("name=made-standardized" in step.command) is scaled


@pytest.mark.parametrize(
    ("loss", "guess", "before", "clause"),
    [
        ("mse", 8.7e-8, 0.05, "guessing has a loss of 8.7e-8"),
        ("mse", 0.8, 1.1, ""),
        ("mse", 0.8, 4e5, "the loss before training is 400,000"),
        ("l1", 0.02, 0.5, "guessing has a loss of 0.02"),
        ("gaussian_nll", -7.0, 0.5, ""),
    ],
)
def test_targets_far_from_a_scale_of_1_are_seen_by_a_loss_of_either_side(
    loss: str, guess: float, before: float, clause: str
) -> None:
    """Large ones by the loss before training, small ones by that of guessing: weights of usual size start
    far above it."""
    study = made_study(data={"source": "diabetes"}, training={"loss": loss, "steps": 10, "batch_size": 8})
    curves = pd.DataFrame({"metric": ["validation_loss"], "step": [0], "value": [before]})
    against = Against("test", "loss", guess, guess, 0.0, 0.0, 0.0, 5, higher=False)
    answer = replace(made_input(synthetic_records(24)).answer, baseline=Baseline("", "", None, (against,)))
    assert off_scale(study, curves, answer) == clause
    scaled = made_study(data={"source": "diabetes", "standardize_target": True}, training={"loss": loss})
    assert off_scale(scaled, curves, answer) == ""


def test_where_no_script_can_be_written_none_is_proposed() -> None:
    """A study file with the settings takes its place, on the page and in a comparison; the reason is told."""
    records = synthetic_records(24, finalists=1, seeds=10)
    run = made_input(records, study=made_study(confirm={"finalists": 1, "seeds": 10}))
    answer = replace(run.answer, scriptless="the data are given in memory.")
    step = next_step(run.study, answer, run.trials, None, None, Path("reports/made"))
    assert step.command.startswith("sweeper best made --toml")
    assert "as no script can be written for this run: the data are given in memory. " in step.text
    assert (
        next_step(run.study, run.answer, run.trials, None, None, Path("out")).command == "python out/best.py"
    )


@pytest.mark.parametrize(
    ("minutes", "asked", "done", "more"),
    [(0.5, 400, 20, "1"), (3.0, 400, 20, "6"), (3.0, 30, 20, ""), (3.0, 400, 40, ""), (None, 400, 20, "")],
)
def test_a_search_that_the_clock_cut_short_gets_more_time(
    minutes: float | None, asked: int, done: int, more: str
) -> None:
    """Before its script is the end of it; not where most trials were trained, or many."""
    records = synthetic_records(done, finalists=2, seeds=5)
    given = {"trials": asked, "space": SPACE, **({"minutes": minutes} if minutes else {})}
    study = made_study(search=given, confirm={"finalists": 2, "seeds": 5})
    answer = made_input(records, study=study).answer
    assert answer is not None
    answer = replace(answer, unfinished="")
    step = next_step(study, answer, records.trials, None, None, None)
    assert (f"search.minutes={more}" in step.command) is bool(more)
    assert (f"after {done} of {asked} trials: give it more time" in step.text) is bool(more)
