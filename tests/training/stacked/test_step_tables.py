"""A model that knows how many steps come, and raises in one too many, is stacked and timed all the same."""

import pytest
import torch
from equivalence import numbered
from torch import Tensor, nn

from sweeper.study.data import data_of
from sweeper.study.study import Study
from sweeper.training.compiling import is_there
from sweeper.training.compiling import measure as measure_code
from sweeper.training.planning import measure, refusals, sample
from sweeper.training.reference import train
from sweeper.training.setup import Task, task_of
from sweeper.training.stacked.engine import train_stack

pytestmark = pytest.mark.usefixtures("one_thread")
RATES = (1e-3, 1e-2, 3e-2)


class Annealed(nn.Module):
    """Activations that are scaled by a table with a number for each step."""

    def __init__(self, inputs: int, outputs: int, steps: int) -> None:
        super().__init__()
        self.hidden, self.out = nn.Linear(inputs, 4), nn.Linear(4, outputs)
        self.register_buffer("step", torch.tensor(0))
        self.register_buffer("scale", torch.linspace(0.5, 1, steps))

    def forward(self, x: Tensor) -> Tensor:
        """Outputs; a training pass counts."""
        h = torch.tanh(self.hidden(x))
        if self.training:
            h = h * self.scale[self.step]
            self.step.add_(1)
        return self.out(h)


def annealed(steps: int) -> Task:
    """Trainings of so many steps, for which the table is long enough."""
    x = torch.randn(40, 3, generator=torch.Generator().manual_seed(0)).double().numpy()
    study = Study(
        name="annealed",
        data=lambda: (x, x[:, :1] * 2),
        model=lambda in_features, out_features: Annealed(in_features, out_features, steps),
        training={"loss": "mse", "steps": steps, "batch_size": 8, "dtype": "float64", "device": "cpu"},
        search={"space": {"optimizer": ["sgd"]}},
    )
    return task_of(study, data_of(study))


@pytest.mark.parametrize("steps", [24, 50])
@pytest.mark.parametrize("compiled", [False, True])
def test_no_pass_goes_beyond_the_last_step(steps: int, compiled: bool) -> None:
    """Neither what is tried before training, nor what is timed, nor the comparison of trials that have ended,
    is a reason to train one by one; scores are those of the reference."""
    task = annealed(steps)
    assert set(refusals(task).values()) == {""}
    assert measure(task, sample(task.study.space, 16, 0), 1).stacked
    if compiled:
        if not is_there():
            pytest.skip("llvmlite is not installed")
        assert measure_code(task, sample(task.study.space, 16, 0), 1).seconds > 0
    asked = numbered([{"optimizer": "sgd", "learning_rate": rate} for rate in RATES], seeds=[0])
    found = {result.trial.number: result for result in train_stack(task, asked, 3, compiled=compiled)}
    for trial in asked:
        assert found[trial.number].engine == "fused"
        assert not found[trial.number].uncompiled
        assert found[trial.number].objective == pytest.approx(train(task, trial).objective, rel=1e-9)
