"""Machine code for pooling gives what torch gives, at edges, with ties and NaN."""

import importlib.util
from contextlib import suppress

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from sweeper.training.stacked.refusal import NotCompiled
from tests.helpers.native import compiled

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("llvmlite") is None, reason="machine code needs llvmlite"
)
WINDOWS = {
    "2": (2, 2, 0, 1),
    "3, one apart": (3, 1, 0, 1),
    "3, 2 apart, beyond the edge": (3, 2, 1, 1),
    "wide and low": ((1, 3), (1, 2), 0, 1),
    "with holes": (2, 2, 0, 2),
    "1 and 2 apart, beyond the edge": (3, (1, 2), 1, 1),
    "3 and 1 apart, beyond the edge": ((2, 3), (3, 1), 1, 1),
    "all": ((6, 18), 1, 0, 1),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", WINDOWS)
def test_the_largest_and_its_place(name: str, dtype: torch.dtype) -> None:
    """Of equal numbers the first, of NaN the last, whatever the window."""
    kernel, stride, padding, dilation = WINDOWS[name]
    x = (torch.randn(5, 2 * 6 * 18, generator=torch.Generator().manual_seed(0)) * 2).round().to(dtype)
    x[1, 7], x[2, 3:5], x[3, 9], x[4, :108] = torch.nan, torch.nan, torch.inf, -torch.inf

    def pooled(given: Tensor) -> list[Tensor]:
        planes = given[0].view(5, 2, 6, 18)
        best, at = F.max_pool2d(planes, kernel, stride, padding, dilation, return_indices=True)
        return [best[None], at[None]]

    for mine, theirs in zip(compiled(pooled, x), pooled(x[None]), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_means_of_windows(dtype: torch.dtype) -> None:
    """Windows side by side and overlapping ones."""
    x = torch.randn(5, 2 * 6 * 18, generator=torch.Generator().manual_seed(0)).to(dtype)

    def pooled(given: Tensor) -> list[Tensor]:
        planes = given[0].view(5, 2, 6, 18)
        means = [F.avg_pool2d(planes, 2), F.avg_pool2d(planes, 3, 1)]
        return [mean[None] for mean in means]

    for mine, theirs in zip(compiled(pooled, x), pooled(x[None]), strict=True):
        torch.testing.assert_close(mine, theirs)


def test_means_by_another_number_are_refused() -> None:
    """A divisor of the user's own is none of the window's."""
    x = torch.ones(5, 2 * 6 * 18)
    with pytest.raises(NotCompiled):
        compiled(lambda given: [F.avg_pool2d(given[0].view(5, 2, 6, 18), 2, divisor_override=3)[None]], x)


def test_gradients_of_planes_in_another_layout_are_right_or_refused() -> None:
    """One line of numbers that do not lie side by side: places in a window count elements, not memory."""
    x = torch.randn(5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def slope(given: Tensor) -> list[Tensor]:
        with torch.enable_grad():
            lines = given.detach().transpose(1, 2).requires_grad_()
            best = F.max_pool1d(lines, 2, 1)
            (found,) = torch.autograd.grad((best * best).sum(), lines)
        return [found]

    with suppress(NotCompiled):
        for mine, theirs in zip(compiled(slope, x), slope(x[None]), strict=True):
            torch.testing.assert_close(mine, theirs)
