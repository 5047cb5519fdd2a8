"""One trial's settings: the study's sections with the trial's parameters filled in."""

import pytest

from sweeper.study.settings import settings
from sweeper.study.study import Study

BASE = {"optimizer": "adam", "learning_rate": 0.1}


def study(**sections: object) -> Study:
    """A study to fill in."""
    return Study(name="s", **sections)


def test_sections_are_taken_over() -> None:
    """What is not searched comes from the sections; penalty off, l2 and relu by default."""
    found = settings(study(training={"steps": 7, "dtype": "float64"}, model={"depth": 4}), BASE)
    assert (found.steps, found.epochs, found.dtype, found.batch_size) == (7, None, "float64", 64)
    assert (found.model, found.model_options, found.init) == ("mlp", {"depth": 4}, "auto")
    assert (found.activation, found.activation_penalty, found.penalty_kind) == ("relu", 0.0, "l2")
    assert (found.optimizer, found.learning_rate, found.options) == ("adam", 0.1, {})


def test_parameters_replace_sections() -> None:
    """Searched values win over the sections; lists are fresh lists, as from TOML."""
    trial = {
        **BASE,
        "optimizer": "sgd",
        "momentum": 0.5,
        "schedule": "cosine",
        "activation": "tanh",
        "activation_penalty": 0.1,
        "penalty_kind": "l1",
        "model.depth": 2,
        "model.channels": (4, 8),
        "model.init": "he",
        "training.batch_size": 16.0,
        "training.epochs": 3,
    }
    found = settings(study(training={"steps": 7}, model={"depth": 4, "init": "torch"}), trial)
    assert found.options == {"momentum": 0.5}
    assert (found.schedule, found.activation, found.activation_penalty) == ("cosine", "tanh", 0.1)
    assert found.model_options == {"depth": 2, "channels": [4, 8]}
    assert (found.init, found.penalty_kind) == ("he", "l1")
    assert (found.batch_size, found.epochs, found.steps) == (16, 3, None)


def test_the_schedule_may_be_searched_by_either_name() -> None:
    """`schedule` and `training.schedule` are the same."""
    assert settings(study(), {**BASE, "training.schedule": "step"}).schedule == "step"


def test_models_of_your_own_keep_weights_and_activations() -> None:
    """Only built-in models get `auto` and a default activation; linear has none."""
    own = study(model="torch.nn:Linear")
    assert (settings(own, BASE).init, settings(own, BASE).activation) == (None, None)
    own = study(model={"source": "torch.nn:Linear", "init": "he"})
    assert settings(own, BASE).init == "he"
    assert settings(study(model="linear"), BASE).activation is None


@pytest.mark.parametrize(
    ("training", "rows", "steps"),
    [
        ({"epochs": 2, "batch_size": 10}, 100, 20),
        ({"epochs": 2, "batch_size": 30}, 100, 6),  # the incomplete batch is left out
        ({"epochs": 0.5, "batch_size": 10}, 100, 5),
        ({"epochs": 3, "batch_size": 1000}, 100, 3),  # more than there are: all rows, one step an epoch
        ({"epochs": 3, "batch_size": "full"}, 100, 3),
        ({"epochs": 0.001}, 100, 1),
        ({"steps": 17, "batch_size": 1000}, 100, 17),
    ],
)
def test_total_steps(training: dict, rows: int, steps: int) -> None:
    """Epochs times full batches, at least one step."""
    assert settings(study(training=training), BASE).total_steps(rows) == steps
