"""Recurrent layers of stacked trials against torch's own, one trial after the other."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from like_torch import TRIALS, assert_like_torch, exactly
from torch import Tensor, nn
from torch.func import vmap

from sweeper.training.stacked.better_rules import BetterRules

ROWS, TIMES, FEATURES, UNITS = 4, 5, 3, 6


@pytest.fixture(autouse=True)
def _exactly() -> Iterator[None]:
    with exactly():
        yield


class WithStates(nn.Module):
    """A recurrent layer that gets its first states."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor, *states: Tensor) -> Any:
        return self.layer(x, states if len(states) > 1 else states[0])


OPTIONS: list[dict[str, Any]] = [
    {},
    {"batch_first": True},
    {"bias": False, "num_layers": 2},
    {"bidirectional": True, "num_layers": 2, "batch_first": True},
]
LAYERS = [
    *((nn.LSTM, {**o, **p}) for o in OPTIONS for p in ({}, {"proj_size": 2})),
    *((nn.GRU, o) for o in OPTIONS),
    *((nn.RNN, {**o, "nonlinearity": n}) for o in OPTIONS for n in ("tanh", "relu")),
]


@pytest.mark.parametrize(("layer", "options"), LAYERS, ids=lambda v: getattr(v, "__name__", str(v)))
def test_layers_with_all_options_are_those_of_torch(layer: type[nn.Module], options: dict[str, Any]) -> None:
    """Outputs, last states, gradients: with rows of each trial's own and shared ones, given and no states."""

    def make() -> nn.Module:
        return layer(FEATURES, UNITS, **options)

    assert_like_torch(make, torch.randn(TRIALS, ROWS, TIMES, FEATURES))
    assert_like_torch(make, torch.randn(ROWS, TIMES, FEATURES), shared=True)
    rows = ROWS if options.get("batch_first") else TIMES
    deep = options.get("num_layers", 1) * (2 if options.get("bidirectional") else 1)
    states = [torch.randn(TRIALS, deep, rows, options.get("proj_size", UNITS))]
    if layer is nn.LSTM:
        states.append(torch.randn(TRIALS, deep, rows, UNITS))
    x = torch.randn(TRIALS, ROWS, TIMES, FEATURES)
    assert_like_torch(lambda: WithStates(make()), x, *states)


@pytest.mark.parametrize("layer", [nn.LSTM, nn.GRU, nn.RNN])
def test_a_single_sequence_needs_no_rows(layer: type[nn.Module]) -> None:
    """Unbatched inputs, as torch takes them."""
    assert_like_torch(lambda: layer(FEATURES, UNITS), torch.randn(TRIALS, TIMES, FEATURES))


@pytest.mark.parametrize("layer", [nn.LSTM, nn.GRU, nn.RNN])
def test_tiny_states_keep_their_digits(layer: type[nn.Module]) -> None:
    """Of weights next to 0, from which an optimizer that divides by the size of gradients may begin."""
    module, x = layer(FEATURES, UNITS, bias=False), torch.randn(TRIALS, TIMES, ROWS, FEATURES)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(1e-9)
    with BetterRules():
        together = vmap(lambda rows: module(rows)[0])(x)
    torch.testing.assert_close(together, torch.stack([module(rows)[0] for rows in x]), rtol=1e-13, atol=0)


CELLS = [(nn.LSTMCell, {}), (nn.GRUCell, {}), (nn.RNNCell, {}), (nn.RNNCell, {"nonlinearity": "relu"})]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("cell", "options"), CELLS)
def test_cells_are_those_of_torch(cell: type[nn.Module], options: dict[str, Any], bias: bool) -> None:
    """Rows and a single row; with and without a state."""

    def make() -> nn.Module:
        return cell(FEATURES, UNITS, bias=bias, **options)

    states = [torch.randn(TRIALS, ROWS, UNITS) for _ in range(2 if cell is nn.LSTMCell else 1)]
    assert_like_torch(make, torch.randn(TRIALS, ROWS, FEATURES))
    assert_like_torch(make, torch.randn(TRIALS, FEATURES))
    assert_like_torch(lambda: WithStates(make()), torch.randn(TRIALS, ROWS, FEATURES), *states)
