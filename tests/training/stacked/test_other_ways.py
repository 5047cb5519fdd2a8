"""What leads to state by a way that no stack takes is refused: aliases, backward passes, losses, scores."""

import random
from functools import partial
from typing import Any

import pytest
import torch
from equivalence import numbered, task_of
from torch import Tensor, nn
from torch.nn import functional as F

from sweeper.training.shapes import stack_differences, why_not_stackable

pytestmark = pytest.mark.usefixtures("one_thread")
WAY = "the model reaches its {} by another way than as its attribute"


class Reversal(torch.autograd.Function):
    """Of gradients, as strongly as a buffer of the module says."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, module: nn.Module) -> Tensor:
        """The identity."""
        return x.view_as(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Keep the module, as many implementations do."""
        ctx.module = inputs[1]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        """Nothing for ten steps, then reversed."""
        return gradients[0] * torch.where(ctx.module.steps > 10, -1.0, 1.0), None


class Net(nn.Module):
    """Reaches a buffer or a weight of its own as `kind` says."""

    def __init__(self, in_features: int, out_features: int, kind: str) -> None:
        super().__init__()
        self.kind, self.hidden, self.act = kind, nn.Linear(in_features, 6), nn.Tanh()
        self.out = nn.Linear(6, out_features)
        self.register_buffer("steps", torch.zeros(()))
        self.register_buffer("moving", torch.zeros(6))
        self.held = {"moving": self.moving, "weights": [self.hidden.weight]}

    def forward(self, x: Tensor) -> Tensor:
        """Counts its steps; each kind acts from the ninth or tenth on, when nobody compares any more."""
        h = self.act(self.hidden(x))
        if self.training:
            self.steps.add_(1)
            with torch.no_grad():
                self.moving.add_(torch.where(self.steps > 8, h.mean(0) - self.moving, 0.0))
        if self.kind == "backward":
            return self.out(Reversal.apply(h, self))
        late = torch.where(self.steps > 8, 1.0, 0.0)
        if self.kind == "dict":
            return self.out(h - self.held["moving"])
        if self.kind == "list":
            return self.out(h) + late * self.held["weights"][0].square().sum()
        if self.kind == "evaluation" and not self.training:
            return self.out(h - self.held["moving"])
        return self.out(h - self.moving)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("backward", "steps"),
        ("dict", "moving"),
        ("list", "hidden.weight"),
        ("evaluation", "moving"),
        ("attribute", ""),
    ],
)
def test_tensors_are_reached_by_their_attributes_alone(kind: str, name: str) -> None:
    """Else a stack would read those of the module that it was recorded on, for every trial."""
    task = task_of(model={"source": partial(Net, kind=kind)})
    assert why_not_stackable(task, numbered([{}])[0]) == (WAY.format(name) if name else "")


def test_shapes_may_be_taken_from_anywhere() -> None:
    """What is asked for its shape alone holds no numbers of any trial."""

    class Shaped(nn.Sequential):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) + torch.zeros_like(self.like[0]).sum()

    def model(in_features: int, out_features: int) -> nn.Module:
        made = Shaped(nn.Linear(in_features, 6), nn.Tanh(), nn.Linear(6, out_features))
        made.like = [made[0].weight]
        return made

    trial = numbered([{}])[0]
    assert why_not_stackable(task_of(model={"source": model}), trial) == ""
    assert stack_differences(task_of(model={"source": model}), [trial], penalized=False) == {}


class Curriculum(nn.Module):
    """A loss with a buffer that counts."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("n", torch.zeros(()))

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        """Weighs easy rows less from the hundredth call on."""
        self.n += 1
        each = F.cross_entropy(output, target, reduction="none")
        return (each * torch.where((self.n > 100) & (each < each.mean()), 0.2, 1.0)).mean()


class Weighted(nn.Module):
    """A loss with a buffer that stays."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("weights", torch.tensor([1.0, 2.0, 1.0]))

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        """Weighs one class twice."""
        return F.cross_entropy(output, target, self.weights.to(output))


def test_buffers_of_a_loss_are_state() -> None:
    """A module as the loss may hold some, and not change them: no stack has them for each trial."""
    trial = numbered([{}])[0]
    assert "the forward pass changes loss" in why_not_stackable(task_of(loss=Curriculum()), trial)
    assert why_not_stackable(task_of(loss=Weighted()), trial) == ""


class Moving:
    """A moving average of the accuracy."""

    def __init__(self) -> None:
        self.value: float | None = None

    def __call__(self, output: Tensor, target: Tensor) -> float:
        """Of all that it has seen."""
        right = float((output.argmax(1) == target).double().mean())
        self.value = right if self.value is None else 0.7 * self.value + 0.3 * right
        return self.value


class Last(Moving):
    """Remembers the last value, which changes nothing."""

    def __call__(self, output: Tensor, target: Tensor) -> float:
        """Of these rows."""
        self.value = float((output.argmax(1) == target).double().mean())
        return self.value


class Best(Moving):
    """The best accuracy so far."""

    def __init__(self, first: float | None = 0.0) -> None:
        self.value = first

    def __call__(self, output: Tensor, target: Tensor) -> float:
        """Of all that it has seen."""
        right = float((output.argmax(1) == target).double().mean())
        self.value = right if self.value is None else max(self.value, right)
        return self.value


class Against(Moving):
    """The accuracy beside that of the first rows that it saw."""

    def __call__(self, output: Tensor, target: Tensor) -> float:
        """Above 0 where it has become better."""
        right = float((output.argmax(1) == target).double().mean())
        self.value = right if self.value is None else self.value
        return right - self.value


class Cached(Moving):
    """Makes something once for each number of rows, and holds the best value for nobody."""

    def __init__(self) -> None:
        self.made, self.best = dict[int, Tensor](), 0.0

    def __call__(self, output: Tensor, target: Tensor) -> float:
        """Of these rows."""
        weights = self.made.setdefault(len(target), torch.full((len(target),), 1 / len(target)))
        right = float((weights * (output.argmax(1) == target)).sum())
        self.best = max(self.best, right)
        return right


class Begins(Moving):
    """Counts anew in each call, as metrics do that are reset before they are updated."""

    def __init__(self) -> None:
        self.right, self.seen, self.generator = 0, 0, random.Random(1)

    def __call__(self, output: Tensor, target: Tensor) -> float:
        """Of these rows."""
        self.right, self.seen = int((output.argmax(1) == target).sum()), len(target)
        self.generator.seed(1)
        return self.right / self.seen + 0 * self.generator.random()


@pytest.mark.parametrize("score", [Moving(), Best(), Best(None), Against()])
def test_scores_with_a_memory_are_of_one_trial_each(score: Moving) -> None:
    """In a stack one score would see all trials in turn."""
    why = why_not_stackable(task_of(metrics=[score]), numbered([{}])[0])
    assert why.startswith("a score of your own keeps what it has seen")


@pytest.mark.parametrize("score", [Last(), Begins(), Cached()])
def test_what_a_score_keeps_of_one_call_does_no_harm(score: Moving) -> None:
    """It begins anew with each call; its state is as before."""
    before = dict(vars(score))
    assert why_not_stackable(task_of(metrics=[score]), numbered([{}])[0]) == ""
    assert vars(score) == before


def test_scores_that_draw_are_refused() -> None:
    """A stack would give them other numbers than a trial alone."""

    def noisy(output: Tensor, target: Tensor) -> float:
        return float((output.argmax(1) == target).double().mean() + torch.rand(()))

    why = why_not_stackable(task_of(metrics=[noisy]), numbered([{}])[0])
    assert why == "a score of your own draws random numbers"
