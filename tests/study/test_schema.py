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
from sweeper.study.builtin import builtin_studies
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
    ],
)
def test_slips_do_not_fit(line: str, where: str) -> None:
    """The key that is wrong is the one that an editor marks."""
    text = line if line.startswith(("name", "nmae")) else f"name = 'a'\n{line}"
    assert where in complaints(text)


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
