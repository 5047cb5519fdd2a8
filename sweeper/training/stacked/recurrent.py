"""torch.lstm, torch.gru, torch.rnn_tanh, torch.rnn_relu and their cells, for stacked trials.

These are what ``nn.LSTM``, ``nn.GRU``, ``nn.RNN`` and ``nn.LSTMCell`` … call. Arguments are those of torch's
functions; tensors are those of one trial, under vmap.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from sweeper import private_torch
from sweeper.training.stacked import packed
from sweeper.training.stacked.batching_rules import linear
from sweeper.training.stacked.recurrent_scan import GRU, LSTM, RELU, RNN, Cell, Scan
from sweeper.training.stacked.refusal import NotStackable


@dataclass(frozen=True)
class RecurrentOptions:
    """What torch's functions take after the parameters."""

    has_biases: bool
    num_layers: int
    dropout: float
    train: bool
    bidirectional: bool
    batch_first: bool = False


def _scan(
    cell: Cell,
    x: Tensor,
    h: Tensor,
    c: Tensor | None,
    weights: Sequence[Tensor | None],
    backwards: bool,
    mask: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """One direction of a layer; x: (time, rows, features). `weights`: w_ih, w_hh, b_ih, b_hh, w_hr."""
    w_ih, w_hh, b_ih, b_hh, w_hr = weights
    assert w_ih is not None
    if b_ih is not None and b_hh is not None and not cell.separate_bias:
        b_ih, b_hh = b_ih + b_hh, None
    outputs: tuple[Tensor, Tensor, Tensor | None] = Scan.apply(
        cell, backwards, linear(x, w_ih, b_ih), h, c, w_hh, b_hh, w_hr, mask
    )
    return outputs


def _layers(
    cell: Cell,
    x: Tensor,
    h: Tensor,
    c: Tensor | None,
    parameters: Sequence[Tensor],
    options: RecurrentOptions,
    mask: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """All layers; outputs, last states and last cells."""
    directions = 2 if options.bidirectional else 1
    each = len(parameters) // (options.num_layers * directions)
    states, cells = list[Tensor](), list[Tensor]()
    x = x.transpose(0, 1) if options.batch_first else x
    for layer in range(options.num_layers):
        outputs = []
        for direction in range(directions):
            k = layer * directions + direction
            given = list(parameters[k * each : (k + 1) * each])
            projection = given.pop() if each % 2 else None
            biases = given[2:] if options.has_biases else [None, None]
            first = None if c is None else c[k]
            weights = [*given[:2], *biases, projection]
            y, last, cells_end = _scan(cell, x, h[k], first, weights, direction == 1, mask)
            outputs.append(y)
            states.append(last)
            cells += [] if cells_end is None else [cells_end]
        x = torch.cat(outputs, -1) if options.bidirectional else outputs[0]
        if options.dropout > 0 and options.train and layer < options.num_layers - 1:
            if mask is not None:
                raise NotStackable(packed.DROPOUT)
            x = F.dropout(x, options.dropout)
    x = x.transpose(0, 1) if options.batch_first else x
    return x, torch.stack(states), torch.stack(cells) if cells else None


def _of_packed(
    cell: Cell, data: Tensor, batch_sizes: Tensor, h: Tensor, c: Tensor | None, parameters: Any, *others: Any
) -> tuple[Tensor, Tensor, Tensor | None]:
    padded = packed.padded_of(batch_sizes, data)
    x, mask = padded.spread(data), padded.mask
    y, h, cells = _layers(cell, x, h, c, parameters, RecurrentOptions(*others), mask)
    return padded.gathered(y), h, cells


def lstm(x: Tensor, second: Any, third: Any, *others: Any) -> tuple[Tensor, ...]:
    """``torch.lstm``"""
    if isinstance(second, Tensor):
        h, c = third
        y, h, c = _of_packed(LSTM, x, second, h, c, *others)
    else:
        h, c = second
        y, h, c = _layers(LSTM, x, h, c, third, RecurrentOptions(*others))
    assert c is not None
    return y, h, c


def recurrent(cell: Cell, x: Tensor, second: Tensor, third: Any, *others: Any) -> tuple[Tensor, ...]:
    """``torch.gru``, ``torch.rnn_tanh``, ``torch.rnn_relu``"""
    if isinstance(third, Tensor):
        return _of_packed(cell, x, second, third, None, *others)[:2]
    return _layers(cell, x, second, None, third, RecurrentOptions(*others))[:2]


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


RULES: dict[Any, Callable[..., Any]] = {
    **private_torch.hidden_functions(
        {"pack_padded_sequence": packed.pack, "pad_packed_sequence": packed.pad}
    ),
    torch.lstm: lstm,
    torch.gru: partial(recurrent, GRU),
    torch.rnn_tanh: partial(recurrent, RNN),
    torch.rnn_relu: partial(recurrent, RELU),
    torch.lstm_cell: lstm_cell,
    torch.gru_cell: partial(one_cell, GRU),
    torch.rnn_tanh_cell: partial(one_cell, RNN),
    torch.rnn_relu_cell: partial(one_cell, RELU),
}
