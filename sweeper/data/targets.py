"""Targets in the form that a loss needs: class numbers or real columns."""

import numpy as np

from sweeper.errors import DataError, shown
from sweeper.wording import given

MANY = 20
"""Classes up to which nobody asks whether they are not rather numbers."""

LONGEST_NAME = 200
"""Characters of the name of a class; longer texts are no classes."""


def fit_targets(
    targets: np.ndarray, loss_task: str | None, name: str, column: str, count: int | None = None
) -> tuple[np.ndarray, tuple[str, ...] | None]:
    """Class numbers (n,) int64 and their names, or real targets (n, k) float64 and ``None``.

    `loss_task` is ``classification``, ``regression``, ``binary``, or ``None`` for a loss of the user's: then
    words and whole numbers (of an integer type) are classes, real numbers are not, nor are whole numbers of
    more than `MANY` values but 0 … k − 1. `count` says how many classes there are, 0 … count − 1, where fewer
    may occur.

    Raises:
        DataError: if they cannot be: real numbers for classes, strings for numbers, values outside 0 … 1.
    """
    flat = targets.reshape(len(targets)) if targets.ndim == 2 and targets.shape[1] == 1 else targets
    where = f"{name}: {column!r}"
    sequences = targets.dtype.kind in "iu" and targets.ndim > 1 and flat is targets
    if sequences and loss_task == "classification" and targets.ndim == 2 and not _is_one_hot(targets):
        return _tokens(targets, where, count)
    if sequences and loss_task is None and count is not None and targets.ndim == 2:
        return _tokens(targets, where, count)
    if sequences and loss_task is None:
        return targets.astype(np.int64), None
    own = loss_task is None and flat.ndim == 1 and flat.dtype.kind in "Ubiu"
    if loss_task == "classification" or (own and (count is not None or not _are_amounts(flat))):
        return _classes(flat, where, count)
    if count is not None:
        raise DataError(f"{where}: data.classes = {count} is for classes; training.loss takes numbers")
    if flat.dtype.kind == "U":
        raise DataError(_words(flat, where, loss_task))
    numbers = targets.reshape(len(targets), -1).astype(np.float64)
    if loss_task == "binary":
        _check_shares(numbers, where)
    if numbers.min() == numbers.max():
        raise DataError(
            f"{where} has the same value {given(numbers.min())} in every row; nothing can be learnt"
        )
    return numbers, None


def _are_amounts(numbers: np.ndarray) -> bool:
    """Whether whole numbers are rather amounts than the numbers of classes."""
    values = np.unique(numbers)
    return bool(numbers.dtype.kind in "iu" and len(values) > MANY and values[-1] - values[0] >= len(values))


def _is_one_hot(labels: np.ndarray) -> bool:
    return bool(np.isin(labels, (0, 1)).all() and (labels.sum(axis=1) == 1).all())


def _tokens(targets: np.ndarray, where: str, count: int | None) -> tuple[np.ndarray, tuple[str, ...]]:
    """Class numbers of sequences, (n, time) int64, and their names: 0 up to `count` or the largest there is.

    Numbers below 0 are no classes; which of them is ignored the study says.
    """
    highest = int(targets.max())
    if (count is None and highest < 1) or (count is not None and not 0 <= highest < count):
        allowed = "at least two classes are needed" if count is None else f"data.classes = {count}"
        raise DataError(f"{where} has class numbers up to {highest}; {allowed}")
    return targets.astype(np.int64), tuple(map(str, range(highest + 1 if count is None else count)))


def _classes(labels: np.ndarray, where: str, count: int | None) -> tuple[np.ndarray, tuple[str, ...]]:
    """Class numbers 0 … k − 1 in sorted order of the labels, and the labels as text."""
    if labels.ndim != 1:
        one_hot = labels.ndim == 2 and _is_one_hot(labels)
        advice = "use mse, l1 or huber"
        if one_hot:
            advice = "give the class numbers, targets.argmax(1)"
        elif (labels == np.round(labels)).all():
            advice = "for a class at each place, write a loss of your own; for amounts use mse, l1 or huber"
        raise DataError(
            f"{where} has shape {labels.shape}, but training.loss needs one class per row; {advice}"
        )
    if labels.dtype.kind == "f":
        real = labels != np.round(labels)
        if real.any():
            raise DataError(
                f"{where} has real values such as {given(labels[np.argmax(real)])}, but training.loss needs "
                "one class per row; use mse, l1 or huber"
            )
        labels = labels.astype(np.int64) if np.abs(labels).max() < 2**53 else labels
    if count is not None:
        return _of_so_many(labels, where, count)
    classes, numbers = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise DataError(f"{where} has one class only, {classes[0]}; at least two are needed")
    if len(classes) > max(MANY, len(labels) // 2):
        raise DataError(
            f"{where} has {len(classes)} classes in {len(labels)} rows; is it a number to predict? "
            "Then use loss mse, l1 or huber"
        )
    return numbers.astype(np.int64).reshape(-1), tuple(str(label) for label in classes)


def _of_so_many(labels: np.ndarray, where: str, count: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """Classes 0 … count − 1, of which some may not occur."""
    outside = labels if labels.dtype.kind not in "biu" else labels[(labels < 0) | (labels >= count)]
    if len(outside):
        raise DataError(
            f"{where} has the class {shown(outside[0].item())} ({len(outside):,} of {len(labels):,} rows), "
            f"but data.classes = {count} allows whole numbers from 0 to {count - 1} alone"
        )
    return labels.astype(np.int64), tuple(map(str, range(count)))


def word_problem(word: str) -> str:
    """Why a text cannot be the name of a class; empty if it can."""
    if len(word) > LONGEST_NAME:
        return f"the name of a class has at most {LONGEST_NAME} characters"
    if "\0" in word or (not word.isascii() and any("\ud800" <= mark <= "\udfff" for mark in word)):
        return "the name of a class is Unicode text without NUL characters"
    return ""


def _words(labels: np.ndarray, where: str, loss_task: str | None) -> str:
    words = np.unique(labels)
    few = ", ".join(words[:3]) + (" …" if len(words) > 3 else "")
    if loss_task == "binary" and len(words) == 2:
        advice = f"write 0 for {words[0]} and 1 for {words[1]}, or use cross_entropy, which takes words"
    else:
        advice = "use cross_entropy, or write numbers"
    return f"{where} holds words ({few}), but training.loss needs numbers; {advice}"


def _check_shares(numbers: np.ndarray, where: str) -> None:
    """Loss bce takes targets from 0 to 1."""
    outside = numbers[(numbers < 0) | (numbers > 1)]
    if not len(outside):
        return
    values = np.unique(numbers)
    problem = f"{where} has the value {given(outside[0])}, but loss bce needs targets from 0 to 1"
    if numbers.shape[1] == 1 and len(values) == 2:
        problem += (
            f"; write 0 for {given(values[0])} and 1 for {given(values[1])}, or use cross_entropy, which "
            "takes any"
        )
    elif numbers.shape[1] == 1 and len(values) <= MANY and (values == np.round(values)).all():
        problem += f"; for {len(values)} classes use cross_entropy"
    else:
        problem += "; for other numbers use mse, l1 or huber"
    raise DataError(problem)
