"""What a model puts out is held against its loss, its scores and the objective; each message has its cure."""

from typing import Any

import numpy as np
import pytest
import torch
from preflight_cases import LABELS, SIGNED, TOKENS, N, X, problems
from torch import nn
from torch.nn import functional as F

from sweeper.components.losses import LOSSES
from sweeper.data.load import load
from sweeper.errors import DataError, ModelError
from sweeper.study.settings import keys_of
from sweeper.study.study import Study
from sweeper.training.output_checks import check_output, check_scalar, put_out
from sweeper.training.preflight import check_configurations
from sweeper.training.setup import Task

CODES = torch.arange(N * 5).reshape(N, 5) % 30


def task_of(y: Any, loss: str) -> Task:
    """A study of these targets."""
    study = Study(name="r", data=lambda: (X, y), model="linear", training={"loss": loss})
    return Task(study, load(study.data.source, loss_task=LOSSES[loss].task))


def refusal(y: Any, loss: str, output: Any) -> str:
    """Why an output for four rows does not do; empty if it does."""
    task = task_of(y, loss)
    target = torch.tensor(task.data.targets[:4])
    try:
        check_output(task, output, target, LOSSES[loss])
    except ModelError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("y", "loss", "shape", "words"),
    [
        (LABELS, "cross_entropy", (4, 3), ""),
        (LABELS, "cross_entropy", (4, 2), "needs (4, 3): use out_features for the width of the last layer"),
        (
            LABELS % 2,
            "cross_entropy",
            (4, 1),
            "use out_features for the width of the last layer, or loss bce with",
        ),
        (SIGNED, "mse", (4, 2), ""),
        (SIGNED, "mse", (8,), "loss mse needs (4, 2), the shape of the targets"),
        (SIGNED[:, :1], "mse", (4,), ""),
        (SIGNED[:, :1], "gaussian_nll", (4, 1), "loss gaussian_nll needs (4, 2), 2 for each target"),
        (SIGNED[:, :1], "gaussian_nll", (4, 2), ""),
    ],
)
def test_shapes(y: Any, loss: str, shape: tuple[int, ...], words: str) -> None:
    """Outputs have the shape that the loss needs, or the message says which."""
    found = refusal(y, loss, torch.zeros(shape))
    assert (words in found) if words else found == ""


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ((torch.zeros(4, 3), torch.zeros(())), "a tuple of 2: .*super().forward(*inputs)[0]`"),
        (
            {"loss": None, "logits": torch.zeros(4, 3)},
            "a dict of loss, logits: .*forward(*inputs)['logits']`",
        ),
        ([torch.zeros(4, 3)], "a list of 1: .*forward(*inputs)[0]`"),
        (None, "a NoneType: .*"),
    ],
)
def test_what_is_no_tensor_names_both_cures(output: Any, words: str) -> None:
    """A loss of one's own takes it as it is; a line in a subclass picks the tensor."""
    found = refusal(LABELS, "cross_entropy", output)
    first, _, last = words.partition(".*")
    assert f"must return a tensor for loss cross_entropy, not {first}" in found
    assert 'training.loss = "package.module:function", takes it as it is' in found
    assert found.endswith(last)


def test_a_loss_of_the_users_takes_any_output() -> None:
    """Shapes are its own affair; what it returns must be a scalar tensor."""
    model = lambda in_features: Odd(in_features, "tuple")  # noqa: E731
    found = problems(model, loss=lambda o, t: F.cross_entropy(o[0], t))
    assert set(found) == {""}
    with pytest.raises(ModelError, match="must return the mean, a scalar tensor, not float"):
        check_scalar(1.0, LOSSES["mse"])
    with pytest.raises(ModelError, match=r"not a tensor of shape \(4,\)"):
        check_scalar(torch.zeros(4), LOSSES["mse"])


def token_loss(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Of outputs (rows, time, 30)."""
    return F.cross_entropy(output.reshape(-1, 30), target.reshape(-1))


def tokens(in_shape: Any) -> nn.Module:
    """(rows, 5) codes to (rows, 5, 30)."""
    return nn.Embedding(30, 30)


def objective_problem(objective: str, **study: Any) -> str:
    """What the first configuration is told of an objective."""
    return problems(search={"objective": objective}, **study)[0]


@pytest.mark.parametrize("objective", ["validation_perplexity", "validation_error"])
def test_whole_numbers_that_could_be_classes(objective: str) -> None:
    """Token targets of a loss of one's own are no real numbers: the message says how to call them classes."""
    found = objective_problem(objective, model=tokens, x=TOKENS, y=CODES, loss=token_loss)
    assert "does not fit targets that are whole numbers and no classes (to say that they are: " in found
    assert "data.classes = 30)" in found
    found = objective_problem("validation_auc", model=tokens, x=TOKENS, y=CODES - 1, loss=token_loss)
    assert "data.classes = N, and no number below 0)" in found


def test_the_cure_works() -> None:
    """With data.classes the score is there."""
    study = Study(
        name="r",
        data={"source": lambda: (TOKENS, CODES), "classes": 30},
        model=tokens,
        training={"loss": token_loss},
        search={"objective": "validation_perplexity"},
    )
    task = Task(study, load(study.data.source, keys=keys_of(study)))
    assert check_configurations(task, 0) == [""]


class Odd(nn.Module):
    """Outputs of a shape that no score of classes takes."""

    def __init__(self, in_features: int, kind: str) -> None:
        super().__init__()
        self.kind, self.layer = kind, nn.Linear(in_features, 3)

    def forward(self, x: torch.Tensor) -> Any:
        """(rows, 1, 3), or a tuple or dict of (rows, 3)."""
        out = self.layer(x)
        return {"axis": out[:, None], "tuple": (out, out), "dict": {"logits": out}}[self.kind]


@pytest.mark.parametrize(
    ("kind", "words"),
    [("axis", "(rows, 1, 3)"), ("tuple", "a tuple of 2"), ("dict", "a dict of logits")],
)
def test_scores_that_are_not_recorded(kind: str, words: str) -> None:
    """The message says what the score takes, what the model puts out, and two cures."""

    def loss(output: Any, target: torch.Tensor) -> torch.Tensor:
        output = output["logits"] if kind == "dict" else output[0] if kind == "tuple" else output[:, 0]
        return F.cross_entropy(output, target)

    found = objective_problem(
        "validation_f1_macro", model=lambda in_features: Odd(in_features, kind), loss=loss
    )
    assert "no such score is recorded: it takes a tensor (rows, 3), one number for each class" in found
    assert f"the model puts out {words}. Let the model return that" in found
    assert "name a score of your own, training.metrics" in found


def test_scores_that_are_no_numbers() -> None:
    """If all validation rows are of one class, the message says that the objective cannot be computed."""
    y = np.array([1] + [0] * (N - 1))
    found = objective_problem("validation_auc", y=y, model="linear")
    assert (
        "cannot be computed on the 8 validation rows: all of them are of one class; give more rows" in found
    )


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (torch.zeros(4), "(rows,)"),
        (torch.zeros(4, 2), "(rows, 2)"),
        ((1, 2), "a tuple of 2"),
        (None, "a NoneType"),
    ],
)
def test_outputs_in_words(output: Any, words: str) -> None:
    """Shapes without the number of rows, and kinds of what is no tensor."""
    assert put_out(output) == words


def test_class_numbers_below_zero() -> None:
    """Tokens below 0 are those that the study says are ignored."""
    y = CODES.clone()
    y[0, 0] = -1
    found = problems(tokens, TOKENS, y, loss="cross_entropy")[0]
    assert "class number -1 (1 of them)" in found
    assert found.endswith("set training.ignore_index = -1")
    with pytest.raises(DataError, match="at least two classes are needed"):
        task_of(torch.zeros(N, 5, dtype=torch.int64) - 1, "cross_entropy")


def test_a_part_of_a_loss_takes_the_place_of_no_metric() -> None:
    """A user's part named like a score that is computed as well would rank trials in its stead."""

    def loss(output: torch.Tensor, target: torch.Tensor) -> Any:
        return F.cross_entropy(output, target), {"accuracy": torch.tensor(0.123)}

    study = Study(name="r", data=lambda: (X, LABELS), model="linear", training={"loss": loss})
    task = Task(study, load(study.data.source, loss_task="classification"))
    found = check_configurations(task)
    assert found
    assert "a part 'accuracy', which is the name of a metric that is computed anyway" in found[0]
