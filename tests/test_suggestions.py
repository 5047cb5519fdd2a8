"""What is suggested for a word that is not allowed: only what is near, or another name for the same."""

from collections.abc import Collection

import pytest

from sweeper.components.activations import ACTIVATIONS
from sweeper.components.initializers import INITIALIZERS
from sweeper.components.losses import LOSSES
from sweeper.components.models import MODELS
from sweeper.components.optimizers import OPTIMIZERS
from sweeper.components.schedules import SCHEDULES
from sweeper.study.parameters import PARAMETERS
from sweeper.study.sections import SearchSection, TrainingSection
from sweeper.suggestions import SYNONYMS, distance, suggestion

SAMPLERS = ["auto", "tpe", "random", "qmc", "gp", "grid", "cmaes"]
PRUNERS = ["halving", "median", "wilcoxon", "none"]


@pytest.mark.parametrize(
    ("word", "allowed", "meant"),
    [
        ("adm", OPTIMIZERS, "adam"),
        ("Adam", OPTIMIZERS, "adam"),
        ("sgdm", OPTIMIZERS, "sgd"),
        ("nag", OPTIMIZERS, "nesterov"),
        ("swish", ACTIVATIONS, "silu"),
        ("LeakyReLU", ACTIVATIONS, "leaky_relu"),
        ("kaiming", INITIALIZERS, "he"),
        ("mae", LOSSES, "l1"),
        ("resnet", MODELS, "residual_mlp"),
        ("expo", SCHEDULES, "exponential"),
        ("bayes", SAMPLERS, "gp"),
        ("random-search", SAMPLERS, "random"),
        ("Hyperband", PRUNERS, "halving"),
        ("lr", PARAMETERS, "learning_rate"),
        ("heigth", ["width", "height"], "height"),
    ],
)
def test_what_is_near_is_suggested(word: str, allowed: Collection[str], meant: str) -> None:
    """Slips, capitals, other names of the field, and names that begin alike."""
    assert suggestion(word, allowed) == meant


@pytest.mark.parametrize(
    ("word", "allowed"),
    [
        ("bayes", ["cmaes", "random"]),
        ("lars", OPTIMIZERS),
        ("adahessian", OPTIMIZERS),
        ("plateau", SCHEDULES),
        ("l3", ["l1", "l2", "temporal"][2:]),
        ("x" * 1000, ["x" * 999]),
        ("", OPTIMIZERS),
    ],
)
def test_what_is_not_near_is_not(word: str, allowed: Collection[str]) -> None:
    """No suggestion is better than a wrong one."""
    assert suggestion(word, allowed) == ""


def test_other_names_lead_to_names_that_exist() -> None:
    """A component that is renamed takes its other names along; none of them is a name of its own kind."""
    names = {
        *OPTIMIZERS, *ACTIVATIONS, *INITIALIZERS, *LOSSES, *MODELS, *SCHEDULES, *PARAMETERS, *SAMPLERS,
        *PRUNERS, *SearchSection.model_fields, *TrainingSection.model_fields,
        "validation_loss", "validation_error", "validation_accuracy", "torch", "auto", "depth", "width",
        "standardize", "target", "validation", "low", "high", "cuda", "float32", "float64",
    }  # fmt: skip
    assert {meant for found in SYNONYMS.values() for meant in found} <= names


@pytest.mark.parametrize(
    ("a", "b", "steps"),
    [("", "ab", 2), ("abc", "abc", 0), ("sdg", "sgd", 1), ("float16", "float64", 2), ("ca", "abc", 3)],
)
def test_distance(a: str, b: str, steps: int) -> None:
    """Letters put in, left out, changed or exchanged with the next, each once."""
    assert distance(a, b) == distance(b, a) == steps
