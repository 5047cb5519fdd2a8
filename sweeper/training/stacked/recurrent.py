"""torch.lstm, torch.gru, torch.rnn_tanh, torch.rnn_relu and their cells, for stacked trials.

These are what ``nn.LSTM``, ``nn.GRU``, ``nn.RNN`` and ``nn.LSTMCell`` … call. Arguments are those of torch's
functions; tensors are those of one trial, under vmap.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from sweeper.training.stacked.batching_rules import linear
from sweeper.training.stacked.recurrent_scan import GRU, LSTM, RELU, RNN, Cell, Scan
from sweeper.training.stacked.refusal import NotStackable


def _scan(
    cell: Cell, x: Tensor, h: Tensor, c: Tensor | None, weights: Sequence[Tensor | None], backwards: bool
) -> tuple[Tensor, Tensor, Tensor | None]:
    """One direction of a layer; x: (time, rows, features). `weights`: w_ih, w_hh, b_ih, b_hh, w_hr."""
    w_ih, w_hh, b_ih, b_hh, w_hr = weights
    assert w_ih is not None
    if b_ih is not None and b_hh is not None and not cell.separate_bias:
        b_ih, b_hh = b_ih + b_hh, None
    outputs: tuple[Tensor, Tensor, Tensor | None] = Scan.apply(
        cell, backwards, linear(x, w_ih, b_ih), h, c, w_hh, b_hh, w_hr
    )
    return outputs


def _layers(
    cell: Cell,
    x: Tensor,
    h: Tensor,
    c: Tensor | None,
    parameters: Sequence[Tensor],
    has_biases: bool,
    num_layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """All layers; outputs, last states and last cells."""
    directions = 2 if bidirectional else 1
    each = len(parameters) // (num_layers * directions)
    states, cells = list[Tensor](), list[Tensor | None]()
    x = x.transpose(0, 1) if batch_first else x
    for layer in range(num_layers):
        outputs = []
        for direction in range(directions):
            k = layer * directions + direction
            given = list(parameters[k * each : (k + 1) * each])
            projection = given.pop() if each % 2 else None
            biases = given[2:] if has_biases else [None, None]
            first = None if c is None else c[k]
            y, last, cells_end = _scan(
                cell, x, h[k], first, [*given[:2], *biases, projection], direction == 1
            )
            outputs.append(y)
            states.append(last)
            cells.append(cells_end)
        x = torch.cat(outputs, -1) if bidirectional else outputs[0]
        if dropout > 0 and train and layer < num_layers - 1:
            x = F.dropout(x, dropout)
    ends = [end for end in cells if end is not None]
    x = x.transpose(0, 1) if batch_first else x
    return x, torch.stack(states), torch.stack(ends) if ends else None


def lstm(x: Tensor, hx: Any, *others: Any) -> tuple[Tensor, Tensor, Tensor]:
    """``torch.lstm``"""
    if isinstance(hx, Tensor):
        raise NotStackable(PACKED)
    h, c = hx
    y, h, cells = _layers(LSTM, x, h, c, *others)
    assert cells is not None
    return y, h, cells


def recurrent(cell: Cell, x: Tensor, h: Tensor, parameters: Any, *others: Any) -> tuple[Tensor, Tensor]:
    """``torch.gru``, ``torch.rnn_tanh``, ``torch.rnn_relu``"""
    if isinstance(parameters, Tensor):
        raise NotStackable(PACKED)
    return _layers(cell, x, h, None, parameters, *others)[:2]


PACKED = (
    "a recurrent layer gets packed sequences, whose memory depends on the lengths in the batch; give it "
    "padded ones to train in a stack"
)


def lstm_cell(x: Tensor, hx: Sequence[Tensor], *weights: Tensor | None) -> tuple[Tensor, Tensor]:
    """``torch.lstm_cell``"""
    _, h, c = _cell(LSTM, x, hx[0], hx[1], weights)
    assert c is not None
    return h, c


def one_cell(cell: Cell, x: Tensor, h: Tensor, *weights: Tensor | None) -> Tensor:
    """``torch.gru_cell``, ``torch.rnn_tanh_cell``, ``torch.rnn_relu_cell``"""
    return _cell(cell, x, h, None, weights)[1]


def _cell(
    cell: Cell, x: Tensor, h: Tensor, c: Tensor | None, weights: Sequence[Tensor | None]
) -> tuple[Tensor, Tensor, Tensor | None]:
    given = [*weights, *[None] * (5 - len(weights))]
    return _scan(cell, x.unsqueeze(0), h, c, given, False)


def pack(*arguments: Any) -> Any:
    """``torch._pack_padded_sequence``"""
    raise NotStackable(PACKED)


RULES: dict[Any, Callable[..., Any]] = {
    torch._pack_padded_sequence: pack,
    torch.lstm: lstm,
    torch.gru: partial(recurrent, GRU),
    torch.rnn_tanh: partial(recurrent, RNN),
    torch.rnn_relu: partial(recurrent, RELU),
    torch.lstm_cell: lstm_cell,
    torch.gru_cell: partial(one_cell, GRU),
    torch.rnn_tanh_cell: partial(one_cell, RNN),
    torch.rnn_relu_cell: partial(one_cell, RELU),
}
