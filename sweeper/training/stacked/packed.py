"""Packed sequences of stacked trials.

Where all trials have the same lengths, they are packed as torch packs them. Lengths of their own would make
memory of different sizes: then all times of all rows are kept, (times·rows, …), with the lengths beside them,
and recurrent layers pass over what lies behind the end of a row.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sweeper import private_torch
from sweeper.components.operations import tensors_in
from sweeper.training.stacked.refusal import NotStackable

NO_TOTAL = (
    "pad_packed_sequence makes a tensor as long as the longest row of a batch, which differs between trials; "
    "give it total_length to train in a stack"
)
ROWS = "the model works on the rows of a packed sequence itself, and different trials have different numbers"
DROPOUT = "dropout between the layers draws as many random numbers as a packed sequence has rows"
_ASKED: tuple[Any, ...] = (Tensor.dtype, Tensor.device, Tensor.ndim, Tensor.is_cuda)
HARMLESS = (
    *(Tensor.dim, *(attribute.__get__ for attribute in _ASKED)),
    *(
        torch.lstm,
        torch.gru,
        torch.rnn_tanh,
        torch.rnn_relu,
        *private_torch.hidden_functions({"pad_packed_sequence": len}),
    ),
)
"""What may be done with the rows of a packed sequence, whatever they are."""


@dataclass(frozen=True)
class Padded:
    """What stands in place of a packed sequence; rows keep the order in which they were packed."""

    lengths: Tensor
    """(rows,)"""
    times: int
    rows: int
    device: torch.device
    index: Tensor | None
    """Places among times·rows that are packed; ``None`` where trials have lengths of their own: all."""

    @property
    def mask(self) -> Tensor:
        """(times, rows, 1), true up to the end of each row."""
        at = torch.arange(self.times, device=self.device)
        return (at[:, None] < self.lengths.to(self.device)).unsqueeze(-1)

    def spread(self, data: Tensor, fill: float = 0.0) -> Tensor:
        """(times, rows, …), `fill` behind the end of each row."""
        if self.index is None:
            whole = data.unflatten(0, (self.times, self.rows))
            return torch.where(self.mask, whole, fill)
        empty = data.new_full((self.times * self.rows, *data.shape[1:]), fill)
        return empty.index_copy(0, self.index, data).unflatten(0, (self.times, self.rows))

    def gathered(self, whole: Tensor) -> Tensor:
        """The rows of a packed sequence, from (times, rows, …)."""
        flat = whole.flatten(0, 1)
        if self.index is not None:
            return flat.index_select(0, self.index)
        flat.of_packed_rows = True  # type: ignore[attr-defined]
        return flat


def padded_of(batch_sizes: Tensor, data: Tensor) -> Padded:
    """What stands in place of the packed sequence of `data`."""
    padded: Padded | None = getattr(batch_sizes, "padded", None)
    if padded is not None:
        return padded
    rows = torch.arange(int(batch_sizes[0]))
    return _of_equal_lengths((batch_sizes[:, None] > rows).sum(0), len(batch_sizes), data.device)


def _of_equal_lengths(lengths: Tensor, times: int, device: torch.device) -> Padded:
    """Of trials that have the same `lengths`."""
    inside = torch.arange(times)[:, None] < lengths
    index = inside.flatten().nonzero()[:, 0].to(device)
    return Padded(lengths, times, len(lengths), device, index)


def pack(x: Tensor, lengths: Tensor, batch_first: bool) -> tuple[Tensor, Tensor]:
    """What ``torch.nn.utils.rnn.pack_padded_sequence`` calls."""
    x = x.transpose(0, 1) if batch_first else x
    if private_torch.is_wrapped(lengths):
        padded = Padded(lengths, x.shape[0], x.shape[1], x.device, None)
        sizes = torch.tensor([padded.rows])
    else:
        longest = int(lengths.max())
        x, padded = x[:longest], _of_equal_lengths(lengths, longest, x.device)
        sizes = (torch.arange(longest)[:, None] < lengths).sum(1)
    sizes.padded = padded  # type: ignore[attr-defined]
    return padded.gathered(x), sizes


def pad(
    data: Tensor, batch_sizes: Tensor, batch_first: bool, padding_value: float, total_length: int
) -> tuple[Tensor, Tensor]:
    """What ``torch.nn.utils.rnn.pad_packed_sequence`` calls."""
    padded = padded_of(batch_sizes, data)
    if padded.index is None and total_length < padded.times:
        raise NotStackable(NO_TOTAL)
    whole = padded.spread(data, padding_value)
    if total_length > padded.times:
        behind = whole.new_full((total_length - padded.times, *whole.shape[1:]), padding_value)
        whole = torch.cat([whole, behind])
    return whole.transpose(0, 1) if batch_first else whole, padded.lengths


def check_rows(function: Any, args: tuple[Any, ...]) -> None:
    """Refuse what a model does with the rows themselves of packed sequences of unequal length."""
    if function in HARMLESS or (function is Tensor.size and args[1:] == (-1,)):
        return
    if any(getattr(tensor, "of_packed_rows", False) for tensor in tensors_in(args)):
        raise NotStackable(ROWS)
