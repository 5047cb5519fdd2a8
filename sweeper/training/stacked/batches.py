"""Which rows each slot sees at its next steps."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import torch
from torch import Tensor

from sweeper.components.tree import Tree, leaves, mapped, put, rows_in, taken
from sweeper.data.data import Data
from sweeper.data.streamed import Streamed
from sweeper.split_names import SPLITS
from sweeper.study.settings import Settings
from sweeper.training.setup import Rows, Task, batch_order, part_sizes, rows_of
from sweeper.training.stacked.refusal import NotStackable

MAX_POOLED_BYTES = 256 * 2**20
"""Bytes of training data of all seeds together up to which they are kept as one array."""


class ReplicateData:
    """The rows of each replicate seed; data that came split are the same for all of them."""

    def __init__(self, task: Task, settings: Settings) -> None:
        self.task, self.settings = task, settings
        self.of = cache(self._of)
        self._rows = cache(lambda key: rows_of(task, settings, key))
        self._laid_out = cache(lambda key: _row_by_row(self._rows(key)))

    def _of(self, seed: int) -> Rows:
        return self._laid_out(self.key(seed))

    def alone(self, seed: int) -> Rows:
        """As a trial that trains alone has them: columns of some tables lie together in memory."""
        return self._rows(self.key(seed))

    def key(self, seed: int) -> int:
        """Seeds with the same key have the same rows."""
        return 0 if _split_already(self.task.data) else seed


def _row_by_row(rows: Rows) -> Rows:
    """Rows that lie one after the other in memory, whatever the order within one: slots take whole ones."""

    def laid_out(leaf: Any) -> Any:
        whole = not isinstance(leaf, Tensor) or leaf.ndim < 2 or leaf.stride(0) == max(leaf.stride())
        return leaf if whole else leaf.contiguous()

    return replace(
        rows,
        **{
            f"{name}_{part}": mapped(laid_out, getattr(rows, f"{name}_{part}"))
            for name in "xy"
            for part in SPLITS
        },
    )


def _split_already(data: Data) -> bool:
    return data.fixed is not None


class Order:
    """The batches of one seed from its first step on, epoch by epoch; drawn once for all its trials."""

    def __init__(self, seed: int, rows: int, batch_size: int | str) -> None:
        self.size = rows if batch_size == "full" else min(int(batch_size), rows)
        self.per_epoch = rows // self.size
        self._source = batch_order(seed, rows, batch_size)
        self._epochs: list[Tensor] = []

    def take(self, start: int, stop: int) -> Tensor:
        """Row numbers of the steps `start` to `stop` − 1: (steps, batch)."""
        first, last = start // self.per_epoch, (stop - 1) // self.per_epoch
        while len(self._epochs) <= last:
            self._epochs.append(torch.stack([next(self._source) for _ in range(self.per_epoch)]))
        whole = torch.cat(self._epochs[first : last + 1]) if last > first else self._epochs[first]
        return whole[start - first * self.per_epoch : stop - first * self.per_epoch]


class Batches:
    """Fills the batch memory of a stack, step by step."""

    def __init__(self, replicates: ReplicateData, seeds: Sequence[int], batch_size: int | str) -> None:
        """Of trials on these seeds.

        Raises:
            NotStackable: if some have more rows than others, as where whole groups are drawn.
        """
        if len({part_sizes(replicates.task, seed) for seed in set(seeds)}) > 1:
            raise NotStackable("its seeds have unlike numbers of rows")
        self.replicates, self.batch_size = replicates, batch_size
        keys = list(dict.fromkeys(replicates.key(seed) for seed in seeds))
        first = replicates.of(seeds[0])
        self.rows = rows_in(first.x_train)
        self._offset = {key: index * self.rows for index, key in enumerate(keys)}
        bytes_each = sum(t.nbytes for t in leaves((first.x_train, first.y_train)))
        self.on_disk = any(isinstance(leaf, Streamed) for leaf in leaves(first.x_train))
        self.pooled = bytes_each * len(keys) <= MAX_POOLED_BYTES and not self.on_disk
        if self.pooled:
            parts = [replicates.of(key) for key in keys]
            self._x = mapped(_below, *(part.x_train for part in parts))
            self._y = mapped(_below, *(part.y_train for part in parts))
            self._pooled_leaves = leaves((self._x, self._y))
        self.order = cache(lambda seed: Order(seed, self.rows, batch_size))

    @property
    def shared(self) -> bool:
        """Whether all trials have the same rows."""
        return len(self._offset) == 1

    @property
    def size(self) -> int:
        """Rows of a batch."""
        return self.order(next(iter(self._offset))).size

    def sources(self, seed: int) -> list[Tensor]:
        """The arrays of which `coming` gives the row numbers: those of x, then those of y."""
        if self.pooled:
            return self._pooled_leaves
        parts = self.replicates.of(seed)
        return leaves((parts.x_train, parts.y_train))

    def coming(self, seeds: Sequence[int], done: Sequence[int], steps: int) -> list[Tensor]:
        """Row numbers of the next steps of every slot, (steps, batch), one tensor for all that share them.

        `done` steps lie behind each slot.
        """
        by_slot = list(zip(seeds, done, strict=True))
        rows = {
            (seed, step): self.order(seed).take(step, step + steps)
            + self._offset[self.replicates.key(seed)] * self.pooled
            for seed, step in set(by_slot)
        }
        return [rows[each] for each in by_slot]

    def fill(self, x: Tree, y: Tree, seeds: Sequence[int], rows: Tensor) -> None:
        """Write the batches of one step, `rows` (slots, batch), to x and y, both (slots, batch, …)."""
        if self.pooled:
            _gather((self._x, self._y), rows.reshape(-1), mapped(lambda t: t.view(-1, *t.shape[2:]), (x, y)))
            return
        first: dict[tuple[int, bytes], int] = {}  # slots at the same batch of a seed: it is read once
        for slot, seed in enumerate(seeds):
            same = slot
            if self.on_disk:
                batch = self.replicates.key(seed), rows[slot].cpu().numpy().tobytes()
                same = first.setdefault(batch, slot)
            if same != slot:
                put((x, y), slot, taken((x, y), same))
                continue
            parts = self.replicates.of(seed)
            _gather((parts.x_train, parts.y_train), rows[slot], taken((x, y), slot))


def _below(*tensors: Tensor) -> Tensor:
    """One below the other."""
    return torch.cat(tensors)


def _gather(source: Tree, rows: Tensor, target: Tree) -> None:
    """Write some rows of each tensor of `source` to its place in `target`."""
    for tensor, out in zip(leaves(source), leaves(target), strict=True):
        if isinstance(tensor, Streamed):
            out.copy_(tensor[rows])
        else:
            torch.index_select(tensor, 0, rows, out=out)
