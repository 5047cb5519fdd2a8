"""Losses, metrics and penalties against their formulas and scikit-learn."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import expit, log_softmax
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils.class_weight import compute_class_weight
from torch.nn import functional as F

from sweeper.components.guess import class_weights, side_weights
from sweeper.components.losses import LOSSES, UsersLoss, bce, configured
from sweeper.components.metrics import accuracy, binary_accuracy, metrics_of, r2
from sweeper.components.penalties import PENALTIES
from sweeper.errors import ModelError, StudyError
from sweeper.study.study import Study

R = np.random.default_rng(0)
OUTPUT, REAL = R.normal(size=(7, 3)) * 2, R.normal(size=(7, 3)) * 2
SHARES, CLASSES = R.uniform(size=(7, 3)), R.integers(0, 3, 7)
D = OUTPUT - REAL
FORMULAS = {
    "cross_entropy": (CLASSES, -log_softmax(OUTPUT, axis=1)[np.arange(7), CLASSES].mean()),
    "mse": (REAL, (D**2).mean()),
    "l1": (REAL, np.abs(D).mean()),
    "huber": (REAL, np.where(np.abs(D) < 1, D**2 / 2, np.abs(D) - 0.5).mean()),
    "quantile": (REAL, np.abs(D).mean() / 2),
    "gaussian_nll": (
        REAL[:, :1],
        (np.log(2 * np.pi) + OUTPUT[:, 1] + (OUTPUT[:, 0] - REAL[:, 0]) ** 2 * np.exp(-OUTPUT[:, 1])).mean()
        / 2,
    ),
    "bce": (SHARES, -(SHARES * np.log(expit(OUTPUT)) + (1 - SHARES) * np.log(expit(-OUTPUT))).mean()),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_are_their_formulas(name: str) -> None:
    """The mean over the rows, as a scalar that has a gradient."""
    target, expected = FORMULAS[name]
    output = torch.tensor(OUTPUT[:, : 2 * target.shape[1]] if name == "gaussian_nll" else OUTPUT)
    output.requires_grad_()
    value = LOSSES[name].function(output, torch.tensor(target))
    value.backward()
    assert value.item() == pytest.approx(expected)
    assert value.shape == ()
    assert torch.isfinite(output.grad).all()


PLAIN = [name for name, loss in LOSSES.items() if loss.task != "classification" and loss.outputs == 1]


@pytest.mark.parametrize("name", PLAIN)
def test_outputs_may_lie_in_any_order_in_memory(name: str) -> None:
    """A transposed output, of a forecast say, has the loss and the scores of its copy."""
    loss, target = LOSSES[name], torch.tensor(np.hstack([SHARES, SHARES[::-1]])).round()
    output = torch.tensor(
        np.stack([OUTPUT, REAL], axis=1)
    ).mT  # (rows, time, columns), columns first in memory
    for function in (loss.function, *(m.scalar for m in metrics_of(loss.task, 6, ["auc"]))):
        torch.testing.assert_close(function(output, target), function(output.contiguous(), target))


@pytest.mark.parametrize("name", PLAIN)
def test_a_flat_output_meets_a_column(name: str) -> None:
    """(n,) against (n, 1) is compared row by row, never by broadcasting."""
    loss, target = LOSSES[name].function, torch.tensor(SHARES[:, :1])
    flat = torch.tensor(OUTPUT[:, 0])
    assert loss(flat, target) == loss(flat.reshape(-1, 1), target)


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_has_metrics(name: str) -> None:
    """Each metric of the loss's task is a scalar; a perfect output has its best value, a wrong one less."""
    task = LOSSES[name].task
    perfect = {
        "classification": (torch.eye(4) * 9, torch.arange(4)),
        "binary": (torch.tensor([[5.0], [-5.0]]), torch.tensor([[1.0], [0.0]])),
        "regression": (torch.tensor([[1.0], [2.0]]), torch.tensor([[1.0], [2.0]])),
    }[task]
    output, target = perfect
    found = metrics_of(task, 4 if task == "classification" else 1)
    assert found
    for metric in found:
        best, wrong = metric.scalar(*perfect).item(), metric.scalar(output.flip(0), target).item()
        assert wrong < best if metric.maximize else wrong > best, metric.name
        assert math.isinf(metric.best) or best == pytest.approx(metric.best, abs=0.01), metric.name


@pytest.mark.parametrize("name", LOSSES)
def test_aliases(name: str) -> None:
    """Other names have small letters and no signs, are nobody's own, and a study with one hears of it."""
    for alias in LOSSES[name].aliases:
        assert alias.isalnum()
        assert alias == alias.lower()
        assert alias not in LOSSES
        with pytest.raises(StudyError, match=f"training.loss = '{alias}': did you mean '{name}'"):
            Study(name="x", training={"loss": alias})


def test_accuracy_is_that_of_scikit_learn() -> None:
    """Share of rows whose largest output is the class."""
    expected = accuracy_score(CLASSES, OUTPUT.argmax(axis=1))
    assert accuracy(torch.tensor(OUTPUT), torch.tensor(CLASSES)).item() == pytest.approx(expected)


def test_binary_accuracy_is_that_of_scikit_learn() -> None:
    """Share of logits on the side of the target."""
    expected = accuracy_score(SHARES.ravel() >= 0.5, OUTPUT.ravel() > 0)
    assert binary_accuracy(torch.tensor(OUTPUT), torch.tensor(SHARES)).item() == pytest.approx(expected)


def test_r2_is_that_of_scikit_learn() -> None:
    """1 − residual over total sum of squares; all target columns weighted by their variance."""
    expected = r2_score(REAL, OUTPUT, multioutput="variance_weighted")
    assert r2(torch.tensor(OUTPUT), torch.tensor(REAL)).item() == pytest.approx(expected)
    assert r2(torch.tensor(OUTPUT[:, 0]), torch.tensor(REAL[:, :1])).item() == pytest.approx(
        r2_score(REAL[:, 0], OUTPUT[:, 0])
    )


A = R.normal(size=(4, 5, 6))
PENALTY_FORMULAS = {
    "l1": np.abs(A).sum() / 120,
    "l2": (A**2).sum() / 120,
    "temporal": ((A[:, 1:] - A[:, :-1]) ** 2).sum() / (4 * 4 * 6),
}


@pytest.mark.parametrize("name", PENALTIES)
def test_penalties_are_means_over_elements(name: str) -> None:
    """The sum over all elements by their number: the same for every width and batch size."""
    penalty = PENALTIES[name]
    assert penalty(torch.tensor(A)).item() == pytest.approx(PENALTY_FORMULAS[name])
    doubled = torch.tensor(np.concatenate([A, A]))
    assert penalty(doubled).item() == pytest.approx(PENALTY_FORMULAS[name])


def test_temporal_needs_a_time_axis() -> None:
    """Activations without one are refused with the way on."""
    with pytest.raises(ValueError, match="penalty_kind 'temporal' needs activations") as caught:
        PENALTIES["temporal"](torch.zeros(3, 4))
    assert str(caught.value) == (
        "penalty_kind 'temporal' needs activations (batch, time, units), not (3, 4); use l1 or l2"
    )


@pytest.mark.parametrize(
    ("value", "what"),
    [
        (None, "NoneType"),
        (0.5, "float"),
        ((torch.zeros(()), 1), "tuple"),
        (torch.zeros(3), "a tensor of shape (3,)"),
        (torch.zeros(()) + 1j, "complex numbers"),
    ],
    ids=str,
)
def test_a_loss_of_the_user_that_gives_no_number_is_told(value: object, what: str) -> None:
    """In words, whenever it does."""
    with pytest.raises(ModelError) as caught:
        UsersLoss("mine", lambda output, target: value)(torch.zeros(3, 2), torch.zeros(3))  # type: ignore[arg-type,return-value]
    assert str(caught.value) == f"training.loss = 'mine' must return the mean, a scalar tensor, not {what}"


def test_what_a_loss_of_the_user_writes_is_its_own() -> None:
    """Output and target stay, and the gradient goes through."""

    def writing(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        value = output.mean()
        output.data.zero_()
        target.zero_()
        return value

    output, target = torch.ones(3, requires_grad=True), torch.ones(3)
    UsersLoss("writing", writing)(output, target).backward()
    assert (output.tolist(), target.tolist()) == ([1.0] * 3, [1.0] * 3)
    assert output.grad.tolist() == pytest.approx([1 / 3] * 3)


def test_weights_and_smoothing_are_those_of_torch() -> None:
    """Cross-entropy as torch's own, also over sequences with ignored tokens; what is scored is plain."""
    weight, output = torch.tensor([0.5, 1.0, 3.0]).double(), torch.tensor(OUTPUT)
    target = torch.tensor(CLASSES)
    loss = configured(LOSSES["cross_entropy"], {"label_smoothing": 0.1}, weight)
    assert loss.function(output, target).item() == pytest.approx(
        F.cross_entropy(output, target, weight=weight, label_smoothing=0.1).item()
    )
    assert loss.scored(output, target) == F.cross_entropy(output, target)
    tokens = replace(LOSSES["cross_entropy"], task="sequence")
    longer, options = torch.stack([output, -output]), {"label_smoothing": 0.2, "ignore_index": 1}
    both = torch.stack([target, target])
    for chosen, smoothing in (
        (configured(tokens, options), 0.2),
        (configured(tokens, {"ignore_index": 1}), 0.0),
    ):
        expected = F.cross_entropy(longer.movedim(-1, 1), both, ignore_index=1, label_smoothing=smoothing)
        assert chosen.function(longer, both).item() == pytest.approx(expected.item())


def test_weights_of_binary_targets_are_those_of_two_classes() -> None:
    """One logit weighs as the cross-entropy of two; smoothing moves both targets towards one half."""
    logit, target = torch.tensor(OUTPUT[:, :1]), torch.tensor((SHARES[:, :1] > 0.4).astype(float))
    weight = torch.tensor([[0.5], [2.0]]).double()
    two = F.cross_entropy(torch.cat([0 * logit, logit], 1), target[:, 0].long(), weight=weight[:, 0])
    assert bce(logit, target, weight).item() == pytest.approx(two.item())
    smooth = F.binary_cross_entropy_with_logits(logit, target * 0.8 + 0.1)
    assert bce(logit, target, label_smoothing=0.2).item() == pytest.approx(smooth.item())


def test_balanced_weights_are_those_of_scikit_learn() -> None:
    """Rows over classes times rows of the class."""
    labels = np.array([0, 0, 0, 1, 2, 2, -100])
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels[:-1])
    assert class_weights(labels, 3) == pytest.approx(expected)
    sides = side_weights(np.array([[0.0], [0.0], [0.0], [1.0]]))
    assert sides.ravel() == pytest.approx(
        compute_class_weight("balanced", classes=np.arange(2), y=[0, 0, 0, 1])
    )


def test_a_loss_of_the_user_may_give_named_parts() -> None:
    """They are detached; what is no scalar or has a name of its own is told."""
    output = torch.ones(3, requires_grad=True)
    value, parts = UsersLoss("mine", lambda o, t: (o.mean(), {"kl": o.sum()})).with_parts(output, None)
    assert (value.item(), parts["kl"].item(), parts["kl"].requires_grad) == (1.0, 3.0, False)
    named, scalar = "a name begins with a letter", "must be a scalar tensor of a real number, not "
    wrong: list[tuple[str, object, str]] = [
        ("loss", output.sum(), "'loss' is not allowed"),
        ("error", output.sum(), "neither loss nor error"),
        ("1st", output.sum(), named),
        ("k" * 61, output.sum(), "at most 60"),
        ("kl", 3.0, f"{scalar}float"),
        ("kl", output, rf"{scalar}a tensor of shape \(3,\)"),
        ("kl", output.sum() * 1j, f"{scalar}complex"),
    ]
    for name, part, match in wrong:
        with pytest.raises(ModelError, match=match):
            UsersLoss("mine", lambda o, t, n=name, p=part: (o.mean(), {n: p}))(output, None)
