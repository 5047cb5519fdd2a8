"""Activations that look beyond the single number they are called with: equal in a stack, or refused."""

from functools import partial
from typing import Any

import odd_activations as odd
import pytest
import torch
from equivalence import assert_engines_agree, numbered, task_of
from torch import nn

from sweeper.components.hidden import writes_formula
from sweeper.training.shapes import why_not_stackable
from sweeper.training.stacked.modes import ANOTHER

pytestmark = pytest.mark.usefixtures("one_thread")
NO_FUNCTION = "a hidden activation that is not a fixed function of single numbers"
DECIDE = (odd.Branches, odd.Counts, odd.Converts, odd.Lists, odd.Compares)
TOGETHER = (odd.ByNorm, odd.ByMean, odd.OverRows)
RATES = [{"optimizer": "sgd", "learning_rate": rate} for rate in (0.003, 0.01, 0.02, 0.015)]


def layers(activation: type[nn.Module], in_features: int, out_features: int) -> nn.Module:
    """Two hidden layers with an activation of the model's own."""
    hidden = (nn.Linear(in_features, 8), activation(), nn.Linear(8, 8), activation())
    return nn.Sequential(*hidden, nn.Linear(8, out_features))


def asks(in_features: int, out_features: int, activation: Any) -> nn.Module:
    """One hidden layer with the activation of the trial."""
    return nn.Sequential(nn.Linear(in_features, 8), activation(), nn.Linear(8, out_features))


def reason_of(model: Any, activation: str = "") -> str:
    """Why it is trained one by one; empty where a stack takes it."""
    chosen = {"activation": activation} if activation else {}
    task = task_of(model={"source": model}, space={name: [value] for name, value in chosen.items()})
    return why_not_stackable(task, numbered([chosen])[0])


@pytest.mark.parametrize("kind", DECIDE)
def test_what_decides_by_its_numbers_is_refused(kind: type[nn.Module]) -> None:
    """At any threshold: none is reached by the numbers that it is tried on. In the model and in the space."""
    assert NO_FUNCTION in reason_of(partial(layers, kind))
    assert NO_FUNCTION in reason_of(asks, f"odd_activations:{kind.__name__}")


@pytest.mark.parametrize("kind", TOGETHER)
def test_what_looks_at_all_numbers_does_not_see_those_of_other_trials(kind: type[nn.Module]) -> None:
    """As a part of the model it is batched like any other, and equal; in the space it is refused."""
    task = task_of(model={"source": partial(layers, kind)}, steps=12)
    assert_engines_agree(task, numbered(RATES), slots=4)
    assert NO_FUNCTION in reason_of(asks, f"odd_activations:{kind.__name__}")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("count", "a hidden activation reads 'count', which changes in training"),
        ("weight", "a hidden activation reads 'weight', which changes in training"),
        ("held", "a hidden activation reads what the model computes elsewhere"),
        ("fixed", ""),
    ],
)
def test_what_reads_something_that_changes_is_refused(name: str, why: str) -> None:
    """A counter of steps, a weight, what another layer gave; what stays may be read."""
    model = partial(odd.Net, name=name)
    assert reason_of(model) == why
    if not why:
        assert_engines_agree(task_of(model={"source": model}, steps=12), numbered(RATES), slots=4)


def test_a_formula_with_a_fixed_buffer_is_stacked() -> None:
    """In the space of activations."""
    space = {"activation": ["odd_activations:Half"]}
    task = task_of(model={"source": asks}, space=space, steps=12)
    trials = [{**each, "activation": space["activation"][0]} for each in RATES]
    assert why_not_stackable(task, numbered(trials)[0]) == ""
    assert_engines_agree(task, numbered(trials), slots=4)


@pytest.mark.parametrize("kind", [odd.HardEval, odd.LearnedEval, odd.SlopeEval])
def test_what_does_something_else_in_evaluation_is_refused(kind: type[nn.Module]) -> None:
    """Wherever the numbers are at which it does, and if it is the gradient alone.

    As a part of the model that is taken for no activation it is batched like any other, and equal.
    """
    assert reason_of(asks, f"odd_activations:{kind.__name__}") == ANOTHER
    task = task_of(model={"source": partial(layers, kind)}, steps=30)
    reason = why_not_stackable(task, numbered([{}])[0])
    assert reason == (ANOTHER if kind is odd.HardEval else "")
    if not reason:
        assert_engines_agree(task, numbered([{"optimizer": "sgd", "learning_rate": 0.5}] * 2), slots=2)


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize(
    "kind", [odd.ClampedTanh, odd.ClampedSilu, odd.Largest, odd.Smallest, odd.Scratch, odd.EvalFirst]
)
def test_what_writes_into_memory_of_its_own_is_stacked(kind: type[nn.Module], compiled: bool) -> None:
    """Forward or backward; nobody else reads it."""
    name = f"odd_activations:{kind.__name__}"
    task = task_of(model={"source": asks}, space={"activation": [name]}, steps=12)
    trials = numbered([{**each, "activation": name} for each in RATES])
    assert why_not_stackable(task, trials[0]) == ""
    assert_engines_agree(task, trials, slots=4, compiled=compiled)


@pytest.mark.parametrize("kind", [odd.Twice, odd.IntoInput])
def test_what_writes_into_what_others_read_is_refused(kind: type[nn.Module]) -> None:
    """Pre-activations and activations are read by measurements and by other layers."""
    assert reason_of(asks, f"odd_activations:{kind.__name__}")


@pytest.mark.parametrize("kind", [odd.PassesOn, odd.HalfFixed, odd.BesideZeros])
def test_what_goes_number_by_number_is_stacked(kind: type[nn.Module]) -> None:
    """A derivative of 1 has memory of its own; measures know what each trial has drawn, seed by seed; many
    constants alike are one number."""
    name = f"odd_activations:{kind.__name__}"
    task = task_of(model={"source": asks}, space={"activation": [name]}, steps=12)
    trials = numbered([{**each, "activation": name} for each in RATES], seeds=(0, 1, 2))
    assert why_not_stackable(task, trials[0]) == ""
    assert_engines_agree(task, trials, slots=4)


@pytest.mark.parametrize("compiled", [True, False])
def test_small_numbers_keep_their_digits_in_formulas(compiled: bool) -> None:
    """x − tanh(x) of layer after layer is next to 0: what tanh lacks there would be all of it."""
    model = {"source": "mlp", "depth": 6, "width": 8}
    task = task_of(model=model, space={"activation": ["tanhshrink"], "optimizer": ["adam"]}, steps=6)
    chosen = {"optimizer": "adam", "learning_rate": 0.01, "activation": "tanhshrink"}
    assert_engines_agree(task, numbered([chosen] * 2, seeds=(0, 5)), slots=2, compiled=compiled)


def tiny(in_features: int, out_features: int, activation: Any, std: float) -> nn.Module:
    """Three hidden layers that begin next to 0."""
    model = nn.Sequential(nn.Linear(in_features, 6), activation(), nn.Linear(6, 6), activation())
    model.extend([nn.Linear(6, 6), activation(), nn.Linear(6, out_features)])
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=std) if parameter.ndim > 1 else nn.init.zeros_(parameter)
    return model


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("std", [1e-3, 1e-8])
def test_tanh_of_tiny_numbers_keeps_its_digits(std: float, compiled: bool) -> None:
    """Adam and RMSprop divide by the size of the gradients: what these lack is in the weights at once."""
    optimizers = ["adam", "rmsprop"]
    space = {"activation": ["tanh"], "optimizer": optimizers}
    task = task_of(model={"source": tiny, "std": std}, space=space, steps=40)
    chosen = [{"optimizer": name, "learning_rate": 0.01, "activation": "tanh"} for name in optimizers]
    assert_engines_agree(task, numbered(chosen), slots=2, compiled=compiled)


@pytest.mark.parametrize("before", [True, False])
def test_hooks_of_activations_are_refused(before: bool) -> None:
    """Layers are measured behind them where trials train alone, in a stack in front of them."""

    def hooked(in_features: int, out_features: int, activation: Any) -> nn.Module:
        model = asks(in_features, out_features, activation)
        if before:
            model[1].register_forward_pre_hook(lambda module, inputs: (inputs[0] * 2,))
        else:
            model[1].register_forward_hook(lambda module, inputs, output: output / 2)
        return model

    assert "a hidden activation has hooks" in reason_of(hooked, "tanh")


@pytest.mark.parametrize("kind", TOGETHER)
def test_only_what_goes_number_by_number_is_a_formula(kind: type[nn.Module]) -> None:
    """Whatever stands beside a number, and however large it is."""
    kinds, functions = (nn.Tanh, nn.ReLU), ("tanh", "relu")
    assert not writes_formula(kind(), kinds, functions)


class RowByRow(nn.Module):
    """A hidden layer that is written for one row."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.layers = layers(nn.ReLU, in_features, out_features)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(rows, in_features) -> (rows, out_features)"""
        return torch.vmap(self.layers)(x)


def test_activations_within_a_map_of_torch_are_refused_in_plain_words() -> None:
    """No class of torch's own is named, and no line of ours."""
    assert reason_of(RowByRow) == (
        "a hidden activation is called within torch.vmap or torch.func, where a stack cannot follow what "
        "it reads"
    )
