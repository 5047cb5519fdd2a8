"""Subnormal numbers count as zero in gradients alone, where only the size of a step hangs on them."""

import importlib.util
import platform

import numpy as np
import pytest
import torch
from equivalence import Trained, by_reference, by_stack, task_of
from torch import Tensor, nn

from sweeper.training import compiling
from sweeper.training.setup import Task
from sweeper.training.stacked import stacked_training
from sweeper.training.stacked.refusal import NotCompiled
from sweeper.trial import Trial

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("llvmlite") is None, reason="machine code needs llvmlite"
)
SUBNORMAL = 1e-39


@pytest.fixture
def unguarded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody compares a stack with trials alone: in practice such numbers come after many steps."""
    monkeypatch.setattr(stacked_training, "compare", lambda *given: {})


class Faint(nn.Module):
    """Its input, and the gradient of its first weights, which start at zero, are subnormal in float32."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.act, self.last = nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1)
        nn.init.zeros_(self.first.weight)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.act(self.first(x * SUBNORMAL)))


class Loud(nn.Module):
    """Makes of a product of subnormal numbers what it would be of ordinary ones."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.act, self.last = nn.Linear(4, 8, bias=False), nn.Tanh(), nn.Linear(8, 1)

    def forward(self, x: Tensor) -> Tensor:
        faint = self.first(x * SUBNORMAL)
        return self.last(self.act(faint * 1e20 * (1 / SUBNORMAL / 1e20)))


def _task(model: type[nn.Module]) -> Task:
    generator = np.random.default_rng(0)
    x = generator.standard_normal((120, 4))
    return task_of(
        {"source": lambda: (x, x[:, :1])},
        {"source": model},
        {"optimizer": ["sgd", "lion", "adam", "rprop", "adamax"], "activation": ["tanh"]},
        loss="mse",
        dtype="float32",
        steps=8,
    )


def _both(task: Task, *optimizers: str, rate: float = 0.001) -> list[tuple[Trained, Trained]]:
    """By the reference and by machine code, all in one stack."""
    same = {"activation": "tanh", "learning_rate": rate}
    trials = [
        Trial(number, "explore", 0, {"optimizer": name, **same}) for number, name in enumerate(optimizers)
    ]
    stacked = by_stack(task, trials, len(trials))
    return [(by_reference(task, trial), stacked[trial.number, 0]) for trial in trials]


@pytest.mark.usefixtures("unguarded")
def test_a_sign_of_a_subnormal_gradient_moves_a_weight() -> None:
    """Lion, Rprop: weights whose gradients are subnormal move as the reference moves them, beside SGD."""
    for plain, stacked in _both(_task(Faint), "sgd", "lion", "rprop", "sgd")[1:3]:
        mine, theirs = (each.state["first.weight"] for each in (plain, stacked))
        assert float(mine.abs().max()) > 1e-3
        assert torch.allclose(mine, theirs, rtol=1e-4, atol=0)


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="a register of x86")
@pytest.mark.usefixtures("unguarded")
def test_a_step_in_proportion_to_a_subnormal_gradient_is_none() -> None:
    """SGD: where the reference moves a weight by less than 1e-38, a stack leaves it; the others are equal."""
    plain, stacked = _both(_task(Faint), "sgd")[0]
    assert 0 < float(plain.state["first.weight"].abs().max()) < 1e-38
    assert not stacked.state["first.weight"].any()
    for name in ("first.bias", "last.weight", "last.bias"):
        assert torch.allclose(plain.state[name], stacked.state[name], rtol=1e-5)


@pytest.mark.usefixtures("unguarded")
def test_losses_are_computed_in_full() -> None:
    """A network whose products are subnormal on their way: losses of batches, before it learns."""
    for plain, stacked in _both(_task(Loud), "sgd", "adam", rate=1e-9):
        before, after = (each.result.objectives("train_loss")[1][0] for each in (plain, stacked))
        assert before == pytest.approx(after, rel=1e-4)


@pytest.mark.usefixtures("unguarded")
def test_subnormal_numbers_are_there_again_afterwards() -> None:
    """The control register is as it was found: operations of torch after a stack keep subnormal numbers."""
    _both(_task(Faint), "sgd")
    assert (torch.full((64,), SUBNORMAL) * 0.5 > 0).all()


def test_a_network_whose_gradients_hang_on_them_is_not_compiled() -> None:
    """Where large factors make ordinary gradients of subnormal numbers, a stack gives the reference's."""
    for plain, stacked in _both(_task(Loud), "sgd", "adam"):
        for name, mine in plain.state.items():
            assert torch.allclose(mine, stacked.state[name], rtol=1e-3, atol=1e-6)


def test_the_plan_knows_it() -> None:
    """Timing machine code of such a network says that it gives something else, and where."""
    trials = [Trial(0, "explore", 0, {"optimizer": "sgd", "activation": "tanh", "learning_rate": 0.1})]
    with pytest.raises(NotCompiled, match=r"first\.weight"):
        compiling.measure(_task(Loud), trials, 1)


class Detour(nn.Module):
    """tanh, whose gradient goes by way of subnormal numbers."""

    def forward(self, x: Tensor) -> Tensor:
        return (torch.tanh(x) * 1e18 * 1e19) * 1e-18 * 1e-19


@pytest.mark.parametrize("others", [[], ["relu", "gelu", "silu", "elu"]], ids=["alone", "beside others"])
def test_gradients_of_an_activation_of_the_user_are_computed_in_full(
    others: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it does with small numbers nobody has measured; however many kinds are compared before it."""
    monkeypatch.setattr(stacked_training, "compare", lambda *given: {})
    names = [*others, f"{__name__}:Detour"]
    task = task_of(space={"activation": names}, dtype="float32", steps=30)
    trials = [
        Trial(k, "explore", 0, {"optimizer": "sgd", "activation": name, "learning_rate": 0.1})
        for k, name in enumerate(names)
    ]
    stacked = by_stack(task, trials, len(trials))[len(others), 0]
    assert stacked.result.objective == pytest.approx(
        by_reference(task, trials[-1]).result.objective, rel=1e-3
    )
    assert (stacked.result.engine, stacked.result.uncompiled) == ("fused", "")
