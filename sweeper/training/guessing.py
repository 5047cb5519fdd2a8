"""What guessing scores on the rows of each replicate, and what the rows themselves give cause to doubt."""

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sweeper.components.guess import frequencies, gaussian, huber_location, mean, median
from sweeper.components.losses import LOSSES, Loss
from sweeper.components.metrics import BY_MAE, MIDDLE
from sweeper.components.optimizers import DEFAULT
from sweeper.components.users_loss import UsersLoss
from sweeper.data.splits import is_stratified, targets_of
from sweeper.split_names import SPLITS
from sweeper.study.data_keys import GIVEN, GROUPS, RANDOM, STRATIFIED, TIME
from sweeper.study.settings import Settings, settings
from sweeper.training.blind_labels import MAX_LABELS, BlindLabels, as_tensor, own_score, scores_of
from sweeper.training.reasons import reason_of
from sweeper.training.row_broadcast import broadcasts_rows
from sweeper.training.setup import Task, leaving_no_trace, out_features, pick_loss

MIN_ROWS_PER_CLASS = 5
"""Rows of a class below which a part says little about it."""
CENTRES = (mean, huber_location, gaussian)
"""Constants that lie in the unit of the targets, where the median has a lower absolute error."""
BEST_CONSTANT = "the constant of lowest loss on the training rows"


def guessing(task: Task, seeds: Sequence[int]) -> dict[str, Any]:
    """The content of ``baselines.json``; its keys are those of ``docs/records.md``.

    For each replicate seed the constant prediction is made from its training rows alone and scored on all
    three parts with the study's loss and metrics; where targets are labels, so are labels drawn at random.
    Whatever a loss of the user's raises means that there is none.
    """
    parts = {seed: _parts(task, seed) for seed in seeds}
    baselines: dict[str, Any] = {"guess": None, "why": "", "scores": []}
    try:
        with leaving_no_trace(task, _plain(task)):
            baselines |= _scored(task, parts)
    except BaseException as error:  # the user's loss may raise anything
        baselines["why"] = reason_of(error)
    return {**baselines, **_rows(task, list(parts.values()))}


def _plain(task: Task) -> Settings:
    return settings(task.study, {"optimizer": DEFAULT, "learning_rate": 1.0})


def _parts(task: Task, seed: int) -> dict[str, np.ndarray]:
    data = task.study.data
    targets = targets_of(
        task.data,
        data.split,
        seed=seed,
        test_seed=task.study.search.seed,
        standardize_target=data.standardize_target,
    )
    return dict(zip(SPLITS, targets, strict=True))


def _scored(task: Task, parts: Mapping[int, Mapping[str, np.ndarray]]) -> dict[str, Any]:
    plain = _plain(task)
    loss = pick_loss(task, plain)
    named = isinstance(plain.loss, str) and plain.loss in LOSSES
    words = loss.guess.words if loss.guess else BEST_CONSTANT
    centred = loss.guess is not None and loss.guess.output in CENTRES
    blind, by_seed = BlindLabels(loss, own_score(task.study)), list[dict[str, Any]]()
    for seed, targets in parts.items():
        row = _constant(task, loss, plain, targets["train"])
        if row is None:
            return {"why": "no constant of finite loss was found"}
        dtype = torch.float64 if named else getattr(torch, plain.dtype)
        by_part = {name: scores(loss, row, y, dtype) for name, y in targets.items() if len(y)}
        if centred:
            middle = median_in(row, targets["train"])
            of_middle = {name: scores(loss, middle, targets[name], dtype) for name in by_part}
            by_part = {
                name: own | {k: of_middle[name][k] for k in own.keys() & set(MIDDLE)}
                for name, own in by_part.items()
            }
        if not all(math.isfinite(value) for part in by_part.values() for value in part.values()):
            return {"why": "its loss is not finite"}
        if "training.loss" in task.study.space.parameters:  # losses of one kind are no yardstick for another
            by_part = _without_loss(by_part)
        drawn = {name: blind.of(targets["train"], y) for name, y in targets.items() if len(y)}
        by_seed.append({"seed": seed, **by_part, **({"drawn": drawn} if any(drawn.values()) else {})})
    both = centred and any(each["train"].keys() & set(MIDDLE) for each in by_seed)
    return {"guess": f"{words}{BY_MAE}" if both else words, "scores": by_seed}


def median_in(row: np.ndarray, train: np.ndarray) -> np.ndarray:
    """`row` with the medians of the training targets in place of its centres; a variance stays."""
    middle = median(train.reshape(len(train), -1), len(row))
    return np.concatenate([middle, row[len(middle) :]])


def _without_loss(scored: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    return {part: {k: v for k, v in values.items() if k != "loss"} for part, values in scored.items()}


def _constant(task: Task, loss: Loss, plain: Settings, y: np.ndarray) -> np.ndarray | None:
    width = out_features(task.data, loss)
    if loss.guess:
        return loss.guess.output(y, width)
    return of_any_loss(loss, y, width, getattr(torch, plain.dtype))


def best_constant_loss(task: Task, loss: Loss, plain: Settings) -> float | None:
    """What the best constant output scores in a named `loss` on the training rows of the search.

    ``None`` where there is none of finite loss, and for losses of the user's.
    """
    if loss.is_users or task.data.several is not None:
        return None
    targets = _parts(task, task.study.search.seed)["train"]
    row = _constant(task, loss, plain, targets)
    value = math.inf if row is None else scores(loss, row, targets, torch.float64)["loss"]
    return value if math.isfinite(value) else None


def _rows(task: Task, parts: Sequence[Mapping[str, np.ndarray]]) -> dict[str, Any]:
    """Rows of each part, classes that some part has too few of, and whether numbers look like classes.

    Counts are the lowest over the replicates; tokens of sequences are not counted: a row has many.
    """
    rows = {name: min(len(each[name]) for each in parts) for name in SPLITS}
    classes = _class_names(task) if task.data.targets.ndim == 1 or task.data.classes is None else ()
    lowest: dict[tuple[str, str], int] = {}
    for each in parts if classes else ():
        numbers = [(name, y[y >= 0].reshape(-1).astype(np.int64)) for name, y in each.items()]
        for name, part, count in few_rows(numbers, classes, MIN_ROWS_PER_CLASS):
            lowest[name, part] = min(count, lowest.get((name, part), count))
    few = [{"class": name, "part": part, "rows": count} for (name, part), count in lowest.items()]
    known = {"rows": rows, "few": few, "labels": _labels(task), "split": _how_split(task)}
    if len(classes) != 2:
        return known
    ones = {name: min(int((each[name] == 1).sum()) for each in parts) for name in SPLITS}
    return {**known, "positive": classes[1], "positives": ones}


def _how_split(task: Task) -> str:
    """`TIME`, `GIVEN` (data that came split), `GROUPS`, `STRATIFIED` or `RANDOM`"""
    data, section, seed = task.data, task.study.data, task.study.search.seed
    if section.time:
        return TIME
    if data.fixed is not None or data.groups is not None:
        return GIVEN if data.fixed is not None else GROUPS
    return STRATIFIED if is_stratified(data, section.split, seed=seed, test_seed=seed) else RANDOM


def _binary(task: Task) -> bool:
    loss = task.study.training.loss
    return isinstance(loss, str) and loss in LOSSES and LOSSES[loss].task == "binary"


def _class_names(task: Task) -> tuple[str, ...]:
    """Those of the data; the words for 0 and 1 where a single column holds nothing else."""
    data = task.data
    if data.classes is not None:
        return data.classes
    binary = data.targets.shape[1] == 1 and _binary(task)
    return (data.truth or ("0", "1")) if binary and set(np.unique(data.targets)) <= {0.0, 1.0} else ()


def _labels(task: Task) -> int:
    """How many classes real targets look like: few whole numbers, or columns of which one is 1; else 0."""
    y = task.data.targets
    if task.data.classes is not None or _binary(task):
        return 0
    if y.shape[1] > 1:
        one_hot = bool(np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all())
        return y.shape[1] if one_hot else 0
    values = np.unique(y)
    return len(values) if len(values) <= MAX_LABELS and bool((values == np.round(values)).all()) else 0


def of_any_loss(loss: Loss, targets: np.ndarray, width: int, dtype: torch.dtype) -> np.ndarray | None:
    """The output of lowest `loss` on the training rows, searched for by L-BFGS; ``None`` if none is found.

    It starts from what suits the named losses of the same task; the result is never worse than that.
    """
    starts = [frequencies] if loss.task == "classification" else [mean, median]
    y, lowest_row = as_tensor(targets, dtype), None
    spread = partial(_spread, rows=len(y), shape=constant_shape(loss, y, width))
    lowest = float("inf")
    for start in starts:
        row = _descended(loss, y, spread, torch.tensor(start(targets, width), dtype=dtype))
        value = loss.function(spread(row), y).item()
        if value < lowest:
            lowest_row, lowest = row.double().numpy(), value
    return lowest_row


def _descended(loss: Loss, y: Tensor, spread: Callable[[Tensor], Tensor], start: Tensor) -> Tensor:
    row = start.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([row], max_iter=50, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = loss.function(spread(row), y)
        value.backward()  # type: ignore[no-untyped-call]
        return value

    before = loss.function(spread(start), y).item()
    optimizer.step(closure)
    end = row.detach()
    after = loss.function(spread(end), y).item()
    return end if after <= before else start


def _spread(row: Tensor, rows: int, shape: tuple[int, ...]) -> Tensor:
    return row.reshape(1, *shape).expand(rows, *shape)


def constant_shape(loss: Loss, y: Tensor, width: int) -> tuple[int, ...]:
    """Of one constant output: (width,), or that of targets as they came where the user's loss takes these.

    A loss for outputs (n,) would compare outputs (n, 1) with all rows.
    """
    form = loss.function.form if isinstance(loss.function, UsersLoss) else None
    if form is None or math.prod(form.shape) != width or fits(loss, y, (width,)):
        return (width,)
    return form.shape if fits(loss, y, form.shape) else (width,)


def fits(loss: Loss, y: Tensor, shape: tuple[int, ...]) -> bool:
    """Whether a loss of the user's takes outputs of this shape for each row."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a shape that is tried alone, it would be a false alarm
            loss.function(y.new_zeros(len(y), *shape, dtype=torch.float64), y)
    except Exception:  # of the user's loss
        return False
    return not broadcasts_rows(loss.function, y, shape)


def scores(loss: Loss, row: np.ndarray, targets: np.ndarray, dtype: torch.dtype) -> dict[str, float]:
    """``loss`` and the metrics of the task for the same output on every row of `targets`.

    R² of the training rows' mean lies a little below 0 on other rows, whose mean is another.
    """
    y = as_tensor(targets, dtype)
    shape = constant_shape(loss, y, len(row))
    output = torch.tensor(row, dtype=dtype).reshape(shape)
    output = output.expand(*y.shape[: 2 if loss.task == "sequence" else 1], *shape)
    values = scores_of(loss, output, y, users=True)  # one that cannot be computed of it has no baseline
    return {name: value for name, value in values.items() if name == "loss" or math.isfinite(value)}


def few_rows(
    parts: Sequence[tuple[str, np.ndarray]], classes: Sequence[str], fewest: int
) -> list[tuple[str, str, int]]:
    """(class, part, rows) of every class that a part with rows has fewer than `fewest` rows of."""
    counted = [(part, np.bincount(y, minlength=len(classes))) for part, y in parts if len(y)]
    return [
        (name, part, int(counts[k]))
        for k, name in enumerate(classes)
        for part, counts in counted
        if counts[k] < fewest
    ]
