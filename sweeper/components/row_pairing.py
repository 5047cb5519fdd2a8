"""Finds code that compares every row with every other where it means each with itself.

Outputs (n, 1) less targets (n,) are (n, n) numbers: no error, at most a warning of torch, and a loss that
learns the mean. Every call of torch is watched, with what its tensors were computed from.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import combinations
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from sweeper.components.operations import tensors_in
from sweeper.errors import ModelError

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
TARGETS = "targets"


class PairsRows(ModelError):
    """Code of the user pairs every row with every other."""


class NoPairing(TorchFunctionMode):
    """While open, raises `PairsRows` where targets meet anything else so.

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
        if not pairs_rows(big.shape, small.shape, self.rows):
            return
        shape = torch.broadcast_shapes(big.shape, small.shape)
        if name in REDUCING or any(tensor.shape == shape for tensor in tensors_in(result)):
            raise PairsRows(_words(name, (big.shape, small.shape), [" and ".join(sorted(w)) for w in words]))


def pairs_rows(big: Sequence[int], small: Sequence[int], rows: int) -> bool:
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
