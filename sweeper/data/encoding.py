"""Columns of a table as inputs, fitted on the training rows of each replicate alone, by scikit-learn.

`encode` depends on numpy and scikit-learn alone: the stand-alone script of a run carries its source.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import sklearn.compose  # noqa: F401  (loaded with this module, so that no training's seconds hold it)

from sweeper.data.column import Column

# loaded late: the source of `encode` stands alone


def encode(
    raw: np.ndarray,
    parts: Any,
    numbers: Any,
    frequencies: Any,
    gaps: Any,
    one_hot: Any,
    codes: Any,
) -> list[np.ndarray]:
    """Inputs (rows, width) of each part, fitted on the first; parts are row numbers of `raw` (n, columns).

    The others are column numbers of `raw`. In this order: `numbers`, with the median where one is missing;
    `frequencies`, the share of the training rows that have the same value; `gaps`, 1 where a value is
    missing; `one_hot`, {column: how many values}, a 0/1 column for each value, all 0 for one that no
    training row has; `codes`, from 1 in sorted order of the values in the training rows, 0 for any other.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import MissingIndicator, SimpleImputer
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

    values = [np.arange(size) for size in one_hot.values()]
    ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    encoder = ColumnTransformer(
        [
            ("numbers", SimpleImputer(strategy="median", keep_empty_features=True), list(numbers)),
            ("gaps", MissingIndicator(features="all"), list(gaps)),
            ("one_hot", OneHotEncoder(categories=values, sparse_output=False), list(one_hot)),
            ("codes", ordinal, list(codes)),
        ]
    ).fit(raw[parts[0]])
    width = len(numbers) + len(gaps) + sum(one_hot.values()) + len(codes)
    xs = [encoder.transform(raw[rows]) if len(rows) else np.empty((0, width)) for rows in parts]
    flags = slice(len(numbers), width - len(codes))
    seen = xs[0][:, flags].any(axis=0)  # what no training row has must not reach weights that nothing trained
    for x in xs:
        x[:, flags] *= seen
        x[:, flags.stop :] += 1
    for column in reversed(frequencies):
        numbers_of = [raw[rows, column].astype(int) for rows in parts]
        shares = np.bincount(numbers_of[0], minlength=int(raw[:, column].max()) + 1) / len(parts[0])
        xs = [np.insert(x, len(numbers), shares[k], axis=1) for x, k in zip(xs, numbers_of, strict=True)]
    return xs


@dataclass(frozen=True, eq=False)
class Encoding:
    """The columns of a table, and their cells as numbers."""

    columns: tuple[Column, ...]
    raw: np.ndarray
    """(n, k) float64: of each column one number, or the parts of a date; NaN where a number is missing."""
    example: np.ndarray = field(init=False)
    """(1, width) the first row, encoded."""

    def __post_init__(self) -> None:
        rows = np.arange(min(len(self.raw), 1000))
        object.__setattr__(self, "example", encode(self.raw, (rows, rows[:1]), **self.places)[1])

    @property
    def places(self) -> dict[str, Any]:
        """The arguments of `encode` after the parts."""
        columns: dict[str, Any] = {"numbers": [], "frequencies": [], "gaps": [], "one_hot": {}, "codes": []}
        start = 0
        for column in self.columns:
            if column.kind == "one_hot":
                columns["one_hot"][start] = column.size
            elif column.kind in ("frequency", "codes"):
                columns["frequencies" if column.kind == "frequency" else "codes"].append(start)
            else:
                columns["numbers"] += range(start, start + column.width)
                columns["gaps"] += [start] * (column.gaps > 0)
            start += column.width
        return columns

    @property
    def scaled(self) -> int:
        """How many inputs, the first ones, are numbers to standardize; 0/1 columns and codes never are."""
        places = self.places
        return len(places["numbers"]) + len(places["frequencies"])

    @property
    def code_sizes(self) -> tuple[int, ...]:
        """For each column of codes, the last ones of the inputs, how many codes there are."""
        return tuple(column.size + 1 for column in self.columns if column.kind == "codes")

    @property
    def names(self) -> tuple[str, ...]:
        """Of the inputs, in their order."""
        by_kind: dict[str, list[str]] = {
            "numbers": [],
            "frequency": [],
            "gaps": [],
            "one_hot": [],
            "codes": [],
        }
        for column in self.columns:
            group = column.kind if column.kind in by_kind else "numbers"
            by_kind[group] += column.names
            by_kind["gaps"] += [f"{column.name} missing"] * (column.gaps > 0 and group == "numbers")
        return tuple(name for names in by_kind.values() for name in names)

    def inputs(self, parts: tuple[np.ndarray, ...]) -> list[np.ndarray]:
        """Inputs of the parts, fitted on the first of them; not to be written to.

        They are kept: trials of one replicate come one after the other.
        """
        return _kept(self, tuple(np.asarray(rows, dtype=np.int64).tobytes() for rows in parts))


@lru_cache(maxsize=4)
def _kept(encoding: Encoding, parts: tuple[bytes, ...]) -> list[np.ndarray]:
    rows = [np.frombuffer(part, dtype=np.int64) for part in parts]
    return encode(encoding.raw, rows, **encoding.places)
