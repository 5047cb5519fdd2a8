"""Built-in models: shapes, parameter counts, one activation per hidden layer, errors."""

from typing import Any

import pytest
import torch
from torch import nn

from sweeper.components.activations import ACTIVATIONS
from sweeper.components.build import Built, build
from sweeper.components.initializers import INITIALIZERS
from sweeper.components.models import MODELS
from sweeper.errors import ModelError

ROWS = {"flat": (64,), "sequence": (5, 6), "image": (3, 8, 8)}
FITS = {
    "linear": ("flat", "sequence"),
    "mlp": ("flat", "sequence", "image"),
    "cnn": ("flat", "image"),
    "rnn": ("flat", "sequence"),
    "residual_mlp": ("flat", "sequence", "image"),
}
HIDDEN = {"linear": 0, "mlp": 3, "cnn": 2, "rnn": 1, "residual_mlp": 6}


def built(name: str, shape: tuple[int, ...] = (64,), **changes: Any) -> Built:
    """A built-in model for rows of `shape`."""
    settings: dict[str, Any] = {"out_features": 4, "activation": None, "init": "auto", "options": {}}
    return build(name, row=torch.zeros(1, *shape), **{**settings, **changes})


@pytest.mark.parametrize(("name", "kind"), [(n, kind) for n in MODELS for kind in FITS.get(n, ROWS)])
def test_contract(name: str, kind: str) -> None:
    """A model takes the rows it is for, gives out_features a row, and has a gradient for every parameter."""
    torch.manual_seed(0)
    model = built(name, ROWS[kind]).model
    output = model(torch.randn(7, *ROWS[kind]))
    assert output.shape == (7, 4) or name == "linear"
    output.sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


@pytest.mark.parametrize("name", MODELS)
def test_hidden_layers_have_one_activation_each(name: str) -> None:
    """As many activation modules as hidden layers, each a module of its own, called input side first."""
    made = built(name, activation="prelu" if HIDDEN.get(name) else None)
    assert len(made.hidden) == len(set(map(id, made.hidden))) == HIDDEN[name]
    called: list[nn.Module] = []
    for module in made.hidden:
        module.register_forward_hook(lambda m, x, y: called.append(m))
    made.model(torch.randn(2, 64))
    assert called == list(made.hidden)


@pytest.mark.parametrize("name", [name for name in MODELS if name != "linear"])
@pytest.mark.parametrize("activation", [a.name for a in ACTIVATIONS.values() if a.elementwise])
def test_every_activation_goes_into_every_model(name: str, activation: str) -> None:
    """The factory's modules are those that are applied, and the output stays finite."""
    torch.manual_seed(0)
    made = built(name, activation=activation)
    assert {type(module) for module in made.hidden} == {type(ACTIVATIONS[activation].make())}
    assert torch.isfinite(made.model(torch.randn(3, 64))).all()


def count(name: str, **options: Any) -> int:
    """Number of parameters."""
    return sum(p.numel() for p in built(name, options=options).model.parameters())


def test_numbers_of_parameters() -> None:
    """Weights and biases as the architectures say."""
    assert count("linear") == 64 * 4 + 4
    assert count("linear", bias=False) == 64 * 4
    assert count("mlp", depth=2, width=10) == (64 * 10 + 10) + (10 * 10 + 10) + (10 * 4 + 4)
    assert count("mlp", depth=0) == 64 * 4 + 4
    assert count("mlp", depth=1, width=10, norm="batch") == (64 * 10 + 10) + 2 * 10 + (10 * 4 + 4)
    assert count("mlp", depth=1, width=10, norm="layer", dropout=0.1) == (64 * 10 + 10) + 2 * 10 + 44
    assert count("cnn", channels=[3, 5]) == (9 * 3 + 3) + (3 * 9 * 5 + 5) + (5 * 2 * 2 * 4 + 4)
    assert count("rnn", width=7) == 3 * (8 * 7 + 7 * 7 + 2 * 7) + (7 * 4 + 4)
    blocks = 2 * (2 * (10 * 10 + 10) + 2 * 10)
    assert count("residual_mlp", depth=2, width=10) == (64 * 10 + 10) + blocks + (10 * 4 + 4)
    assert count("residual_mlp", depth=2, width=10, norm=False) == (64 * 10 + 10) + blocks - 40 + 44


def test_mlp_is_the_plain_sequence() -> None:
    """Linear, norm, activation, dropout, for each hidden layer; a linear layer at the end."""
    model = built("mlp", activation="tanh", options={"depth": 2, "norm": "layer", "dropout": 0.5}).model
    kinds = [type(layer).__name__ for layer in model]
    assert kinds == ["Linear", "LayerNorm", "Tanh", "Dropout"] * 2 + ["Linear"]


def test_residual_blocks_start_small() -> None:
    """The signal keeps its size through 30 blocks."""
    torch.manual_seed(0)
    model = built("residual_mlp", activation="relu", options={"depth": 30}).model
    first = model[0](torch.randn(100, 64))
    last = first
    for block in model[1:-1]:
        last = block(last)
    assert 0.5 < (last.std() / first.std()).item() < 3


def test_flat_rows_become_images_and_sequences() -> None:
    """64 features are 8 × 8; other shapes are given by hand."""
    assert built("cnn", (18,), options={"image": [2, 3, 3]}).model(torch.zeros(1, 18)).shape == (1, 4)
    assert built("rnn", (18,), options={"time_steps": 6}).model(torch.zeros(1, 18)).shape == (1, 4)
    assert built("rnn").model.shape == (8, 8)


@pytest.mark.parametrize(
    ("name", "shape", "options", "message"),
    [
        ("mlp", (64,), {"norm": "bach"}, "model.norm = 'bach'; allowed: none, batch, layer"),
        ("mlp", (64,), {"width": 0}, "model.depth = 3, model.width = 0; depth is 0 … 10000, width 1 or more"),
        (
            "mlp",
            (64,),
            {"depth": -1},
            "model.depth = -1, model.width = 64; depth is 0 … 10000, width 1 or more",
        ),
        (
            "residual_mlp",
            (64,),
            {"depth": -1},
            "model.depth = -1, model.width = 64; depth is 0 … 10000, width 1 or more",
        ),
        ("cnn", (64,), {"channels": [4, 0]}, "model.channels = [4, 0]; every number must be at least 1"),
        (
            "cnn",
            (10,),
            {},
            "rows of shape (10,) are no image of shape (1, 3, 3); set model.image = [channels, height, "
            "width]",
        ),
        ("rnn", (10,), {}, "rows of 10 features cannot be cut into 3 equal steps; set model.time_steps"),
        ("rnn", (10,), {"width": 0}, "model.width = 0, model.time_steps = None; both must be at least 1"),
    ],
)
def test_impossible_architectures(name: str, shape: tuple, options: dict, message: str) -> None:
    """The message names the key, the value and what is allowed."""
    with pytest.raises(ModelError) as caught:
        built(name, shape, options=options)
    assert str(caught.value).endswith(f": ValueError: {message}")


@pytest.mark.parametrize("activation", ["relu", "tanh", "selu", "sigmoid", "gelu"])
def test_auto_is_the_scheme_that_suits_the_activation(activation: str) -> None:
    """`init = "auto"` draws what the activation's own scheme draws."""

    def weights(init: str) -> torch.Tensor:
        torch.manual_seed(0)
        return built("mlp", activation=activation, init=init, options={"width": 30}).model[0].weight

    scheme = {"relu": "he", "tanh": "xavier", "selu": "lecun", "sigmoid": "xavier", "gelu": "he"}[activation]
    assert ACTIVATIONS[activation].init == scheme
    assert torch.equal(weights("auto"), weights(scheme))
    for other in set(INITIALIZERS) - {scheme}:
        assert not torch.equal(weights("auto"), weights(other))


def test_auto_without_a_searched_activation_is_that_of_relu() -> None:
    """A built-in model whose study names no activation has ReLU and He."""
    torch.manual_seed(0)
    made = built("mlp", activation=None, init="auto")
    torch.manual_seed(0)
    assert torch.equal(made.model[0].weight, built("mlp", activation="relu", init="he").model[0].weight)


def test_rows_of_two_axes_are_images_of_one_channel() -> None:
    """(height, width), as arrays of grey images come."""
    built = build("cnn", row=torch.randn(1, 8, 6), out_features=3, activation="relu", init=None, options={})
    assert built.model(torch.randn(5, 8, 6)).shape == (5, 3)
    with pytest.raises(ModelError, match="are no image of shape"):
        build(
            "cnn",
            row=torch.randn(1, 8, 8, 1),
            out_features=3,
            activation="relu",
            init=None,
            options={"image": [1, 8, 8]},
        )


def test_rows_with_time_steps_take_no_others() -> None:
    """Searched values of model.time_steps would all train alike."""
    with pytest.raises(ModelError, match="rows have 3 time steps"):
        build(
            "rnn",
            row=torch.randn(1, 3, 4),
            out_features=2,
            activation="relu",
            init=None,
            options={"time_steps": 6},
        )
