"""Loss, scores and objective of a study fit each other, or the key that does not is named."""

from typing import Any

import pytest

from sweeper.errors import StudyError
from sweeper.study.check_losses import metric_name
from sweeper.study.study import Study


def own(outputs: Any, targets: Any) -> float:
    """A score."""
    return 0.0


def accuracy(outputs: Any, targets: Any) -> float:
    """A score that has the name of a built-in one."""
    return 0.0


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"training": {"quantile": 0.9}}, "training.quantile = 0.9: only loss quantile has it; leave it out"),
        (
            {"training": {"loss": "mse", "label_smoothing": 0.1}},
            "training.label_smoothing = 0.1: only loss cross_entropy or bce has it; leave it out",
        ),
        ({"training": {"metrics": ["acuracy"]}}, "training.metrics = 'acuracy': did you mean 'accuracy'?"),
        ({"training": {"metrics": ["auc", "auc"]}}, "training.metrics = 'auc': listed twice"),
        (
            {"training": {"metrics": [accuracy]}},
            "'accuracy' is the name of a built-in score: leave it out, or name yours otherwise, as by "
            "`from … import accuracy as own_accuracy` in a module of yours",
        ),
        (
            {"training": {"loss": "mse"}, "search": {"objective": "validation_error"}},
            "the share of wrong classes, which loss mse has none of; use validation_loss",
        ),
        (
            {"training": {"loss": "mse"}, "search": {"objective": "validation_auc"}},
            "no score beside loss mse; use validation_loss, validation_r2, validation_mae, validation_rmse",
        ),
        ({"search": {"objective": "validation_acuracy"}}, "did you mean 'validation_accuracy'?"),
        (
            {"training": {"metrics": [own]}, "search": {"objective": "validation_own"}},
            "search.maximize: say whether higher values of validation_own are better: true or false",
        ),
        (
            {"search": {"objective": "validation_auc", "maximize": False}},
            "search.maximize = False: of validation_auc higher values are better; leave it out",
        ),
        (
            {"search": {"space": {"training.loss": ["mse", "l1"]}}, "training": {"loss": "mse"}},
            "values of different losses cannot be ranked by validation_loss",
        ),
        (
            {
                "search": {"space": {"optimizer": ["sgd", "adam"], "training.loss.adam": ["l1"]}},
                "training": {"loss": "mse"},
            },
            "values of different losses cannot be ranked by validation_loss",
        ),
        (
            {"search": {"space": {"optimizer": ["sgd", "adam"], "training.loss.adam": ["nonsense"]}}},
            "search.space.training.loss.adam = 'nonsense': ",
        ),
        (
            {"search": {"space": {"training.loss": ["mse", "bce"]}, "objective": "validation_accuracy"}},
            "all losses must be for the same kind of targets as training.loss (classification)",
        ),
    ],
)
def test_what_does_not_fit_is_named(sections: dict[str, Any], message: str) -> None:
    """Key, value, and what is allowed."""
    with pytest.raises(StudyError) as caught:
        Study(name="a", **sections)
    assert message in str(caught.value)


def test_what_fits() -> None:
    """Options of the loss, a score of one's own with a direction, classes that may come in sequences."""
    training = {"loss": "bce", "label_smoothing": 0.1, "class_weight": "balanced", "metrics": [own, "auc"]}
    Study(name="a", training=training, search={"objective": "validation_own", "maximize": True})
    Study(name="a", search={"objective": "validation_perplexity"})


@pytest.mark.parametrize(
    ("source", "name"), [("package.module:Class.score", "score"), ("auc", "auc"), (own, "own")]
)
def test_scores_have_the_names_of_their_functions(source: Any, name: str) -> None:
    """By which they are recorded."""
    assert metric_name(source) == name


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("accuracy", "validation_accuracy"),
        ("acc", "validation_accuracy"),
        ("auc", "validation_auc"),
        ("val_f1", "validation_f1"),
        ("valid_loss", "validation_loss"),
        ("trainloss", "train_loss"),
    ],
)
def test_an_objective_by_another_name_is_understood(asked: str, meant: str) -> None:
    """The score that is meant is named first, whatever others call the rows it is taken on."""
    with pytest.raises(StudyError, match=f"did you mean '{meant}'"):
        Study(name="asked", data="digits", search={"objective": asked})


@pytest.mark.parametrize(
    ("loss", "asked", "others"),
    [
        ("huber", "accuracy", ["error", "accuracy", "auc"]),
        ("mse", "err", ["error"]),
        ("bce", "r2x", ["r2", "mae"]),
    ],
)
def test_no_objective_is_offered_that_the_loss_has_not(loss: str, asked: str, others: list[str]) -> None:
    """Whoever takes the advice gets a study."""
    with pytest.raises(StudyError) as caught:
        Study(name="asked", data="digits", training={"loss": loss}, search={"objective": asked})
    assert "validation_loss" in str(caught.value)
    assert not [name for name in others if f"validation_{name}" in str(caught.value)]
