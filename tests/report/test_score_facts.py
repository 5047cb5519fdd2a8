"""The scores of the card: their unit, and those next to what a perfect model has."""

from dataclasses import replace

import pytest
from report_inputs import SPACE, made_input, made_study
from synthetic_records import SyntheticRecords, synthetic_records

from sweeper.answer.bounds import score_words
from sweeper.report.card import card


@pytest.mark.parametrize(
    ("loss", "standardized", "told"),
    [("mse", True, True), ("mse", False, False), ("cross_entropy", True, False)],
)
def test_scores_of_standardized_targets_are_told_as_such(
    records: SyntheticRecords, loss: str, standardized: bool, told: bool
) -> None:
    """A mean absolute error of 0.2 is no amount of money; class labels are never standardized."""
    study = made_study(training={"loss": loss}, data={"standardize_target": standardized})
    run = made_input(records, study=study)
    facts = card(run.study, run.answer, run.records.trials).facts
    assert ("Unit" in [fact.label for fact in facts]) is told


@pytest.mark.parametrize(
    ("metric", "value", "text"),
    [
        ("average_precision", 0.99967, "0.9997"),
        ("validation_auc (higher is better)", 0.9999999, "0.9999999"),
        ("auc", 1.0, "1"),
        ("auc", 0.9987, "0.999"),
        ("mcc", -0.9996, "−0.9996"),
        ("loss", 0.9996, "1"),
    ],
)
def test_no_score_is_told_as_perfect_that_is_not(metric: str, value: float, text: str) -> None:
    """A mean below the best value has as many digits as show it."""
    assert score_words(metric, value) == text


@pytest.mark.parametrize(("positive", "said"), [("well", "class 1, “well”"), ("1", "class 1"), ("", "")])
def test_scores_of_one_class_name_it(records: SyntheticRecords, positive: str, said: str) -> None:
    """F1 of the class that most rows have says little; runs of earlier releases do not say which it is."""
    run = made_input(records)
    assert run.answer is not None
    scores = {"loss": 0.2, "accuracy": 0.9, "auc": 0.8, "f1": 0.97, "average_precision": 0.95}
    answer = replace(run.answer, test=scores, test_seeds=5, positive=positive)
    facts = {fact.label: fact.meaning for fact in card(run.study, answer, run.records.trials).facts}
    assert facts["Other scores"].endswith(f"; F1 and average precision are of {said}") == bool(positive)
    assert "of class" not in facts["Test set"]
    counted = replace(answer, positives={"train": 30, "validation": 8, "test": 8})
    facts = {fact.label: fact.meaning for fact in card(run.study, counted, run.records.trials).facts}
    assert facts["Other scores"].endswith(f" of {said}, with 8 test rows") == bool(positive)


@pytest.mark.parametrize("minutes", [0.2, None])
def test_a_time_limit_is_named_with_the_trials_that_it_allowed(
    records: SyntheticRecords, minutes: float | None
) -> None:
    """521 of 5,000 would else be a riddle."""
    asked = {**made_study().to_dict()["search"], "trials": 5000, "minutes": minutes}
    run = made_input(records, study=made_study(search=asked))
    facts = {fact.label: fact.meaning for fact in card(run.study, run.answer, run.records.trials).facts}
    assert ("; of 5,000 asked for, as search.minutes = 0.2 ended the search" in facts["Trials"]) == (
        minutes is not None
    )


def test_what_no_finalist_has_is_named() -> None:
    """Optimizers and activations of the search that fresh seeds did not try; nothing where all were."""
    made = synthetic_records(24, finalists=2, seeds=6)
    run = made_input(made, study=made_study(confirm={"finalists": 2, "seeds": 6}))
    trials = made.trials
    fresh = set(trials.loc[trials["phase"] == "confirm", "trial"])
    search = trials[trials["phase"] != "confirm"]
    told = {fact.label: fact for fact in card(run.study, run.answer, trials).facts}
    left = {
        name: set(search[name]) - set(search.loc[search["trial"].isin(fresh), name])
        for name in ("optimizer", "activation")
    }
    assert all(value in told["In no finalist"].value for values in left.values() for value in values)
    retrained = trials[trials["trial"].isin(fresh)]
    assert "In no finalist" not in {fact.label for fact in card(run.study, run.answer, retrained).facts}


def test_values_of_other_compared_settings_are_named_too() -> None:
    """Depths that were compared in the search, and that no finalist has; not what was merely tuned."""
    made = synthetic_records(24, finalists=2, seeds=6)
    space = {**SPACE, "model.depth": [1, 2, 3]}
    for scientific, said in ((["optimizer", "model.depth"], True), (["optimizer"], False)):
        study = made_study(search={"trials": 24, "space": space, "scientific": scientific})
        run = made_input(made, study=study)
        fresh = set(made.trials.loc[made.trials["phase"] == "confirm", "trial"])
        depth = [2 if trial in fresh else trial % 3 + 1 for trial in made.trials["trial"]]
        trials = made.trials.assign(**{"model.depth": depth})
        told = {fact.label: fact for fact in card(study, run.answer, trials).facts}
        assert ("model.depth = 1 and 3" in told["In no finalist"].value) is said
