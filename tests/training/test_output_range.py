"""What a model's last operation lets it put out, against what the loss needs."""

from typing import Any

import numpy as np
import pytest
import torch
from preflight_cases import BINARY, LABELS, POSITIVE, SIGNED, X, ending, refused
from torch import nn
from torch.nn import functional as F

from sweeper.data.load import load
from sweeper.errors import ModelError
from sweeper.study.study import Study
from sweeper.training.output_range import last_operation
from sweeper.training.preflight import check_configurations, require_trainable
from sweeper.training.setup import Task
from sweeper.wording import number

LAST = "leave the last operation out, or keep it with training.loss = 'torch.nn.functional:"


@pytest.mark.parametrize(
    ("model", "y", "loss", "message"),
    [
        (
            ending(nn.Softmax(-1)),
            LABELS,
            "cross_entropy",
            "ends in softmax, but loss cross_entropy has softmax inside "
            f"and takes logits: {LAST}cross_entropy'",
        ),
        (
            ending(torch.sigmoid),
            LABELS,
            "cross_entropy",
            "ends in sigmoid, but loss cross_entropy has softmax inside "
            f"and takes logits: {LAST}cross_entropy'",
        ),
        (
            ending(nn.Sigmoid(), nn.Flatten(0)),
            BINARY,
            "bce",
            "ends in sigmoid, but loss bce has a sigmoid inside and "
            f"takes logits: {LAST}binary_cross_entropy'",
        ),
        (
            ending(F.relu),
            BINARY,
            "bce",
            "ends in relu, so that all probabilities are above one half: loss bce takes "
            "logits of both signs; use a linear output layer",
        ),
        (
            ending(nn.LogSigmoid()),
            BINARY,
            "bce",
            "ends in logsigmoid, so that all probabilities are below one half: "
            "loss bce takes logits of both signs; use a linear output layer",
        ),
    ],
)
def test_outputs_that_a_loss_cannot_take(model: Any, y: Any, loss: str, message: str) -> None:
    """cross_entropy and bce take logits: probabilities, and logits of one sign, are refused."""
    assert refused(model, y=y, loss=loss).endswith(message)


@pytest.mark.parametrize(
    ("last", "y", "words"),
    [
        (nn.ReLU(), SIGNED, "relu, whose outputs are at least 0,"),
        (F.softplus, SIGNED, "softplus, whose outputs are at least 0,"),
        (torch.exp, SIGNED, "exp, whose outputs are at least 0,"),
        (torch.abs, SIGNED, "abs, whose outputs are at least 0,"),
        (nn.Sigmoid(), SIGNED, "sigmoid, whose outputs are from 0 to 1,"),
        (nn.Sigmoid(), POSITIVE * 9, "sigmoid, whose outputs are from 0 to 1,"),
        (nn.Tanh(), POSITIVE * 9, "tanh, whose outputs are from -1 to 1,"),
        (nn.LogSigmoid(), POSITIVE, "logsigmoid, whose outputs are at most 0,"),
    ],
)
def test_targets_must_lie_in_the_range_of_the_output(last: Any, y: np.ndarray, words: str) -> None:
    """A positive or bounded output cannot meet negative or larger targets, however it is written."""
    assert refused(ending(last), y=y, loss="mse").endswith(
        f"ends in {words} but the targets go from {number(float(y.min()), 4)} to "
        f"{number(float(y.max()), 4)}: use a linear output layer, or "
        "scale the targets"
    )


def test_targets_are_judged_as_they_are_trained() -> None:
    """Standardized targets are negative in part: a positive output cannot meet them."""
    study = Study(
        name="r",
        data={"source": lambda: (X, POSITIVE), "standardize_target": True},
        model=ending(nn.Softplus()),
        training={"loss": "mse", "device": "cpu"},
    )
    with pytest.raises(
        ModelError, match="ends in softplus, whose outputs are at least 0, but the targets go"
    ):
        require_trainable(check_configurations(Task(study, load(study.data.source, loss_task="regression"))))


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (torch.sigmoid, "Sigmoid"),
        (lambda x: F.softmax(x, dim=-1).reshape(2, 6).T, "Softmax"),
        (lambda x: torch.exp(x)[:, :2].squeeze().clone(), "Exp"),
        (lambda x: torch.tanh(x) * 2, "Mul"),
        (lambda x: x, "Addmm"),
    ],
)
def test_the_last_operation_is_seen_through_reshaping(function: Any, name: str) -> None:
    """Moving values does not change them; scaling does."""
    assert last_operation(function(nn.Linear(3, 4)(torch.zeros(3, 3)))) == name
