"""Facts about data that bear on loss, output activation and scaling, computed from the rows themselves."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sweeper.components.tree import leaves
from sweeper.data.data import Data, is_real
from sweeper.data.disk import is_streamed

if TYPE_CHECKING:  # it loads scikit-learn
    from sweeper.data.encoding import Encoding

MOST_COUNTS = 2**31
MOST_LOOKED_AT = 2**24
"""Bytes of rows on disk that are looked at."""
FAR = 3.0
"""Interquartile ranges beyond the quartiles from which a value is far out (Tukey 1977); of
normal ones, 2 in a million."""
HEAVY = 0.002
"""Share of far-out targets from which tails are called heavy."""
EDGE = 0.9
"""Targets within −1 … 1 that reach beyond ±`EDGE` look bounded."""
KINDS = ("classes", "binary", "shares", "counts", "positive", "bounded", "real")


@dataclass(frozen=True)
class TargetFacts:
    """What the targets are. Numbers are over all columns together; for classes all but `classes` is empty."""

    kind: str
    """One of `KINDS`: class numbers; only 0 and 1; all in 0 … 1; whole and never negative; never negative;
    in −1 … 1 up to the ends; any."""
    classes: int = 0
    largest_share: float = float("nan")
    """Share of the most frequent class."""
    entropy: float = float("nan")
    """−Σ p ln p of the class shares: the cross-entropy of always predicting them, in nats."""
    columns: int = 1
    low: float = float("nan")
    high: float = float("nan")
    mean: float = float("nan")
    std: float = float("nan")
    values: int = 0
    """Different values."""
    far_out: float = 0.0
    """Share that lies more than `FAR` interquartile ranges outside of the quartiles."""

    @property
    def heavy_tailed(self) -> bool:
        """More far-out values than a few normal ones."""
        return self.far_out > HEAVY


@dataclass(frozen=True)
class InputFacts:
    """What the inputs are, as they come: before any standardization."""

    rows: int
    shape: tuple[int, ...]
    """Of one row: (features,), (time, features) or (channels, height, width); of several inputs, how many
    real numbers they have together."""
    tokens: bool
    """Whole numbers for an embedding."""
    mean_square: float
    """Mean of x² over all elements."""
    smallest_std: float
    """Over columns that vary."""
    largest_std: float
    largest_offset: float
    """Largest |mean| / std of a column that varies."""

    @property
    def standard(self) -> bool:
        """Every varying column has a mean near 0 and a deviation near 1, as they come."""
        return self.smallest_std > 0.5 and self.largest_std < 2 and self.largest_offset < 0.5


def target_facts(data: Data) -> TargetFacts:
    """Kind and size of the targets of `data`."""
    if data.classes is not None:
        labels = data.targets[data.targets >= 0]  # of sequences those that count
        shares = np.bincount(labels, minlength=len(data.classes)) / max(len(labels), 1)
        seen = shares[shares > 0]
        return TargetFacts("classes", len(data.classes), float(shares.max()), float(-(seen @ np.log(seen))))
    y = np.asarray(data.targets, dtype=float)
    lower, upper = np.quantile(y, [0.25, 0.75])
    reach = FAR * (upper - lower)
    far = ((y < lower - reach) | (y > upper + reach)).mean() if upper > lower else 0.0
    return TargetFacts(
        _target_kind(y),
        columns=1 if y.ndim == 1 else y.shape[1],
        low=float(y.min()),
        high=float(y.max()),
        mean=float(y.mean()),
        std=float(y.std()),
        values=len(np.unique(y)),
        far_out=float(far),
    )


def _target_kind(y: np.ndarray) -> str:
    whole = bool((y == np.round(y)).all())
    if whole and y.min() >= 0 and y.max() <= 1:
        return "binary"
    if y.min() >= 0 and y.max() <= 1:
        return "shares"
    if whole and y.min() >= 0 and y.max() < MOST_COUNTS:
        return "counts"
    if y.min() >= 0:
        return "positive"
    return "bounded" if -1 <= y.min() < -EDGE and EDGE < y.max() <= 1 else "real"


def input_facts(data: Data) -> InputFacts:
    """Shape and scale of the inputs of `data`; of rows on disk some stand for all."""
    every = [
        _held(leaf) for leaf in leaves(data.inputs if data.encoding is None else _encoded(data.encoding))
    ]
    real = [array for array in every if is_real(array)] or every
    columns = np.concatenate([np.asarray(x, dtype=float).reshape(len(x), -1) for x in real], axis=1)
    varies = np.ptp(columns, axis=0) > 0
    stds = columns.std(axis=0)[varies]
    offsets = np.abs(columns.mean(axis=0)[varies]) / stds
    return InputFacts(
        rows=data.rows,
        shape=columns.shape[1:] if len(every) > 1 else tuple(leaves(data.example)[0].shape[1:]),
        tokens=not data.has_real_inputs,
        mean_square=float((columns**2).mean()),
        smallest_std=float(stds.min(initial=np.inf)),
        largest_std=float(stds.max(initial=0.0)),
        largest_offset=float(offsets.max(initial=0.0)),
    )


def _held(array: np.ndarray) -> np.ndarray:
    """The rows; of those on disk so many, evenly spread, as `MOST_LOOKED_AT` bytes hold."""
    if not is_streamed(array):
        return array
    return np.array(array[:: -(-array.nbytes // MOST_LOOKED_AT)])


def _encoded(encoding: "Encoding") -> np.ndarray:
    """All rows, fitted on all of them; of the inputs the numbers, where there are any."""
    rows = np.arange(len(encoding.raw))
    encoded = encoding.inputs((rows,))[0]
    return encoded[:, : encoding.scaled] if encoding.scaled else encoded
