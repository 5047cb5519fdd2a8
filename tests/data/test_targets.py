"""Targets made to fit the loss: class numbers, or real columns, or a message that says what to do."""

import numpy as np
import pytest

from sweeper.data.targets import fit_targets
from sweeper.errors import DataError

N = 12
X, Y = np.arange(N * 3.0).reshape(N, 3), np.arange(N) % 3
WORDS = np.array(["yes", "no"] * 6)


@pytest.mark.parametrize(
    ("targets", "task", "message"),
    [
        (
            X[:, 0] + 0.25,
            "classification",
            "has real values such as 0.25, but training.loss needs one class per row; use mse, l1 or huber",
        ),
        (
            np.eye(3)[Y],
            "classification",
            "has shape (12, 3), but training.loss needs one class per row; give the class "
            "numbers, targets.argmax(1)",
        ),
        (
            X,
            "classification",
            "has shape (12, 3), but training.loss needs one class per row; for a class at each place, "
            "write a loss of your own; for amounts use mse, l1 or huber",
        ),
        (Y * 0, "classification", "has one class only, 0; at least two are needed"),
        (
            np.arange(50),
            "classification",
            "has 50 classes in 50 rows; is it a number to predict? Then use loss mse, l1 or huber",
        ),
        (
            WORDS,
            "regression",
            "holds words (no, yes), but training.loss needs numbers; use cross_entropy, or write numbers",
        ),
        (
            WORDS,
            "binary",
            "holds words (no, yes), but training.loss needs numbers; write 0 for no and 1 for yes, or "
            "use cross_entropy, which takes words",
        ),
        (
            np.array(list("abcd") * 3),
            "binary",
            "holds words (a, b, c …), but training.loss needs numbers; use cross_entropy, or write numbers",
        ),
        (
            Y % 2 * 2,
            "binary",
            "has the value 2, but loss bce needs targets from 0 to 1; write 0 for 0 and 1 for 2, or "
            "use cross_entropy, which takes any",
        ),
        (
            Y,
            "binary",
            "has the value 2, but loss bce needs targets from 0 to 1; for 3 classes use cross_entropy",
        ),
        (
            X[:, 0] - 0.5,
            "binary",
            "has the value -0.5, but loss bce needs targets from 0 to 1; for other numbers use "
            "mse, l1 or huber",
        ),
        (Y * 0 + 2.5, "regression", "has the same value 2.5 in every row; nothing can be learnt"),
    ],
)
def test_targets_that_do_not_fit_the_loss(targets: np.ndarray, task: str, message: str) -> None:
    """The message says what they are, what the loss needs and what to do."""
    with pytest.raises(DataError) as caught:
        fit_targets(targets, task, "file.csv", "kind")
    assert str(caught.value) == f"file.csv: 'kind' {message}"


@pytest.mark.parametrize(
    ("targets", "task", "classes"),
    [
        (np.array([3, 1, 2] * 4), "classification", ("1", "2", "3")),
        (np.array([-1.0, 1.0] * 6), "classification", ("-1", "1")),
        (np.array([True, False] * 6), "classification", ("False", "True")),
        (WORDS, "classification", ("no", "yes")),
        (WORDS, None, ("no", "yes")),
        (Y, None, ("0", "1", "2")),
        (Y.astype(float), None, None),
        (X[:, :2], None, None),
        (Y.reshape(-1, 1), "classification", ("0", "1", "2")),
        (Y % 2, "binary", None),
        (np.linspace(0, 1, N), "binary", None),
        (Y % 2, "regression", None),
    ],
)
def test_targets_that_fit(targets: np.ndarray, task: str | None, classes: tuple[str, ...] | None) -> None:
    """Any two or more labels are classes; with a loss of one's own, whole numbers are, real ones are not."""
    fitted, found = fit_targets(targets, task, "data", "y")
    assert found == classes
    if classes is None:
        assert (fitted.dtype, fitted.ndim) == (np.float64, 2)
    else:
        assert fitted.dtype == np.int64
        assert sorted(set(fitted.tolist())) == list(range(len(classes)))
        whole = targets.ravel().astype(int) if targets.dtype.kind == "f" else targets.ravel()
        assert [classes[k] for k in fitted] == [str(label) for label in whole]
