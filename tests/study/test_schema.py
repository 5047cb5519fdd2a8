"""The JSON Schema of study files: what is right fits, slips do not, and an editor is offered what exists."""

import json
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pages import PAGES, blocks

from sweeper.cli import main
from sweeper.components.activations import ACTIVATIONS
from sweeper.components.optimizers import OPTIMIZERS
from sweeper.errors import StudyError
from sweeper.study.find import builtin_studies
from sweeper.study.schema import study_schema
from sweeper.study.study import Study
from sweeper.study.template import template

SCHEMA = study_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
RIGHT = {name: file.read_text(encoding="utf-8") for name, file in builtin_studies().items()}
RIGHT |= {
    f"{p.name}:{b.file}": b.text for p in PAGES for b in blocks(p, "toml") if "[search.space]" in b.text
}
RIGHT["template"] = template("mine", "mine.toml")
WRONG = {"mistakes.toml"}
"""Files of the pages that show mistakes."""


def complaints(text: str) -> list[str]:
    """Where a study does not fit, as dotted keys."""
    return [".".join(map(str, e.absolute_path)) for e in VALIDATOR.iter_errors(tomllib.loads(text))]


def test_it_is_a_schema() -> None:
    """Of draft 2020-12; `sweeper schema` prints it and nothing else."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    """As JSON on stdout."""
    with pytest.raises(SystemExit) as end:
        main(["schema"])
    assert (end.value.code, json.loads(capsys.readouterr().out)) == (0, SCHEMA)


def test_every_study_that_is_shown_fits() -> None:
    """Built-in studies, those of the pages, and what `sweeper init` writes, comments taken for keys too."""
    texts = {name: text for name, text in RIGHT.items() if name.partition(":")[2] not in WRONG}
    assert len(texts) > 12
    assert {name: found for name, text in texts.items() if (found := complaints(text))} == {}


def test_a_whole_study_fits() -> None:
    """Every key that a section has, with its default filled in."""
    study = Study(name="whole", search={"try": [{"learning_rate": 0.01}]})
    assert complaints(study.to_toml()) == []


@pytest.mark.parametrize(
    ("line", "where"),
    [
        ("name = 'a b'", "name"),
        ("nmae = 'a'", ""),
        ("[training]\nepoch = 3", "training"),
        ("[training]\nepochs = 'many'", "training.epochs"),
        ("[training]\nschedule = 'cosin'", "training.schedule"),
        ("[training]\nsteps = 0", "training.steps"),
        ("[training]\ndevice = 'gpu'", "training.device"),
        ("[training]\nloss = 'cross'", "training.loss"),
        ("[search]\ntrials = 2.5", "search.trials"),
        ("[search]\nsampler = 'bayes'", "search.sampler"),
        ("[model]\nsource = 'mpl'", "model.source"),
        ("[model]\ninit = 'hee'", "model.init"),
        ("[data]\nsource = 'digit'", "data.source"),
        ("[confirm]\nseeds = -1", "confirm.seeds"),
        ("[search.space]\nlearning_rat = 1", "search.space"),
        ("[search.space]\nlearning_rate = -1", "search.space.learning_rate"),
        ("[search.space]\noptimizer = ['adam', 'adm']", "search.space.optimizer"),
        ("[search.space]\nactivation = []", "search.space.activation"),
        ("[search.space]\nmomentum = { low = 'a', high = 1 }", "search.space.momentum"),
        ("[search.space]\n'learning_rate.sgd' = 'fast'", "search.space.learning_rate.sgd"),
        ("[search.space]\n'training.batch_size' = [32, 'all']", "search.space.training.batch_size"),
        ("[search.space]\noptimizer = ['adam', 'adam']", "search.space.optimizer"),
        ("[search.space]\neps = { low = 1e-9, hihg = 1e-3 }", "search.space.eps"),
        ("[search.space]\nbetas = [0.9, 1.0]", "search.space.betas"),
        ("[data]\nrows = 10", "data"),
        ("[data]\nsource = 'teacher'\nrows = 'many'", "data.rows"),
        ("[data]\nsource = 't.csv'\nrows = 10", "data"),
        ("[data]\nsource = 't.csv'\ndrop = 'id'", "data.drop"),
        ("[data]\nsource = 'photos/'\nsize = 0", "data.size"),
        ("[data]\nsplit = [0.5, 0.5]", "data.split"),
        ("[model]\nwidht = 3", "model"),
        ("[model]\nsource = 'cnn'\ndepth = 3", "model"),
        ("[model]\ndepth = 'deep'", "model.depth"),
        ("[training]\nmetrics = ['accurracy']", "training.metrics.0"),
        ("[training]\nparam_groups = 'decay'", "training.param_groups"),
        ("[training]\nclass_weight = [1]", "training.class_weight"),
        ("[search]\nobjective = 'loss'", "search.objective"),
        ("[search]\nallow_activations = ['soft']", "search.allow_activations.0"),
        ("[expect]\nfinding = 'it holds'", "expect"),
    ],
)
def test_slips_do_not_fit(line: str, where: str, tmp_path: Path) -> None:
    """The key that is wrong is the one that an editor marks; the study is refused as well."""
    text = line if line.startswith(("name", "nmae")) else f"name = 'a'\n{line}"
    assert where in complaints(text)
    file = tmp_path / "wrong.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(StudyError):
        Study.load(file)


@pytest.mark.parametrize(
    "line",
    [
        "data = 'digits'\nmodel = 'mlp'",
        "[data]\nsource = 'teacher'\nrows = 50",
        "[data]\nclasses = 10",
        "[training]\nclass_weight = 'balanced'\nmetrics = ['top_3_accuracy', 'f1']",
        "[training]\nparam_groups = 'decay_weights'\ncompile = false",
        "[search]\nobjective = 'validation_auc'\n[data]\nsource = 'breast_cancer'",
        "[search.space]\n'training.epochs' = [1, 2]\nbetas = [[0.9, 0.99], [0.8, 0.9]]",
        "[search.space]\n'model.norm' = ['none', 'batch']",
    ],
)
def test_what_a_study_takes_fits(line: str, tmp_path: Path) -> None:
    """An editor marks nothing that is right."""
    file = tmp_path / "right.toml"
    file.write_text(f"name = 'a'\n{line}", encoding="utf-8")
    Study.load(file)
    assert complaints(file.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("class_weight = []", 'must be "balanced", or a list of a number from 0 to 1e9 for each class'),
        ("compile = 'yes'", 'must be true or false, or "auto"'),
    ],
)
def test_alternatives_are_said_in_words(line: str, message: str, tmp_path: Path) -> None:
    """A key that takes a word or something else names both, and nothing of the code."""
    file = tmp_path / "wrong.toml"
    file.write_text(f"name = 'a'\n[training]\n{line}", encoding="utf-8")
    with pytest.raises(StudyError) as caught:
        Study.load(file)
    assert str(caught.value).splitlines()[1:] == [f"  training.{line}: {message}"]


def test_an_editor_is_offered_what_exists() -> None:
    """Keys of sections, and names of optimizers and activations, are in the schema where an editor looks."""
    space: dict[str, Any] = SCHEMA["properties"]["search"]["properties"]["space"]["properties"]
    assert space["optimizer"]["anyOf"][0]["anyOf"][0]["enum"] == list(OPTIMIZERS)
    assert space["activation"]["anyOf"][1]["items"]["anyOf"][0]["enum"] == list(ACTIVATIONS)
    assert {"loss", "epochs", "batch_size"} <= set(SCHEMA["properties"]["training"]["properties"])


def test_a_study_may_name_its_schema(tmp_path: Path) -> None:
    """The line for editors is a comment."""
    file = tmp_path / "mine.toml"
    file.write_text('#:schema study.schema.json\nname = "mine"\n', encoding="utf-8")
    assert Study.load(file).name == "mine"
