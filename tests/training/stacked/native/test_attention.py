"""Machine code for attention gives what torch gives, with masks and without, forward and backward."""

import importlib.util
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from sweeper.data import disk
from sweeper.training.stacked.native.pointwise import name_of
from tests.helpers.native import compiled, recorded

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("llvmlite") is None, reason="machine code needs llvmlite"
)
FLASH = "_scaled_dot_product_flash_attention_for_cpu"
GENERATOR = torch.Generator().manual_seed(0)
HIDDEN = torch.zeros(3, 1, 1, 5).double()
HIDDEN[1, ..., 3:], HIDDEN[2, ..., :2] = -torch.inf, -torch.inf
NOBODY = HIDDEN.clone()
NOBODY[1] = -torch.inf
MASKS = {
    "none": {},
    "causal": {"is_causal": True},
    "one for all": {"attn_mask": torch.randn(5, 5, generator=GENERATOR).double()},
    "rows end early": {"attn_mask": HIDDEN},
    "a sequence of padding alone": {"attn_mask": NOBODY},
    "a large number for all": {"attn_mask": NOBODY.clamp_min(torch.finfo(torch.float64).min)},
    "a large number for some": {"attn_mask": HIDDEN.clamp_min(-1e9)},
    "truth values": {"attn_mask": HIDDEN.expand(3, 2, 5, 5) == 0},
}


@pytest.mark.parametrize("name", MASKS)
def test_output_and_gradients(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 3 sequences of 5 times and 2 heads of 4: the output, and the gradients of the sum of its cubes."""
    monkeypatch.setenv(disk.PLACE, str(tmp_path))
    x = torch.randn(3, 3 * 5 * 8, generator=torch.Generator().manual_seed(1)).double()

    def function(rows: Tensor) -> list[Tensor]:
        parts = rows[0].view(3, 3, 5, 2, 4).permute(1, 0, 3, 2, 4)
        given = [part.clone().requires_grad_() for part in parts]
        with torch.enable_grad():
            y = F.scaled_dot_product_attention(*given, **MASKS[name])  # type: ignore[arg-type]
            return [y[None], *(t[None] for t in torch.autograd.grad((y**3).sum(), given))]

    calls, _, _ = recorded(function, x).recorded
    assert FLASH in [name_of(call.operation) for call in calls]
    for mine, theirs in zip(compiled(function, x), function(x[None]), strict=True):
        torch.testing.assert_close(mine, theirs.detach())
