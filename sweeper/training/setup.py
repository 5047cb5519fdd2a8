"""What every engine starts from: the same rows, batches and initial weights."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

import numpy as np
import torch
from torch import Tensor, nn

from sweeper.components.build import Built, build
from sweeper.components.losses import Loss
from sweeper.components.optimizers import OPTIMIZERS
from sweeper.components.param_groups import PARAM_GROUPS, check_options, grouped, own_options
from sweeper.components.precision import default_precision, to_precision
from sweeper.components.tree import Tree, mapped, taken
from sweeper.data.data import Data, is_real
from sweeper.data.splits import rows_of_parts, split, with_rows_of
from sweeper.data.streamed import Streamed
from sweeper.errors import ModelError
from sweeper.split_names import SPLITS
from sweeper.study.losses import loss_of, out_features, widths
from sweeper.study.settings import Settings
from sweeper.study.study import Study
from sweeper.trial import Trial
from sweeper.user_code.calls import message_of, user_code
from sweeper.user_code.lookup import names_function, resolve
from sweeper.user_code.observing import seed_all
from sweeper.user_code.process_state import process_kept
from sweeper.user_code.put_back import put_back

__all__ = [
    "Rows",
    "Task",
    "batch_order",
    "initial_model",
    "leaving_no_trace",
    "load_splits",
    "out_features",
    "pick_device",
    "pick_loss",
    "rows_of",
    "task_of",
    "users_code",
]


@dataclass(frozen=True)
class Task:
    """What all trials of a run share."""

    study: Study
    data: Data
    token: str = field(default_factory=lambda: uuid4().hex, compare=False, repr=False)
    """The same for all copies that worker processes get."""


def task_of(study: Study, data: Data) -> Task:
    """What the trials share, the rows of most seeds among it; those that last in a race may see more."""
    first, seeds = study.search.seed, 2 * study.confirm.seeds + 1
    return Task(study, with_rows_of(data, study.data.split, range(first, first + seeds), first))


def load_splits(task: Task, trials: Iterable[Trial]) -> None:
    """Load what divides the rows of a seed that is not divided yet: no training's time shall hold that."""
    shares, first = task.study.data.split, task.study.search.seed
    if any((shares, trial.seed, first) not in task.data.divided for trial in trials):
        # loaded late: workers seldom need it
        import sklearn.model_selection  # noqa: F401


@dataclass(frozen=True)
class Rows:
    """Train, validation and test rows as tensors on the device; inputs (n, …), targets (n,) or (n, k).

    Inputs that do not fit into memory are `Streamed` in the place of tensors.

    Of several inputs each is a tuple or dict of tensors; where the model computes its loss, inputs are
    ``{"inputs": …, "target": …}``.
    """

    x_train: Tree
    y_train: Tensor
    x_validation: Tree
    y_validation: Tensor
    x_test: Tree
    y_test: Tensor
    with_targets: bool = False
    """Whether inputs hold the targets."""

    def without_targets(self) -> "Rows":
        """The inputs alone."""
        if not self.with_targets:
            return self
        x = {f"x_{part}": getattr(self, f"x_{part}")["inputs"] for part in SPLITS}
        return replace(self, **x, with_targets=False)


def pick_device(name: str) -> torch.device:
    """``auto`` is CUDA when there is one, else the CPU."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(name)


def part_sizes(task: Task, seed: int) -> tuple[int, ...]:
    """Rows of train, validation and test of replicate `seed` where whole groups are drawn, so that seeds have
    unlike numbers of them; empty where all have as many."""
    if task.data.groups is None or task.data.fixed is not None:
        return ()
    study = task.study
    parts = rows_of_parts(task.data, study.data.split, seed=seed, test_seed=study.search.seed)
    return tuple(map(len, parts))


def rows_of(task: Task, settings: Settings, seed: int) -> Rows:
    """The split of replicate `seed`, standardized, in the study's precision."""
    study = task.study
    parts = split(
        task.data,
        study.data.split,
        seed=seed,
        test_seed=study.search.seed,
        standardize=study.data.standardize,
        standardize_target=study.data.standardize_target,
    )
    device, dtype = pick_device(settings.device), getattr(torch, settings.dtype)

    def tensor(array: np.ndarray | Streamed) -> Any:
        if isinstance(array, Streamed):
            return array.to(_tensor_dtype(array.array, dtype), device)
        return torch.tensor(array, dtype=_tensor_dtype(array, dtype), device=device)

    x = {part: mapped(tensor, getattr(parts, f"x_{part}")) for part in SPLITS}
    y = {part: tensor(getattr(parts, f"y_{part}")) for part in SPLITS}
    inner = pick_loss(task, settings).inner is not None
    if inner:
        targets = _several(task, seed, dtype, device) if task.data.several is not None else y
        x = {part: {"inputs": x[part], "target": targets[part]} for part in SPLITS}
    pairs = {name: t for p in SPLITS for name, t in ((f"x_{p}", x[p]), (f"y_{p}", y[p]))}
    return Rows(**pairs, with_targets=inner)


def _several(task: Task, seed: int, dtype: torch.dtype, device: torch.device) -> dict[str, Tree]:
    """All targets of each part, where there are several: as they came."""
    first, shares = task.study.search.seed, task.study.data.split
    parts = rows_of_parts(task.data, shares, seed=seed, test_seed=first)
    by_part = zip(SPLITS, parts, strict=True)
    return {part: _targets(taken(task.data.several, rows), dtype, device) for part, rows in by_part}


def _targets(arrays: Tree, dtype: torch.dtype, device: torch.device | None = None) -> Tree:
    """Real numbers in `dtype`, whole numbers as int64, truth values as such."""
    types = {"f": dtype, "b": torch.bool}
    return mapped(
        lambda a: torch.tensor(a, dtype=types.get(a.dtype.kind, torch.int64), device=device), arrays
    )


def _tensor_dtype(array: np.ndarray, dtype: torch.dtype) -> torch.dtype:
    """Real numbers become `dtype`; codes stay integers, and masks truth values."""
    if is_real(array):
        return dtype
    return torch.bool if array.dtype.kind == "b" else torch.int64


def pick_loss(task: Task, settings: Settings, seed: int | None = None) -> Loss:
    """`loss_of` the study, on the trial's device."""
    return loss_of(task.study, task.data, settings, seed, pick_device(settings.device))


def users_code(task: Task, settings: Settings) -> dict[str, Any]:
    """The code of the user that makes the model, the loss, the scores and the activation, by its role."""
    named = {"model": settings.model, "loss": settings.loss, "activation": settings.activation or ""}
    named["groups"] = settings.param_groups or ""
    named |= {f"metric {index}": metric for index, metric in enumerate(settings.metrics)}
    with user_code():  # modules are imported
        functions = {
            role: resolve(source, task.study.folder) if names_function(source) else source
            for role, source in named.items()
        }
    return {role: function for role, function in functions.items() if not isinstance(function, str)}


def scoring_code(task: Task, settings: Settings) -> dict[str, Any]:
    """Of `users_code` the loss and the scores."""
    code = users_code(task, settings)
    return {role: each for role, each in code.items() if role.partition(" ")[0] in ("loss", "metric")}


@contextmanager
def leaving_no_trace(task: Task, settings: Settings) -> Iterator[None]:
    """Afterwards the process is as before, globals of the user's modules too: the next trial starts afresh.

    What these modules do while they are imported stays: they are imported once in every process.
    """
    code = users_code(task, settings)
    with process_kept(), put_back(code):
        yield


def initial_model(task: Task, settings: Settings, seed: int) -> Built:
    """The model of replicate `seed`: all generators are seeded with it, then the model function, on the CPU.

    Weights are drawn on the CPU and in the default generator, so that any script can draw the same.
    """
    seed_all(seed)
    dtype = getattr(torch, settings.dtype)
    with default_precision(dtype):
        loss = pick_loss(task, settings)
        with user_code():
            source = settings.model
            if names_function(source):
                source = resolve(source, task.study.folder)
            if names_function(settings.activation):
                resolve(settings.activation, task.study.folder)  # `activation_of` finds it by its name alone
            built = build(
                source,
                row=_tensors(task.data.example, dtype),
                code_sizes=task.data.code_sizes,
                out_features=widths(task.data, loss),
                activation=settings.activation,
                init=settings.init,
                options=settings.model_options,
                chosen=settings.swap,
                left=settings.keep,
                inner=loss.inner,
                target=_example_target(task.data, dtype) if loss.inner else None,
            )
    to_precision(built.model, pick_device(settings.device), dtype)
    return replace(built, own_options=_own_options(task, settings, built.model))


def _example_target(data: Data, dtype: torch.dtype) -> Tree:
    if data.several is not None:
        return _targets(taken(data.several, slice(0, 1)), dtype)
    return _tensors(data.targets[:1], dtype)


def _own_options(task: Task, settings: Settings, model: nn.Module) -> dict[str, dict[str, Any]]:
    """Optimizer options of single parameters.

    Raises:
        ModelError: if the study's function raises, or gives no groups.
    """
    source = settings.param_groups
    try:
        with user_code(), torch.random.fork_rng(devices=[]):
            function: Callable[[nn.Module], Any] | None
            if isinstance(source, str):
                function = PARAM_GROUPS.get(source) or resolve(source, task.study.folder)
            else:
                function = source
            own = own_options(model, function)
            check_options(own)
            return own
    except Exception as error:  # the user's function may raise anything
        problem = str(error) if type(error) is ValueError else message_of(error)
        raise ModelError(f"training.param_groups: {problem}") from error


def make_optimizer(settings: Settings, built: Built, **changed: Any) -> torch.optim.Optimizer:
    """The optimizer of a trial over the parameters of its model, each with the options of its own."""
    entry = OPTIMIZERS[settings.optimizer]
    rate = changed.get("lr", settings.learning_rate)
    parameters = grouped(built.model, built.own_options, entry.options, rate)
    return entry.make(parameters, **{**settings.options, "lr": rate, **changed})


def _tensors(arrays: Tree, dtype: torch.dtype) -> Tree:
    return mapped(lambda array: torch.tensor(array, dtype=_tensor_dtype(array, dtype)), arrays)


def batch_order(seed: int, rows: int, batch_size: int | str) -> Iterator[Tensor]:
    """Row numbers of every batch, without end: a fresh permutation each epoch, full batches only.

    The generator is seeded with the replicate seed alone, so all configurations see the same batches.
    ``full`` is all rows in their order, every time.
    """
    if batch_size == "full" or int(batch_size) >= rows:
        while True:
            yield torch.arange(rows)
    generator = torch.Generator().manual_seed(seed)
    while True:
        order = torch.randperm(rows, generator=generator)
        for start in range(0, rows - int(batch_size) + 1, int(batch_size)):
            yield order[start : start + int(batch_size)]
