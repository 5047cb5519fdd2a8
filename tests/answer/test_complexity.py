"""How simple settings are."""

import pandas as pd
import pytest

from sweeper.answer.complexity import complexity, extras

PLAIN = {"optimizer": "sgd", "activation": "relu", "learning_rate": 0.1, "activation_penalty": 0.0}


@pytest.mark.parametrize(
    ("settings", "count"),
    [
        ({}, 0),
        ({"activation": None}, 0),
        ({"activation": "leaky_relu"}, 0),
        ({"optimizer": "momentum"}, 1),
        ({"optimizer": "sgd", "momentum": 0.9}, 1),
        ({"optimizer": "rmsprop", "momentum": 0.0}, 1),
        ({"optimizer": "adam"}, 2),
        ({"activation": "gelu"}, 1),
        ({"activation_penalty": 1e-4}, 1),
        ({"schedule": "constant"}, 0),
        ({"training.schedule": "cosine"}, 1),
        ({"schedule": "cosine", "weight_decay": 1e-3, "model.dropout": 0.1}, 3),
        ({"optimizer": "adamw", "activation": "elu", "activation_penalty": 1e-4}, 5),
        ({"optimizer": "adamw", "weight_decay": 0.0}, 2),
        ({"optimizer": "nadamw"}, 2),
    ],
)
def test_extras_are_counted_as_documented(settings: dict, count: int) -> None:
    """Each part beyond plain gradient descent on ReLU layers counts one, each buffer of the optimizer too."""
    assert extras({**PLAIN, **settings}) == count


def test_a_smaller_model_is_simpler_than_fewer_extras() -> None:
    """Size first, where it was searched."""
    trials = pd.DataFrame(
        [{**PLAIN, "model.depth": 6, "model.width": 32}, {**PLAIN, "optimizer": "adam", "model.depth": 2.0}]
    )
    keys = complexity(trials.assign(**{"model.width": 32}))
    assert keys[1] < keys[0]
