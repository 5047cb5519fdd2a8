"""Which rows each slot sees at its next steps."""

from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor

from sweeper.data.data import Data
from sweeper.study.settings import Settings
from sweeper.training.setup import Rows, Task, batch_order, rows_of

MAX_POOLED_BYTES = 256 * 2**20
"""Bytes of training data of all seeds together up to which they are kept as one array."""


class ReplicateData:
    """The rows of each replicate seed; data that came split are the same for all of them."""

    def __init__(self, task: Task, settings: Settings) -> None:
        self.task, self.settings = task, settings
        self.of = cache(self._of)
        self._rows = cache(lambda seed: rows_of(task, settings, seed))

    def _of(self, seed: int) -> Rows:
        return self._rows(self.key(seed))

    def key(self, seed: int) -> int:
        """Seeds with the same key have the same rows."""
        return 0 if _split_already(self.task.data) else seed


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
        self.replicates, self.batch_size = replicates, batch_size
        keys = list(dict.fromkeys(replicates.key(seed) for seed in seeds))
        first = replicates.of(seeds[0])
        self.rows = len(first.x_train)
        self._offset = {key: index * self.rows for index, key in enumerate(keys)}
        bytes_each = first.x_train.nbytes + first.y_train.nbytes
        self.pooled = bytes_each * len(keys) <= MAX_POOLED_BYTES
        if self.pooled:
            parts = [replicates.of(key) for key in keys]
            self._x = torch.cat([part.x_train for part in parts])
            self._y = torch.cat([part.y_train for part in parts])
        self.order = cache(lambda seed: Order(seed, self.rows, batch_size))

    @property
    def shared(self) -> bool:
        """Whether all trials have the same rows."""
        return len(self._offset) == 1

    @property
    def size(self) -> int:
        """Rows of a batch."""
        return self.order(next(iter(self._offset))).size

    def coming(self, seeds: Sequence[int], done: Sequence[int], steps: int) -> Tensor:
        """Row numbers of the next steps of every slot: (steps, slots, batch); `done` steps lie behind."""
        rows = [
            self.order(seed).take(step, step + steps) + self._offset[self.replicates.key(seed)] * self.pooled
            for seed, step in zip(seeds, done, strict=True)
        ]
        return torch.stack(rows, 1)

    def fill(self, x: Tensor, y: Tensor, seeds: Sequence[int], rows: Tensor) -> None:
        """Write the batches of one step, `rows` (slots, batch), to x and y, both (slots, batch, …)."""
        if self.pooled:
            flat = rows.reshape(-1)
            torch.index_select(self._x, 0, flat, out=x.view(-1, *x.shape[2:]))
            torch.index_select(self._y, 0, flat, out=y.view(-1, *y.shape[2:]))
            return
        for slot, seed in enumerate(seeds):
            parts = self.replicates.of(seed)
            torch.index_select(parts.x_train, 0, rows[slot], out=x[slot])
            torch.index_select(parts.y_train, 0, rows[slot], out=y[slot])
