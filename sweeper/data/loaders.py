"""Loaders of ``torch.utils.data`` -> pairs of arrays: each row once, put together by their own function."""

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch.utils import data as torch_data

from sweeper.components.tree import mapped
from sweeper.data.data_sets import (
    FIRST_ITEMS,
    items_of,
    length_of,
    pair_of,
    read_dataset,
    read_items,
    until_end,
)
from sweeper.data.items import Pair
from sweeper.data.memory import bytes_in, refuse_too_large
from sweeper.errors import DataError
from sweeper.user_code.calls import message_of

SAMPLERS = (torch_data.SequentialSampler, torch_data.RandomSampler, torch_data.SubsetRandomSampler)
"""Those that draw each row once."""
ORDERS = "a study draws batches itself, every row once an epoch"


def read_loader(loader: Any, name: str, target: str | None) -> Pair:
    """(inputs, targets) of all rows, in the order of the loader's data set.

    Raises:
        DataError: as `read_dataset`; for a loader whose sampler does more than shuffle, and for what its
            function or its worker processes raise.
    """
    dataset = loader.dataset
    if isinstance(dataset, torch_data.IterableDataset):
        if loader.num_workers > 0:
            loader.multiprocessing_context = loader.multiprocessing_context or _start_method()
        return _batches(until_end(iter(loader), name), name, target)
    batches = loader.batch_sampler
    sampler = loader.sampler if batches is None else batches
    if type(batches) is torch_data.BatchSampler:
        sampler = batches.sampler
    if not isinstance(sampler, SAMPLERS):
        by = type(sampler).__name__
        raise DataError(f"{name}: its loader draws rows by {by}, and {ORDERS}: give its data set")
    if isinstance(sampler, torch_data.SubsetRandomSampler):
        dataset = torch_data.Subset(dataset, sorted(map(int, sampler.indices)))
    if batches is None:  # its function is given one item at a time
        rows = length_of(dataset, name)
        return read_items(map(loader.collate_fn, items_of(dataset, rows, name)), name, target, rows)
    if loader.collate_fn is not torch_data.default_collate:
        return _in_one_batch(dataset, loader.collate_fn, name, target)
    if loader.num_workers == 0:
        return read_dataset(dataset, name, target)
    return _by_workers(dataset, loader, name, target)


def _in_one_batch(dataset: Any, collate: Callable[[list[Any]], Any], name: str, target: str | None) -> Pair:
    """All items put together by the loader's own function: padded to one length, with its own padding."""
    rows = length_of(dataset, name)
    items: list[Any] = []
    for item in items_of(dataset, rows, name):
        items.append(item)
        if len(items) == min(FIRST_ITEMS, rows):
            refuse_too_large(sum(map(bytes_in, items)) * rows // len(items), f"{name}: its {rows} items")
    try:
        batch = collate(items)
    except Exception as error:  # of the user's function
        raise DataError(
            f"{name}: its collate_fn fails on all {rows} items at once: {message_of(error)}"
        ) from error
    return pair_of(batch, name, target)


def _by_workers(dataset: Any, loader: Any, name: str, target: str | None) -> Pair:
    """By the loader's worker processes, in the order of the data set."""
    again = torch_data.DataLoader(
        dataset,
        batch_size=loader.batch_size or FIRST_ITEMS,
        num_workers=loader.num_workers,
        worker_init_fn=loader.worker_init_fn,
        timeout=loader.timeout,
        multiprocessing_context=loader.multiprocessing_context or _start_method(),
    )
    rows, batches = length_of(dataset, name), iter(again)

    def checked() -> Iterator[Any]:
        for index in range(len(again)):
            try:
                batch = next(batches)
            except Exception as error:  # of the user's class, or the end of a worker
                first = index * (loader.batch_size or FIRST_ITEMS)
                raise DataError(
                    f"{name}: the worker processes of its loader failed at the batch of item {first}: "
                    f"{message_of(error)}; num_workers = 0 shows more"
                ) from error
            if index == 0:
                refuse_too_large(bytes_in(batch) * len(again), f"{name}: its {rows} items")
            yield batch

    return _batches(checked(), name, target)


def _start_method() -> str | None:
    """How a loader's processes start where this one was started by loky, whose way is for its own alone."""
    known = multiprocessing.get_all_start_methods()
    return None if multiprocessing.get_start_method(allow_none=True) in (None, *known) else known[0]


def _batches(batches: Iterable[Any], name: str, target: str | None) -> Pair:
    """Batches one below the other."""
    pairs = [pair_of(batch, f"{name}: batch {index}", target) for index, batch in enumerate(batches)]
    if not pairs:
        raise DataError(f"{name}: there is not one batch in it")
    try:
        inputs, targets = mapped(lambda *parts: torch.cat([torch.as_tensor(part) for part in parts]), *pairs)
        return Pair.of(inputs, targets, pairs[0].names)
    except (RuntimeError, ValueError, KeyError) as error:
        raise DataError(
            f"{name}: its batches cannot be put together: {message_of(error)}; rows of all batches must have "
            "one shape"
        ) from error
