"""The transformer encoder that is timed: two layers of 32 units over 16 tokens."""

from collections.abc import Callable
from typing import Any

import numpy as np
from torch import Tensor, nn

TOKENS, FEATURES, UNITS, HEADS, LAYERS, CLASSES = 16, 8, 32, 4, 2, 4


class Encoder(nn.Module):
    """A layer over the features of a token, the encoder, the mean of its tokens, a linear layer."""

    def __init__(self, activation: Callable[[], nn.Module], out_features: int, dropout: float = 0.0) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(UNITS, HEADS, 2 * UNITS, dropout, activation(), batch_first=True)  # type: ignore[arg-type]
        self.first, self.last = nn.Linear(FEATURES, UNITS), nn.Linear(UNITS, out_features)
        self.encoder = nn.TransformerEncoder(layer, LAYERS, enable_nested_tensor=False)

    def forward(self, x: Tensor) -> Any:
        return self.last(self.encoder(self.first(x)).mean(1))


def tokens() -> tuple[np.ndarray, np.ndarray]:
    """800 sequences of 16 tokens of 8 features, in 4 classes, each with a mean of its own."""
    generator = np.random.default_rng(0)
    targets = generator.integers(CLASSES, size=800)
    means = generator.standard_normal((CLASSES, 1, FEATURES))
    return means[targets] + generator.standard_normal((800, TOKENS, FEATURES)), targets


def layers() -> tuple[tuple[int, int], ...]:
    """(in, out × positions) of every product of one row, attention's included."""
    attention = ((UNITS, 3 * UNITS * TOKENS), (UNITS, TOKENS * TOKENS), (TOKENS, UNITS * TOKENS))
    rest = ((UNITS, UNITS * TOKENS), (UNITS, 2 * UNITS * TOKENS), (2 * UNITS, UNITS * TOKENS))
    return ((FEATURES, UNITS * TOKENS), *(attention + rest) * LAYERS, (UNITS, CLASSES))
