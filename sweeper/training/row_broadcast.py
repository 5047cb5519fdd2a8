"""Whether broadcasting makes the user's loss or scores compare every row with all rows, not with itself."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import combinations
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from sweeper.components.losses import Loss
from sweeper.components.operations import tensors_in
from sweeper.components.tree import applied, copied, rows_in, taken
from sweeper.errors import ModelError
from sweeper.study.settings import settings as settings_of
from sweeper.training.evaluate import users_metric_inputs, users_metrics
from sweeper.training.setup import Rows, Task, initial_model, leaving_no_trace, pick_loss, rows_of
from sweeper.trial import Trial

ROWS = (6, 14)
"""Numbers of rows that are tried: what is found with one alone was another axis of that size."""
OUTPUTS, TARGETS = "outputs", "targets"
MOST_KNOWN = 1000
_known: dict[tuple[str, str], str] = {}
"""What was found in this process, by task and shape of the trials."""
REDUCING = {
    "mse_loss",
    "l1_loss",
    "smooth_l1_loss",
    "huber_loss",
    "poisson_nll_loss",
    "gaussian_nll_loss",
    "kl_div",
    "hinge_embedding_loss",
    "soft_margin_loss",
    "dist",
}
"""Functions that broadcast and give one number, by which it cannot be seen."""


def refuse_row_broadcast(task: Task, trials: Iterable[Trial]) -> None:
    """Refuse trials whose loss or scores compare every row with all rows.

    One trial of each shape is tried, once in a process.

    Raises:
        RowBroadcast: naming the call, the shapes and what to do.
    """
    for trial in trials:
        key = task.token, settings_of(task.study, trial.parameters).shape_key(trial.seed)
        if key not in _known:
            while len(_known) >= MOST_KNOWN:
                _known.pop(next(iter(_known)))
            _known[key] = _problem_of(task, trial)
        if _known[key]:
            raise RowBroadcast(_known[key])


def _problem_of(task: Task, trial: Trial) -> str:
    settings = settings_of(task.study, trial.parameters)
    loss = pick_loss(task, settings, trial.seed)
    if not _has_users_code(loss):
        return ""
    with leaving_no_trace(task, settings):
        model = initial_model(task, settings, trial.seed).model
        return row_broadcast_in(model, loss, rows_of(task, settings, trial.seed))


def _has_users_code(loss: Loss) -> bool:
    return loss.is_users or bool(users_metrics(loss))


def row_broadcast_in(model: nn.Module, loss: Loss, rows: Rows) -> str:
    """What is wrong with the loss or the scores of the user; empty if nothing is. Do not use `model` again.

    What they raise, and what cannot be tried, is left to the training.
    """
    if not _has_users_code(loss):
        return ""
    found = [problem for count in ROWS if (problem := _problem_with(model, loss, rows, count))]
    return found[0] if len(found) == len(ROWS) else ""


def broadcasts_rows(function: Callable[[Any, Any], object], y: Any, shape: tuple[int, ...]) -> bool:
    """Whether a function compares every output, of this shape for each row, with the targets of all rows."""
    found = 0
    for count in ROWS:
        some = taken(y, torch.arange(count) % rows_in(y))
        try:
            _check_call(function, torch.zeros(count, *shape), some, count)
        except RowBroadcast:
            found += 1
        except Exception:  # of the user's code
            return False
    return found == len(ROWS)


def _problem_with(model: nn.Module, loss: Loss, rows: Rows, count: int) -> str:
    index = torch.arange(count) % rows_in(rows.x_train)
    x, y = (copied(taken(part, index)) for part in (rows.x_train, rows.y_train))
    for training in (True, False):
        model.train(training)
        for name, call in _named_calls(model, loss, x, y, count):
            try:
                with torch.no_grad(), warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # the training gives them
                    call()
            except RowBroadcast as problem:
                return f"{name}: {problem}"
            except Exception:  # of the user's code: its training tells
                continue
    return ""


def _named_calls(
    model: nn.Module, loss: Loss, x: Any, y: Any, rows: int
) -> Iterator[tuple[str, Callable[[], object]]]:
    """What is called of the user, by how messages name it."""
    if loss.inner:
        yield f"loss {loss.name}", lambda: _check_model(model, x, rows)
    elif loss.is_users:
        yield f"training.loss = {loss.name!r}", lambda: _check_call(loss.function, applied(model, x), y, rows)
    for metric in users_metrics(loss):
        name = f"training.metrics: {metric.name}"
        yield name, partial(_check_scores, metric.scalar, loss, model, x, y, rows)


def _check_call(function: Callable[[Any, Any], object], output: Any, target: Any, rows: int) -> None:
    with RowBroadcastWatch(rows, {OUTPUTS: output, TARGETS: target}):
        function(output, target)


def _check_scores(
    score: Callable[[Any, Any], object], loss: Loss, model: nn.Module, x: Any, y: Any, rows: int
) -> None:
    _check_call(score, *users_metric_inputs(loss, applied(model, x), y), rows)


def _check_model(model: nn.Module, x: Any, rows: int) -> None:
    """The loss that the model computes; what the model itself does inside is its own affair."""
    inner: Any = model.forward  # an `InnerForward`
    forward, watch = inner.forward, RowBroadcastWatch(rows, {"inputs": x["inputs"], TARGETS: x["target"]})

    def apart(*args: Any, **named: Any) -> Any:
        with watch.paused():
            output = forward(*args, **named)
        watch.mark(output, OUTPUTS)
        return output

    inner.forward = apart
    try:
        with watch:
            applied(model, x)
    finally:
        inner.forward = forward


class RowBroadcast(ModelError):
    """Broadcasting in code of the user compares every row with all rows."""


class RowBroadcastWatch(TorchFunctionMode):
    """While open, raises `RowBroadcast` where targets meet anything else so.

    What was computed from the same sources may be paired on purpose: losses of all pairs of rows are.
    """

    def __init__(self, rows: int, sources: Mapping[str, Any]) -> None:
        """`rows`: how many, unlike any other size; `sources`: tensors by the word that messages say."""
        super().__init__()
        self.rows, self._is_paused = rows, False
        self.sources: dict[int, frozenset[str]] = {}
        self.alive: list[Tensor] = []
        """The number of a tensor that is given back would be another's."""
        for word, tree in sources.items():
            self._note(tensors_in(tree), frozenset([word]))

    def _note(self, tensors: Iterable[Tensor], words: frozenset[str]) -> None:
        for tensor in tensors:
            self.sources[id(tensor)] = self.sources.get(id(tensor), frozenset()) | words
            self.alive.append(tensor)

    def mark(self, tree: Any, word: str) -> None:
        """Tensors that come from this source alone from here on."""
        for tensor in tensors_in(tree):
            self.sources.pop(id(tensor), None)
        self._note(tensors_in(tree), frozenset([word]))

    @contextmanager
    def paused(self) -> Iterator[None]:
        """While open, nothing is watched."""
        self._is_paused = True
        try:
            yield
        finally:
            self._is_paused = False

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if self._is_paused:
            return result
        given = [tensor for tensor in tensors_in([args, kwargs or {}]) if id(tensor) in self.sources]
        if given:
            name = getattr(func, "__name__", "a function")
            for pair in combinations(given, 2):
                self._check(name, pair, result)
            self._note(tensors_in(result), frozenset().union(*(self.sources[id(t)] for t in given)))
        return result

    def _check(self, name: str, pair: tuple[Tensor, Tensor], result: Any) -> None:
        big, small = sorted(pair, key=lambda tensor: -tensor.ndim)
        words = [self.sources[id(tensor)] for tensor in (big, small)]
        if words[0] == words[1] or TARGETS not in words[0] | words[1]:
            return
        if not are_broadcast_rows(big.shape, small.shape, self.rows):
            return
        shape = torch.broadcast_shapes(big.shape, small.shape)
        if name in REDUCING or any(tensor.shape == shape for tensor in tensors_in(result)):
            sources = [" and ".join(sorted(each)) for each in words]
            raise RowBroadcast(_words(name, (big.shape, small.shape), sources))


def are_broadcast_rows(big: Sequence[int], small: Sequence[int], rows: int) -> bool:
    """Whether broadcasting lays the rows of one beside a single column of the other."""
    if not small or len(big) == len(small) or big[0] != rows or small[0] != rows:
        return False
    before = len(big) - len(small)
    alike = all(1 in (a, b) or a == b for a, b in zip(big[before + 1 :], small[1:], strict=True))
    return big[before] == 1 and alike


def _words(name: str, shapes: Sequence[Sequence[int]], words: Sequence[str]) -> str:
    big, small = (
        f"({', '.join(['rows', *map(str, shape[1:])])}{',' * (len(shape) == 1)})" for shape in shapes
    )
    away = ".squeeze(1)" if len(shapes[0]) - len(shapes[1]) == 1 else f".reshape({small})"
    return (
        f"`{name}` takes {words[0]} of shape {big} and {words[1]} of shape {small}, and so compares "
        f"every row with all rows: bring both to one shape, as by {words[0].split()[0]}{away}"
    )
