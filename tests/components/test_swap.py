"""What is swapped in models of the user's own, what is kept, and that both modes apply it."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sweeper.components.build import Built, build
from sweeper.components.dataflow import flow
from sweeper.components.swap import IN_LARGEST, in_words, roles_in
from sweeper.errors import ModelError


class Excited(nn.Module):
    """Squeeze and excitation: features times a gate that is computed from them."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.act = nn.Conv2d(1, 4, 3, padding=1), nn.SiLU()
        self.down, self.squeezed, self.up, self.gate = (
            nn.Linear(4, 2),
            nn.ReLU(),
            nn.Linear(2, 4),
            nn.Sigmoid(),
        )
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        """(n, 16) -> (n, 3)"""
        x = self.act(self.conv(x.view(-1, 1, 4, 4)))
        gate = self.gate(self.up(self.squeezed(self.down(x.mean((2, 3))))))
        return self.head((x * gate[:, :, None, None]).mean((2, 3)))


class Highway(nn.Module):
    """A gate between a layer and its input; the gate stands at both factors."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.act, self.gates, self.gate = (
            nn.Linear(16, 16),
            nn.ReLU(),
            nn.Linear(16, 16),
            nn.Sigmoid(),
        )
        self.head = nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Tensor:
        """(n, 16) -> (n, 3)"""
        gate = self.gate(self.gates(x))
        return self.head(gate * self.act(self.layer(x)) + (1 - gate) * x)


class GatedUnit(nn.Module):
    """silu(gate) · up, a hidden activation before it."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.act = nn.Linear(16, 8), nn.ReLU()
        self.gates, self.silu, self.up, self.head = (
            nn.Linear(8, 8),
            nn.SiLU(),
            nn.Linear(8, 8),
            nn.Linear(8, 3),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(n, 16) -> (n, 3)"""
        x = self.act(self.first(x))
        return self.head(self.silu(self.gates(x)) * self.up(x))


class Cell(nn.Module):
    """An LSTM written by hand, its two activations used again and again."""

    def __init__(self) -> None:
        super().__init__()
        self.input, self.state, self.sigmoid, self.tanh = (
            nn.Linear(4, 16),
            nn.Linear(4, 16),
            nn.Sigmoid(),
            nn.Tanh(),
        )
        self.head = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))

    def forward(self, x: Tensor) -> Tensor:
        """(n, 16) -> (n, 3)"""
        h = c = x.new_zeros(len(x), 4)
        for part in x.view(-1, 4, 4).unbind(1):
            i, f, g, o = (self.input(part) + self.state(h)).chunk(4, -1)
            c = self.sigmoid(f) * c + self.sigmoid(i) * self.tanh(g)
            h = self.sigmoid(o) * self.tanh(c)
        return self.head(h)


class Positions(nn.Module):
    """A parameter of three dimensions at the outermost module, and an activation at the output."""

    def __init__(self) -> None:
        super().__init__()
        self.position = nn.Parameter(torch.randn(1, 4, 4))
        self.net, self.head, self.out = (
            nn.Sequential(nn.Linear(4, 4), nn.GELU()),
            nn.Linear(4, 3),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(n, 16) -> (n, 3)"""
        return self.out(self.head(self.net(x.view(-1, 4, 4) + self.position).mean(1)))


class AttentionGate(nn.Module):
    """Features times a map that is computed from them and from others."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.act = nn.Conv2d(1, 4, 3, padding=1), nn.ReLU()
        self.psi = nn.Sequential(nn.Conv2d(4, 2, 1), nn.ReLU(), nn.Conv2d(2, 1, 1), nn.Sigmoid())
        self.last = nn.Conv2d(4, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(n, 16) -> (n, 3)"""
        x = self.act(self.conv(x.view(-1, 1, 4, 4)))
        return self.last(x * self.psi(x)).mean((2, 3))


class Encoder(nn.Module):
    """Torch's transformer layers."""

    def __init__(self, activation: Any) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(4, 2, 8, activation=activation, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        """(n, 16) -> (n, 3)"""
        return self.head(self.encoder(x.view(-1, 4, 4)).mean(1))


class First(nn.Module):
    """The activation sees the input before any weights do."""

    def __init__(self) -> None:
        super().__init__()
        self.act, self.a, self.more, self.b = nn.SiLU(), nn.Linear(16, 8), nn.SiLU(), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        """(n, 16) -> (n, 3)"""
        return self.b(self.more(self.a(self.act(x))))


class Mapped(nn.Module):
    """Row by row, by vmap."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.act, self.b = nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        """(n, 16) -> (n, 3)"""
        return self.b(torch.vmap(lambda row: self.act(self.a(row)))(x))


def made(function: Callable[[], nn.Module], activation: str = "tanh", **patterns: Any) -> Built:
    """The model, its activation layers swapped."""
    row = torch.linspace(0, 1, 16)[None]
    return build(function, row=row, out_features=3, activation=activation, init=None, options={}, **patterns)


@pytest.mark.parametrize(
    ("function", "line"),
    [
        (Excited, "swapped: act, squeezed; kept: gate"),
        (Highway, "swapped: act; kept: gate"),
        (GatedUnit, "swapped: act; kept: silu"),
        (Cell, "swapped: head.1; kept: sigmoid, tanh"),
        (Positions, "swapped: net.1; kept: out"),
        (AttentionGate, "swapped: act, psi.1; kept: psi.3"),
        (First, "swapped: act, more; kept: none"),
        (Mapped, "swapped: act; kept: none"),
        (
            lambda: Encoder("relu"),
            "swapped: encoder.layers.0.activation, encoder.layers.1.activation; kept: none",
        ),
    ],
)
def test_hidden_layers_are_swapped_gates_and_outputs_are_kept(
    function: Callable[[], nn.Module], line: str
) -> None:
    """Found from what is done with the outputs; said with the names."""
    built = made(function)
    assert built.swapped is not None
    assert built.swapped.line() == line
    names = dict(built.model.named_modules())
    assert {type(names[name]) for name in built.swapped.swapped} == {nn.Tanh}


@pytest.mark.parametrize("put_in", ["tanh", "relu", "gelu"])
@pytest.mark.parametrize("activation", [nn.ReLU(), nn.GELU(), "relu", F.gelu, nn.GELU(approximate="tanh")])
def test_training_and_evaluation_apply_what_was_put_in(activation: Any, put_in: str) -> None:
    """Torch's fast path applies what a layer was made with, not what it holds; nor does it call a module."""
    model = made(lambda: Encoder(activation), put_in).model
    x = torch.rand(5, 16)
    for module in model.modules():
        if isinstance(module, nn.Dropout | nn.MultiheadAttention):
            setattr(module, "p" if isinstance(module, nn.Dropout) else "dropout", 0.0)
    with torch.no_grad():
        evaluated, trained = model.eval()(x), model.train()(x)
    assert torch.allclose(evaluated, trained, atol=1e-6)


def test_what_a_function_puts_into_a_transformer_itself_holds_in_evaluation() -> None:
    """GELU by tanh counts as GELU for torch's fast path, which computes the exact one."""

    def asking(activation: Callable[[], nn.Module]) -> nn.Module:
        return Encoder(activation())

    model = made(asking, "gelu_tanh").model
    assert [layer.activation_relu_or_gelu for layer in model.encoder.layers] == [0, 0]
    assert [layer.activation_relu_or_gelu for layer in made(asking, "gelu").model.encoder.layers] == [2, 2]


class Modal(nn.Module):
    """Goes round its activation layer in one mode."""

    def __init__(self, training: bool) -> None:
        super().__init__()
        self.a, self.act, self.b, self.around = nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 3), training

    def forward(self, x: Tensor) -> Tensor:
        """(n, 16) -> (n, 3)"""
        x = self.a(x)
        return self.b(x.clamp_min(0) if self.training == self.around else self.act(x))


def test_a_layer_of_one_mode_alone_is_refused() -> None:
    """Else evaluation would score another model than the one that is trained."""
    with pytest.raises(
        ModelError, match="applies its activation layer act in evaluation and not in training"
    ):
        made(lambda: Modal(training=True))


def test_patterns_decide_otherwise() -> None:
    """`swap` says which and no others; `keep` has the last word."""
    assert in_words(("a", "b", "c"), (), most=2) == "swapped: a, b and 1 more; kept: none"
    for chosen, left, line in (
        (["gate", "squ*"], [], "swapped: squeezed, gate; kept: act"),
        (None, ["a*"], "swapped: squeezed; kept: act, gate"),
        (["*"], ["gate"], "swapped: act, squeezed; kept: gate"),
    ):
        swapped = made(Excited, chosen=chosen, left=left).swapped
        assert swapped is not None
        assert swapped.line() == line


@pytest.mark.parametrize("end", ["", IN_LARGEST])
def test_a_line_tells_the_role_of_every_layer_that_it_names(end: str) -> None:
    """Also of the last one named: what follows a name is no part of it."""
    line = in_words(("a", "b", "c"), ("gate", "out"), ("relu called in net (as a function)",), most=2)
    roles = {"a": "swapped", "b": "swapped", "gate": "kept", "out": "kept"}
    assert roles_in(line + end) == {**roles, "relu called in net (as a function)": "kept"}
    assert roles_in(in_words(("a",), ("b", "c"), most=1) + end) == {"a": "swapped", "b": "kept"}
    assert roles_in(in_words(("a",), ()) + end) == {"a": "swapped"}


@pytest.mark.parametrize(
    ("patterns", "message"),
    [
        (
            {"chosen": ["net.*"]},
            "'net.*' fits no activation layer of model 'Excited'; there are act, squeezed, gate",
        ),
        (
            {"left": ["gaet"]},
            "'gaet' fits no activation layer of model 'Excited'; there are act, squeezed, gate",
        ),
        ({"left": ["*"]}, "model 'Excited': model.swap and model.keep leave no activation layer to swap"),
    ],
)
def test_patterns_that_fit_nothing(patterns: dict[str, Any], message: str) -> None:
    """The message names the activation layers that there are."""
    with pytest.raises(ModelError) as caught:
        made(Excited, **patterns)
    assert message in str(caught.value)


def test_one_module_for_hidden_layers_and_a_gate_is_refused() -> None:
    """Half of its places would change."""

    def model() -> nn.Module:
        unit = GatedUnit()
        unit.act = unit.silu
        return unit

    with pytest.raises(ModelError, match="uses one SiLU module for hidden layers and for a gate"):
        made(model)


def test_uses_of_weights_are_seen_in_the_order_of_the_forward_pass() -> None:
    """Also where the module is not called itself, and where weights are computed from others."""
    x = torch.rand(1, 16)
    seen = flow(Encoder("relu").double(), x.double(), {}, ())
    layer = ["self_attn", "self_attn.out_proj", "linear1", "linear2"]
    names = [f"encoder.layers.{k}.{name}" for k in range(2) for name in layer]
    assert [use.modules for use in seen.uses] == [(name,) for name in [*names, "head"]]
    normed = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(16, 4)), nn.Linear(4, 3))
    assert [use.modules for use in flow(normed, x, {}, ()).uses] == [("0",), ("1",)]
    assert math.log2(flow(normed, x, {}, ()).reached + 1) == 2
