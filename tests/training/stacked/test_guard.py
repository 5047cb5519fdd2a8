"""A stack that computes anything otherwise than the plain model is refused, with what it is."""

import math
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from equivalence import numbered, task_of
from torch import Tensor
from torch.nn import functional as F

from sweeper.training.setup import Task
from sweeper.training.stacked import cache, stacked_training
from sweeper.training.stacked.engine import compare_stack
from sweeper.training.stacked.evaluation import Evaluator
from sweeper.training.stacked.guard import Pair, difference
from sweeper.training.stacked.stack import LOSS, PENALTY, TOTAL, Stack
from sweeper.training.stacked.template import Template

pytestmark = pytest.mark.usefixtures("one_thread")
NAMES = ["0.weight", "0.bias", "1.weight", "1.bias", "3.weight", "3.bias"]
BUFFERS = ["1.running_mean", "1.running_var", "1.num_batches_tracked"]
TRIALS = numbered([{"activation_penalty": 0.1}] * 6, seeds=range(6))
Wrong = Callable[[Stack, dict[str, Tensor]], None]
"""(stack after a step, its buffers before it) -> None"""


def small(**training: Any) -> Task:
    """One hidden layer with batch norm."""
    model = {"source": "mlp", "depth": 1, "width": 3, "norm": "batch", "dropout": 0.0}
    space = {"activation_penalty": {"low": 0.01, "high": 1.0}}
    return task_of(model={**model, **training.pop("model", {})}, space=space, batch_size=8, **training)


def found(task: Task, patch: pytest.MonkeyPatch, wrong: Wrong, since: int = 0, count: int = 2) -> list[str]:
    """Reasons for `count` trials, whose stack does something wrong from step `since` on."""
    right, steps = Stack.forward_and_backward, [0]

    def step(stack: Stack) -> None:
        before = {name: buffer.clone() for name, buffer in stack.fixed.items()}
        right(stack)
        if steps[0] >= since:
            wrong(stack, before)
        steps[0] += 1

    patch.setattr(Stack, "forward_and_backward", step)
    reasons = compare_stack(task, TRIALS[:count])
    assert steps == [3]
    assert list(reasons) == list(range(count))
    return list(reasons.values())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("worth", [1.0, math.nan, math.inf], ids=["finite", "nan", "inf"])
def test_a_right_stack_passes(dtype: str, worth: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """In both precisions, and where losses and gradients are not finite, as long as they are so alone."""

    def loss(output: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(output, target) * worth

    task = small(dtype=dtype, loss=loss)
    assert found(task, monkeypatch, lambda stack, before: None) == ["", ""]


def test_one_wrong_gradient_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of six trials has another parameter's gradient off by a thousandth, all else right."""

    def off(stack: Stack, before: dict[str, Tensor]) -> None:
        for slot, name in enumerate(NAMES):
            stack.gradients()[name][slot].add_(1e-3)

    reasons = found(small(), monkeypatch, off, count=6)
    told = {why.partition(" differs by ")[0].removeprefix("in a stack, the gradient of ") for why in reasons}
    assert told == set(NAMES)


def test_double_precision_is_held_to_its_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gradient that is off by a millionth is no rounding in float64, and may be some in float32."""

    def off(stack: Stack, before: dict[str, Tensor]) -> None:
        stack.gradients()["3.bias"].mul_(1 + 1e-6)

    reasons = found(small(dtype="float64"), monkeypatch, off)
    assert all("the gradient of 3.bias differs by 1e-4 %" in why for why in reasons), reasons
    assert found(small(dtype="float32"), monkeypatch, off) == ["", ""]


def _set(line: int, value: Callable[[Stack], Tensor]) -> Wrong:
    return lambda stack, before: stack.losses[line].copy_(value(stack))


def _stale(name: str) -> Wrong:
    return lambda stack, before: stack.fixed[name].copy_(before[name])


def _coarse(stack: Stack, before: dict[str, Tensor]) -> None:
    stack.gradients()["3.bias"].add_(0.1)


WRONG: dict[str, Wrong] = {
    "the loss": _set(LOSS, lambda stack: stack.losses[LOSS] * 1.01),
    "the penalty": _set(PENALTY, lambda stack: torch.zeros_like(stack.losses[PENALTY])),
    "the sum of loss and penalty": _set(TOTAL, lambda stack: stack.losses[LOSS]),
    "the gradient of 3.bias": _coarse,
    **{f"the buffer {name}": _stale(name) for name in BUFFERS},
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("what", WRONG)
def test_each_thing_is_compared(what: str, dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loss, penalty, their sum, gradients and buffers, each wrong alone, also from the third step on only."""
    for since in (0, 2):
        reasons = found(small(dtype=dtype), monkeypatch, WRONG[what], since=since)
        monkeypatch.undo()
        assert [why.partition(" differs by ")[0] for why in reasons] == [f"in a stack, {what}"] * 2


def test_what_is_not_finite_in_a_stack_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """NaN is no number that is near another one."""
    nan = _set(LOSS, lambda stack: torch.full_like(stack.losses[LOSS], math.nan))
    reasons = found(small(), monkeypatch, nan)
    assert reasons == ["in a stack, the loss is finite where it is not alone, or the other way round"] * 2


def test_the_wrong_mode_of_an_evaluation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Evaluations are compared too: here the stack's leaves dropout on."""
    right = Evaluator.losses

    def in_training(self: Evaluator, stack: Stack, slots: Any, part: str) -> dict[int, float]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Template, "evaluating", lambda template: nullcontext())
            return right(self, stack, slots, part)

    monkeypatch.setattr(Evaluator, "losses", in_training)
    task = small(model={"norm": "none", "dropout": 0.4})
    reasons = compare_stack(task, TRIALS[:2]).values()
    what = "in a stack, the loss on validation rows"
    assert [why.partition(" differs")[0] for why in reasons] == [what] * 2


def test_a_parameter_that_is_not_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stack must train what is trained alone."""
    monkeypatch.setattr(cache, "first_pass", lambda *given: ([n for n in NAMES if n != "0.bias"], []))
    reasons = compare_stack(small(), TRIALS[:2])
    assert set(reasons.values()) == {"in a stack, 0.bias is without the gradient that it has alone"}


def test_the_stack_is_left_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parameters, buffers and random numbers are those before the first step."""
    kept: list[tuple[Stack, dict[str, Tensor]]] = []

    def compare(task: Task, own: Any, stack: Stack, *others: Any) -> dict[int, str]:
        kept.append((stack, {name: value.clone() for name, value in stack.values().items()}))
        return right(task, own, stack, *others)

    right = stacked_training.compare
    monkeypatch.setattr(stacked_training, "compare", compare)
    compare_stack(small(), TRIALS[:2])
    ((stack, before),) = kept
    values = stack.values()
    assert all(torch.equal(values[name], value) for name, value in before.items())


@pytest.mark.parametrize(
    ("stacked", "again", "reason"),
    [
        ([1.0, 2.0], None, ""),
        ([1.0, 2.0 + 1e-12], None, ""),
        ([1.0, 2.1], None, "in a stack, it differs by 5 % from that of training alone"),
        ([1.0, 2.1], [1.0, 2.001], ""),
        ([1.0, 2.1], [1.0, 2.00001], "in a stack, it differs by 5 % from that of training alone"),
        ([1.0], None, "in a stack, it has another shape"),
        ([1.0, math.inf], None, "in a stack, it is finite where it is not alone, or the other way round"),
        ([1.0, math.inf], [1.0, math.nan], ""),
    ],
)
def test_differences_in_words(stacked: list[float], again: list[float] | None, reason: str) -> None:
    """More than the tolerance, and more than rounding errors of all parameters make of it."""
    alone = torch.tensor([1.0, 2.0], dtype=torch.float64)
    near = [Pair("it", alone, torch.tensor(again, dtype=torch.float64))] if again else None
    pair = Pair("it", torch.tensor(stacked, dtype=torch.float64), alone)
    assert difference([pair], near, 1e-9) == reason


def test_beside_infinity_a_number_still_counts() -> None:
    """One element that is infinite in both does not hide the others."""
    mine, theirs = torch.tensor([math.inf, 1.0]), torch.tensor([math.inf, 2.0])
    assert (
        difference([Pair("it", mine, theirs)], None, 1e-9)
        == "in a stack, it differs by 50 % from that of training alone"
    )
