"""Which trials can train as one, and why others cannot."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from equivalence import by_reference, by_stack, distance, numbered, task_of
from torch import Tensor, nn

from sweeper.study.settings import settings as settings_of
from sweeper.training import shapes as module
from sweeper.training.setup import Task
from sweeper.training.shapes import shapes, stack_differences, why_not_stackable
from sweeper.trial import PruningRule, Trial, TrialResult

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize(
    "apart",
    [
        {"model.width": [4, 8]},
        {"model.depth": [1, 2]},
        {"training.batch_size": [8, 16, "full"]},
        {"model.width": [4, 8], "model.depth": [1, 2], "training.batch_size": [8, 16]},
    ],
)
def test_trials_of_different_shapes_are_apart(apart: dict[str, list[Any]]) -> None:
    """Width, depth and batch size: one group for each combination, in the order of their first trials."""
    combinations = [dict(zip(apart, values, strict=True)) for values in itertools.product(*apart.values())]
    trials = numbered(combinations * 3)
    groups = shapes(task_of(), trials)
    assert groups == [trials[k :: len(combinations)] for k in range(len(combinations))]


@pytest.mark.parametrize(
    "together",
    [
        {"optimizer": ["sgd", "adam", "lion"]},
        {"activation": ["relu", "tanh", "prelu"]},
        {"learning_rate": [1e-4, 0.1, 1.0]},
        {"activation_penalty": [0.0, 0.1, 1.0]},
        {"penalty_kind": ["l1", "l2"]},
        {"schedule": ["constant", "cosine"]},
        {"weight_decay": [0.0, 0.1]},
        {"model.init": ["he", "xavier"]},
        {"training.steps": [10, 20]},
    ],
)
def test_trials_of_one_shape_are_together(together: dict[str, list[Any]]) -> None:
    """Whatever leaves the arrays as they are does not part trials; neither do seeds."""
    (name, values), *_ = together.items()
    trials = numbered([{name: value} for value in values], seeds=(0, 1, 2))
    assert shapes(task_of(), trials) == [trials]


def test_a_value_of_the_study_is_the_same_shape_as_one_of_the_trial() -> None:
    """Depth and batch size that a trial repeats from the study do not part it from who inherits them."""
    trials = numbered([{}, {"model.depth": 2, "training.batch_size": 16}, {"model.depth": 3}])
    assert shapes(task_of(), trials) == [trials[:2], trials[2:]]


def test_no_trials_have_no_shapes() -> None:
    """Nothing in, nothing out."""
    assert shapes(task_of(), []) == []


class Mine(nn.Module):
    """A small net; subclasses do something to its hidden layer that depends on numbers."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__()
        self.hidden, self.act, self.out = nn.Linear(in_features, 8), nn.ReLU(), nn.Linear(8, out_features)
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.change(self.act(self.hidden(x))))

    def change(self, h: Tensor) -> Tensor:
        return h


class AsksForANumber(Mine):
    def change(self, h: Tensor) -> Tensor:
        return h / max(h.detach().max().item(), 1.0)


class First(Mine):
    """Its activation sees the rows before any weights do."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(self.act(x))


class Decides(Mine):
    def change(self, h: Tensor) -> Tensor:
        return 2 * h if h.sum() > 0 else h


class Counts(Mine):
    def change(self, h: Tensor) -> Tensor:
        self.calls += 1
        return h / self.calls


class Raises(Mine):
    def change(self, h: Tensor) -> Tensor:
        raise ValueError("nobody can train this")


class Long(Mine):
    """A recurrent layer, which torch cannot batch."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__(8, out_features)
        self.lstm = nn.LSTM(in_features // 8, 8, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.act(self.lstm(x.reshape(len(x), 8, -1))[0])[:, -1])


class Replaces(Mine):
    """A running mean that is a new tensor each time."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__(in_features, out_features)
        self.register_buffer("mean", torch.zeros(8))

    def change(self, h: Tensor) -> Tensor:
        self.mean = 0.9 * self.mean + 0.1 * h.detach().mean(0)
        return h - self.mean


class Remembers(Mine):
    """The rows before these, in a list."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__(in_features, out_features)
        self.before: list[Tensor] = []

    def change(self, h: Tensor) -> Tensor:
        self.before.append(h.detach().mean(0))
        return h + self.before[max(len(self.before) - 2, 0)] * len(self.before)


class Draws(Mine):
    def change(self, h: Tensor) -> Tensor:
        return h + torch.rand_like(h)


class Breaks(Mine):
    """Something that only vmap stumbles over, in a way of its own."""

    def change(self, h: Tensor) -> Tensor:
        return h * float(h.detach().numpy().max() > 0)


def made(of: type[nn.Module]) -> Any:
    """A model function that makes it."""

    def model(in_features: int, out_features: int) -> nn.Module:
        return of(in_features, out_features)

    return model


def no_model(in_features: int, out_features: int) -> nn.Module:
    """A model function that does not do its work."""
    raise ValueError("there is no model")


@pytest.mark.parametrize("activation", ["relu", "prelu", "gelu"])
def test_a_multilayer_perceptron_can_be_batched(activation: str) -> None:
    """An empty string: no reason against it."""
    task = task_of(space={"activation": [activation]})
    assert why_not_stackable(task, numbered([{"activation": activation}])[0]) == ""


def test_a_module_of_ones_own_can_be_batched() -> None:
    """The class from which those below differ in one line each is no reason."""
    assert why_not_stackable(task_of(model=made(Mine)), numbered([{}])[0]) == ""


@pytest.mark.parametrize("model", [{"source": "rnn", "width": 4}, made(Long)], ids=["gru", "lstm"])
def test_recurrent_layers_can_be_batched(model: Any) -> None:
    """They have rules of their own."""
    assert why_not_stackable(task_of("digits", model), numbered([{}])[0]) == ""


@pytest.mark.parametrize(
    ("model", "data", "reason"),
    [
        (made(AsksForANumber), "wine", "calling .item() on a Tensor"),
        (made(Decides), "wine", "data-dependent control flow"),
        (made(Counts), "wine", "the forward pass changes calls"),
        (made(Replaces), "wine", "a new tensor in the place of the buffer mean"),
        (made(Remembers), "wine", "the forward pass depends on an earlier one"),
        (made(Draws), "wine", "the model draws random numbers when it is evaluated"),
        (made(Breaks), "wine", "Cannot access data pointer"),
    ],
    ids=["item", "control flow", "state", "new buffer", "list", "draws", "numpy"],
)
def test_what_cannot_be_batched_names_the_operation(model: Any, data: str, reason: str) -> None:
    """The reason names what is to blame, in one line."""
    found = why_not_stackable(task_of(data, model), numbered([{}])[0])
    assert reason in found
    assert "\n" not in found


def test_an_activation_of_shared_rows_is_no_reason() -> None:
    """Trials of one seed are evaluated on the same rows, which an activation may see first."""
    assert why_not_stackable(task_of(model=made(First)), numbered([{}])[0]) == ""


def test_random_slopes_are_a_reason() -> None:
    """RReLU draws as many numbers as there are negative inputs, so its trials cannot share a pass."""
    task = task_of(space={"activation": ["rrelu", "relu"]})
    found = why_not_stackable(task, numbered([{"activation": "rrelu"}])[0])
    assert found == "RReLU draws random slopes for the negative inputs alone"


@pytest.mark.parametrize("model", [made(Raises), no_model], ids=["forward", "model function"])
def test_trials_that_fail_in_themselves_are_no_reason(model: Any) -> None:
    """What fails one by one too says nothing about stacks."""
    assert why_not_stackable(task_of(model=model), numbered([{}])[0]) == ""


def test_the_attempt_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two trainings of two steps that nothing ends earlier, whatever length the study or the trial has."""
    seen: list[tuple[int, PruningRule]] = []

    def stack(task: Task, trials: Sequence[Trial], slots: int) -> list[TrialResult]:
        seen.extend((settings_of(task.study, t.parameters).total_steps(1000), t.pruning) for t in trials)
        assert slots == len(trials)
        return []

    monkeypatch.setattr(module, "train_stack", stack)
    (trial,) = numbered([{"training.epochs": 1000}], pruning=PruningRule(limits={1: 0.0}))
    assert why_not_stackable(task_of(steps=500), trial) == ""
    assert seen == [(2, PruningRule()), (2, PruningRule())]


def test_trials_of_searched_class_weights_train_in_stacks_like_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Balanced weights are those of a seed's rows, so its stacks are of one seed, whether study or trial ask
    for them; each group is equal to training alone."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(97, 4)), np.repeat([0, 1, 2], [70, 23, 4])  # few enough to be split at random
    kinds: list[object] = ["balanced", (1.0, 2.0, 1.0)]
    task = task_of({"source": lambda: rows}, space={"training.class_weight": kinds})
    trials = numbered(
        [{"training.class_weight": kind, "learning_rate": 0.05 * (1 + k)} for k in range(2) for kind in kinds]
    )
    compared: list[list[int]] = []
    monkeypatch.setattr(
        module, "compare_stack", lambda task, pairs: compared.append([t.seed for t in pairs]) or {}
    )
    for trial in trials[:2]:
        assert stack_differences(task, [trial], penalized=True) == {}
    assert compared == [[0, 0], [0, 1]], "two seeds where they have one loss"
    seeds = [replace(trial, seed=seed) for trial in trials for seed in (0, 1)]
    groups = shapes(task, seeds)
    assert sorted(map(len, groups)) == [2, 2, 4]
    for group in groups:
        for (number, seed), found in by_stack(task, group, len(group)).items():
            alone = by_reference(task, next(t for t in group if (t.number, t.seed) == (number, seed)))
            assert distance(found, alone) < 1e-9
