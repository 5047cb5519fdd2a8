"""Models of the user's own: called with what they ask for, activations swapped, weights kept."""

import copy
import math
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from sweeper.components.activations import ACTIVATIONS
from sweeper.components.build import Built, build
from sweeper.components.hidden import watch
from sweeper.errors import ModelError

ROW = torch.zeros(1, 4)


def built(
    function: Callable[..., Any], activation: str | None = None, init: str | None = None, **o: Any
) -> Built:
    """The function as a model for rows of 4 features and 3 outputs."""
    return build(function, row=ROW, out_features=3, activation=activation, init=init, options=o)


def plain(in_features: int, out_features: int) -> nn.Module:
    """Two hidden layers with activations of their own, and one at the output."""
    return nn.Sequential(
        nn.Linear(in_features, 8),
        nn.ReLU(),
        nn.Sequential(nn.Linear(8, 8), nn.Sequential(nn.Tanh())),
        nn.Linear(8, out_features),
        nn.Softplus(),
    )


@pytest.mark.parametrize("activation", [a.name for a in ACTIVATIONS.values() if a.elementwise])
def test_hidden_activations_are_swapped_the_output_s_is_not(activation: str) -> None:
    """Also in nested modules; the new ones are returned, input side first."""
    made = built(plain, activation)
    kind = type(ACTIVATIONS[activation].make())
    assert [type(module) for module in made.hidden] == [kind, kind]
    assert (made.model[1], made.model[2][1][0]) == made.hidden
    assert type(made.model[4]) is nn.Softplus


def test_without_a_searched_activation_the_model_keeps_its_own() -> None:
    """Hidden ones are found all the same, for penalties and measures."""
    made = built(plain)
    assert [type(module) for module in made.hidden] == [nn.ReLU, nn.Tanh]


def test_swapping_keeps_the_weights() -> None:
    """The same seed gives the same weights, swapped or not: nothing else is drawn or changed."""
    torch.manual_seed(0)
    before = plain(4, 3).state_dict()
    state = torch.get_rng_state()
    torch.manual_seed(0)
    after = built(plain, "gelu").model.state_dict()
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(before[key], after[key]) for key in before)


class Shared(nn.Module):
    """One activation module in three places, under three names."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        act = nn.ReLU()
        self.net = nn.Sequential(nn.Linear(inputs, 8), act, nn.Linear(8, 8), act)
        self.more = nn.ModuleDict({"act": act, "layer": nn.Linear(8, outputs)})

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, inputs) -> (n, outputs)"""
        return self.more["layer"](self.more["act"](self.net(x)))


def test_a_shared_module_is_swapped_everywhere_and_stays_one() -> None:
    """Every place that held the module holds the one new module."""
    made = built(lambda in_features, out_features: Shared(in_features, out_features), "elu")
    (new,) = made.hidden
    assert made.model.net[1] is made.model.net[3] is made.model.more["act"] is new
    assert type(new) is nn.ELU


def test_a_module_of_hidden_layers_and_output_cannot_be_swapped() -> None:
    """The output activation belongs to the targets; shared with hidden layers it would change."""

    def model(in_features: int, out_features: int) -> nn.Module:
        act = nn.ReLU()
        return nn.Sequential(nn.Linear(in_features, 8), act, nn.Linear(8, out_features), act)

    with pytest.raises(ModelError, match="uses one ReLU module for hidden layers and for its output"):
        built(model, "tanh")


class Functional(nn.Module):
    """Activations as functions, and as a module where asked."""

    def __init__(self, inputs: int, outputs: int, first: Any, second: Any) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(inputs, 8), nn.Linear(8, 8), nn.Linear(8, outputs)
        self.first, self.second = first, second

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, inputs) -> (n, outputs)"""
        return self.c(self.second(self.b(self.first(self.a(x)))))


@pytest.mark.parametrize(
    "function",
    [F.relu, torch.relu, torch.Tensor.relu, F.gelu, torch.tanh, torch.sigmoid, torch.relu_, F.logsigmoid],
)
def test_functions_are_swapped(function: Any) -> None:
    """However they are called; a model that keeps its own has them as layers."""

    def model(in_features: int, out_features: int) -> nn.Module:
        return Functional(in_features, out_features, function, nn.ReLU())

    assert [type(module) for module in built(model, "elu").hidden] == [nn.ELU, nn.ELU]
    assert [type(module).__name__ for module in built(model).hidden] == ["FunctionLayer", "ReLU"]


class Nodes(nn.Module):
    """Two layers of a graph that the model brings along; inputs are numbers of nodes."""

    def __init__(self, outputs: int, gain: bool) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.register_buffer("x", torch.randn(6, 3, generator=generator, dtype=torch.float32))
        self.links = torch.eye(6) + torch.eye(6).roll(1, 0)
        self.first, self.second = nn.Parameter(torch.randn(3, 4)), nn.Linear(4, 4)
        self.head = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, outputs))
        self.gain = nn.Parameter(torch.ones(4, 1) * 0.5) if gain else None

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """(n, 4), of which the first column is read -> (n, outputs)"""
        scale = 1.0 if self.gain is None else F.softplus(self.gain).mT
        h = F.relu(self.links @ (self.x @ self.first)) * scale
        h = torch.tanh(self.second(self.links @ h))
        return self.head(h[rows[:, 0].long().clamp(0, 5)])


@pytest.mark.parametrize("gain", [False, True])
def test_what_is_computed_from_numbers_of_the_model_s_own_is_hidden_too(gain: bool) -> None:
    """Layers over nodes of a fixed graph; a function of weights alone stays. Buffers get the precision."""
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        row = torch.zeros(1, 4)
        model = partial(Nodes, gain=gain)
        made = build(model, row=row, out_features=2, activation="elu", init=None, options={"outputs": 2})
        assert made.model(row).dtype == torch.float64
    finally:
        torch.set_default_dtype(default)
    assert made.swapped is not None
    assert [name.split(" ", 1)[-1] for name in made.swapped.swapped] == ["relu", "tanh", "head.1"]


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_compiled_code_is_refused() -> None:
    """It calls functions where nobody sees it: they would stay, and the comparison would be wrong."""

    def model(in_features: int, out_features: int) -> nn.Module:
        scripted = torch.jit.script(nn.Sequential(nn.Linear(8, 8), nn.ReLU()))
        return Functional(in_features, out_features, scripted, nn.ReLU())

    with pytest.raises(
        ModelError, match=r"compiled code of model .* calls relu, which cannot be swapped, beside"
    ):
        built(model, "elu")


def test_gates_are_left_alone() -> None:
    """Sigmoid and tanh as functions beside activation modules are gates."""

    def model(in_features: int, out_features: int) -> nn.Module:
        return Functional(in_features, out_features, lambda x: x * torch.sigmoid(x), nn.ReLU())

    assert [type(module) for module in built(model, "elu").hidden] == [nn.ELU]


def test_functions_inside_activation_modules_are_their_own() -> None:
    """nn.ReLU calls F.relu: that is no function of the model."""
    assert watch(plain(4, 3), ROW).sites == ()


def test_watching_changes_nothing() -> None:
    """Buffers, mode, gradients and the random generator are as before."""
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(), nn.Linear(8, 3))
    before = {key: value.clone() for key, value in model.state_dict().items()}
    state = torch.get_rng_state()
    watch(model, torch.randn(1, 4, generator=torch.Generator().manual_seed(0)))
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert model.training
    assert torch.equal(torch.get_rng_state(), state)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def test_a_function_is_given_what_it_asks_for() -> None:
    """By name, and nothing else; keys of the section arrive too."""
    seen: dict[str, Any] = {}

    def model(in_features, in_shape, out_features, activation, init, hidden, depth=2):
        seen.update(locals())
        layers = nn.Sequential(nn.Linear(in_features, hidden), activation(), nn.Linear(hidden, out_features))
        init(layers)
        return layers

    made = build(
        model, row=torch.zeros(1, 5, 6), out_features=3, activation="elu", init="he", options={"hidden": 7}
    )
    assert (seen["in_features"], seen["in_shape"], seen["out_features"]) == (6, (5, 6), 3)
    assert (seen["hidden"], seen["depth"]) == (7, 2)
    assert [type(module) for module in made.hidden] == [nn.ELU]
    assert made.model[0].weight.std().item() == pytest.approx(math.sqrt(2 / 6), rel=0.3)


def test_copies_of_what_was_asked_for_are_hidden_too() -> None:
    """Of a block, as nn.TransformerEncoder makes them: they are called in place of the one that was given."""

    def model(in_features: int, out_features: int, activation: Callable[[], nn.Module]) -> nn.Module:
        block = nn.Sequential(nn.Linear(4, 4), activation())
        return nn.Sequential(*[copy.deepcopy(block) for _ in range(3)], nn.Linear(4, out_features))

    made = built(model, "tanh")
    assert made.copies == tuple(made.model[k][1] for k in range(3))
    assert set(made.copies) < set(made.hidden)
    assert [type(module) for module in made.hidden] == [nn.Tanh] * 4
    assert built(plain, "tanh").copies == ()


def test_images_have_their_channels_as_features() -> None:
    """in_features is the width of the last axis, and the number of channels of images."""
    seen: list[int] = []

    def model(in_features: int) -> nn.Module:
        seen.append(in_features)
        return nn.Flatten()

    for shape in ((9,), (5, 6), (3, 8, 8)):
        build(model, row=torch.zeros(1, *shape), out_features=1, activation=None, init=None, options={})
    assert seen == [9, 6, 3]


def zeros(in_features: int, out_features: int) -> nn.Module:
    """Weights of the user's own."""
    model = nn.Sequential(nn.Linear(in_features, 64), nn.ReLU(), nn.Linear(64, out_features))
    for parameter in model.parameters():
        nn.init.zeros_(parameter)
    return model


def test_own_weights_are_kept_unless_asked() -> None:
    """Without `init` nothing is redrawn; with it, every linear layer is; auto suits the activation."""
    assert not built(zeros).model[0].weight.any()
    assert not built(zeros, "tanh").model[0].weight.any()
    assert not built(zeros, init="torch").model[0].weight.any()
    he = built(zeros, init="he").model[2].weight
    assert he.std().item() == pytest.approx(math.sqrt(2 / 64), rel=0.2)
    for activation, variance in (("relu", 2 / 64), ("selu", 1 / 64), ("tanh", 2 / 67)):
        torch.manual_seed(0)
        weight = built(zeros, activation, init="auto").model[2].weight
        assert weight.var().item() == pytest.approx(variance, rel=0.3)


def test_lazy_layers_get_their_shapes() -> None:
    """Models may leave input widths open."""

    def asking(out_features: int, activation: Any) -> nn.Module:
        return nn.Sequential(nn.LazyLinear(8), activation(), nn.LazyLinear(out_features))

    def swapped(out_features: int) -> nn.Module:
        return nn.Sequential(nn.LazyLinear(8), nn.ReLU(), nn.LazyLinear(out_features))

    for model in (asking, swapped):
        made = built(model, "elu", init="he")
        assert [tuple(p.shape) for p in made.model.parameters()] == [(8, 4), (8,), (3, 8), (3,)]
        assert [type(module) for module in made.hidden] == [nn.ELU]


def nothing(in_features: int) -> None:
    """Forgets to return."""


def exits(in_features: int) -> None:
    """Ends the program."""
    raise SystemExit(3)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (nothing, "model 'nothing' must return a torch.nn.Module, not None; is a `return` missing?"),
        (
            lambda: nn.Linear,
            "model '<lambda>' must return a torch.nn.Module, not the class Linear; make one: Linear(…)",
        ),
        (lambda: 3, "model '<lambda>' must return a torch.nn.Module, not int"),
        (
            lambda in_features: nn.Linear(in_features, "x\ny"),
            "model '<lambda>' could not be made with in_features=4: torch refused an operation: TypeError: ",
        ),
        (exits, "model 'exits' could not be made with in_features=4: it ended the program (exit code 3)"),
        (lambda width: nn.Flatten(), "model '<lambda>' could not be made with no arguments: TypeError: "),
    ],
)
def test_functions_that_make_no_module(function: Any, message: str) -> None:
    """The message says what came instead, in one line."""
    with pytest.raises(ModelError) as caught:
        built(function)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_an_argument_that_the_function_does_not_take() -> None:
    """Named with what it does take."""
    with pytest.raises(ModelError) as caught:
        built(zeros, widht=3)
    assert str(caught.value) == (
        "model 'zeros' takes no argument 'widht'; allowed: in_features, out_features"
    )
