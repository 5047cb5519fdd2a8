"""What is said before an answer: on the card, in the terminal, the note, the notebook and as JSON."""

import math
from dataclasses import replace

import pytest
from judged_reports import GOOD, PART, ROWS, everywhere, judged
from report_inputs import SPACE, made_input, made_study
from synthetic_records import SyntheticRecords

from sweeper.answer.answer import answer
from sweeper.answer.rows import parameters_of
from sweeper.report.card import card
from sweeper.report.doubts import with_warnings


@pytest.mark.parametrize(("rows", "missing"), [(200, True), (0, False)])
def test_test_scores_that_are_gone_are_told(records: SyntheticRecords, rows: int, missing: bool) -> None:
    """With the command that takes them again; not where there are no test rows or nothing is known."""
    report = made_input(records)
    known = {**GOOD, "rows": {**ROWS["rows"], "test": rows}}
    found = with_warnings(report.study, report.answer, known, tested=False)
    assert found is not None
    told = [text for text in found.warnings if "test rows are not on record" in text]
    assert bool(told) == missing
    assert all("sweeper run " in text for text in told)
    unknown = with_warnings(report.study, report.answer, None, tested=False)
    assert unknown is not None
    assert not any("not on record" in text for text in unknown.warnings)


def test_a_sound_answer_stands_beside_its_baseline(records: SyntheticRecords) -> None:
    """What guessing scores is on every card, in the note, the terminal and the JSON; there is no warning."""
    report = judged(records)
    told = card(report.study, report.answer, report.records.trials)
    assert (told.standing, told.warnings) == ("tied", ())
    fact = next(fact for fact in told.facts if fact.label == "Guessing")
    assert fact.value == "validation rows: loss 2.3\ntest rows: loss 2.3, accuracy 0.1"
    assert fact.meaning.startswith(
        "guessing the class frequencies of the training rows, scored on the same rows; on validation rows"
    )
    assert ", on test rows its loss is " in fact.meaning
    for text in everywhere(report).values():
        assert "the class frequencies of the training rows" in text
    found = report.answer.to_dict()
    assert (found["learned"], found["baseline"]["objective"]["better"], found["warnings"]) == (True, True, [])


@pytest.mark.parametrize(
    ("loss", "accuracy", "headline"),
    [
        (0.01, 0.1, "Worse than guessing on validation rows, and by loss on test rows."),
        (2.3, 0.97, "Not shown to be better than guessing by accuracy on test rows."),
        (2.3, 0.99, "Worse than guessing by accuracy on test rows."),
    ],
)
def test_no_better_than_guessing_is_said_first(
    records: SyntheticRecords, loss: float, accuracy: float, headline: str
) -> None:
    """By the objective, or by the accuracy on the test rows alone, with both scores."""
    part = {"loss": loss, "accuracy": accuracy}
    guesses = [{"seed": s, "train": part, "validation": part, "test": part} for s in range(6)]
    if headline.startswith("Not shown"):
        guesses = [
            {**each, "test": {**part, "accuracy": 0.96 + 0.015 * (each["seed"] % 2 == 0)}} for each in guesses
        ]
    report = judged(records, {**GOOD, "scores": guesses})
    told = card(report.study, report.answer, report.records.trials)
    assert (told.standing, told.headline) == ("guess", headline)
    assert "guessing the class frequencies of the training rows" in told.lead
    assert told.badge == headline.rstrip(".")
    assert told.next_step.command.startswith("sweeper advise")
    for text in everywhere(report).values():
        assert headline in text


def test_nothing_is_gained_over_a_default_where_guessing_is_not_beaten(records: SyntheticRecords) -> None:
    """JSON, note and the clause of every section follow the status, on whichever rows guessing stands."""
    part = {"loss": 2.3, "accuracy": 0.99}
    guesses = [{"seed": s, "train": part, "validation": part, "test": part} for s in range(6)]
    baselines = {**GOOD, "scores": guesses}
    report = made_input(records)
    first = records.trials.set_index("trial").loc[report.answer.tied[0]].iloc[0]
    test = {"trial": report.answer.trial, "scores": [{"loss": 0.11, "accuracy": 0.97}] * 5}
    found = answer(
        records.trials, test, records.curves, baselines, defaults=[parameters_of(first.rename(None))]
    )
    assert found is not None
    assert found.gain is not None
    told = with_warnings(report.study, found, baselines)
    assert told is not None
    assert (told.standing, told.to_dict()["gain"]["verdict"]) == ("guess", "void")
    assert told.why_nothing_is_advised == "the winner is worse than guessing by accuracy on test rows"
    assert (
        f"It is no answer, as {told.why_nothing_is_advised}."
        in everywhere(replace(report, answer=told))["note"]
    )


THOUGH = " on test rows, though better by AUC, the score that ranks trials."


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        (
            {"accuracy": 0.05, "loss": 2.0},
            f"Worse than guessing by accuracy{THOUGH} On the test rows",
        ),
        (
            {"accuracy": 0.2, "loss": 2.3},
            f"Not shown to be better than guessing by loss{THOUGH} On the test rows",
        ),
        (
            {"accuracy": 0.05, "loss": 2.4},
            f"Worse than guessing by accuracy and loss{THOUGH} On the test rows",
        ),
        (
            {"accuracy": 0.2, "loss": 2.0, "f1_macro": 0.1},
            f"Worse than guessing by F1 macro{THOUGH}",
        ),
        ({"accuracy": 0.2, "loss": 2.0, "f1_macro": 0.3}, ""),
    ],
)
def test_scores_beside_a_better_objective_are_told(
    records: SyntheticRecords, scores: dict, words: str
) -> None:
    """An AUC may beat guessing where loss, accuracy or F1 does not: every surface warns of these."""
    study = made_study(search={"trials": 60, "space": SPACE, "objective": "validation_auc"})
    part = {**PART, "auc": 0.5, "f1_macro": 0.2}
    guesses = [{"seed": s, "train": part, "validation": part, "test": part} for s in range(6)]
    baselines, high = {**GOOD, "scores": guesses}, records.trials["objective"].clip(0, 1)
    trials = records.trials.assign(objective=1 - 0.4 * high)
    tested = [{"auc": 0.9, **scores}] * 5
    chosen = answer(trials, None, objective=study.objective)
    assert chosen is not None
    test = {"trial": chosen.trial, "scores": tested}
    found = answer(trials, test, None, baselines, objective=study.objective)
    told = with_warnings(study, found, baselines)
    assert told is not None
    assert told.standing not in ("guess", "unlearned")
    assert told.warnings[0].startswith(words) if words else not told.warnings
    weighed = made_study(
        search={"trials": 60, "space": SPACE, "objective": "validation_auc"},
        training={"class_weight": "balanced"},
    )
    with_weights = with_warnings(weighed, found, baselines)
    assert with_weights is not None
    assert ["The study weighs classes" in text for text in with_weights.warnings] == [True] * bool(words)
    run = replace(made_input(records, study=study), answer=told)
    run = replace(run, records=replace(run.records, trials=trials))
    for text in everywhere(run).values():
        assert words in text


def test_old_runs_say_that_they_have_no_baseline(records: SyntheticRecords) -> None:
    """A run folder without the file opens; a loss without a known constant says why."""
    assert "no baseline on record" in everywhere(judged(records, None))["plain"]
    none = {**GOOD, "guess": None, "why": "ValueError: no", "scores": []}
    assert "no baseline is known for this loss: ValueError: no" in everywhere(judged(records, none))["plain"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"labels": 3}, "look like 3 class labels, but the loss cross_entropy"),
        (
            {"few": [{"class": "7", "part": "test", "rows": 3}]},
            "five rows of a class: class 7 has 3 in test.",
        ),
        (
            {"few": [{"class": "7", "part": "validation", "rows": 3}]},
            "class 7 has 3 in validation (validation rows: the fewest of all seeds, which split them",
        ),
        (
            {"rows": {"train": 60, "validation": 12, "test": 9}},
            "on 12 validation rows, so one row is 8 % of it",
        ),
        ({"rows": {"train": 60, "validation": 90, "test": 0}}, "No test rows"),
    ],
)
def test_rows_that_give_cause_to_doubt_are_named(records: SyntheticRecords, change: dict, words: str) -> None:
    """Each stands in every rendering and in the JSON."""
    for text in everywhere(judged(records, {**GOOD, **change})).values():
        assert words in text


@pytest.mark.parametrize(
    ("seeds", "standing", "words"),
    [(1, "provisional", "One fresh seed"), (3, "provisional", "Only 3 fresh seeds"), (5, "tied", "")],
)
def test_few_seeds_confirm_nothing(records: SyntheticRecords, seeds: int, standing: str, words: str) -> None:
    """Below five completed seeds the answer is provisional, and says how many there were."""
    trials = records.trials[(records.trials["phase"] != "confirm") | (records.trials["seed"] <= seeds)]
    report = judged(SyntheticRecords(trials, records.curves, records.layers))
    told = card(made_study(), report.answer, trials)
    assert told.standing == standing
    assert len(told.warnings) == bool(words)
    for text in everywhere(report).values() if words else ():
        assert words in text


def test_only_an_interval_shows_that_nothing_beats_guessing(records: SyntheticRecords) -> None:
    """One seed that is worse, or an interval around 0, is "not shown"; the best trial is not advised."""
    report = judged(records)
    found = report.answer.baseline
    assert found is not None
    assert found.objective is not None
    for low, high, words in (
        (-0.2, -0.1, "Worse"),
        (-0.2, 0.0, "No better"),
        (-0.2, 0.1, "Not shown to be better"),
        (math.nan, math.nan, "Not shown to be better"),
    ):
        weak = replace(found.objective, gain=-0.15, low=low, high=high)
        told = replace(report.answer, baseline=replace(found, objective=weak, test=()))
        shown = card(report.study, told, records.trials)
        assert shown.headline.startswith(f"{words} than guessing")
        assert "The winner has " in shown.lead
        assert " use " not in shown.lead.lower()


@pytest.mark.parametrize(("made", "told"), [({"data": "0f"}, True), ({}, False)])
def test_guesses_that_are_gone_are_told(records: SyntheticRecords, made: dict[str, str], told: bool) -> None:
    """Else the answer would read as if guessing had been beaten; earlier releases took no guesses."""
    report = judged(records)
    winner = replace(report.answer, made=made, baseline=None, warnings=())
    found = with_warnings(report.study, winner, None)
    assert found is not None
    said = [text for text in found.warnings if text.startswith("What guessing scores is not on record")]
    assert bool(said) is told
    assert not told or "sweeper run" in said[0]
