"""``sweeper init``: the file it writes loads, and names all that there is."""

from pathlib import Path

import pytest

from sweeper.components.activations import ACTIVATIONS
from sweeper.components.initializers import INITIALIZERS
from sweeper.components.losses import LOSSES
from sweeper.components.models import MODELS
from sweeper.components.optimizers import OPTIMIZERS
from sweeper.components.schedules import SCHEDULES
from sweeper.data.sources import DATASETS
from sweeper.errors import UserError
from sweeper.study.sections import SearchSection, TrainingSection
from sweeper.study.study import Study
from sweeper.study.template import template, write_template


def test_the_file_loads(tmp_path: Path) -> None:
    """What is written is a valid study, called like its file."""
    file = write_template(tmp_path / "mine.toml")
    study = Study.load(file)
    assert (file, study.name) == (tmp_path / "mine.toml", "mine")
    assert {"optimizer", "learning_rate", "activation", "activation_penalty"} <= set(study.space.parameters)


def test_what_is_commented_out_loads_too(tmp_path: Path) -> None:
    """The suggestions in comments are valid settings."""
    text = template("all", "all.toml").replace('# target = "label"', 'target = "label"')
    for key in ("minutes", "weight_decay", '"model.depth"'):
        assert f"\n# {key} = " in text
        text = text.replace(f"\n# {key} = ", f"\n{key} = ")
    (tmp_path / "all.toml").write_text(text, encoding="utf-8")
    study = Study.load(tmp_path / "all.toml")
    assert {"weight_decay", "model.depth"} <= set(study.space.parameters)
    assert (study.search.minutes, study.data.target) == (10, "label")


def test_every_name_and_key_is_there() -> None:
    """The lists in the comments hold every registered name; every key stands in the file."""
    text = " ".join(template("x", "x.toml").replace("\n#", " ").split())
    hidden = [a.name for a in ACTIVATIONS.values() if a.elementwise]
    for names in (DATASETS, MODELS, INITIALIZERS, LOSSES, SCHEDULES, OPTIMIZERS, hidden):
        assert ", ".join(names) in text
    for key in {*TrainingSection.model_fields, *SearchSection.model_fields} - {
        "generation",
        "lag",
        "allow_activations",
        "space",
        "tries",
    }:
        assert f"{key} = " in text, key
    assert "[[search.try]]" in text


@pytest.mark.parametrize(
    ("path", "file", "name"),
    [
        ("plain", "plain.toml", "plain"),
        ("", "mystudy.toml", "mystudy"),
        ("a study, mine.toml", "a study, mine.toml", "a-study-mine"),
        ("äöü.toml", "äöü.toml", "mystudy"),
    ],
)
def test_where_it_is_written(path: str, file: str, name: str, tmp_path: Path) -> None:
    """`.toml` is added; in a folder it is mystudy.toml; the name of the study has no odd characters."""
    assert write_template(tmp_path / path) == tmp_path / file
    assert Study.load(tmp_path / file).name == name


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """A file that is there stays as it is."""
    file = tmp_path / "mine.toml"
    file.write_text("precious", encoding="utf-8")
    with pytest.raises(UserError) as caught:
        write_template(tmp_path / "mine")
    assert str(caught.value) == f"{file} is there already; give another name, or remove it first"
    assert file.read_text(encoding="utf-8") == "precious"


def test_no_folder_is_made(tmp_path: Path) -> None:
    """A folder that is not there is rather a slip than a wish."""
    file = tmp_path / "no" / "mine.toml"
    with pytest.raises(UserError) as caught:
        write_template(file)
    assert (
        str(caught.value) == f"{file} cannot be written: there is not a folder {file.parent}; make it first"
    )
    assert list(tmp_path.iterdir()) == []


def test_another_ending_is_refused(tmp_path: Path) -> None:
    """A study file ends in .toml."""
    with pytest.raises(UserError) as caught:
        write_template(tmp_path / "mine.txt")
    assert str(caught.value) == f"{tmp_path / 'mine.txt'}: a study file ends in .toml"
