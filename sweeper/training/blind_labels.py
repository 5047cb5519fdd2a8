"""What labels score that know nothing of their rows, which a model of classes has to beat."""

import math
from contextlib import suppress
from functools import partial

import numpy as np
import torch
from torch import Tensor

from sweeper.components.losses import Loss
from sweeper.components.metrics import known_score
from sweeper.components.rankings import random_precision
from sweeper.study.study import Study
from sweeper.training.evaluate import batchable_scores, metric_scores, users_scores
from sweeper.training.tied_rows import whatever_order
from sweeper.trial import is_maximized, objective_metric

MAX_LABELS = 20
"""Different whole numbers up to which targets look like class labels."""
SHARED_OUT, EXACT = 20_000, 3
"""Rows over which drawn labels are shared out at least (fewer are repeated), and the decimals exact there;
what one label for all rows scores is exact."""
SURE = 10.0
"""Logit of a drawn label."""


def as_tensor(targets: np.ndarray, dtype: torch.dtype) -> Tensor:
    """Class numbers as int64, real targets in `dtype`."""
    return torch.tensor(targets, dtype=torch.int64 if targets.dtype.kind in "iu" else dtype)


def own_score(study: Study) -> tuple[str, bool] | None:
    """Name of the user's score that ranks trials, and whether the highest is best; ``None`` where torch's or
    this package's own do."""
    name = objective_metric(study.objective).removeprefix("validation_")
    is_users = study.objective.startswith("validation_") and name != "loss" and known_score(name) is None
    return (name, is_maximized(study.objective)) if is_users else None


class BlindLabels:
    """`blind_labels` of several replicates; whose labels are as many of each class score the same."""

    def __init__(self, loss: Loss, own: tuple[str, bool] | None) -> None:
        """`own`: the user's score that ranks trials, see `own_score`, which may hang on the order of rows."""
        self._loss, self._own = loss, own
        self._known: dict[tuple[bytes, bytes], dict[str, float]] = {}

    def of(self, train: np.ndarray, targets: np.ndarray) -> dict[str, float]:
        """Those of the rows with these `targets`, drawn by the shares of `train`."""
        if self._own is not None or train.size > len(train):  # labels of several columns go together
            return blind_labels(self._loss, train, targets, self._own)
        key = np.sort(train, axis=0).tobytes(), np.sort(targets, axis=0).tobytes()
        if key not in self._known:
            self._known[key] = blind_labels(self._loss, train, targets)
        return dict(self._known[key])


def blind_labels(
    loss: Loss, train: np.ndarray, targets: np.ndarray, own: tuple[str, bool] | None = None
) -> dict[str, float]:
    """The best score of labels that know nothing of their rows: one for all of them, or `at_random`; of
    average precision also of rows in random order; of the user's `own_score` one for all of them alone.

    One label for all has an F1 of 2p / (1 + p) where it is the one that counts, with its share p: more than
    drawn labels, or a constant that names the other, have.
    """
    found = at_random(loss, train, targets)
    if not found:
        return {}
    labels, counts = np.unique(train, return_counts=True)
    labels, own_name = labels[np.argsort(-counts, kind="stable")], own[:1] if own is not None else ()
    classes = int(max(train.max(), targets.max())) + 1
    for label in labels[:MAX_LABELS]:
        sure = np.eye(classes)[np.full(len(targets), int(label))] if loss.task == "classification" else label
        output = torch.tensor(SURE * (2 * np.broadcast_to(sure, _outputs(loss, targets, classes)) - 1.0))
        y = as_tensor(targets, torch.float64)
        values = scores_of(loss, output, y, users=True) if own is not None else _metrics(loss, output, y)
        for name in values.keys() & {*found, *own_name}:
            value, known = values[name], known_score(name)
            highest = own[1] if known is None and own is not None else known is not None and known.maximize
            if math.isfinite(value):
                found[name] = (max if highest else min)(found.get(name, value), value)
    if "average_precision" in found:
        order = random_precision(torch.tensor(_positive(loss, targets, classes))).mean().item()
        if math.isfinite(order):
            found["average_precision"] = max(found["average_precision"], order)
    return found


def scores_of(loss: Loss, output: Tensor, y: Tensor, *, users: bool) -> dict[str, float]:
    """What an output scores that is the same on every row; `users`: by scores of the user's too, as far as
    these can be computed of it, see `whatever_order`."""
    values = {name: value.item() for name, value in batchable_scores(loss, output, y).items()}
    if users:
        with suppress(Exception):  # whatever the user's score raises
            values |= whatever_order(partial(_of_users, loss), output, y)
    return values


def _metrics(loss: Loss, output: Tensor, y: Tensor) -> dict[str, float]:
    """Built-in metrics alone: a loss of the user's may compare each row with each other one."""
    return {name: value.item() for name, value in metric_scores(loss, output, y).items()}


def _of_users(loss: Loss, output: Tensor, y: Tensor) -> dict[str, float]:
    """Scores of the user's, parts of a loss of theirs among them."""
    parts = loss.with_parts(output, y)[1] if loss.is_users else {}
    return {name: value.item() for name, value in {**parts, **users_scores(loss, output, y)}.items()}


def _positive(loss: Loss, targets: np.ndarray, classes: int) -> np.ndarray:
    """Rows of each class or label (n, k), as average precision takes them: of two classes, of the second."""
    if loss.task != "classification":
        return np.asarray(targets.reshape(len(targets), -1) >= 0.5)
    return np.asarray(targets[:, None] == (np.arange(classes) if classes > 2 else np.array([1])))


def _outputs(loss: Loss, targets: np.ndarray, classes: int) -> tuple[int, ...]:
    return (len(targets), classes) if loss.task == "classification" else targets.shape


def at_random(loss: Loss, train: np.ndarray, targets: np.ndarray) -> dict[str, float]:
    """Scores of labels that are drawn with their shares among the training rows, each row by itself.

    What many such rows score: every true label gets each drawn one as often as its share says, so nothing
    hangs on a draw. Only scores that labels without a doubt leave finite, those with a best and a worst
    value; empty where targets are no labels of rows.
    """
    classes = loss.task == "classification" and train.ndim == 1
    binary = loss.task == "binary" and bool(np.isin(train, (0, 1)).all())
    if not (classes or binary):
        return {}
    many = np.repeat(targets, -(-SHARED_OUT // len(targets)), axis=0)
    if classes:
        sure = np.eye(int(max(train.max(), targets.max())) + 1)[_shared_out(train, many)]
    else:
        columns = zip(train.reshape(len(train), -1).T, many.reshape(len(many), -1).T, strict=True)
        sure = np.stack([_shared_out(*each) for each in columns], axis=1).reshape(many.shape)
    output = torch.tensor(SURE * (2 * sure - 1), dtype=torch.float64)
    values = _metrics(loss, output, as_tensor(many, torch.float64))
    found = {name: round(value, EXACT) for name, value in values.items() if _is_bounded(name)}
    return {name: value for name, value in found.items() if math.isfinite(value)}


def _shared_out(train: np.ndarray, true: np.ndarray) -> np.ndarray:
    """A label for every row: the rows of a true label get each one by its share of `train`."""
    labels, counts = np.unique(train, return_counts=True)
    given = np.empty(len(true), dtype=train.dtype)
    for label in np.unique(true):
        rows = np.flatnonzero(true == label)
        ends = np.round(np.cumsum(counts) / counts.sum() * len(rows)).astype(int)
        given[rows] = np.repeat(labels, np.diff(ends, prepend=0))
    return given


def _is_bounded(score: str) -> bool:
    known = known_score(score)
    return known is not None and math.isfinite(known.best) and math.isfinite(known.worst)
