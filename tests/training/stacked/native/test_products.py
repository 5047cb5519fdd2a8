"""Products with a first summand in any layout, against torch."""

import pytest
import torch
from native import compiled
from torch import Tensor

from sweeper.training.stacked.native.products import BLOCK


@pytest.mark.parametrize("order", ["rows", "columns", "apart", "turned and apart"])
@pytest.mark.parametrize("size", [(1, 5), (3, 4), (7, 33), (16, 16)])
def test_what_a_product_is_added_to_may_lie_anywhere(order: str, size: tuple[int, int]) -> None:
    """Numbers side by side, column by column, or with others between them: the sums are torch's."""
    rows, columns = size
    a, b = (torch.randn(1, *each, dtype=torch.float64) for each in ((rows, 6), (6, columns)))

    def sums(x: Tensor) -> list[Tensor]:
        spread = torch.stack([x, x + 1], 3)[..., 0] if "apart" in order else x * 1
        first = spread.transpose(1, 2) if order in ("columns", "turned and apart") else spread
        return [torch.baddbmm(first, a, b).contiguous()]

    turned = order in ("columns", "turned and apart")
    x = torch.randn((columns, rows) if turned else (rows, columns), dtype=torch.float64)
    (found,) = compiled(sums, x)
    torch.testing.assert_close(found, sums(x[None])[0], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("inner", [1, 7, 8, 9, 16, 33, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 3 * BLOCK + 5])
@pytest.mark.parametrize("turned", [False, True])
def test_every_term_of_a_product_counts_once(inner: int, turned: bool) -> None:
    """Whatever is left of the inner axis after whole rounds of it, and after whole blocks."""
    b = torch.randn(1, inner, 19, dtype=torch.float64)
    x = torch.randn(*((inner, 13) if turned else (13, inner)), dtype=torch.float64)

    def product(x: Tensor) -> list[Tensor]:
        return [torch.bmm(x.transpose(1, 2) if turned else x, b)]

    (found,) = compiled(product, x)
    torch.testing.assert_close(found, product(x[None])[0], rtol=1e-12, atol=1e-12)


def test_errors_of_rounding_do_not_grow_with_a_product() -> None:
    """A gradient over 60,000 rows in single precision, of numbers that all have one sign."""
    x = torch.rand(60_000, 24)
    (found,) = compiled(lambda x: [x[0].t() @ x[0]], x)
    right = x.double().t() @ x.double()
    assert float((found.double() / right - 1).abs().max()) < 1e-6
