"""The settings that a card lists, and those that its headline names."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from made_up import MIXED
from report_inputs import SPACE, made_input, made_study
from synthetic_records import SyntheticRecords

from sweeper.components.optimizers import OPTIMIZERS
from sweeper.report.note import note, plain_answer
from sweeper.report.notebook import answer_html
from sweeper.report.use import LABELS, headline_of, in_words, settings

CHOSEN = {"optimizer": "adam", "learning_rate": 0.01, "activation": "tanh", "activation_penalty": 0.001}
CHOSEN |= {"betas": (0.8, 0.99), "model.depth": 2, "model.width": 48, "training.batch_size": 64}
SEARCHED = {**MIXED, "weight_decay": {"low": 1e-4, "high": 0.1, "log": True}, "amsgrad": [True, False]}
"""Of `CHOSEN` and what the test adds: all that trials of adam differ in."""


@pytest.mark.parametrize(("weight", "told"), [(0.0, False), (1e-3, True)])
def test_a_penalty_of_zero_has_no_kind(weight: float, told: bool) -> None:
    """The kind stands beside a penalty alone."""
    study = made_study(search={"space": {**SPACE, "penalty_kind": ["l1", "l2"]}})
    chosen = {"optimizer": "sgd", "learning_rate": 0.1, "activation_penalty": weight, "penalty_kind": "l1"}
    assert ("Penalty kind" in settings(chosen, study)) is told


def test_every_searched_setting_is_named_on_every_surface(records: SyntheticRecords) -> None:
    """In the first sentence of the answer, in the words of page, terminal, note and notebook; the JSON has
    each with its value. A setting that is the same for all trials of the optimizer is not in it."""
    study = made_study(search={"space": SEARCHED})
    chosen = {**CHOSEN, "weight_decay": 0.02, "amsgrad": True}
    assert {name for name, (_, values) in study.space.active("adam").items()} == {*chosen} - {"optimizer"}
    report = made_input(records, study=study)
    answer = replace(report.answer, parameters=chosen)
    headline = headline_of(study, answer)
    assert headline == (
        "Use adam with a learning rate of 0.01, tanh, an activation penalty of 0.001, amsgrad = yes, "
        "betas = (0.8, 0.99), model.depth = 2, model.width = 48, training.batch_size = 64 and a weight decay "
        "of 0.02."
    )
    made = replace(report, answer=answer)
    texts = [surface(study, answer, report.records) for surface in (plain_answer, note)]
    for text in (*texts, answer_html(made)):
        assert headline in " ".join(text.replace("\\", "").split())
    kept = json.loads(json.dumps(answer.to_dict()))["parameters"]
    assert kept == {**chosen, "betas": [0.8, 0.99]}
    fixed = made_study(search={"space": {**SEARCHED, "weight_decay": 0.02}})
    assert "weight decay" not in headline_of(fixed, answer)


def test_headline_and_table_call_a_setting_the_same() -> None:
    """What the table of the card has a label for, the first sentence calls by that label, not by its key."""
    space = {
        **SPACE,
        "penalty_kind": ["l1", "l2"],
        "schedule": ["constant", "cosine"],
        "momentum": [0.0, 0.9],
    }
    study = made_study(search={"space": {**space, "optimizer": ["sgd"], "weight_decay": [0.0, 0.1]}})
    chosen = {"optimizer": "sgd", "learning_rate": 0.1, "activation": "tanh", "activation_penalty": 0.01}
    chosen |= {"penalty_kind": "l1", "schedule": "cosine", "momentum": 0.9, "weight_decay": 0.1}
    told = in_words(study, SimpleNamespace(parameters=chosen))
    assert set(settings(chosen, study)) == set(LABELS.values())
    for name in (
        "penalty_kind",
        "schedule",
        "momentum",
        "weight_decay",
        "activation_penalty",
        "learning_rate",
    ):
        assert LABELS[name].lower() in told.lower()
    assert " = " not in told


@pytest.mark.parametrize("key", ["schedule", "training.schedule"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_no_schedule_is_recommended_where_it_does_nothing(optimizer: str, key: str) -> None:
    """An optimizer that makes its own steps trains the same with every schedule: neither table nor sentence
    names the one that was drawn."""
    study = made_study(search={"space": {**SPACE, "optimizer": [optimizer], key: ["constant", "cosine"]}})
    chosen = {"optimizer": optimizer, "learning_rate": 0.1, "activation": "tanh", key: "cosine"}
    named = not OPTIMIZERS[optimizer].first_step_only
    assert ("cosine" in in_words(study, SimpleNamespace(parameters=chosen))) is named
    assert ("cosine" in settings(chosen, study).values()) is named
