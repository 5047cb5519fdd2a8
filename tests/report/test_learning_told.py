"""What is said of an answer that is not shown to have learned."""

import math
from dataclasses import replace

import pytest
from contradictions import contradictions
from judged_reports import Curve, everywhere, flat, judged, noisy, rising, slow, unstable, with_curves
from synthetic_records import SyntheticRecords

from sweeper.answer.claims import BEATS, LEARNED, STANDING, resolve
from sweeper.answer.learning import Learning
from sweeper.report.card import card
from sweeper.report.doubts import doubt


@pytest.mark.parametrize(
    ("change", "loss", "accuracy", "expected"),
    [
        (unstable, 0.05, 0.97, True),
        (noisy, 2.3, 0.1, False),
        (slow, 2.2, 0.2, True),
        (rising, 2.3, 0.1, False),
    ],
)
def test_what_is_said_of_learning_agrees_with_the_scores(
    records: SyntheticRecords,
    change: Curve,
    loss: float,
    accuracy: float,
    expected: bool,
) -> None:
    """An unstable winner and a slow one learned, noise and a rise did not; the claims agree."""
    report = judged(with_curves(records, change), accuracy=accuracy, loss=loss)
    told = card(report.study, report.answer, report.records.trials)
    assert report.answer.to_dict()["learned"] is expected
    assert (told.standing == "unlearned") is not expected
    assert contradictions(told.claims) == []
    if not expected:
        lower = "search lower ones" in told.next_step.text
        assert lower is (change is rising)
        assert "at the evaluation that is best on the other seeds" in told.lead
        assert "evaluations after the start" in told.lead
    assert "--fresh" not in told.next_step.command


def test_nothing_learned_contradicts_scores_that_beat_guessing(records: SyntheticRecords) -> None:
    """The claims of such a page are found, and the one that rests on the scores stands."""
    report = judged(with_curves(records, unstable), loss=0.05)
    learned = replace(report.answer.learning, learned=False)
    told = card(report.study, replace(report.answer, learning=learned), report.records.trials)
    pairs = [{claim.kind for claim in pair} for pair in contradictions(told.claims)]
    assert pairs == [{LEARNED, BEATS}, {STANDING, BEATS}]
    assert [each.claim.kind for each in resolve(told.claims) if each.against is None] == [BEATS]


@pytest.mark.parametrize("seeds", [3, 10])
def test_few_seeds_that_differ_are_no_proof_that_nothing_was_learned(
    records: SyntheticRecords, seeds: int
) -> None:
    """An interval around 0 is told as no evidence; few seeds lead to more of them, many do not."""
    report = judged(flat(records), accuracy=0.1, loss=2.3)
    found = Learning(2.3, 0.2, -0.1, 0.5, seeds, False, 0.3, 20, 0.4)
    told = replace(report.answer, learning=found, warnings=())
    shown = card(report.study, told, records.trials)
    assert shown.headline == f"{seeds} seeds do not show whether the winner learned anything."
    assert "falls below its start, but not by more than seeds differ, on" in shown.lead
    assert "nothing was learned" not in f"{shown} {told.why_nothing_is_advised}".lower()
    assert ("confirm.seeds=" in shown.next_step.command) is (seeds == 3)
    assert not replace(found, high=0.001).unclear


def test_what_cannot_get_better_is_told_so(records: SyntheticRecords) -> None:
    """An accuracy of 1 before training on every seed: no noise, no rates; another score ranks such trials."""
    report = judged(flat(records), accuracy=0.1, loss=2.3)
    found = Learning(1.0, 0.0, math.nan, math.nan, 6, False, 0.0, 20, 0.0, perfect=6)
    objective = "validation_accuracy"
    search = report.study.search.model_copy(update={"objective": objective})
    study = report.study.model_copy(update={"search": search})
    shown = card(study, replace(report.answer, learning=found, warnings=()), records.trials)
    assert shown.headline == "Nothing was learned."
    assert "has the best value that it can have, 1, before training already, on 6 seeds" in shown.lead
    assert "rank by the loss" in shown.next_step.text
    assert "search.objective=validation_loss" in shown.next_step.command


def test_scores_that_beat_guessing_are_told(records: SyntheticRecords) -> None:
    """Where the loss of a winner rises while its accuracy beats guessing, no surface says that nothing was
    learned, or that targets may not belong to their rows."""
    report = judged(with_curves(records, rising), loss=2.4)
    told = card(report.study, report.answer, report.records.trials)
    assert told.standing == "unlearned"
    assert told.headline == "The validation loss does not show that the winner learned anything."
    assert "By accuracy, guessing is beaten on these test rows; other rows may differ." in told.lead
    assert "Retrain the finalists on more seeds" in told.next_step.text  # they may settle it
    for text in everywhere(report).values():
        assert "nothing was learned" not in text.lower()
        assert "targets belong" not in text


def test_worse_than_guessing_is_said_before_what_is_not_clear(records: SyntheticRecords) -> None:
    """Whether a loss that falls now and then learned is not clear; that guessing is better, is."""
    report = judged(with_curves(records, rising), loss=2.9, accuracy=0.02)
    assert report.answer is not None
    assert report.answer.learning is not None
    unclear = replace(report.answer.learning, fell=0.5, at_best=1.0, low=-1.0, high=2.0, learned=False)
    for above, headline in ((), "Worse than guessing"), (("accuracy",), "The validation loss does not show"):
        found = replace(report.answer, learning=replace(unclear, above_guess=above))
        doubted = doubt(report.study, found)
        assert doubted is not None
        assert doubted.headline.startswith(headline)


def test_nothing_learned_is_said_first(records: SyntheticRecords) -> None:
    """Headline, badge, JSON and every rendering say so before any setting; the next step is other rates."""
    report = judged(flat(records), accuracy=0.1, loss=2.3)
    told = card(report.study, report.answer, report.records.trials)
    assert (told.standing, told.headline) == ("unlearned", "Nothing was learned.")
    assert (
        "2.3 before training, 2.3 afterwards at the evaluation that is best on the other seeds" in told.lead
    )
    assert "search higher ones" in told.next_step.text
    assert not [fact for fact in told.facts if "tied" in fact.label.lower() or "use any" in fact.meaning]
    for text in everywhere(report).values():
        assert text.find("Nothing was learned.") >= 0
    assert report.answer.to_dict()["learned"] is False
    assert report.answer.warnings[0].startswith("Nothing was learned. ")


def test_the_best_of_several_evaluations_is_told_beside_its_score(records: SyntheticRecords) -> None:
    """It flatters, and that before training counts among them; the score on test rows, at the same
    evaluation, was no part of that choice."""
    report = judged(records)
    own = report.records.curves.query(f"trial == {report.answer.trial} and metric == 'validation_loss'")
    points = own["step"].nunique()
    told = {fact.label: fact.meaning for fact in card(report.study, report.answer, records.trials).facts}
    words = f"fresh seeds, on each the best of {points} evaluations, the one before training included"
    assert words in told["Validation loss"]
    assert ", each at its best evaluation" in told["Test set"]
