"""Study files become frozen studies: names and paths, defaults, round trips."""

import pickle
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from pydantic import ValidationError
from torch import nn

from sweeper.errors import UserError
from sweeper.study.find import builtin_studies, written_device
from sweeper.study.sections import (
    ConfirmSection,
    DataSection,
    ModelSection,
    SearchSection,
    TrainingSection,
)
from sweeper.study.study import Study

WHOLE: dict[str, Any] = {
    "name": "whole",
    "question": "Does every key survive?",
    "data": {
        "source": "two_spirals",
        "target": "label",
        "split": [0.5, 0.3, 0.2],
        "standardize": False,
        "standardize_target": True,
        "rows": 100,
    },
    "model": {"source": "cnn", "init": "he", "channels": [4, 8], "image": [2, 1, 1]},
    "training": {
        "loss": "cross_entropy",
        "steps": 30,
        "batch_size": "full",
        "schedule": "cosine",
        "evaluations": 3,
        "timeout": 5.0,
        "dtype": "float64",
        "device": "cpu",
        "compile": False,
        "label_smoothing": 0.1,
        "class_weight": [1.0, 2.0],
        "quantile": 0.5,
        "ignore_index": -100,
        "metrics": ["auc"],
    },
    "search": {
        "trials": 9,
        "minutes": 2.5,
        "seed": 3,
        "sampler": "tpe",
        "pruner": "none",
        "scientific": ["optimizer"],
        "generation": 4,
        "lag": 1,
        "objective": "validation_error",
        "allow_activations": ["softmax"],
        "space": {
            "optimizer": ["sgd", "adam"],
            "learning_rate": {"low": 1e-3, "high": 1.0, "log": True},
            "learning_rate.sgd": 0.1,
            "betas": [0.8, 0.9],
            "activation": ["softmax", "relu"],
            "model.channels": [[4, 8], [2]],
        },
    },
    "confirm": {"finalists": 2, "seeds": 3, "matters": 0.01},
}


def written(folder: Path, content: dict[str, Any]) -> Path:
    """The content as a study file."""
    file = folder / "study.toml"
    file.write_text(tomli_w.dumps(content), encoding="utf-8")
    return file


def test_defaults_of_every_section(tmp_path: Path) -> None:
    """A study with a name alone has the documented defaults."""
    study = Study.load(written(tmp_path, {"name": "least"}))
    assert study.data == DataSection(
        source="digits", target=None, split=(0.6, 0.2, 0.2), standardize=True, standardize_target=False
    )
    assert study.model == ModelSection(source="mlp", init=None)
    assert study.training == TrainingSection(
        loss="cross_entropy",
        epochs=20.0,
        batch_size=64,
        schedule="constant",
        evaluations=20,
        timeout=600.0,
        dtype="float32",
        device="auto",
        compile="auto",
        label_smoothing=0.0,
        class_weight=None,
        quantile=0.5,
        ignore_index=-100,
        metrics=(),
    )
    assert study.search == SearchSection(
        trials=60,
        minutes=None,
        seed=0,
        sampler="auto",
        pruner="halving",
        scientific=("optimizer", "activation"),
        generation=None,
        objective="validation_loss",
        maximize=None,
        allow_activations=(),
        space={"learning_rate": {"low": 1e-5, "high": 0.1, "log": True}},
    )
    assert study.confirm == ConfirmSection(finalists=5, seeds=10)
    assert (study.question, study.training.steps, study.folder) == ("", None, tmp_path)


def test_every_key_is_read(tmp_path: Path) -> None:
    """What the file says is what the study holds; further keys are arguments of the functions."""
    study = Study.load(written(tmp_path, WHOLE))
    assert study.data.options == {"rows": 100}
    assert study.model.options == {"channels": [4, 8], "image": [2, 1, 1]}
    assert (study.training.steps, study.training.epochs, study.training.batch_size) == (30, None, "full")
    assert study.to_dict() == WHOLE


def test_round_trip(tmp_path: Path) -> None:
    """`to_toml` writes the file that loads as the same study."""
    study = Study.load(written(tmp_path, WHOLE))
    (tmp_path / "again.toml").write_text(study.to_toml(), encoding="utf-8")
    assert Study.load(tmp_path / "again.toml") == study


@pytest.mark.parametrize("name", builtin_studies())
def test_built_in_studies_load_by_name_from_any_folder(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A built-in study needs no path, is called like its file, and survives the round trip."""
    monkeypatch.chdir(tmp_path)
    study = Study.load(name)
    assert study.name == name
    (tmp_path / "again.toml").write_text(study.to_toml(), encoding="utf-8")
    assert Study.load(tmp_path / "again.toml").to_dict() == study.to_dict()


def test_the_default_study_is_what_it_promises() -> None:
    """digits: at least 6 layers deep, 60 configurations over all four axes, 5 finalists × 10 seeds."""
    study = Study.load("digits")
    assert study.model.options["depth"] >= 6
    assert study.search.trials >= 60
    assert {"optimizer", "learning_rate", "activation", "activation_penalty"} <= set(study.space.parameters)
    assert (study.confirm.finalists, study.confirm.seeds) == (5, 10)


def test_a_path_comes_before_a_built_in_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file called like a built-in study is taken; a folder of that name is not in the way."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits").mkdir()
    assert Study.load("digits").question.startswith("Which learning rate")
    (tmp_path / "digits").rmdir()
    (tmp_path / "digits").write_text('name = "mine"', encoding="utf-8")
    assert Study.load("digits").name == "mine"


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    """Files that Windows editors save load too."""
    (tmp_path / "s.toml").write_bytes(b'\xef\xbb\xbfname = "marked"\r\n')
    assert Study.load(tmp_path / "s.toml").name == "marked"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'name = "a"\nname = "b"', "not a valid TOML file: Cannot overwrite a value (at end of document)"),
        (b"name = ", "not a valid TOML file: Invalid value (at end of document)"),
        (
            b"\xff\xfe\x00",
            "not a UTF-8 text file (byte 0); save it in UTF-8",
        ),
    ],
)
def test_what_is_no_toml_is_one_message(content: bytes, message: str, tmp_path: Path) -> None:
    """A syntax error names the file and the place."""
    file = tmp_path / "bad.toml"
    file.write_bytes(content)
    with pytest.raises(UserError) as caught:
        Study.load(file)
    assert str(caught.value) == f"{file}: {message}"


def test_a_study_that_is_not_there() -> None:
    """The message says what exists and what was meant."""
    with pytest.raises(UserError) as caught:
        Study.load("digts")
    names = ", ".join(builtin_studies())
    assert str(caught.value) == (
        f"no study 'digts': neither a file nor a built-in study; did you mean 'digits'? allowed: {names}"
    )


@pytest.mark.parametrize("asked", ["chrun.toml", "churn", "Churn.tml"])
def test_a_study_file_of_nearly_that_name_is_proposed(tmp_path: Path, asked: str) -> None:
    """Letters exchanged, or the ending forgotten; what lies elsewhere is not searched."""
    (tmp_path / "churn.toml").write_text("", encoding="utf-8")
    with pytest.raises(UserError) as caught:
        Study.load(tmp_path / asked)
    assert f"did you mean '{tmp_path / 'churn.toml'}'? allowed: " in str(caught.value)
    with pytest.raises(UserError) as caught:
        Study.load(tmp_path / "none" / asked)
    assert "did you mean" not in str(caught.value)


def test_a_folder_is_no_study(tmp_path: Path) -> None:
    """A folder is named as such."""
    with pytest.raises(UserError, match=r"is a folder; give a \.toml file or one of: "):
        Study.load(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        lambda study: setattr(study, "name", "other"),
        lambda study: setattr(study.training, "epochs", 3.0),
        lambda study: setattr(study.model, "channels", [3]),
    ],
)
def test_fields_are_frozen(change: Any, tmp_path: Path) -> None:
    """No attribute of a study or a section can be set."""
    study = Study.load(written(tmp_path, WHOLE))
    with pytest.raises(ValidationError, match="frozen"):
        change(study)


def test_what_fields_hold_is_frozen(tmp_path: Path) -> None:
    """Neither the space nor the options can be changed from outside, all the way down."""
    study = Study.load(written(tmp_path, WHOLE))
    with pytest.raises(TypeError, match="a study is frozen"):
        study.search.space["optimizer"] = "adam"
    with pytest.raises(TypeError, match="a study is frozen"):
        study.search.space["learning_rate"].update(low=1)
    study.model.options["channels"].append(99)
    assert study.model.options["channels"] == [4, 8]
    assert isinstance(study.search.space["model.channels"][0], tuple)


def test_studies_survive_pickling(tmp_path: Path) -> None:
    """Workers get the same study, folder included, and as frozen."""
    study = Study.load(written(tmp_path, WHOLE))
    copy = pickle.loads(pickle.dumps(study))
    assert copy == study
    assert copy.folder == tmp_path
    with pytest.raises(TypeError, match="a study is frozen"):
        copy.search.space.clear()


def test_short_forms_and_functions() -> None:
    """In Python, data and model may be a name or a function, and sections mappings."""

    def model(in_features: int, out_features: int) -> nn.Module:
        return nn.Linear(in_features, out_features)

    study = Study(name="mine", data="wine", model=model, search={"trials": 4})
    assert (study.data.source, study.model.source, study.search.trials) == ("wine", model, 4)
    assert study.to_dict()["model"]["source"].endswith(":test_short_forms_and_functions.<locals>.model")


def test_whole_numbers() -> None:
    """20.0 is a whole number, of numpy too; a numpy array is a list."""
    import numpy as np

    space = {"learning_rate": np.array([0.1, 0.2])}
    study = Study(name="n", training={"steps": 20.0, "batch_size": np.int64(8)}, search={"space": space})
    assert (study.training.steps, study.training.batch_size) == (20, 8)
    assert type(study.training.steps) is type(study.training.batch_size) is int
    assert study.space.entries["learning_rate"].values == (0.1, 0.2)


@pytest.mark.parametrize(
    ("start", "generation", "size"),
    [(0, None, 10), (10, None, 8), (100, None, 20), (5000, None, 256), (100, 7, 7)],
)
def test_generations_grow_with_what_is_known(start: int, generation: int | None, size: int) -> None:
    """Ten, then a fifth of the trials before, within bounds, unless the study says otherwise."""
    assert SearchSection(trials=20, generation=generation).generation_at(start) == size


@pytest.mark.parametrize(
    ("written", "overrides", "device"),
    [
        ("", (), "auto"),
        ('[training]\ndevice = "cpu"\n', (), "cpu"),
        ('[training]\ndevice = "cpu"\n', ("training.device=cuda:1",), "cuda:1"),
        ("training = { device = 'cuda' }\n", ("search.trials=3",), "cuda"),
    ],
)
def test_the_device_is_read_before_anything_is_checked(
    tmp_path: Path, written: str, overrides: tuple[str, ...], device: str
) -> None:
    """Workers start by it, before the study is."""
    (tmp_path / "study.toml").write_text(written)
    assert written_device(tmp_path / "study.toml", overrides) == device
