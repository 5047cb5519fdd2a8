"""What guessing scores on the rows of each replicate, and what the rows themselves give cause to doubt."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from sweeper.components.guess import BEST_CONSTANT, GUESSES, few_rows, of_any_loss, scores
from sweeper.components.losses import LOSSES, Loss
from sweeper.data.splits import targets_of
from sweeper.study.settings import Settings, settings
from sweeper.training.reasons import reason_of
from sweeper.training.setup import Task, out_features, pick_loss

PARTS = ("train", "validation", "test")
FEWEST = 5
"""Rows of a class below which a part says little about it."""
MOST_LABELS = 20
"""Different whole numbers up to which targets look like class labels."""


def guessing(task: Task, seeds: Sequence[int]) -> dict[str, Any]:
    """The content of ``baselines.json``; its keys are those of ``docs/records.md``.

    For each replicate seed the constant prediction is made from its training rows alone and scored on all
    three parts with the study's loss and metric. Whatever a loss of the user's raises means that there is
    none.
    """
    parts = {seed: _parts(task, seed) for seed in seeds}
    found: dict[str, Any] = {"guess": None, "why": "", "scores": []}
    try:
        found |= _scored(task, parts)
    except BaseException as error:  # the user's loss may raise anything
        found["why"] = reason_of(error)
    return {**found, **_rows(task, list(parts.values()))}


def _parts(task: Task, seed: int) -> dict[str, np.ndarray]:
    data = task.study.data
    targets = targets_of(
        task.data,
        data.split,
        seed=seed,
        test_seed=task.study.search.seed,
        standardize_target=data.standardize_target,
    )
    return dict(zip(PARTS, targets, strict=True))


def _scored(task: Task, parts: Mapping[int, Mapping[str, np.ndarray]]) -> dict[str, Any]:
    plain = settings(task.study, {"optimizer": "sgd", "learning_rate": 1.0})
    loss = pick_loss(task, plain)
    named = isinstance(plain.loss, str) and plain.loss in LOSSES
    words = GUESSES[loss.name][0] if named else BEST_CONSTANT
    found: list[dict[str, Any]] = []
    for seed, targets in parts.items():
        row = _constant(task, loss, plain, named, targets["train"])
        if row is None:
            return {"why": "no constant of finite loss was found"}
        dtype = torch.float64 if named else getattr(torch, plain.dtype)
        by_part = {name: scores(loss, row, y, dtype) for name, y in targets.items() if len(y)}
        if not all(math.isfinite(value) for part in by_part.values() for value in part.values()):
            return {"why": "its loss is not finite"}
        if "training.loss" in task.study.space.entries:  # losses of one kind are no yardstick for another
            by_part = _without_loss(by_part)
        found.append({"seed": seed, **by_part})
    return {"guess": words, "scores": found}


def _without_loss(scored: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    return {part: {k: v for k, v in values.items() if k != "loss"} for part, values in scored.items()}


def _constant(task: Task, loss: Loss, plain: Settings, named: bool, y: np.ndarray) -> np.ndarray | None:
    width = out_features(task.data, loss)
    if named:
        return GUESSES[loss.name][1](y, width)
    return of_any_loss(loss, y, width, getattr(torch, plain.dtype))


def _rows(task: Task, parts: Sequence[Mapping[str, np.ndarray]]) -> dict[str, Any]:
    """Rows of each part, classes that some part has too few of, and whether numbers look like classes.

    Counts are the lowest over the replicates.
    """
    rows = {name: min(len(each[name]) for each in parts) for name in PARTS}
    classes = _class_names(task)
    lowest: dict[tuple[str, str], int] = {}
    for each in parts if classes else ():
        numbers = [(name, y.reshape(-1).astype(np.int64)) for name, y in each.items()]
        for name, part, count in few_rows(numbers, classes, FEWEST):
            lowest[name, part] = min(count, lowest.get((name, part), count))
    few = [{"class": name, "part": part, "rows": count} for (name, part), count in lowest.items()]
    return {"rows": rows, "few": few, "labels": _labels(task)}


def _class_names(task: Task) -> tuple[str, ...]:
    """Those of the data; 0 and 1 where a single column holds nothing else."""
    data = task.data
    if data.classes is not None:
        return data.classes
    binary = data.targets.shape[1] == 1 and task.study.training.loss == "bce"
    return ("0", "1") if binary and set(np.unique(data.targets)) <= {0.0, 1.0} else ()


def _labels(task: Task) -> int:
    """How many classes real targets look like: few whole numbers, or columns of which one is 1; else 0."""
    y = task.data.targets
    if task.data.classes is not None or task.study.training.loss == "bce":
        return 0
    if y.shape[1] > 1:
        one_hot = bool(np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all())
        return y.shape[1] if one_hot else 0
    values = np.unique(y)
    return len(values) if len(values) <= MOST_LABELS and bool((values == np.round(values)).all()) else 0
