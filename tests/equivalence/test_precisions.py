"""Numbers of several precisions in one model: both engines give the same, or the stack is refused by name."""

import pytest
import torch
from equivalence import assert_engines_agree, by_stack, numbered, refusals, task_of
from torch import Tensor, nn
from torch.nn import functional as F

from sweeper.training.stacked.engine import train_stack
from sweeper.training.stacked.refusal import NotStackable

TRIALS = [{"optimizer": "sgd", "learning_rate": 0.05}, {"optimizer": "adam", "learning_rate": 0.01}]


class Narrow(nn.Module):
    """Layers of eight."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(in_features, 8), nn.Linear(8, out_features)


class Rounded(Narrow):
    """Normalizes in float32, as large language models do."""

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        return self.last(F.layer_norm(self.first(x).float(), (8,)).to(x.dtype))


class Masked(Narrow):
    """Zeros and ones in float32 have all their digits."""

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        h = self.first(x)
        mask = (x[:, :1] > 0).float()
        return self.last(h * mask + h.tanh() * (1 - mask))


class Exact(Narrow):
    """An activation in float64."""

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        return self.last(torch.tanh(self.first(x).double()).to(x.dtype))


def test_rounding_on_the_way_is_refused_by_name() -> None:
    """A stack sums in another order: what is rounded to float32 there differs by more than float64 may."""
    task = task_of("wine", Rounded)
    with pytest.raises(NotStackable, match="rounds from float64 to float32"):
        list(train_stack(task, numbered(TRIALS), 2))


def test_masks_of_another_precision_are_no_rounding() -> None:
    """They are made of truth values, and stacks train them."""
    assert_engines_agree(task_of("wine", Masked), numbered(TRIALS), 2, translated=False)


def test_an_activation_of_another_precision_is_not_compiled() -> None:
    """Its machine code would read the memory as numbers of the stack's; recorded operations train it."""
    task, trials = task_of("wine", Exact, dtype="float32"), numbered(TRIALS)
    with refusals() as refused:
        found = by_stack(task, trials, 2)
    assert {each.result.outcome for each in found.values()} == {"completed"}
    assert set(refused) <= {"an activation of numbers of another precision"}
    assert_engines_agree(task, trials, 2, tolerance=1e-4, translated=False)
