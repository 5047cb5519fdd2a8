"""Train, validation and test: who gets which row, and standardization fitted on train alone."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from sweeper.components.tree import Tree, leaves, rebuilt
from sweeper.data.data import Data, Division, Parts, is_real
from sweeper.data.disk import is_streamed
from sweeper.data.streamed import Streamed, scale_of

if TYPE_CHECKING:  # it loads scikit-learn
    from sweeper.data.encoding import Encoding

MOST_DIVIDED = 1 << 26
"""Bytes of row numbers that go with the data to workers."""
MOST_REMEMBERED = 1 << 13
"""Rows of data whose latest splits are remembered: a run asks for each of them several times."""


def split_rows(
    n: int, shares: tuple[float, float, float], seed: int, test_seed: int, labels: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row numbers of train, validation and test.

    Test rows depend on `test_seed` alone; `seed` divides the others. With `labels`, every part gets
    about the same share of each class, where classes are large enough for it.
    """
    # loaded late: scikit-learn takes a second
    from sklearn.model_selection import train_test_split

    rows = np.arange(n)
    rest, test = rows, rows[:0]
    if shares[2] > 0:
        size = min(max(1, round(shares[2] * n)), n - 2)
        rest, test = train_test_split(
            rows, test_size=size, random_state=test_seed, stratify=_strata(labels, rows, size)
        )
    size = min(max(1, round(len(rest) * shares[1] / (shares[0] + shares[1]))), len(rest) - 1)
    train, validation = train_test_split(
        rest, test_size=size, random_state=seed, stratify=_strata(labels, rest, size)
    )
    return train, validation, test


def _strata(labels: np.ndarray | None, rows: np.ndarray, size: int) -> np.ndarray | None:
    """The labels of `rows`, if each class can be on both sides of a split with `size` rows on one."""
    if labels is None:
        return None
    counts = np.unique(labels[rows], return_counts=True)[1]
    enough = counts.min() >= 2 and len(counts) <= min(size, len(rows) - size)
    return labels[rows] if enough else None


def split_groups(
    groups: np.ndarray, shares: tuple[float, float, float], seed: int, test_seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row numbers of train, validation and test, where rows with the same number in `groups` stay together.

    Shares are of the groups, not of the rows. Test rows depend on `test_seed` alone; `seed` divides the
    others.

    Raises:
        ValueError: if there are fewer groups than parts.
    """
    # loaded late: scikit-learn takes a second
    from sklearn.model_selection import GroupShuffleSplit

    rest = np.arange(len(groups))
    parts, many = [rest[:0]], len(np.unique(groups))
    needed = 3 if shares[2] > 0 else 2
    if many < needed:
        raise ValueError(f"{many} different in all; {needed} parts need {needed} at least, each its own")
    test = min(max(1, round(shares[2] * many)), many - 2) if shares[2] > 0 else 0
    left = many - test
    validation = min(max(1, round(left * shares[1] / (shares[0] + shares[1]))), left - 1)
    for size, state in [(test, test_seed)] * (test > 0) + [(validation, seed)]:
        one = GroupShuffleSplit(n_splits=1, test_size=size, random_state=state)
        kept, part = next(one.split(rest, groups=groups[rest]))
        parts.append(rest[part])
        rest = rest[kept]
    return rest, parts[-1], parts[-2]


def split_in_order(
    order: np.ndarray, shares: tuple[float, float, float]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row numbers of train, validation and test: the first, the next and the last by the numbers of `order`.

    Rows with the same number are in one part, so that every part lies before the next.

    Raises:
        ValueError: if there are too few different numbers.
    """
    rows = np.argsort(order, kind="stable")
    starts = np.flatnonzero(np.diff(order[rows]) > 0) + 1  # where a new number begins
    needed = 3 if shares[2] > 0 else 2
    if len(starts) + 1 < needed:
        raise ValueError(f"{len(starts) + 1} different in all; {needed} parts need {needed} at least")
    wanted = [shares[0] * len(rows), (shares[0] + shares[1]) * len(rows)][: needed - 1]
    cuts: list[int] = []
    for left, where in zip(range(needed - 2, -1, -1), wanted, strict=True):
        free = starts[starts > (cuts[-1] if cuts else 0)]
        free = free[: len(free) - left]
        cuts.append(int(free[np.argmin(np.abs(free - where))]))
    cuts += [len(rows)] * (3 - needed)
    return rows[: cuts[0]], rows[cuts[0] : cuts[1]], rows[cuts[1] :]


def standardize_columns(train: np.ndarray, *others: np.ndarray) -> list[np.ndarray]:
    """(x − mean) / std with mean and std of `train` alone, per column; constant columns are only centred."""
    largest = np.abs(train).max(axis=0)
    tiny = (largest > 0) & (largest < 1e-140)
    if tiny.any():  # their squares are no normal numbers, so each is divided by its largest first
        scale = np.where(tiny, largest, 1.0)
        return standardize_columns(train / scale, *(x / scale for x in others))
    mean, std = train.mean(axis=0), train.std(axis=0)
    std = np.where(np.ptp(train, axis=0) > 0, std, 1.0)  # rounding can give a constant column a std above 0
    return [(x - mean) / std for x in (train, *others)]


def is_flags(array: np.ndarray) -> bool:
    """Whether there are but 0 and 1, as in a mask."""
    return all(bool(((some == 0) | (some == 1)).all()) for some in (array[:100], array))


def real_steps(array: np.ndarray, inputs: Iterable[np.ndarray]) -> np.ndarray | None:
    """(rows, time): which steps of each row are no padding, as one of the `inputs` says; else ``None``.

    Lengths (rows,) or a mask (rows, time) do, where all that they leave out is 0 in the `array`.
    """
    if array.ndim < 2 or array.dtype.kind != "f":
        return None
    for other in inputs:
        if other.shape == array.shape[:1] and other.dtype.kind in "iu":
            real = np.arange(array.shape[1]) < other[:, None]
        elif other.shape == array.shape[:2] and other is not array and is_flags(other):
            real = other != 0
        else:
            continue
        if real.any() and not real.all() and not array[~real].any():
            return np.asarray(real)
    return None


def standardize_steps(real: Sequence[np.ndarray], *parts: np.ndarray) -> list[np.ndarray]:
    """`standardize_columns` over all steps of the training rows that are no padding, which stays 0.

    Args:
        real: (rows, time) of each part.
        parts: (rows, time, …), the training rows first.
    """
    columns = standardize_columns(*(x[steps] for x, steps in zip(parts, real, strict=True)))
    filled = [np.zeros(x.shape) for x in parts]
    for x, steps, values in zip(filled, real, columns, strict=True):
        x[steps] = values
    return filled


def is_kept(array: np.ndarray, inputs: Sequence[np.ndarray]) -> bool:
    """Whether an input is a mask beside others, which stays as it is."""
    return len(inputs) > 1 and array.dtype.kind == "f" and is_flags(array)


def standardized(
    array: np.ndarray, inputs: Sequence[np.ndarray], rows_of_parts: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """Rows of each part of a real one of the `inputs`, fitted on train alone; masks and padding stay."""
    parts = [array[rows].astype(np.float64, copy=False) for rows in rows_of_parts]
    if is_kept(array, inputs):
        return parts
    steps = real_steps(array, inputs)
    if steps is None:
        return standardize_columns(*parts)
    return standardize_steps([steps[rows] for rows in rows_of_parts], *parts)


def split(
    data: Data,
    shares: tuple[float, float, float],
    *,
    seed: int,
    test_seed: int,
    standardize: bool,
    standardize_target: bool = False,
) -> Parts:
    """The parts of replicate `seed`. Data that came split keep their split, whatever the seed."""
    parts = rows_of_parts(data, shares, seed=seed, test_seed=test_seed)
    inputs = (
        _encoded(data.encoding, parts, standardize) if data.encoding else _plain(data, parts, standardize)
    )
    targets = _targets(data, parts, standardize_target)
    return Parts(inputs[0], targets[0], inputs[1], targets[1], inputs[2], targets[2])


def _plain(data: Data, parts: tuple[np.ndarray, ...], standardize: bool) -> list[Tree]:
    """Inputs of each part, in the form that they came in."""
    every = leaves(data.inputs)
    by_input = [_input(leaf, parts, standardize, every) for leaf in every]
    return [rebuilt(data.inputs, arrays) for arrays in zip(*by_input, strict=True)]


def _input(
    array: np.ndarray, parts: tuple[np.ndarray, ...], standardize: bool, every: Sequence[np.ndarray]
) -> list[Any]:
    """Rows of each part of one input of `every`; those of an array on disk stay there."""
    if is_streamed(array):
        scale = scale_of(array, parts[0]) if standardize and is_real(array) else None
        return [Streamed(array, rows, scale) for rows in parts]
    if standardize and is_real(array):
        return standardized(array, every, parts)
    return [array[rows] for rows in parts]


def _encoded(encoding: "Encoding", parts: tuple[np.ndarray, ...], standardize: bool) -> list[np.ndarray]:
    """Inputs of each part, from the columns of a table; of them the numbers alone are standardized."""
    inputs, first = encoding.inputs(parts), encoding.scaled
    if not standardize:
        return inputs
    scaled = standardize_columns(*(x[:, :first] for x in inputs))
    return [np.hstack([z, x[:, first:]]) for z, x in zip(scaled, inputs, strict=True)]


def rows_of_parts(data: Data, shares: tuple[float, float, float], *, seed: int, test_seed: int) -> Division:
    """Row numbers of train, validation and test of replicate `seed`."""
    if (known := data.divided.get((shares, seed, test_seed))) is not None:
        return known
    if data.fixed is not None:
        return data.fixed["train"], data.fixed["validation"], data.fixed["test"]
    if data.groups is not None:
        return split_groups(data.groups, shares, seed, test_seed)
    labels = strata_of(data)
    if data.rows > MOST_REMEMBERED:
        return split_rows(data.rows, shares, seed, test_seed, labels)
    coded = None if labels is None else (labels.dtype.str, labels.tobytes())
    return _remembered(data.rows, shares, seed, test_seed, coded)


def is_stratified(data: Data, shares: tuple[float, float, float], *, seed: int, test_seed: int) -> bool:
    """Whether each part of replicate `seed` of rows that are divided at random has about the same share of
    each class: where classes, or the values of the column that is named, are known and large enough."""
    labels = strata_of(data)
    if labels is None:
        return False
    train, validation, test = rows_of_parts(data, shares, seed=seed, test_seed=test_seed)
    rest = np.concatenate([train, validation])
    kept = not len(test) or _strata(labels, np.arange(data.rows), len(test)) is not None
    return kept and _strata(labels, rest, len(validation)) is not None


@lru_cache(maxsize=64)
def _remembered(
    n: int, shares: tuple[float, float, float], seed: int, test_seed: int, coded: tuple[str, bytes] | None
) -> Division:
    labels = None if coded is None else np.frombuffer(coded[1], coded[0])
    return split_rows(n, shares, seed, test_seed, labels)


def with_rows_of(
    data: Data, shares: tuple[float, float, float], seeds: Iterable[int], test_seed: int
) -> Data:
    """`data` that know the rows of these replicates: who trains them needs no scikit-learn, which takes 2 s.

    Data that cannot be split come back as they are: the caller that splits them says so.
    """
    every = sorted(set(seeds))
    if data.fixed is not None or 8 * data.rows * len(every) > MOST_DIVIDED:
        return data
    try:
        rows = {
            (shares, seed, test_seed): rows_of_parts(data, shares, seed=seed, test_seed=test_seed)
            for seed in every
        }
    except ValueError:
        return data
    return replace(data, divided=rows)


def strata_of(data: Data) -> np.ndarray | None:
    """What rows are stratified by, as far as it can be; ``None``: by nothing."""
    if data.strata is not None or not data.stratified:
        return data.strata
    return data.targets if data.classes is not None and data.targets.ndim == 1 else None


def targets_of(
    data: Data,
    shares: tuple[float, float, float],
    *,
    seed: int,
    test_seed: int,
    standardize_target: bool,
) -> list[np.ndarray]:
    """Targets of train, validation and test of replicate `seed`, as in `split`."""
    parts = rows_of_parts(data, shares, seed=seed, test_seed=test_seed)
    return _targets(data, parts, standardize_target)


def _targets(data: Data, parts: tuple[np.ndarray, ...], standardize_target: bool) -> list[np.ndarray]:
    targets = [data.targets[rows] for rows in parts]
    return standardize_columns(*targets) if standardize_target and data.classes is None else targets
