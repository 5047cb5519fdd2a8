"""Models whose attributes differ from seed to seed train in stacks as they train alone."""

import time
from collections.abc import Callable
from itertools import count

import pytest
import torch
from equivalence import by_reference, by_stack, distance, task_of
from torch import Tensor, nn
from torch.nn.utils import weight_norm

from sweeper.training.stacked.engine import train_stack
from sweeper.training.stacked.refusal import NotStackable
from sweeper.training.stacked.stacked_training import StackedTraining
from sweeper.trial import Trial

NUMBERS = count()
SCALE, SCALES = 1.0, [1.0]
SEEDS = [5, 5, 6]


class Drops(nn.Module):
    """How much it drops is drawn when it is made."""

    def __init__(self, in_features: int, out_features: int, activation: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.first, self.act, self.out = nn.Linear(in_features, 8), activation(), nn.Linear(8, out_features)
        self.drop = nn.Dropout(float(torch.rand(()) / 2))

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.drop(self.act(self.first(x))))


class Scales(Drops):
    """A plain number that works in training alone, and nothing else that differs."""

    def __init__(self, in_features: int, out_features: int, activation: Callable[[], nn.Module]) -> None:
        super().__init__(in_features, out_features, activation)
        self.drop, self.scale = nn.Dropout(0.1), {"while training": 1 + float(torch.rand(())) / 4}

    def forward(self, x: Tensor) -> Tensor:
        scale = self.scale["while training"] if self.training else 1.0
        return self.out(self.drop(self.act(self.first(x))) * scale)


class Freezes(Drops):
    """Which layer stays as it is was drawn."""

    def __init__(self, in_features: int, out_features: int, activation: Callable[[], nn.Module]) -> None:
        super().__init__(in_features, out_features, activation)
        self.drop = nn.Dropout(0.1)
        self.first.requires_grad_(bool(torch.rand(()) < 0.35))


class Named(Drops):
    """What differs from model to model, a time and a number, says nothing of the seed."""

    def __init__(self, in_features: int, out_features: int, activation: Callable[[], nn.Module]) -> None:
        super().__init__(in_features, out_features, activation)
        self.drop, self.made, self.number = nn.Dropout(0.1), time.perf_counter(), next(NUMBERS)


class Normalized(Drops):
    """Weights that a hook computes anew in each pass, from parameters that differ from seed to seed."""

    def __init__(self, in_features: int, out_features: int, activation: Callable[[], nn.Module]) -> None:
        super().__init__(in_features, out_features, activation)
        self.first, self.drop = weight_norm(self.first), nn.Dropout(0.1)


class Squashes(Drops):
    """Which function and which type of numbers it takes in training was drawn."""

    def __init__(self, in_features: int, out_features: int, activation: Callable[[], nn.Module]) -> None:
        super().__init__(in_features, out_features, activation)
        self.drop, first = nn.Dropout(0.1), bool(torch.rand(()) < 0.35)
        self.squash = self.chosen(first)

    @staticmethod
    def chosen(first: bool) -> object:
        """One of two functions of torch."""
        return torch.sigmoid if first else torch.tanh

    def squashed(self, hidden: Tensor) -> Tensor:
        """By that function."""
        return self.squash(hidden)

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.first(x)
        return self.out(self.act(hidden + self.squashed(hidden) if self.training else hidden))


class Lambdas(Squashes):
    """Two nameless functions."""

    @staticmethod
    def chosen(first: bool) -> object:
        """One of two of this file."""
        return (lambda x: x * 2) if first else (lambda x: x / 3)


class Rounds(Squashes):
    """Two types of numbers."""

    @staticmethod
    def chosen(first: bool) -> object:
        """One of two types."""
        return torch.float16 if first else torch.bfloat16

    def squashed(self, hidden: Tensor) -> Tensor:
        """What rounding takes away."""
        return hidden.detach().to(self.squash).to(hidden.dtype) - hidden.detach()


class SetsGlobal(Drops):
    """A global of this file, which its passes read, is drawn when it is made."""

    def __init__(self, in_features: int, out_features: int, activation: Callable[[], nn.Module]) -> None:
        global SCALE
        super().__init__(in_features, out_features, activation)
        self.drop, SCALE = nn.Dropout(0.1), 1 + float(torch.rand(()))

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.drop(self.act(self.first(x))) * SCALE)


class SetsConstant(SetsGlobal):
    """The same global for all, and another one than at import."""

    def __init__(self, in_features: int, out_features: int, activation: Callable[[], nn.Module]) -> None:
        global SCALE
        super().__init__(in_features, out_features, activation)
        SCALE = 2.0


class SetsListed(Drops):
    """The same in a list of this file."""

    def __init__(self, in_features: int, out_features: int, activation: Callable[[], nn.Module]) -> None:
        super().__init__(in_features, out_features, activation)
        self.drop, SCALES[0] = nn.Dropout(0.1), 1 + float(torch.rand(()))

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.drop(self.act(self.first(x))) * SCALES[0])


class Counts(Drops):
    """How many were made decides over its weights; in each trial it is the first one."""

    made = 0

    def __init__(self, in_features: int, out_features: int, activation: Callable[[], nn.Module]) -> None:
        super().__init__(in_features, out_features, activation)
        Counts.made += 1
        self.drop = nn.Dropout(0.1)
        with torch.no_grad():
            self.first.weight.mul_(1 + Counts.made)


class SeedsOnce(Drops):
    """It seeds the generators where nobody has, and says so in a list."""

    def __init__(self, in_features: int, out_features: int, activation: Callable[[], nn.Module]) -> None:
        if SCALES[0] == 1.0:
            torch.manual_seed(1234)
        super().__init__(in_features, out_features, activation)
        self.drop, SCALES[0] = nn.Dropout(0.1), 2.0


@pytest.mark.parametrize("model", [SetsGlobal, SetsConstant, SetsListed])
def test_passes_that_read_what_a_constructor_sets_are_refused(model: Callable[..., nn.Module]) -> None:
    """A stack has none of these globals: they are put back before it trains."""
    task = task_of(model=model, space={"activation": ["tanh"]}, steps=7)
    parameters = {"optimizer": "sgd", "activation": "tanh", "learning_rate": 0.1}
    with pytest.raises(NotStackable, match="its passes read what its making sets outside of the model"):
        list(train_stack(task, [Trial(k, "confirm", seed, parameters) for k, seed in enumerate(SEEDS)], 3))


@pytest.mark.parametrize(
    ("model", "apart", "compiled"),
    [
        (Drops, True, True),
        (Scales, True, False),
        (Freezes, True, False),
        (Named, False, True),
        (Normalized, False, True),
        (Squashes, True, True),
        (Lambdas, True, False),
        (Rounds, True, False),
        (Counts, False, True),
        (SeedsOnce, False, True),
    ],
)
@pytest.mark.filterwarnings("ignore:`torch.nn.utils.weight_norm` is deprecated:FutureWarning")
def test_attributes(
    model: Callable[..., nn.Module], apart: bool, compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One stack a seed where an attribute hangs on it, else one for all; equal to 1e-9, also afterwards."""
    made, prepare = [], StackedTraining.prepare
    monkeypatch.setattr(StackedTraining, "prepare", lambda self: made.append(self) or prepare(self))
    space = {"activation": ["tanh", "relu"], "optimizer": ["sgd"]}
    task = task_of(model=model, space=space, steps=7, evaluations=2)
    trials = [
        Trial(
            k,
            "confirm",
            seed,
            {"optimizer": "sgd", "activation": ["tanh", "relu"][k % 2], "learning_rate": 0.1},
        )
        for k, seed in enumerate(SEEDS)
    ]
    alone = {trial.number: by_reference(task, trial) for trial in trials}
    for cohort, slots in ((trials, 3), (trials[2:], 1), (trials[:2], 2), (trials, 1)):
        made.clear()
        found = by_stack(task, cohort, slots, compiled)
        assert len(made) == (len({trial.seed for trial in cohort}) if apart else 1)
        for trial in cohort:
            assert distance(alone[trial.number], found[trial.number, trial.seed]) < 1e-9
