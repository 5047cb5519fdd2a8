"""Packed sequences of stacked trials against torch's own, one trial after the other."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from like_torch import TRIALS, assert_like_torch, exactly
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from sweeper.training.stacked.packed import DROPOUT, NO_TOTAL, ROWS
from sweeper.training.stacked.refusal import NotStackable

BATCH, TIMES, FEATURES, UNITS = 4, 5, 3, 6


@pytest.fixture(autouse=True)
def _exactly() -> Iterator[None]:
    with exactly():
        yield


class Packs(nn.Module):
    """Packs rows whose lengths follow from their numbers; puts out last states, or all padded outputs."""

    def __init__(self, layer: nn.Module, total: int | None = TIMES, sort: bool = True) -> None:
        super().__init__()
        self.layer, self.total, self.sort = layer, total, sort

    def packed(self, x: Tensor) -> PackedSequence:
        lengths = 1 + (x[..., 0].detach() > 0).sum(1).clamp(max=TIMES - 1)
        if not self.sort:
            lengths = torch.tensor([5, 4, 2, 1])
        return pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=not self.sort)

    def forward(self, x: Tensor) -> Any:
        packed, states = self.layer(self.packed(x))
        padded, _ = pad_packed_sequence(packed, batch_first=True, padding_value=0.5, total_length=self.total)
        return padded, states


class Means(Packs):
    """Works on the packed rows."""

    def forward(self, x: Tensor) -> Any:
        return self.layer(self.packed(x))[0].data.mean(0)


class Projects(Means):
    """Works on the packed rows by a layer that has a rule of its own."""

    def forward(self, x: Tensor) -> Any:
        return nn.functional.linear(self.layer(self.packed(x))[0].data, torch.eye(UNITS)).mean(0)


LAYERS: list[tuple[type[nn.Module], dict[str, Any]]] = [
    (nn.LSTM, {}),
    (nn.LSTM, {"bidirectional": True, "num_layers": 2, "proj_size": 2}),
    (nn.GRU, {"bidirectional": True, "num_layers": 2}),
    (nn.RNN, {"nonlinearity": "relu"}),
]


@pytest.mark.parametrize(("layer", "options"), LAYERS, ids=lambda v: getattr(v, "__name__", str(v)))
def test_packed_sequences_are_those_of_torch(layer: type[nn.Module], options: dict[str, Any]) -> None:
    """States stay where rows end, in both directions; padding has the value that is asked for."""
    x = torch.randn(TRIALS, BATCH, TIMES, FEATURES)
    assert_like_torch(lambda: Packs(layer(FEATURES, UNITS, **options)), x)
    assert_like_torch(lambda: Packs(layer(FEATURES, UNITS, **options), total=TIMES + 2), x)
    assert_like_torch(lambda: Packs(layer(FEATURES, UNITS, **options), total=None, sort=False), x)


@pytest.mark.parametrize("of", [Packs, Means])
def test_lengths_that_all_trials_share_are_packed_as_by_torch(of: type[Packs]) -> None:
    """Then the rows themselves may be used, and padding goes to the longest row."""
    x = torch.randn(BATCH, TIMES, FEATURES)
    assert_like_torch(lambda: of(nn.GRU(FEATURES, UNITS), total=None), x, shared=True)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: Packs(nn.GRU(FEATURES, UNITS), total=None), NO_TOTAL),
        (lambda: Means(nn.GRU(FEATURES, UNITS)), ROWS),
        (lambda: Projects(nn.GRU(FEATURES, UNITS)), ROWS),
        (lambda: Packs(nn.LSTM(FEATURES, UNITS, 2, dropout=0.5)), DROPOUT),
    ],
    ids=["no total length", "rows", "layer on rows", "dropout"],
)
def test_what_depends_on_the_lengths_of_a_batch_is_refused(make: Any, reason: str) -> None:
    """The message says what it is."""
    with pytest.raises(NotStackable) as caught:
        assert_like_torch(make, torch.randn(TRIALS, BATCH, TIMES, FEATURES))
    assert str(caught.value) == reason
