"""Where nothing could differ, nothing is trained: activations that a model never makes, inputs all alike."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from preflight_cases import BINARY, problems, refused
from torch import Tensor, nn

from sweeper.data.load import load
from sweeper.study.study import Study
from sweeper.training.preflight import check_configurations
from sweeper.training.setup import Task

TWO = {"activation": ["relu", "tanh"]}
WHY = "makes no layer of the `activation` that it is given"


def forgetful(in_features: int, out_features: int, activation: Callable[[], nn.Module]) -> nn.Module:
    """Takes an activation and has its own."""
    return nn.Sequential(nn.Linear(in_features, 4), nn.Tanh(), nn.Linear(4, out_features))


class Late(nn.Module):
    """Makes its activation in the forward pass."""

    def __init__(self, in_features: int, out_features: int, activation: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(in_features, 4), nn.Linear(4, out_features)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """Calls it anew for each batch."""
        return self.last(self.activation()(self.first(x)))


def test_an_activation_that_is_never_made_is_not_searched() -> None:
    """Whatever came out best would be luck; nothing is refused where one activation alone is given."""
    assert refused(forgetful, space=TWO).startswith(f"model 'forgetful' {WHY}, so the values of search.space")
    assert set(problems(forgetful, space={"activation": ["tanh"]})) == {""}
    assert set(problems(Late, space=TWO)) == {""}


@pytest.mark.parametrize("depths", [[0], [0, 2]])
def test_a_model_without_hidden_layers_has_no_activation(depths: list[int]) -> None:
    """Unless other values of its depth have some: then the search tells whether these help."""
    found = problems("mlp", space={**TWO, "model.depth": depths})
    assert any(f"'mlp' {WHY} with depth=0" in each for each in found)
    assert all(found) is (depths == [0])


@pytest.mark.parametrize(
    ("column", "what"),
    [
        ([f"{k} of a kind" for k in range(40)], "'a' (an id or free text: 40 different values in 40 rows)"),
        ([3.5] * 40, "'a' (the same value in every row, '3.5')"),
    ],
)
def test_inputs_that_are_all_alike_are_told_by_their_columns(column: list[Any], what: str) -> None:
    """Standardized, they are 0 in every row: not too small, but the same."""
    data = load(lambda: pd.DataFrame({"a": column, "y": BINARY}), target="y", loss_task="regression")
    study = Study(name="r", data="digits", training={"loss": "mse", "device": "cpu"})
    (said,) = set(check_configurations(Task(study, data)))
    begins = "inputs are the same in all training rows, so nothing can be learned from them: "
    assert said.startswith(f"{begins}{what}. Add a column that differs")


def test_inputs_that_are_too_small_are_told_so() -> None:
    """Float32 makes zeros of them, unless they are standardized first."""
    x = np.random.default_rng(0).normal(size=(40, 3)) * 1e-60
    data = load(lambda: (x, BINARY), loss_task="regression")
    for standardize in (True, False):
        section = {"source": "digits", "standardize": standardize}
        study = Study(name="r", data=section, training={"loss": "mse", "device": "cpu"})
        (said,) = set(check_configurations(Task(study, data)))
        assert ("too small for float32" in said) is not standardize
