"""Functions that vmap batches wrongly or by a loop, which warns, against torch's own."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
import torch
from like_torch import TRIALS, assert_like_torch, exactly
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations

from sweeper.training.stacked.better_rules import SPARSE, BetterRules
from sweeper.training.stacked.refusal import NotStackable

Make = Callable[[], nn.Module]
ROWS, LENGTH, WORDS, WIDTH = 4, 5, 6, 3


@pytest.fixture(autouse=True)
def _exactly() -> Iterator[None]:
    with exactly():
        yield


class Looks(nn.Module):
    """A table whose row numbers follow from the input."""

    def __init__(self, table: nn.Module, flat: bool = False, weighted: bool = False) -> None:
        super().__init__()
        self.table, self.flat, self.weighted = table, flat, weighted

    def forward(self, x: Tensor) -> Tensor:
        numbers = (x.detach() * 2 + 3).long().clamp(0, WORDS - 1)
        further = {"per_sample_weights": torch.sigmoid(x)} if self.weighted else {}
        if self.flat:
            offsets = torch.tensor([0, 3, 3, 11])  # the second bag is empty
            found: Tensor = self.table(numbers.flatten(), offsets)
        else:
            found = self.table(numbers, **further)
        return found + 0 * x.sum()


def bags(mode: str = "mean", flat: bool = False, weighted: bool = False, **options: Any) -> Make:
    """Of a table."""
    return lambda: Looks(nn.EmbeddingBag(WORDS, WIDTH, mode=mode, **options), flat, weighted)


TABLES: dict[str, Make] = {
    "padding": lambda: Looks(nn.Embedding(WORDS, WIDTH, padding_idx=-1)),
    "plain": lambda: Looks(nn.Embedding(WORDS, WIDTH)),
    **{f"bags, {mode}": bags(mode) for mode in ("sum", "mean", "max")},
    **{f"padded bags, {mode}": bags(mode, padding_idx=2) for mode in ("sum", "mean", "max")},
    "weighted bags": bags("sum", weighted=True),
    "flat bags": bags(flat=True, padding_idx=1),
    "flat bags, last offset": bags(flat=True, include_last_offset=True),
}


@pytest.mark.parametrize("kind", TABLES)
def test_tables_are_those_of_torch(kind: str) -> None:
    """Rows, sums, means and maxima of rows; the padding row has no gradient and no share."""
    assert_like_torch(TABLES[kind], torch.randn(TRIALS, ROWS, LENGTH))


@pytest.mark.parametrize("table", [nn.Embedding, nn.EmbeddingBag])
def test_sparse_gradients_are_refused(table: type[nn.Module]) -> None:
    """They have another layout; the message names the option."""
    with pytest.raises(NotStackable, match=SPARSE):
        assert_like_torch(lambda: Looks(table(WORDS, WIDTH, sparse=True)), torch.randn(TRIALS, ROWS, LENGTH))


class Two(nn.Bilinear):
    """Both inputs from one."""

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(x, torch.sin(x[..., :2]))


class Cuts(nn.Linear):
    """Writes where masks of rows and of numbers say so."""

    def forward(self, x: Tensor) -> Tensor:
        y = super().forward(x)
        y += 0.1
        y[y > 0.5] = 0.5
        y[x[:, 0] > 0] = torch.tensor(2.0)
        return y


class Reads(nn.Linear):
    """A view of a narrow output, and its numbers in pairs as complex ones."""

    def forward(self, x: Tensor) -> Tensor:
        y = super().forward(x).view(-1, 2)
        return torch.view_as_complex(y).abs()


class Divides(nn.Linear):
    """Writes its result where it is told."""

    def forward(self, x: Tensor) -> Tensor:
        y = super().forward(x)
        return y * F.normalize(y.detach(), out=torch.empty_like(y.detach()))


class Extreme(nn.Linear):
    """An extreme of all numbers, of which many are equal with slopes of their own."""

    def __init__(self, what: Callable[[Tensor], Tensor]) -> None:
        super().__init__(LENGTH, WIDTH)
        self.what = what

    def forward(self, x: Tensor) -> Tensor:
        y = super().forward(x)
        rounded = y - y.detach() + y.detach().round()
        return (
            self.what(rounded) * y + self.what(torch.relu(y)) + self.what(y) + self.what(rounded.clamp(-1, 1))
        )


class Named(nn.Linear):
    """Functions whose arguments are all given by name."""

    def forward(self, x: Tensor) -> Tensor:
        y = F.linear(input=x, weight=self.weight, bias=self.bias)
        numbers = (y.detach() * 2).long().clamp(0, 2)[:, :1]
        marked = y.new_zeros(len(y), WIDTH).scatter_(dim=1, index=numbers, value=1.0)
        added = y.detach().clone().scatter_(1, numbers, value=2.0, reduce="multiply")
        pairs = torch.view_as_complex(input=y.repeat(1, 2).view(-1, 2)).abs().sum()
        both = F.bilinear(input1=y, input2=y, weight=self.weight[:, None, :WIDTH] * y.new_ones(1, WIDTH, 1))
        return y * marked + added + pairs + both


EXTREMES: dict[str, Callable[[Tensor], Tensor]] = {
    "max": lambda y: y.max(),
    "min, function": lambda y: torch.min(y),
    "max, by name": lambda y: torch.max(input=y),
    "median": lambda y: y.median(),
    "nanmedian, function": lambda y: torch.nanmedian(y),
    "max of two": lambda y: torch.max(y, y.detach().mean()).sum(),
    "max along an axis": lambda y: y.max(dim=0)[0].sum() + torch.max(y, 1, keepdim=True)[0].sum(),
    "median along an axis": lambda y: y.median(0)[0].sum(),
    "both": lambda y: torch.stack(torch.aminmax(y)).sum(),
    "largest norm": lambda y: torch.linalg.vector_norm(y, torch.inf),
    "of whole numbers": lambda y: (y * 3).long().max() * y.mean() + (y > 0).max() * y.mean(),
    "of one": lambda y: y.sum().max() + y.sum().median(),
    "median that is infinite": lambda y: torch.where(y > -9, torch.inf, y).median().nan_to_num(posinf=2.0),
}


MODULES: dict[str, Make] = {
    "bilinear": lambda: Two(LENGTH, 2, WIDTH),
    "bilinear without bias": lambda: Two(LENGTH, 2, WIDTH, bias=False),
    "weight norm": lambda: parametrizations.weight_norm(nn.Linear(LENGTH, WIDTH)),
    "weight norm of all": lambda: parametrizations.weight_norm(nn.Linear(LENGTH, WIDTH), dim=None),
    "weight norm of columns": lambda: parametrizations.weight_norm(nn.Linear(LENGTH, WIDTH), dim=1),
    "masks": lambda: Cuts(LENGTH, WIDTH),
    "view": lambda: Reads(LENGTH, 4),
    "out": lambda: Divides(LENGTH, WIDTH),
    "by name": lambda: Named(LENGTH, WIDTH),
    **{name: partial(Extreme, what) for name, what in EXTREMES.items()},
}


@pytest.mark.parametrize("kind", MODULES)
def test_functions_are_those_of_torch(kind: str) -> None:
    """Values and gradients; nothing falls to a loop over trials."""
    assert_like_torch(MODULES[kind], torch.randn(TRIALS, ROWS, LENGTH))


def test_what_is_scattered_takes_the_place_of_what_was_there() -> None:
    """Numbers are set, not added, where the array is not zero, as each trial alone has them."""
    x, given = torch.randn(TRIALS, 3, LENGTH), torch.randn(TRIALS, 3, 2)

    def scattered(x: Tensor, given: Tensor) -> Tensor:
        return (x * 1).scatter_(1, torch.tensor([[0, 3], [1, 2], [4, 0]]), given)

    with BetterRules():
        found = torch.func.vmap(scattered)(x, given)
    for mine, one, own in zip(found, x, given, strict=True):
        torch.testing.assert_close(mine, scattered(one, own))


@pytest.mark.parametrize("method", [False, True])
@pytest.mark.parametrize(("dim", "index"), [(1, 2), (1, 0), (-1, -1), (0, 1)])
def test_the_gradient_of_what_is_put_in_one_place_is_that_of_torch(
    dim: int, index: int, method: bool
) -> None:
    """Of both, of the number of places no multiple, as the rule of torch has it."""
    x = torch.randn(4, 3, 5, dtype=torch.float64)
    source = torch.randn(4, *x[0].select(dim, index).shape, dtype=torch.float64)

    def loss(x: Tensor, source: Tensor) -> Tensor:
        put = x.select_scatter(source, dim, index) if method else torch.select_scatter(x, source, dim, index)
        return (put**2 * torch.arange(15.0).view(3, 5)).sum()

    both = [t.clone().requires_grad_() for t in (x, source)]
    with BetterRules():
        total = torch.func.vmap(loss)(*both).sum()
    for mine in zip(x, source, *torch.autograd.grad(total, both), strict=True):
        given = [t.clone().requires_grad_() for t in mine[:2]]
        for gradient, own in zip(mine[2:], torch.autograd.grad(loss(*given), given), strict=True):
            torch.testing.assert_close(gradient, own)
