"""Attention of stacked trials against torch's own, one trial after the other; a loop over trials warns."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from like_torch import TRIALS, assert_like_torch, exactly
from torch import Tensor, nn
from torch.nn import functional as F

ROWS, LENGTH, FEATURES, HEADS = 3, 5, 4, 2
LATER = torch.ones(LENGTH, LENGTH, dtype=torch.bool).triu(1)
BIAS = torch.linspace(-1, 1, LENGTH * LENGTH, dtype=torch.float64).view(LENGTH, LENGTH)
EACH = BIAS.expand(ROWS * HEADS, -1, -1) * torch.arange(ROWS * HEADS).view(-1, 1, 1)


@pytest.fixture(autouse=True)
def _exactly() -> Iterator[None]:
    with exactly():
        yield


class Attends(nn.Module):
    """Multi-head attention of rows to themselves, or to others of other widths."""

    def __init__(self, call: dict[str, Any], padded: bool = False, **options: Any) -> None:
        super().__init__()
        self.layer = nn.MultiheadAttention(FEATURES, HEADS, **options)
        self.call, self.padded = call, padded

    def forward(self, x: Tensor, *others: Tensor) -> Any:
        k, v = others or (x, x)
        if self.padded:  # rows of different lengths, told from their numbers
            short = (x[..., 0] > x[..., 0].mean(-1, keepdim=True)).detach()
            return self.layer(x, k, v, key_padding_mask=short, **self.call)
        return self.layer(x, k, v, **self.call)


CALLS: dict[str, dict[str, Any]] = {
    "plain": {},
    "mask": {"attn_mask": LATER},
    "causal": {"attn_mask": LATER, "is_causal": True},
    "bias": {"attn_mask": BIAS},
    "bias of each head": {"attn_mask": EACH},
    "weights of each head": {"average_attn_weights": False},
}


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("call", CALLS)
def test_multi_head_attention_is_that_of_torch(call: str, need_weights: bool) -> None:
    """With every kind of mask, with and without weights, rows first."""
    options = {**CALLS[call], "need_weights": need_weights}
    x = torch.randn(TRIALS, ROWS, LENGTH, FEATURES)
    assert_like_torch(lambda: Attends(options, batch_first=True), x)


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize(
    "options",
    [{}, {"bias": False}, {"add_bias_kv": True, "add_zero_attn": True}],
    ids=["plain", "no bias", "more keys"],
)
def test_options_of_the_layer(options: dict[str, Any], need_weights: bool) -> None:
    """Padding masks that follow from the rows, further keys, no biases; time first and a single row."""
    x = torch.randn(TRIALS, ROWS, LENGTH, FEATURES)
    call = {"need_weights": need_weights}
    assert_like_torch(lambda: Attends(call, padded=True, batch_first=True, **options), x)
    assert_like_torch(lambda: Attends(call, **options), x)
    assert_like_torch(lambda: Attends(call, **options), x[:, 0])
    assert_like_torch(lambda: Attends(call, **options), x[0], shared=True)


def test_keys_and_values_of_other_widths() -> None:
    """kdim and vdim."""
    x, k, v = (torch.randn(TRIALS, ROWS, LENGTH, width) for width in (FEATURES, 3, 2))
    assert_like_torch(lambda: Attends({"need_weights": False}, kdim=3, vdim=2, batch_first=True), x, k, v)


def transformer(kind: type[nn.Module], **options: Any) -> Callable[[], nn.Module]:
    """A layer of a transformer."""
    return lambda: kind(FEATURES, HEADS, 8, dropout=0.0, batch_first=True, **options)


def test_layers_of_transformers_are_those_of_torch() -> None:
    """An encoder in a stack of two, a decoder, and the whole."""
    x, y = torch.randn(TRIALS, ROWS, LENGTH, FEATURES), torch.randn(TRIALS, ROWS, 2, FEATURES)
    layer = transformer(nn.TransformerEncoderLayer, norm_first=True)
    assert_like_torch(lambda: nn.TransformerEncoder(layer(), 2, enable_nested_tensor=False), x)
    assert_like_torch(transformer(nn.TransformerDecoderLayer), x, y)
    whole = {"num_encoder_layers": 1, "num_decoder_layers": 1, "dim_feedforward": 8}
    assert_like_torch(lambda: nn.Transformer(FEATURES, HEADS, dropout=0.0, batch_first=True, **whole), y, x)


class Asks(nn.Module):
    """Attention as a function."""

    def __init__(self, shape: tuple[int, ...], learned: bool, options: dict[str, Any]) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.randn(LENGTH, LENGTH))
        self.shape, self.learned, self.options = shape, learned, options

    def forward(self, x: Tensor) -> Tensor:
        q = x.reshape(*self.shape, LENGTH, FEATURES)
        mask = self.bias if self.learned else self.options.get("attn_mask")
        options = {k: v for k, v in self.options.items() if k != "attn_mask"}
        return F.scaled_dot_product_attention(q, 0.5 * q, q + 1, mask, **options) + 0 * self.bias[0, 0]


@pytest.mark.parametrize("shape", [(), (ROWS,), (ROWS, 1), (1, ROWS), (1, 1, ROWS)])
@pytest.mark.parametrize(
    ("learned", "options"),
    [
        (False, {}),
        (False, {"is_causal": True, "scale": 0.3}),
        (False, {"attn_mask": ~LATER}),
        (True, {}),
    ],
    ids=["plain", "causal", "mask", "learned bias"],
)
def test_attention_as_a_function(shape: tuple[int, ...], learned: bool, options: dict[str, Any]) -> None:
    """Of a single row, of rows, of rows with heads and more; masks that are fixed and that learn."""
    x = torch.randn(TRIALS, *shape, LENGTH, FEATURES)
    assert_like_torch(lambda: Asks(shape, learned, options), x)


def test_heads_that_share_keys() -> None:
    """enable_gqa: four heads of queries to two of keys."""

    class Grouped(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            q = super().forward(x).view(ROWS, 4, LENGTH, 2)
            k = x[..., :4].reshape(ROWS, 2, LENGTH, 2)
            return F.scaled_dot_product_attention(q, k, k, enable_gqa=True)

    assert_like_torch(lambda: Grouped(8, 8), torch.randn(TRIALS, ROWS, LENGTH, 8))


def test_a_vmap_inside_of_the_model_is_left_to_torch() -> None:
    """Its tensors stand for parts of a trial's; no rule of a stack is asked."""

    class Inside(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            return torch.vmap(super().forward)(x)

    assert_like_torch(lambda: Inside(FEATURES, 2), torch.randn(TRIALS, ROWS, FEATURES))
