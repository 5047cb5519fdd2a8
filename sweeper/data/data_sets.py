"""Map-style data sets, item by item -> pairs of arrays: read once, in their order.

``torch.utils.data`` and Hugging Face ``datasets``, and whatever behaves like them: ``len`` and ``[i]``, with
items ``(input, …, target)`` or dicts.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from itertools import chain, islice
from typing import Any, TypeAlias

import torch
from torch.utils import data as torch_data

from sweeper.components.inner_loss import BY_NAME
from sweeper.components.tree import leaves, mapped, rows_in
from sweeper.data.disk import require_space
from sweeper.data.items import Item, Pair, collected
from sweeper.data.memory import allowed, bytes_in
from sweeper.data.table_objects import LABELS
from sweeper.errors import DataError, did_you_mean, shown
from sweeper.user_code.calls import message_of
from sweeper.wording import given

Target: TypeAlias = str | Sequence[str] | None
"""What ``data.target`` says of items that are dicts: a name, or several."""
MAX_SECONDS = 120.0
"""Reading of what has no length takes at most so long."""
FIRST_ITEMS = 64
"""Items by which the size of all is judged."""


def read_dataset(dataset: Any, name: str, target: Target) -> Pair:
    """(inputs, targets) of all items.

    Raises:
        DataError: naming the item that is wrong; for what has no length or does not fit into memory.
    """
    if isinstance(dataset, torch_data.IterableDataset) or not hasattr(dataset, "__getitem__"):
        return read_items(until_end(iter(dataset), name, known_length(dataset)), name, target, None)
    tensors = _tensors_of(dataset)
    if tensors is not None and len(tensors) > 1:
        return pair_of(tensors, name, target)
    if not isinstance(dataset, Sized):
        raise DataError(
            f"{name}: {type(dataset).__name__} has no length; give it a method __len__, or give a list "
            "of its items"
        )
    rows = length_of(dataset, name)
    return read_items(items_of(dataset, rows, name), name, target, rows)


def length_of(dataset: Any, name: str) -> int:
    """How many items it has."""
    try:
        return len(dataset)
    except Exception as error:  # of the user's class
        raise DataError(f"{name}: its length cannot be had: {message_of(error)}") from error


def _tensors_of(dataset: Any) -> tuple[torch.Tensor, ...] | None:
    """The tensors of a data set that only holds tensors: no item need be made."""
    if type(dataset) is torch_data.TensorDataset:
        return dataset.tensors
    if type(dataset) is torch_data.Subset:
        whole = _tensors_of(dataset.dataset)
        rows = torch.as_tensor(list(dataset.indices), dtype=torch.int64)
        return None if whole is None else tuple(tensor[rows] for tensor in whole)
    if type(dataset) is torch_data.ConcatDataset:
        parts = [_tensors_of(part) for part in dataset.datasets]
        known = [part for part in parts if part is not None]
        if len(known) == len(parts) and len({len(part) for part in known}) == 1:
            return tuple(torch.cat(tensors) for tensors in zip(*known, strict=True))
    return None


def items_of(dataset: Any, rows: int, name: str) -> Iterator[Any]:
    """The items in their order."""
    if type(dataset).__module__.partition(".")[0] == "datasets":  # whole blocks at once are much faster
        yield from dataset
        return
    for index in range(rows):
        try:
            item = dataset[index]
        except Exception as error:  # of the user's class
            raise DataError(f"{name}: item {index} cannot be read: {message_of(error)}") from error
        yield item


def known_length(dataset: Any) -> int | None:
    """How many items of a stream will come, where it says so."""
    try:
        return len(dataset)
    except Exception:  # of the user's class: most streams have none
        return None


def until_end(items: Iterator[Any], name: str, rows: int | None = None) -> Iterator[Any]:
    """Items of a stream; of one that does not say how many `rows` it has, as long as there is time."""
    start = time.monotonic()
    for count, item in enumerate(items, 1):
        if rows is not None and count > rows:
            raise DataError(f"{name}: it gives more than the {rows} items that its length says")
        yield item
        late = count % FIRST_ITEMS == 0 and time.monotonic() - start > MAX_SECONDS
        if rows is None and late:
            raise DataError(
                f"{name}: it had not ended after {given(MAX_SECONDS)} s and {count} items; a study needs an "
                "end: give it a method __len__, or end it, for example with itertools.islice"
            )


def read_items(all_items: Iterable[Any], name: str, target: Target, rows: int | None) -> Pair:
    """All items as (inputs, targets)."""
    items = iter(all_items)
    first = list(islice(items, FIRST_ITEMS))
    large = bool(rows and first and sum(map(bytes_in, first)) * rows // len(first) > allowed())
    numbered = enumerate(chain(first, items))
    pairs = ((index, item_of(item, f"{name}: item {index}", target)) for index, item in numbered)
    if large and rows:
        require_space(sum(map(bytes_in, first)) * rows // len(first), f"{name}: its {rows} items")
    return collected(pairs, name, rows, large)


def item_of(item: Any, where: str, target: Target) -> Item:
    """(inputs, target) of one item: ``(input, …, target)``, or a dict in which `target` has its name.

    Raises:
        DataError: if it is neither.
    """
    if isinstance(item, Mapping):
        return _named(item, where, target)
    if target is not None and not isinstance(target, str):
        raise DataError(
            f"{where} is no dict, and data.target = {shown(list(target))} names keys of dicts; several "
            "targets of a tuple are one thing in it: (input, (first, second))"
        )
    if not isinstance(item, tuple | list) or len(item) < 2:
        what = f"{len(item)} things" if isinstance(item, tuple | list) else f"a {type(item).__name__}"
        raise DataError(f"{where} is {what}; must be (input, …, target), or a dict with a target in it")
    *inputs, last = item
    return Item(inputs[0] if len(inputs) == 1 else tuple(inputs), last)


def _named(item: Mapping[Any, Any], where: str, target: Target) -> Item:
    if target is None:
        known = [name for name in LABELS if name in item]
        if len(known) != 1:
            raise DataError(
                f"{where} is a dict of {', '.join(map(str, item))}; say which of them is predicted, with "
                'data.target (in Python data={"source": …, "target": …}); several of them as a list'
            )
        target = known[0]
    predicted = (target,) if isinstance(target, str) else tuple(target)
    for name in predicted:
        if name not in item:
            raise DataError(f"{where} has no {name!r} (data.target); {did_you_mean(name, list(item))}")
    inputs = {key: value for key, value in item.items() if key not in predicted}
    if not inputs:
        raise DataError(f"{where} has nothing but what data.target names; something must be an input")
    for key, value in inputs.items():
        if isinstance(value, str):
            raise DataError(
                f"{where}: {key!r} holds text; turn it into numbers and leave it out, for example with "
                f"dataset.map(…, remove_columns={key!r})"
            )
    only = str(next(iter(inputs))) if len(inputs) == 1 else ""
    if not isinstance(target, str):
        return Item(inputs.get(only, inputs), {name: item[name] for name in predicted}, (only, BY_NAME))
    return Item(inputs.get(only, inputs), item[target], (only, target))


def pair_of(batch: Any, name: str, target: Target) -> Pair:
    """(inputs, targets) of a batch, as of an item; each with one row an item."""
    inputs, targets, names = item_of(batch, name, target)
    targets = mapped(torch.as_tensor, _several(targets))
    inputs = mapped(torch.as_tensor, _plain(inputs))
    rows = rows_in(targets)
    for leaf in (*leaves(inputs), *leaves(targets)):
        if leaf.ndim == 0 or len(leaf) != rows:
            raise DataError(
                f"{name}: inputs of shape {tuple(leaf.shape)} and {rows} targets; the first axis "
                "must be the rows (batch_first=True; for a bag of words a padded table, not offsets)"
            )
    return Pair.of(inputs, targets, names)


def _several(targets: Any) -> Any:
    """Targets as they are, several of them as a dict or a tuple; torch puts those of tuples into a list."""
    if isinstance(targets, Mapping):
        return _plain(targets)
    several = isinstance(targets, tuple | list) and bool(targets)
    if several and all(isinstance(part, torch.Tensor) and part.ndim for part in targets):
        return tuple(targets)
    return targets


def _plain(inputs: Any) -> Any:
    """Mappings and named tuples as dicts and tuples."""
    if isinstance(inputs, Mapping):
        return {str(key): _plain(value) for key, value in inputs.items()}
    return tuple(map(_plain, inputs)) if isinstance(inputs, tuple) else inputs
