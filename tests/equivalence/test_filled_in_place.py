"""Memory that a model fills in place, and additions that write into their first term."""

from collections.abc import Callable

import pytest
import torch
from equivalence import by_reference, by_stack, distance, numbered, task_of
from torch import Tensor, nn
from torch.distributions import Normal

pytestmark = pytest.mark.usefixtures("one_thread")


def turned(h: Tensor) -> Tensor:
    """The halves of each row in the other order."""
    out = torch.empty(len(h), 8, dtype=h.dtype)
    out[:, :4], out[:, 4:] = h[:, 4:], h[:, :4]
    return out


def added(h: Tensor) -> Tensor:
    """The residual of torchvision's blocks: ``out += identity``."""
    out = h * 2
    out += h
    return out.relu_()


MIDDLE: dict[str, Callable[[nn.Module, Tensor], Tensor]] = {
    "reparametrized": lambda m, h: Normal(h, (0.1 * h).exp()).rsample() if m.training else h,
    "dropped paths": lambda m, h: (
        h * torch.empty(len(h), 1, dtype=h.dtype).bernoulli_(0.8) if m.training else h
    ),
    "noise": lambda m, h: h + torch.empty(size=h.shape, dtype=h.dtype).normal_(0, 0.1) if m.training else h,
    "halves": lambda m, h: turned(h),
    "added in place": lambda m, h: added(h),
}


class Net(nn.Module):
    """Two layers and something between."""

    def __init__(self, in_features: int, out_features: int, middle: str) -> None:
        super().__init__()
        self.a, self.b, self.out = nn.Linear(in_features, 8), nn.Linear(8, 8), nn.Linear(8, out_features)
        self.middle = middle

    def forward(self, x: Tensor) -> Tensor:
        """(n, in_features) -> (n, out_features)"""
        return self.out(torch.relu(self.b(MIDDLE[self.middle](self, torch.tanh(self.a(x))))))


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("middle", MIDDLE)
def test_stacked_as_alone(middle: str, compiled: bool) -> None:
    """Curves, layers, parameters and buffers to 1e-9; as machine code, too, which translates them all."""
    space = {"activation_penalty": {"low": 0.01, "high": 1.0}}
    model = {"source": Net, "middle": middle}
    task = task_of(model=model, space=space, steps=8, evaluations=2, batch_size=16)
    trials = numbered(
        [
            {"optimizer": "adam", "learning_rate": 0.01},
            {"optimizer": "momentum", "learning_rate": 0.01, "activation_penalty": 0.1},
        ],
        seeds=[0, 3],
    )
    stacked = by_stack(task, trials, 2, compiled=compiled)
    for trial in trials:
        assert distance(by_reference(task, trial), stacked[trial.number, trial.seed]) < 1e-9
