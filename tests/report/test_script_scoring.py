"""Loss and scores in the script: which functions it holds, and how they are called."""

from dataclasses import replace
from typing import Any

import loader_targets as given
import numpy as np
import pytest
import torch

from sweeper.components import losses, outputs
from sweeper.errors import UserError
from sweeper.report.script.scoring import ScoringText, scoring_text
from sweeper.study.data import data_of
from sweeper.study.settings import settings as settings_of
from sweeper.study.study import Study

X = np.random.default_rng(0).normal(size=(60, 3))
LABELS, NUMBERS = np.arange(60) % 3, X.sum(axis=1)
TRIAL = {"optimizer": "sgd", "learning_rate": 0.1}


def text_of(data: Any = None, **training: Any) -> ScoringText:
    """What the template is told for these data, LABELS where none are given."""
    study = Study(name="a", model=given.Net, data=(X, LABELS) if data is None else data, training=training)
    return scoring_text(study, settings_of(study, TRIAL), data_of(study), 0)


def run(text: ScoringText, **names: Any) -> dict[str, Any]:
    """The functions of a text."""
    scope: dict[str, Any] = {**vars(outputs), **vars(losses), "users_loss": None, **names}
    for block in text.code:
        exec(block, scope)
    return scope


def test_a_plain_loss_is_the_one_of_torch() -> None:
    """Without options the script holds no more than the call; scores are called with outputs and targets."""
    text = text_of()
    assert (text.is_users, text.trained, text.weight, text.point, text.fits) == (
        False,
        "loss_function",
        "",
        "output",
        "",
    )
    assert text.calls["accuracy"] == "accuracy(output, y)"
    assert text.imports == []
    output, target = torch.randn(4, 3), torch.tensor([0, 1, 2, 0])
    found = run(text)["loss_function"](output, target)
    assert found == torch.nn.functional.cross_entropy(output, target)


def test_smoothing_and_weights_are_for_training_alone() -> None:
    """What is trained on is another function than what rows are scored with."""
    text = text_of(label_smoothing=0.1, class_weight="balanced")
    assert (text.trained, text.weight) == ("training_loss", "class_weights(y_train.cpu().numpy(), 3)")
    scope, output, target = run(text, np=np), torch.randn(4, 3), torch.tensor([0, 1, 2, 0])
    weight = torch.tensor([1.0, 2.0, 3.0])
    expected = torch.nn.functional.cross_entropy(output, target, weight, label_smoothing=0.1)
    assert torch.allclose(scope["training_loss"](output, target, weight), expected)
    assert torch.allclose(
        scope["loss_function"](output, target), torch.nn.functional.cross_entropy(output, target)
    )
    assert text_of(class_weight=[1.0, 2.0, 3.0]).weight == "[1.0, 2.0, 3.0]"


def test_the_part_of_the_output_that_predicts() -> None:
    """Scores of `gaussian_nll` are of its means."""
    text = text_of((X, NUMBERS), loss="gaussian_nll")
    assert (text.point, text.calls["r2"]) == ("gaussian_mean(output)", "r2(point, y)")
    assert run(text)["gaussian_mean"](torch.tensor([[1.0, 2.0]])).tolist() == [[1.0]]


def test_a_loss_of_ones_own_is_imported() -> None:
    """Its scores are computed where shapes suit; a score of one's own gets copies."""
    text = text_of((X, NUMBERS), loss=given.column, metrics=[given.distance])
    assert text.is_users
    assert text.loss is not None
    assert text.loss.statement == "from loader_targets import column as loss_function"
    assert text.fits == 'suits("regression", output, y, 0)'
    assert text.users_calls == {"distance": "distance(copied(output), copied(y))"}
    assert [one.statement for one in text.users] == ["from loader_targets import distance as distance"]


@pytest.mark.parametrize("form", ["numbers", "counts", "truth", "pictures"])
def test_targets_in_the_form_of_the_loader(form: str) -> None:
    """The script turns targets back into what the loader gives before the loss and scores see them."""
    text = text_of(given.loader(form), loss=given.LOSSES[form], metrics=[given.distance])
    assert text.loss is not None
    assert text.loss.statement.endswith(" as users_loss")
    assert text.users_calls["distance"] == "distance(copied(output), as_given(copied(y)))"
    came = torch.as_tensor(given.TARGETS[form])
    inside = (
        came.reshape(60, -1).float()
        if form in ("numbers", "pictures")
        else torch.unique(came, return_inverse=True)[1]
    )
    found = run(text)["as_given"](inside)
    assert (found.dtype, found.shape) == (came.dtype, came.shape)
    assert torch.equal(found, came)


def test_what_cannot_be_imported_is_said() -> None:
    """A function of a notebook, or a lambda, has no module that a script could import."""
    with pytest.raises(UserError, match=r"training\.loss"):
        text_of((X, NUMBERS), loss=lambda output, target: (output - target).mean())


def test_another_loss_of_classes_is_written_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain cross-entropy alone is written in short, whatever name a function stands under."""
    other = replace(losses.LOSSES["cross_entropy"], name="other", function=losses.mse, options=())
    monkeypatch.setitem(losses.LOSSES, "other", other)
    code = "\n".join(text_of(loss="other").code)
    assert "def loss_function(output: Tensor, target: Tensor)" in code
    assert "cross_entropy" not in code
    assert "F.cross_entropy(output, target)" in "\n".join(text_of().code)
