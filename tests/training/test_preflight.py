"""A study is tried before anything is written: models, data and losses that do not fit are refused."""

from typing import Any

import numpy as np
import pytest
import torch
from preflight_cases import (
    BINARY,
    LABELS,
    POSITIVE,
    SIGNED,
    TOKENS,
    N,
    R,
    X,
    ending,
    linear,
    problems,
    refused,
)
from torch import nn
from torch.nn import functional as F

from sweeper.data.load import load
from sweeper.errors import ModelError
from sweeper.study.study import Study
from sweeper.training.preflight import (
    check_configurations,
    configurations,
    require_trainable,
    swapped_layers,
)
from sweeper.training.setup import Task


@pytest.mark.parametrize(
    ("model", "x", "y", "training"),
    [
        (ending(), X, LABELS, {}),
        (ending(nn.LogSoftmax(-1)), X, LABELS, {}),
        (ending(nn.ReLU()), X, LABELS, {}),
        (ending(), X, SIGNED, {"loss": "mse"}),
        (ending(), X, BINARY, {"loss": "bce"}),
        (ending(), X, POSITIVE, {"loss": "huber", "dtype": "float64"}),
        (ending(nn.Sigmoid()), X, POSITIVE, {"loss": "mse"}),
        (ending(nn.Softplus()), X, POSITIVE, {"loss": "l1"}),
        (ending(torch.tanh), X, BINARY, {"loss": "mse"}),
        (ending(torch.exp, lambda x: x.squeeze(-1)), X, POSITIVE, {"loss": "mse"}),
        (ending(nn.Softmax(-1)), X, LABELS, {"loss": F.cross_entropy}),
        (ending(nn.Sigmoid()), X, POSITIVE, {"loss": "torch.nn.functional:binary_cross_entropy"}),
        (ending(), X, POSITIVE, {"loss": "torch.nn:HuberLoss"}),
        (ending(), X, POSITIVE, {"loss": nn.MSELoss()}),
        (ending(), X, LABELS, {"batch_size": 10_000}),
        (ending(), X, LABELS, {"batch_size": "full"}),
        (linear, X, LABELS, {}),
        ("linear", X, LABELS, {}),
        ("mlp", np.zeros((N, 2, 3, 3)) + LABELS.reshape(-1, 1, 1, 1), LABELS, {}),
        ("cnn", np.zeros((N, 2, 4, 4)) + LABELS.reshape(-1, 1, 1, 1), LABELS, {}),
        ("rnn", R.normal(size=(N, 5, 3)), LABELS, {}),
        (
            lambda out_features: nn.Sequential(
                nn.Embedding(30, 4), nn.Flatten(), nn.Linear(20, out_features)
            ),
            TOKENS,
            LABELS,
            {},
        ),
        (
            lambda in_features, out_features: nn.Sequential(
                nn.Linear(in_features, 8),
                nn.BatchNorm1d(8),
                nn.ReLU(inplace=True),
                nn.Linear(8, out_features),
            ),
            X,
            LABELS,
            {},
        ),
    ],
)
def test_what_can_be_trained(model: Any, x: Any, y: Any, training: dict) -> None:
    """Built-in models, functions, images, sequences, tokens, and losses of one's own pass without a word."""
    assert set(problems(model, x, y, **training)) == {""}


def narrow(in_features: int) -> nn.Module:
    """Ignores out_features."""
    return nn.Linear(in_features, 1)


def frozen(in_features: int, out_features: int) -> nn.Module:
    """No weight is trained."""
    return nn.Linear(in_features, out_features).requires_grad_(False)


class MadeLate(nn.Module):
    """Its layer comes with the first batch."""

    def __init__(self, out_features: int, beside: bool = False) -> None:
        super().__init__()
        self.wide, self.layer = out_features, None
        self.beside = nn.Linear(4, out_features) if beside else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Of all."""
        if self.layer is None:
            self.layer = nn.Linear(x.shape[1], self.wide)
        return self.layer(x) if self.beside is None else self.layer(x) + self.beside(x)


LATE = (
    "'layer.weight' in its forward pass, when the optimizer has its parameters already, so it would not be "
)
LATE += "trained; make all layers in __init__, those of unknown width as nn.LazyLinear and the like"


class Pair(nn.Linear):
    """Gives two things."""

    def forward(self, x: torch.Tensor) -> Any:
        """(output, input)"""
        return super().forward(x), x


class Exit(nn.Linear):
    """Ends the program."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Never returns."""
        raise SystemExit(3)


WIDTH = "use out_features for the width of the last layer"


@pytest.mark.parametrize(
    ("model", "y", "loss", "message"),
    [
        (
            narrow,
            LABELS,
            "cross_entropy",
            "model 'narrow' puts out (4, 1) for 4 rows; loss cross_entropy on 3 classes "
            f"needs (4, 3): {WIDTH}",
        ),
        (
            narrow,
            BINARY,
            "cross_entropy",
            "model 'narrow' puts out (4, 1) for 4 rows; loss cross_entropy on 2 classes "
            f"needs (4, 2): {WIDTH}, or loss bce with targets 0 and 1",
        ),
        (
            narrow,
            SIGNED,
            "mse",
            "model 'narrow' puts out (4, 1) for 4 rows; loss mse needs (4, 2), the shape of the "
            f"targets: {WIDTH}",
        ),
        (
            frozen,
            LABELS,
            "cross_entropy",
            "model 'frozen': the loss does not depend on any parameter that is trained",
        ),
        (nn.Flatten, LABELS, "cross_entropy", "model 'Flatten' has no parameters to train"),
        (MadeLate, LABELS, "cross_entropy", LATE),
        (lambda out_features: MadeLate(out_features, beside=True), LABELS, "cross_entropy", LATE),
        (
            lambda in_features: Pair(in_features, 3),
            LABELS,
            "cross_entropy",
            "`def forward(self, *inputs): return super().forward(*inputs)[0]`",
        ),
        (
            lambda in_features: Exit(in_features, 3),
            LABELS,
            "cross_entropy",
            "cannot be trained: it ended the program (exit code 3) (inputs come in "
            "batches of shape (n, 4), float32)",
        ),
        (
            lambda out_features: nn.Linear(9, out_features),
            LABELS,
            "cross_entropy",
            "cannot be trained: a linear layer or matrix product got rows of 4 numbers but takes rows of 9: "
            "RuntimeError: mat1 and mat2 shapes cannot be multiplied (2x4 and 9x3) (inputs come in "
            "batches of shape (n, 4), float32)",
        ),
    ],
)
def test_what_cannot_be_trained(model: Any, y: Any, loss: str, message: str) -> None:
    """One line says what the model does, what the loss needs and what to do."""
    assert refused(model, y=y, loss=loss).endswith(message)


def test_penalties_need_activations_of_the_right_kind() -> None:
    """No hidden activation, or no time axis: nothing could be penalized."""
    assert refused("linear", space={"activation_penalty": [0.0, 0.1]}) == (
        "model 'linear' has no hidden activation layers whose outputs could be penalized: use modules such "
        "as "
        "nn.ReLU(), or leave search.space.activation_penalty out"
    )
    assert set(problems("linear", space={"activation_penalty": 0.0})) == {""}
    space = {"activation_penalty": {"low": 0.1, "high": 1, "zero": 0.5}, "penalty_kind": "temporal"}
    assert "penalty_kind 'temporal' needs activations (batch, time, units)" in refused("mlp", space=space)
    assert set(problems("rnn", R.normal(size=(N, 5, 3)), space=space)) == {""}


def test_activations_that_cannot_be_swapped() -> None:
    """A searched activation needs layers to put it in."""
    assert "has no activation layers to swap" in refused("linear", space={"activation": ["relu", "tanh"]})


def test_token_models_get_a_hint() -> None:
    """numpy's integers are numbers; what nn.Embedding needs is said."""
    message = refused(lambda: nn.Embedding(30, 3), TOKENS.numpy())
    assert message.endswith("; token numbers must come as a torch.int64 tensor")


def test_errors_need_classes() -> None:
    """The share of wrong classes does not exist for real targets of a loss of one's own."""
    message = refused(
        ending(), y=SIGNED, search={"objective": "validation_error"}, loss="torch.nn.functional:mse_loss"
    )
    assert message == (
        "search.objective = 'validation_error': the share of wrong classes does not fit targets that are "
        "real numbers; use validation_loss"
    )


def test_losses_must_be_scalars() -> None:
    """A loss for each row is no loss of the batch."""

    def each(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return (output - target) ** 2

    assert refused(ending(), y=SIGNED, loss=each) == (
        "training.loss = 'each' must return the mean, a scalar tensor, not a tensor of shape (4, 2)"
    )


def test_values_beyond_the_precision() -> None:
    """float32 ends at 3e38: larger inputs would be infinite, also in rows that only the test sees."""
    x = X.copy()
    x[:, 1] *= 1e40
    study = Study(name="r", data={"source": lambda: (x, LABELS), "standardize": False}, model=linear)
    with pytest.raises(ModelError) as caught:
        require_trainable(
            check_configurations(Task(study, load(study.data.source, loss_task="classification")))
        )
    assert str(caught.value) == (
        "inputs are too large for float32: scale the data, set data.standardize = true or training.dtype = "
        '"float64"'
    )
    assert set(problems(linear, x)) == {""}


def test_batches_of_one_and_batch_norm() -> None:
    """What only a training step shows is seen too."""

    def model(in_features: int, out_features: int) -> nn.Module:
        return nn.Sequential(nn.Linear(in_features, 8), nn.BatchNorm1d(8), nn.Linear(8, out_features))

    assert "Expected more than 1 value per channel when training" in refused(model, batch_size=1)
    assert set(problems(model, batch_size=2)) == {""}


def test_single_configurations_may_fail() -> None:
    """A study is refused only when nothing of it can be trained; each problem is told once."""

    def model(in_features: int, out_features: int, kind: str) -> nn.Module:
        if kind != "plain":
            raise ValueError(f"no kind {kind!r}")
        return nn.Linear(in_features, out_features)

    found = problems(model, space={"model.kind": ["plain", "odd"], "optimizer": ["sgd", "adam"]})
    assert [bool(problem) for problem in found] == [False, False, True, False]
    require_trainable(found)
    require_trainable([])
    message = refused(model, space={"model.kind": ["a", "b"], "optimizer": ["sgd", "adam"]})
    assert [line.rpartition("ValueError: ")[2] for line in message.splitlines()] == [
        "no kind 'a'",
        "no kind 'b'",
    ]


def test_every_value_is_tried_once() -> None:
    """One configuration a value, ranges at both ends, other optimizers once."""
    study = Study(
        name="r",
        search={
            "space": {
                "optimizer": ["sgd", "adam"],
                "learning_rate": {"low": 0.1, "high": 1.0},
                "activation": ["relu", "tanh", "elu"],
                "momentum": 0.9,
            }
        },
    )
    base = {"optimizer": "sgd", "learning_rate": 0.1, "activation": "relu", "momentum": 0.9}
    assert list(configurations(study.space)) == [
        base,
        {**base, "learning_rate": 1.0},
        {**base, "activation": "tanh"},
        {**base, "activation": "elu"},
        {"optimizer": "adam", "learning_rate": 0.1, "activation": "relu"},
    ]


def gated(out_features: int, depth: int = 1) -> nn.Module:
    """`depth` hidden layers; the last activation belongs to the output."""
    layers = [layer for _ in range(depth) for layer in (nn.Linear(4, 4), nn.ReLU())]
    return nn.Sequential(*layers, nn.Linear(4, out_features), nn.Hardtanh(-50, 50))


def test_what_is_swapped_is_said_and_patterns_that_fit_nothing_are_refused() -> None:
    """Of the deepest model; the keys are no arguments of the model function."""
    data = load(lambda: (R.normal(size=(40, 4)), np.arange(40) % 3))
    space = {"activation": ["tanh", "elu"], "model.depth": [1, 2]}

    def task(**model: Any) -> Task:
        study = Study(
            name="s", model={"source": gated, **model}, search={"space": space}, training={"steps": 1}
        )
        return Task(study, data)

    roles = {"1": "swapped", "3": "swapped", "5": "kept"}
    assert swapped_layers(task()) == ("swapped: 1, 3; kept: 5 (in the model with most layers)", roles)
    assert swapped_layers(task(keep=["1"], depth=2))[0].startswith("swapped: 3; kept: 1, 5")
    with pytest.raises(ModelError) as caught:
        require_trainable(check_configurations(task(swap=["net.*"])))
    assert (
        "model.swap and model.keep: 'net.*' fits no activation layer of model 'gated'; there are 1, 3"
        in str(caught.value)
    )
