"""What a user has as inputs and targets -> arrays, checked value by value."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from sweeper.components.tree import Tree, leaves, mapped, named_leaves
from sweeper.data.data import is_real
from sweeper.data.disk import chunks, in_memory, is_ours, is_streamed, mapping_of, require_space, written
from sweeper.data.memory import allowed
from sweeper.data.targets import word_problem
from sweeper.errors import DataError, first_line, shown
from sweeper.wording import count, given

FEWEST = 10
"""Rows below which there is nothing to split."""
HUGE = 1e150
"""From here on squares overflow."""
SMALL = 2**16
"""Bytes below which an array is kept in memory in any case."""
TOKENS = (torch.int64, torch.int32)
"""Tensors of these types are token numbers, what ``nn.Embedding`` takes; all others are numbers."""


def inputs_of(values: Any, name: str, what: str, rows: int) -> Tree:
    """Arrays of the inputs: one, or a tuple or dict of them.

    One array: real numbers, or int64 for tokens, which are integer tensors. Of several inputs all integers
    are codes (but grey values, uint8), and truth values stay such. `rows`: how many targets there are; a
    tuple of as many things is one array.
    """
    if isinstance(values, Mapping):
        _check_names(values, name, what)
        return {key: _one_of_several(part, name, f"{what}[{key!r}]") for key, part in values.items()}
    if isinstance(values, tuple) and len(values) != rows:
        return tuple(_one_of_several(part, name, f"{what}[{k}]") for k, part in enumerate(values))
    return _inputs(values, name, what)


def _check_names(values: Mapping[Any, Any], name: str, what: str) -> None:
    if not values or not all(isinstance(key, str) for key in values):
        named = ", ".join(repr(key) for key in list(values)[:5]) or "nothing"
        raise DataError(f"{name}: a dict of {what} needs words as keys; found: {named}")


def _one_of_several(values: Any, name: str, what: str) -> Tree:
    if isinstance(values, Mapping | tuple):
        return inputs_of(values, name, what, -1)
    if is_streamed(values) and is_ours(values):
        return values
    array = _numbers(values, name, what)
    if array.dtype.kind in "iu" and array.dtype != np.uint8:
        return array.astype(np.int64, copy=False)
    return array if array.dtype.kind == "b" else _real(array, f"{name}: {what}")


def _inputs(values: Any, name: str, what: str) -> np.ndarray:
    """Real numbers, or int64 for tokens."""
    if is_streamed(values) and is_ours(values):
        return np.asanyarray(values)
    array = _numbers(values, name, what)
    tokens = isinstance(values, torch.Tensor) and values.dtype in TOKENS
    return array.astype(np.int64, copy=False) if tokens else _real(array, f"{name}: {what}")


def _numbers(values: Any, name: str, what: str) -> np.ndarray:
    array = _array(values, name, what)
    if array.dtype.kind not in "biuf":
        raise DataError(f"{name}: {what} must be numbers, found {_type_words(array)}")
    return array


def targets_of(values: Any, name: str, what: str) -> np.ndarray:
    """Numbers or text."""
    array = _array(values, name, what)
    if array.dtype.kind not in "biufU":
        raise DataError(f"{name}: {what} must be numbers or words, found {_type_words(array)}")
    return _doubles(array) if array.dtype.kind == "f" else array


def _real(array: np.ndarray, what: str) -> np.ndarray:
    """Grey values and short floats as they are, all else as float64; on disk what would not fit as that."""
    if array.dtype in (np.uint8, np.float32, np.float64):
        return array
    if array.dtype.kind in "biu" and 8 * array.size > allowed():
        return written([array], what, np.float64)
    return array.astype(np.float32) if array.dtype == np.float16 else _doubles(array)


def _doubles(array: np.ndarray) -> np.ndarray:
    """float64; what is too large for it is infinite, and refused as such."""
    with np.errstate(over="ignore"):
        return array.astype(np.float64, copy=False)


def _array(values: Any, name: str, what: str) -> np.ndarray:
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise DataError(f"{name}: {what} have masked values; fill them, or leave their rows out")
    try:
        if isinstance(values, torch.Tensor):
            tensor = values.detach().cpu().resolve_conj().resolve_neg()
            if tensor.is_floating_point():
                tensor = tensor.float() if tensor.element_size() <= 4 else tensor.double()
            return tensor.numpy()
        array = np.asarray(values)
        if array.dtype.kind == "U" and not isinstance(values, np.ndarray):
            array = np.asarray(values, dtype=object)  # numpy writes a missing number among words as "nan"
    except (ValueError, TypeError, RuntimeError) as error:  # rows of unlike length, sparse tensors …
        raise DataError(f"{name}: {what} cannot be made an array: {first_line(error)}") from None
    if array.dtype.kind == "O" and array.size:  # pandas and lists keep words and mixed numbers as objects
        if all(isinstance(value, str) for value in array.flat):
            return _words(array, name, what)
        if all(isinstance(value, int | float | np.number | np.bool_) for value in array.flat):
            return _mixed_numbers(array, name, what)
    return _words(array, name, what) if array.dtype.kind == "U" else array


def _words(array: np.ndarray, name: str, what: str) -> np.ndarray:
    """Words as numpy keeps them, all as long as the longest."""
    for index, word in enumerate(array.flat):
        if problem := word_problem(str(word)):
            row = f"row {index * len(array) // array.size} (counted from 0)"
            raise DataError(f"{name}: {what} of {row} are {shown(str(word))}: {problem}")
    return array.astype(str)


def _mixed_numbers(array: np.ndarray, name: str, what: str) -> np.ndarray:
    """float64, which would take different integers beyond 64 bits for the same."""
    for index, value in enumerate(array.flat):
        if isinstance(value, int) and not -(2**63) <= value < 2**64:
            row = f"row {index * len(array) // array.size} (counted from 0)"
            raise DataError(f"{name}: {what} of {row} are {shown(value)}: an integer has at most 64 bits")
    return array.astype(np.float64)


def _type_words(array: np.ndarray) -> str:
    if array.dtype.kind == "O":
        return ", ".join(sorted({type(value).__name__ for value in array.flat}))
    return {"U": "words", "M": "dates", "m": "durations", "c": "complex numbers", "S": "bytes"}.get(
        array.dtype.kind, str(array.dtype)
    )


def check_rows(inputs: Tree, targets: np.ndarray, name: str) -> None:
    """As many rows of each, enough of them, and every value finite.

    Raises:
        DataError: naming the array, the row and the value.
    """
    arrays = [*named_leaves(inputs), ("targets", targets)]
    if any(array.ndim == 0 for _, array in arrays):
        raise DataError(f"{name}: inputs and targets must be arrays with one entry per row")
    for what, array in arrays:
        if len(array) != len(targets):
            raise DataError(
                f"{name}: {len(array)} rows of {what} and {len(targets)} of targets; they must be equal"
            )
    check_enough(len(targets), name)
    for what, array in arrays:
        _check_values(array, name, what)


def check_enough(rows: int, name: str) -> None:
    """Enough rows to split.

    Raises:
        DataError: saying how many there are.
    """
    if rows < FEWEST:
        there = count(rows, "row")
        raise DataError(f"{name}: {there}; at least {FEWEST} are needed for training and validation")


def _check_values(array: np.ndarray, name: str, what: str) -> None:
    if array.dtype.kind != "f":
        return
    before = 0
    for some in chunks(array):
        fine = np.isfinite(some) if array.dtype == np.float32 else np.abs(some) < HUGE
        if fine.all():
            before += len(some)
            continue
        index = np.argwhere(~fine)[0]
        inside = ", ".join(map(str, index[1:]))
        inside = f", column {inside}" if len(index) == 2 else f" at [{inside}]" if len(index) > 2 else ""
        where = f"row {before + index[0]}{inside}"
        value = some[tuple(index)]
        raise DataError(
            f"{name}: {what} of {where} (counted from 0) are {value}; every value must be finite and "
            f"below {given(HUGE)}"
        )


def kept(inputs: Tree, name: str) -> Tree:
    """`inputs` in memory, or on disk where they take more than data may; what lies in a file stays there."""
    if sum(array.nbytes for array in leaves(inputs)) <= allowed():
        return mapped(in_memory, inputs)
    return mapped(lambda array: _on_disk(array, name), inputs)


def _on_disk(array: np.ndarray, name: str) -> np.ndarray:
    if array.nbytes < SMALL:
        return np.array(array)
    mapping = mapping_of(array)
    if mapping is not None:
        return mapping
    require_space(array.nbytes, f"{name}: its {len(array):,} rows")
    return written([array], name)


def alike_rows(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether rows of both have one shape."""
    return bool(a.shape[1:] == b.shape[1:])


def alike_types(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether values of both are of one kind: real numbers, codes or truth values."""
    return (is_real(a) and is_real(b)) or a.dtype == b.dtype
