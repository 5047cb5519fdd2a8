"""Every command and option that a page prints works on the study that it was printed for."""

import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from report_inputs import SPACE, made_input, made_study
from synthetic_records import SyntheticRecords, synthetic_records

from sweeper.answer.claim_words import words
from sweeper.questions import QUESTIONS
from sweeper.questions.run_data import RunData
from sweeper.report.card import card
from sweeper.report.sections import judged, statements, tables_of
from sweeper.study.command_line import option, run_again
from sweeper.study.override import apply
from sweeper.study.study import Study

OPTION = re.compile(r"--set ('[^']*'|[^\s)]+)")


def troubled(seed: int = 3) -> SyntheticRecords:
    """Records with dead units, gradients that end, best trials at a bound, curves that rise."""
    made = synthetic_records(40, seed=seed)
    layers, trials, curves = made.layers, made.trials, made.curves
    end = layers["step"] == layers["step"].max()
    dead = end & (layers["measure"] == "dead") & (layers["layer"] == 2)
    cut = (layers["measure"] == "gradient_norm") & (layers["layer"] < 3) & (layers["trial"] % 8 < 4)
    layers = layers.assign(value=layers["value"].mask(dead, 0.6).mask(cut, 0.0))
    done = trials["outcome"] == "completed"
    better = trials["objective"].where(~done, -np.log10(trials["learning_rate"]) + 5)
    late = (curves["step"] > 300) & (curves["trial"] % 3 == 0)
    curves = curves.assign(value=curves["value"].mask(late, curves["value"] * 3))
    return SyntheticRecords(trials.assign(objective=better), curves, layers)


def sentences_of(run: RunData) -> str:
    """All that the page of a run says."""
    tables = tables_of(run)
    said = [statements(question, run, tables) for question in QUESTIONS if question.applies(run, tables)]
    claims = judged(said)
    return " ".join(text for part in said for text in words(part, claims))


STUDIES: dict[str, dict[str, Any]] = {
    "mlp": {"model": {"source": "mlp", "depth": 8, "init": "he"}},
    "own": {"model": {"source": "mine:net", "hidden": 32}},
    "own with depth": {"model": {"source": "mine:net", "depth": 8}, "training": {"steps": 400}},
    "rate by optimizer": {
        "search": {"space": {**SPACE, "learning_rate.adam": {"low": 1e-5, "high": 0.1, "log": True}}}
    },
    "schedule searched": {"search": {"space": {**SPACE, "schedule": ["constant", "cosine"]}}},
}


@pytest.mark.parametrize("name", STUDIES)
def test_every_option_on_a_page_is_one_that_its_study_takes(name: str) -> None:
    """Applied to the study it gives a valid one that differs in that key; own models are offered own keys
    only."""
    study = made_study(**STUDIES[name])
    text = sentences_of(made_input(troubled(), study=study))
    settings = {shlex.split(found)[0].rstrip(".,;") for found in OPTION.findall(text)}
    assert settings, "the records are such that something is advised"
    for setting in settings:
        raw = dict(study.to_dict())
        apply(raw, (setting,))
        changed = Study(trusted=True, **raw).to_dict()
        assert changed != study.to_dict(), setting
        key = setting.partition("=")[0]
        if key.startswith("model.") and name.startswith("own"):
            assert (key, name) == ("model.depth", "own with depth")
        if name == "schedule searched":
            assert "schedule" not in key


def test_options_are_refused_where_the_study_has_no_such_key() -> None:
    """An argument that the model lacks, or that nobody knows of, is not offered."""
    assert option(made_study(), "model.depth=3") == "--set model.depth=3"
    assert option(made_study(), "model.hidden=3") == ""
    assert option(made_study(model={"source": "mine:net"}), "model.depth=3") == ""
    assert (
        option(made_study(model={"source": "mine:net", "depth": 4}), "model.depth=3") == "--set model.depth=3"
    )


def test_the_command_of_the_card_is_understood(records: SyntheticRecords) -> None:
    """What the next step says names a study and settings that it takes."""
    run = made_input(troubled())
    command = shlex.split(
        card(run.study, run.answer, run.records.trials, Path("reports/made")).next_step.command
    )
    assert command[:2] == ["sweeper", "run"] or command[0] == "python"
    again = shlex.split(run_again(Study.load("digits"), "name=digits-2"))
    assert again == ["sweeper", "run", "digits", "--set", "name=digits-2"]
    assert Study.load("digits", (again[-1],)).name == "digits-2"
