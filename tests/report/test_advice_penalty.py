"""Advice on the weights of the activation penalty, by the keys that a study has for it."""

from typing import Any

import pytest

from sweeper.report.advice import advise
from sweeper.study.study import Study
from sweeper.training.initial_profile import profile_network

WIDE = {"low": 1e-8, "high": 100.0, "log": True, "zero": 0.25}
NARROW = {"low": 1e-2, "high": 0.1, "log": True, "zero": 0.25}
PLAIN, OWN = "search.space.activation_penalty", "search.space.activation_penalty.adam"


@pytest.mark.parametrize(
    ("keys", "words", "searched"),
    [
        ({"activation_penalty.adam": WIDE}, "Keep your weights from 1e-8 to 100, and exactly 0.", []),
        ({"activation_penalty.adam": NARROW}, "in a quarter of the trials, in place of 0.01 to 0.1.", [OWN]),
        (
            {"optimizer": ["sgd", "adam"], "activation_penalty.adam": WIDE},
            "a quarter of the trials.",
            [PLAIN],
        ),
    ],
)
def test_weights_of_single_optimizers_are_advised_on(
    keys: dict[str, Any], words: str, searched: list[str]
) -> None:
    """A range of one optimizer is kept or replaced as that of all is; the plain key is for the others."""
    space = {"optimizer": ["adam"], **keys}
    model = {"source": "mlp", "depth": 2, "width": 8}
    study = Study(name="asked", data="wine", model=model, search={"space": space})
    (penalty,) = [one for one in advise(study, profile_network) if one.key == "penalty"]
    assert penalty.what.endswith(words)
    assert list(penalty.settings) == searched
