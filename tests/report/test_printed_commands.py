"""Every command and option that a page prints works on the study that it was printed for."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from quick_runs import quick, write_study
from quick_runs import run as run_study
from report_inputs import SPACE, OnDemand, made_input, made_study
from soak import SOAK
from synthetic_records import SyntheticRecords, synthetic_records

from sweeper.answer.claim_words import words
from sweeper.questions import QUESTIONS
from sweeper.questions.gradient_verdicts import gradient_verdicts
from sweeper.questions.run_data import RunData
from sweeper.records.reading import load
from sweeper.records.store import Records
from sweeper.report.card import card
from sweeper.report.sections import judged, statements
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
    tables = OnDemand(run)
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
    """Applied to the study it gives a valid one that differs in that key, and no mark of the sentence stands
    at its end, which would be copied along; own models are offered own keys only."""
    study = made_study(**STUDIES[name])
    text = sentences_of(made_input(troubled(), study=study))
    settings = {shlex.split(found)[0] for found in OPTION.findall(text)}
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
    renamed = Study.load("digits", ("name=small", "model.depth=2", "search.trials=9"))
    words = shlex.split(run_again(renamed, "search.trials=12"))
    assert words[:3] == ["sweeper", "run", "digits"]
    settings = tuple(words[at + 1] for at, word in enumerate(words) if word == "--set")
    asked = Study.load("digits", settings)
    assert (asked.name, asked.model.options["depth"], asked.search.trials) == ("small", 2, 12)
    assert again == ["sweeper", "run", "digits", "--set", "name=digits-2"]
    assert Study.load("digits", (again[-1],)).name == "digits-2"


TINY = """
name = "tiny"
[data]
source = "misbehaving:data"
[model]
{model}
[training]
steps = 4
batch_size = 20
evaluations = 2
device = "cpu"
[search]
trials = 4
generation = 2
[search.space]
optimizer = ["sgd", "adam"]
activation = {activation}
learning_rate = {{ low = 1e-3, high = 1e-1, log = true }}
[confirm]
finalists = 0
"""
OWN_NET = """
from torch import nn

def net(in_features, out_features, activation, depth=8, hidden=4):
    layers = []
    for _ in range(depth):
        layers += [nn.Linear(in_features, hidden), activation()]
        in_features = hidden
    return nn.Sequential(*layers, nn.Linear(in_features, out_features))
"""
MODELS = {
    "mlp": 'source = "mlp"\ndepth = 8\nwidth = 4\ninit = "torch"',
    "own": 'source = "mine:net"\ndepth = 8\nhidden = 3',
}


def written(folder: Path, model: str, activation: str) -> Study:
    """The tiny study with one of `MODELS`, as a file in `folder` beside its code."""
    write_study(folder)
    (folder / "mine.py").write_text(OWN_NET, encoding="utf-8")
    text = TINY.format(model=MODELS[model], activation=activation)
    (folder / "study.toml").write_text(text, encoding="utf-8")
    return Study.load(folder / "study.toml")


def run_with(folder: Path, model: str, activation: str, *settings: str) -> tuple[Study, Records]:
    """The study and the records of the tiny study, trained in this process with `settings`."""
    written(folder, model, activation)
    words = [word for setting in ("name=again", *settings) for word in ("--set", setting)]
    with quick():
        code, _, err = run_study(folder, *words, "--fresh")
    assert code == 0, err
    return Study.load(folder / "runs" / "again" / "study.toml"), load(folder / "runs" / "again" / "records")


def does(setting: str, study: Study, records: Records) -> bool:
    """Whether the trainings of a run are what an option asks for."""
    key, _, value = setting.partition("=")
    trials = records.trials
    if key == "search.space.activation":
        return set(trials["activation"]) <= set(json.loads(value))
    if key == "model.depth":
        own = records.layers[records.layers["measure"] == "saturated"]
        return own["layer"].nunique() == int(value)
    if key == "training.steps":
        return set(trials.loc[trials["outcome"] == "completed", "steps"]) == {int(value)}
    if key == "search.space.schedule":
        rates = records.curves[records.curves["metric"] == "learning_rate"]
        return bool((rates.groupby(["trial", "seed"])["value"].nunique() > 1).any())
    if key == "search.space.weight_decay":
        return bool((trials["weight_decay"] > 0).any())
    if key.startswith("search.space.learning_rate"):
        ranged = study.space.entries["learning_rate"]
        return getattr(ranged, key.rpartition(".")[2]) == float(value)
    section, _, name = key.partition(".")
    return str(study.to_dict()[section][name]) == value


@pytest.mark.parametrize("model", MODELS if SOAK else ["own"])
def test_every_option_on_a_page_is_run_and_does_what_it_says(model: str, tmp_path: Path) -> None:
    """The options of the page of a study are run on that study, and its trainings are as they ask; a model of
    the user's own gets its own arguments alone."""
    study = written(tmp_path, model, '["relu", "sigmoid"]')
    made = synthetic_records(40, activations=("sigmoid", "relu"))
    pages = [sentences_of(made_input(each, study=study)) for each in (troubled(), made)]
    found = {shlex.split(found)[0] for text in pages for found in OPTION.findall(text)}
    left = sorted(each.replace("=800", "=8") for each in found)  # 800 steps take long
    keys = {each.partition("=")[0] for each in left}
    assert keys >= {"search.space.activation", "training.steps", "model.depth"}
    while left:  # as many at once as are about different keys
        together = list({each.partition("=")[0]: each for each in left}.values())
        asked, records = run_with(tmp_path, model, '["relu", "sigmoid"]', *together)
        for setting in together:
            assert does(setting, asked, records), setting
            left.remove(setting)


def test_initial_weights_that_a_page_proposes_help(tmp_path: Path) -> None:
    """SiLU with torch's own initial weights: the page says so, and what it proposes mends the gradients."""
    study, before = run_with(tmp_path, "mlp", '["silu"]', "model.width=32")
    run = made_input(SyntheticRecords(before.trials, before.curves, before.layers), study=study, test=False)
    text = sentences_of(run)
    assert "The initial weights are too small for silu (--set model.init=auto)" in text
    study, after = run_with(tmp_path, "mlp", '["silu"]', "model.width=32", "model.init=auto")
    mended = made_input(SyntheticRecords(after.trials, after.curves, after.layers), study=study, test=False)
    slopes = [gradient_verdicts(each)["slope"].iloc[0] for each in (run, mended)]
    assert abs(slopes[1]) < abs(slopes[0]) / 2
