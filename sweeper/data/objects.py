"""What a data function gives or a caller has in hand, with data sets and loaders in it as pairs of arrays."""

import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils import data as torch_data

from sweeper.components.tree import Tree, alike, leaves, mapped
from sweeper.data.data_modules import is_data_module, parts_of
from sweeper.data.data_sets import (
    FIRST_ITEMS,
    Target,
    items_of,
    known_length,
    length_of,
    pair_of,
    read_dataset,
    read_items,
    until_end,
)
from sweeper.data.disk import require_space
from sweeper.data.items import DiskColumn, Pair, Ragged, is_ragged, padded
from sweeper.data.memory import allowed, bytes_in
from sweeper.errors import DataError
from sweeper.user_code.calls import message_of
from sweeper.user_code.observing import drawn_alike

SAMPLERS = (torch_data.SequentialSampler, torch_data.RandomSampler, torch_data.SubsetRandomSampler)
"""Those that draw each row once."""
ORDERS = "a study draws batches itself, every row once an epoch"


def are_arrays(given: Any) -> bool:
    """Whether `read_objects` leaves it as it is: a pair, or a dict of pairs by part."""
    if isinstance(given, Mapping):
        return all(map(are_arrays, given.values()))
    if isinstance(given, torch_data.DataLoader) or is_data_module(given) or _is_unlike(given):
        return False
    return not _is_dataset(given)


def _is_unlike(given: Any) -> bool:
    """Whether it is a pair whose inputs are rows of unlike length."""
    return isinstance(given, tuple | list) and len(given) == 2 and is_ragged(given[0])


def read_objects(given: Any, name: str, target: Target) -> Any:
    """`given` with every data set and loader in it as a pair (inputs, targets); all else as it is.

    Raises:
        DataError: naming the item that is wrong, or why it cannot be read as a whole.
    """
    with drawn_alike():
        return _read(given, name, target)


def _read(given: Any, name: str, target: Target) -> Any:
    _refuse_several(given, name)
    if is_data_module(given):
        given = parts_of(given, name)
        given = given if len(given) > 1 else given["train"]
    if isinstance(given, Mapping):
        return {part: _read(each, f"{name}: {part}", target) for part, each in given.items()}
    if _is_unlike(given):
        return padded(Ragged([np.asarray(row) for row in given[0]]), name), given[1]
    if isinstance(given, torch_data.DataLoader):
        return read_loader(given, name, target)
    if _is_dataset(given):
        return read_dataset(given, name, target)
    return given


def _refuse_several(given: Any, name: str) -> None:
    """Loaders or data sets in a row, of which only names say which is which, and lists of batches."""
    if not isinstance(given, tuple | list):
        return
    kinds = (torch_data.DataLoader, torch_data.Dataset)
    if len(given) > 1 and all(isinstance(each, kinds) for each in given):
        what = "loaders" if isinstance(given[0], torch_data.DataLoader) else "data sets"
        parts = (
            '{"train": …, "validation": …}' if len(given) == 2 else '{"train": …, "validation": …, "test": …}'
        )
        raise DataError(
            f"{name}: gave {len(given)} {what} in a {type(given).__name__}; give them by name: {parts}"
        )
    if len(given) > 2 and all(map(_is_batch, given)):
        raise DataError(f"{name}: gave {len(given)} batches in a row; give the loader itself, or all rows")


def _is_batch(given: Any) -> bool:
    """Whether it is what torch makes of some items: a list of tensors, a row of each an item."""
    tensors = isinstance(given, list) and len(given) > 1 and all(isinstance(each, Tensor) for each in given)
    return tensors and len({len(each) if each.ndim else 0 for each in given}) == 1


def _is_dataset(given: Any) -> bool:
    if isinstance(given, torch_data.Dataset):
        return True
    if isinstance(given, tuple | list):
        return len(given) != 2 and bool(given) and all(isinstance(item, tuple | Mapping) for item in given)
    if isinstance(given, str | bytes) or hasattr(given, "dtype") or hasattr(given, "dtypes"):
        return False  # text, arrays and frames
    return hasattr(given, "__getitem__") or hasattr(given, "__iter__")


def read_loader(loader: Any, name: str, target: Target) -> Pair:
    """(inputs, targets) of all rows, in the order of the loader's data set.

    Raises:
        DataError: as `read_dataset`; for a loader whose sampler does more than shuffle, and for what its
            function or its worker processes raise.
    """
    dataset = loader.dataset
    if isinstance(dataset, torch_data.IterableDataset):
        if loader.num_workers > 0:
            loader.multiprocessing_context = loader.multiprocessing_context or _start_method()
        rows = known_length(dataset)
        batches = None if rows is None else known_length(loader)
        return _batches(until_end(iter(loader), name, batches), name, target)
    of_batches = loader.batch_sampler
    sampler = loader.sampler if of_batches is None else of_batches
    if type(of_batches) is torch_data.BatchSampler:
        sampler = of_batches.sampler
    if not isinstance(sampler, SAMPLERS):
        by = type(sampler).__name__
        raise DataError(f"{name}: its loader draws rows by {by}, and {ORDERS}: give its data set")
    if isinstance(sampler, torch_data.RandomSampler) and _is_no_shuffle(sampler):
        by = "RandomSampler with replacement" if sampler.replacement else "RandomSampler(num_samples=…)"
        raise DataError(f"{name}: its loader draws rows by {by}, and {ORDERS}: give its data set")
    if isinstance(sampler, torch_data.SubsetRandomSampler):
        dataset = torch_data.Subset(dataset, sorted(map(int, sampler.indices)))
    if of_batches is None:  # its function is given one item at a time
        rows = length_of(dataset, name)
        return read_items(map(loader.collate_fn, items_of(dataset, rows, name)), name, target, rows)
    if loader.collate_fn is not torch_data.default_collate:
        return _in_one_batch(dataset, loader.collate_fn, name, target)
    if loader.num_workers == 0:
        return read_dataset(dataset, name, target)
    return _by_workers(dataset, loader, name, target)


def _is_no_shuffle(sampler: Any) -> bool:
    """Whether it repeats rows, or leaves some out."""
    return bool(sampler.replacement) or sampler.num_samples != len(sampler.data_source)


def _in_one_batch(dataset: Any, collate: Callable[[list[Any]], Any], name: str, target: Target) -> Pair:
    """All items put together by the loader's own function: padded to one length, with its own padding.

    What does not fit into memory is put together in pieces, whose rows must have one shape.
    """
    rows = length_of(dataset, name)
    items = items_of(dataset, rows, name)
    first = list(islice(items, FIRST_ITEMS))
    size = sum(map(bytes_in, first)) * rows // max(1, len(first))
    every = chain(first, items)
    if size <= allowed():
        return pair_of(_collated(list(every), collate, f"all {rows} items", name), name, target)
    require_space(size, f"{name}: its {rows} items")
    pieces = iter(lambda: list(islice(every, FIRST_ITEMS)), [])
    batches = (_collated(piece, collate, f"{len(piece)} items", name) for piece in pieces)
    return _batches(batches, name, target, on_disk=True)


def _collated(items: list[Any], collate: Callable[[list[Any]], Any], what: str, name: str) -> Any:
    try:
        return collate(items)
    except Exception as error:  # of the user's function
        raise DataError(f"{name}: its collate_fn fails on {what} at once: {message_of(error)}") from error


def _by_workers(dataset: Any, loader: Any, name: str, target: Target) -> Pair:
    """By the loader's worker processes, in the order of the data set."""
    again = torch_data.DataLoader(
        dataset,
        batch_size=loader.batch_size or FIRST_ITEMS,
        num_workers=loader.num_workers,
        worker_init_fn=loader.worker_init_fn,
        timeout=loader.timeout,
        multiprocessing_context=loader.multiprocessing_context or _start_method(),
    )
    rows = length_of(dataset, name)

    def checked() -> Iterator[Any]:
        batches = iter(again)
        for index in range(len(again)):
            try:
                batch = next(batches)
            except Exception as error:  # of the user's class, or the end of a worker
                first = index * (loader.batch_size or FIRST_ITEMS)
                error.__traceback__ = None
                del batches  # which ends its processes; as part of a circle it waits for them for seconds
                raise DataError(
                    f"{name}: the worker processes of its loader failed at the batch of item {first}: "
                    f"{message_of(error)}; num_workers = 0 shows more"
                ) from error
            if index == 0 and bytes_in(batch) * len(again) > allowed():
                require_space(bytes_in(batch) * len(again), f"{name}: its {rows} items")
            yield batch

    return _batches(checked(), name, target)


def _start_method() -> str | None:
    """How a loader's processes start where this one was started by loky, whose way is for its own alone."""
    known = multiprocessing.get_all_start_methods()
    return None if multiprocessing.get_start_method(allow_none=True) in (None, *known) else known[0]


def _batches(batches: Iterable[Any], name: str, target: Target, on_disk: bool = False) -> Pair:
    """Batches one below the other; inputs in a file if `on_disk`, or once they do not fit into memory."""
    held: list[Tree] = []
    targets: list[Tree] = []
    size, columns, names = 0, None, ("", "")
    for index, batch in enumerate(batches):
        pair = pair_of(batch, f"{name}: batch {index}", target)
        (inputs, target_of), names = pair, pair.names
        targets.append(target_of)
        size += sum(tensor.nbytes for tensor in leaves(inputs))
        if columns is None and (on_disk or size > allowed()):
            columns = mapped(lambda _: DiskColumn(name), inputs)
            for before in held:
                _add(columns, before, name)
            held.clear()
        if columns is None:
            held.append(inputs)
        else:
            _add(columns, inputs, name)
    if not targets:
        raise DataError(f"{name}: there is not one batch in it")
    try:
        whole = mapped(_joined, *targets)
        inputs = mapped(_joined, *held) if columns is None else mapped(lambda column: column.close(), columns)
    except (RuntimeError, ValueError, KeyError) as error:
        raise DataError(
            f"{name}: its batches cannot be put together: {message_of(error)}; rows of all batches must have "
            "one shape"
        ) from error
    return Pair.of(inputs, whole, names)


def _joined(*parts: Any) -> Tensor:
    return torch.cat([torch.as_tensor(part) for part in parts])


def _add(columns: Tree, inputs: Tree, name: str) -> None:
    if not alike(columns, inputs):
        raise DataError(f"{name}: its batches have unlike inputs")
    mapped(lambda column, tensor: column.extend(tensor.detach().cpu().numpy()), columns, inputs)
