"""Layers that a gradient reaches in training alone: both engines measure none of the model, or all."""

from collections.abc import Callable

import pytest
import torch
from equivalence import assert_engines_agree, by_reference, numbered, task_of
from torch import Tensor, nn

from sweeper.training.measurable import unmeasured

pytestmark = pytest.mark.usefixtures("one_thread")
RATES = [
    {"optimizer": name, "learning_rate": rate}
    for name, rate in (("sgd", 0.05), ("momentum", 0.02), ("adam", 0.01))
]
WHY = "in evaluation mode no gradient reaches first, which training does give one"


class Cut(nn.Module):
    """Two hidden layers; `how` the first is applied is up to its mode."""

    def __init__(self, in_features: int, out_features: int, how: str, bias: float = 0.0) -> None:
        super().__init__()
        self.how, self.act, self.last_act = how, nn.ReLU(), nn.ReLU()
        self.first, self.second = nn.Linear(in_features, 8), nn.Linear(8, 8)
        self.out = nn.Linear(8, out_features)
        nn.init.constant_(self.first.bias, bias)

    def forward(self, x: Tensor) -> Tensor:
        """Detached in evaluation, or without gradients there, or never."""
        with torch.set_grad_enabled(torch.is_grad_enabled() and (self.training or self.how != "no_grad")):
            h = self.act(self.first(x))
        if self.how == "detached" and not self.training:
            h = h.detach()
        return self.out(self.last_act(self.second(h)))  # type: ignore[no-any-return]


def model_of(how: str, bias: float = 0.0) -> Callable[..., nn.Module]:
    """The model function of a study."""

    def make(in_features: int, out_features: int) -> nn.Module:
        return Cut(in_features, out_features, how, bias)

    return make


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("how", ["detached", "no_grad"])
def test_layers_that_evaluation_cuts_off_are_measured_by_no_engine(how: str, compiled: bool) -> None:
    """A gradient of 0 would be recorded for them otherwise; the plan tells why there are none."""
    task = task_of(model={"source": model_of(how)}, steps=12)
    assert unmeasured(task) == WHY
    trials = numbered(RATES, seeds=(0, 5))
    found = assert_engines_agree(task, trials, slots=4, compiled=compiled)
    assert all(not each.result.layers and not each.result.layer_names for each in found.values())


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize(("how", "bias"), [("detached", -1e3), ("always", 0.0)])
def test_layers_that_lack_no_gradient_are_measured_by_both(how: str, bias: float, compiled: bool) -> None:
    """Where evaluation cuts off a layer of dead units, which have no gradient in training either."""
    task = task_of(model={"source": model_of(how, bias)}, steps=12)
    trials = numbered(RATES)
    assert by_reference(task, trials[0]).result.layers
    found = assert_engines_agree(task, trials, slots=3, compiled=compiled)
    assert all(each.result.layers for each in found.values())
