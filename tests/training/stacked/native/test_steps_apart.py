"""Draws, passes without an update, other numbers of rows, gaps: what machine code must keep apart."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import torch
from equivalence import assert_engines_agree, by_stack, numbered, refusals, task_of
from torch import Tensor, nn

from sweeper.data import disk
from sweeper.training.stacked import cache
from sweeper.training.stacked.native import steps
from sweeper.training.stacked.native.compiled import Compiled

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("llvmlite") is None, reason="machine code needs llvmlite"
)


@pytest.fixture(autouse=True)
def _own_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(disk.PLACE, str(tmp_path))
    cache._kept.clear()


def test_random_numbers_come_step_by_step() -> None:
    """Two layers that drop out, many steps in one call: drawn in the order in which a trial alone draws."""
    model = {"source": "mlp", "depth": 3, "width": 8, "dropout": 0.2}
    task = task_of(model=model, space={"activation": ["tanh"]}, steps=60, evaluations=2)
    trials = numbered([{"activation": "tanh", "learning_rate": 0.05}] * 2, seeds=[0, 3])
    assert_engines_agree(task, trials, slots=2, compiled=True)


def test_gradients_alone_change_no_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pass without an update leaves the weights, whatever the coefficients are."""
    same: list[bool] = []
    run = steps.NativeSteps.run

    def watched(self: Any) -> None:
        before, columns = self.stack.p.clone(), self.stack.updates.columns.clone()
        self.stack.updates.columns.fill_(0.5)
        run(self)
        self.stack.updates.columns.copy_(columns)
        same.append(torch.equal(self.stack.p, before))

    monkeypatch.setattr(steps.NativeSteps, "run", watched)
    task = task_of(space={"activation": ["tanh"]}, steps=6, evaluations=2)
    assert_engines_agree(task, numbered([{"activation": "tanh"}] * 2), slots=2, compiled=True)
    assert same
    assert all(same)


def test_other_rows_need_another_program() -> None:
    """Of another number, shape or type they would be read beyond their end, or wrongly."""
    made: Any = Compiled.__new__(Compiled)
    made._made = {}

    def program(x: Tensor, y: Tensor) -> object:
        return made._once("scores", (x, y), object)

    x, y = torch.zeros(5, 3), torch.zeros(5)
    known = [program(x, y), program(x[:4], y[:4]), program(x[:, :2], y), program(x, y.double())]
    assert len({*map(id, known)}) == len(known)
    assert program(x + 1, y) is known[0]
    assert made._once("layers", (x, y), object) not in known


class _Gaps(nn.Module):
    def __init__(self, in_features: int, out_features: int, activation: Any) -> None:
        super().__init__()
        self.first, self.act, self.out = nn.Linear(in_features, 8), activation(), nn.Linear(4, out_features)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.act(self.first(x)[:, ::2]))


def gaps(in_features: int, out_features: int, activation: Any) -> nn.Module:
    """Every second number of a layer."""
    return _Gaps(in_features, out_features, activation)


def test_an_activation_of_numbers_with_gaps_is_that_of_those_side_by_side() -> None:
    """Machine code of activations goes over numbers side by side, to which those with gaps are copied."""
    task = task_of(model=gaps, space={"activation": ["tanh"]}, steps=6, evaluations=2)
    trials = numbered([{"activation": "tanh"}] * 2)
    with refusals() as noted:
        by_stack(task, trials, 2)
    assert noted == []
    assert_engines_agree(task, trials, 2)
