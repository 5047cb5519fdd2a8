"""Trials that end early, fail or are scored otherwise: the same outcomes, steps and reasons as alone."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from equivalence import assert_engines_agree, by_reference, by_stack, distance, numbered, one_thread, task_of
from torch import Tensor, nn

from sweeper.training.stacked.engine import train_stack
from sweeper.trial import Outcome, PruningRule

CALM = {"optimizer": "adam", "learning_rate": 0.01, "activation": "tanh"}
WILD = {"optimizer": "sgd", "learning_rate": 1e4, "activation": "relu"}
LEAPS = {"optimizer": "momentum", "learning_rate": 1e30, "activation": "relu", "activation_penalty": 0.1}
SCALED = {"source": "diabetes", "standardize_target": True}
SPACE = {
    "optimizer": ["adam", "sgd", "momentum"],
    "activation": ["tanh", "relu"],
    "activation_penalty": [0, 0.1],
}


def test_diverging_neighbours_change_nothing() -> None:
    """Trials beside exploding ones give what they give alone; the exploding ones end as they do alone."""
    task = task_of(space=SPACE)
    trials = numbered(
        [
            CALM,
            WILD,
            {**CALM, "optimizer": "momentum"},
            LEAPS,
            WILD,
            {**CALM, "schedule": "cosine"},
            CALM,
            WILD,
        ]
    )
    found = assert_engines_agree(task, trials, slots=4)
    outcomes = [found[t.number, t.seed].result.outcome for t in trials[:6]]
    assert outcomes[1] == outcomes[3] == Outcome.DIVERGED
    assert outcomes[0] == outcomes[2] == outcomes[5] == Outcome.COMPLETED


def test_who_comes_later_finds_its_place() -> None:
    """A trial that takes the slot of one that diverged sorts before those in training: all end as alone."""
    task = task_of(space=SPACE)
    first = [
        {**CALM, "optimizer": "momentum"},
        WILD,
        {**CALM, "optimizer": "sgd"},
        {**CALM, "activation": "relu"},
    ]
    later = [CALM, {**CALM, "optimizer": "sgd", "activation": "relu"}]
    found = assert_engines_agree(task, numbered([*first, *later]), slots=4)
    assert [each.result.outcome for each in found.values()].count(Outcome.COMPLETED) == 5


def test_a_trial_does_not_depend_on_its_stack() -> None:
    """Alone, among others, beside diverging ones: the same numbers to the last digits of rounding."""
    task = task_of(space=SPACE)
    trial = numbered([CALM])[0]
    others = [replace(t, number=t.number + 1) for t in numbered([WILD, CALM, LEAPS, WILD, CALM])]
    with one_thread():
        alone = by_stack(task, [trial], 1)[0, 0]
        for slots in (2, 6):
            among = by_stack(task, [*others[:2], trial, *others[2:]], slots)[0, 0]
            assert distance(alone, among) < 1e-12


def test_divergence_by_a_large_loss_alone() -> None:
    """A finite loss 10,000 times the first one is divergence in both engines."""
    task = task_of(SCALED, space={"activation": ["relu"]}, loss="mse")
    trials = numbered([{"learning_rate": rate, "activation": "relu"} for rate in (0.01, 3.0, 30.0, 300.0)])
    found = assert_engines_agree(task, trials, slots=2, most_chaotic=2)
    assert any(f.result.outcome == Outcome.DIVERGED for f in found.values())


@pytest.mark.parametrize("slots", [1, 5])
def test_pruned_trials(slots: int) -> None:
    """Trials behind a limit, or behind the leader's whole curve, end at the same rung as alone."""
    task = task_of(space=SPACE, steps=40, evaluations=8)
    plain = numbered([{**CALM, "learning_rate": rate} for rate in (1e-4, 1e-3, 1e-2, 3e-2)])
    leader = dict(zip(*by_reference(task, plain[-2]).result.objectives("validation_loss"), strict=True))
    limits = {15: leader[15] * 1.5, 25: leader[25] * 1.2}
    trials = [replace(t, pruning=PruningRule(limits=limits)) for t in plain]
    trials += [replace(t, number=t.number + 4, pruning=PruningRule(leader=leader, warm_up=10)) for t in plain]
    found = assert_engines_agree(task, trials, slots)
    ends = {f.result.steps for f in found.values() if f.result.outcome == Outcome.PRUNED}
    assert len(ends) >= 2
    assert any(f.result.outcome == Outcome.COMPLETED for f in found.values())


def spread(output: Tensor, target: Tensor) -> Tensor:
    """A score of the user's own."""
    return output.std()


def test_a_trial_that_is_pruned_where_it_is_best_is_tested_there() -> None:
    """Its test scores are those of its best evaluation, as alone, though that was its last; a score of the
    user's own has rows scored apart from the recorded pass."""
    task = task_of(space=SPACE, steps=40, evaluations=8, metrics=[spread])
    plain = numbered([{**CALM, "learning_rate": 1e-2}] * 3, seeds=(0, 5, 6), test=True)
    trials = [plain[0], replace(plain[1], pruning=PruningRule(limits={15: 1e-3})), plain[2]]
    found = assert_engines_agree(task, trials, slots=3)
    pruned = found[1, 5].result
    assert pruned.outcome == Outcome.PRUNED
    assert pruned.test


@pytest.mark.parametrize(
    ("data", "training"),
    [
        ("wine", {"search": {"objective": "validation_error"}}),
        ("wine", {"search": {"objective": "train_loss"}}),
        (SCALED, {"loss": "mse"}),
        (SCALED, {"loss": "l1"}),
        (SCALED, {"loss": "huber"}),
        ("breast_cancer", {"loss": "bce"}),
        ("wine", {"batch_size": "full", "steps": 12}),
        ("wine", {"batch_size": 1000, "steps": 12}),
        ("wine", {"epochs": 3.5, "steps": None, "evaluations": 3}),
        ("wine", {"steps": 1, "evaluations": 1}),
    ],
)
def test_data_losses_and_lengths(data: Any, training: dict[str, Any]) -> None:
    """Every loss, objective, kind of batch and length; test rows scored at the best point."""
    task = task_of(data, space=SPACE, **{"steps": 16, "evaluations": 4, **training})
    trials = [
        replace(t, test=True) for t in numbered([CALM, {**CALM, "optimizer": "sgd"}] * 2, seeds=[0, 1, 2])
    ]
    found = assert_engines_agree(task, trials, slots=3)
    assert all(f.result.test for f in found.values())


@pytest.mark.parametrize("engine", ["reference", "stacked"])
@pytest.mark.parametrize(
    ("objective", "metric", "value_of"),
    [
        ("validation_loss", "validation_loss", lambda loss: loss),
        ("validation_error", "validation_accuracy", lambda accuracy: 1 - accuracy),
        ("train_loss", "train_loss", lambda loss: loss),
    ],
)
def test_the_objective_is_the_best_of_its_curve(
    engine: str, objective: str, metric: str, value_of: Callable[[float], float]
) -> None:
    """In each engine by itself: the lowest value at the evaluation points, read off the recorded curve."""
    task = task_of(space=SPACE, evaluations=8, search={"objective": objective})
    trial = numbered([CALM])[0]
    done = by_reference(task, trial) if engine == "reference" else by_stack(task, [trial], 1)[0, trial.seed]
    _, values = done.result.objectives(metric)
    assert len(values) == 8 + (metric != "train_loss")
    assert done.result.objective == min(map(value_of, values))


def test_trials_of_unlike_length() -> None:
    """Slots have clocks of their own: trials of 5 to 40 steps share a stack."""
    task = task_of(space={**SPACE, "training.steps": [5, 13, 40]})
    trials = numbered(
        [{**CALM, "training.steps": n, "schedule": "one_cycle"} for n in (40, 5, 13, 40, 5, 13, 13, 5)]
    )
    found = assert_engines_agree(task, trials, slots=3)
    assert [found[t.number, 0].result.steps for t in trials] == [
        t.parameters["training.steps"] for t in trials
    ]


def test_single_precision_over_a_hundred_steps() -> None:
    """In float32 the engines stay within 1e-4 of each other over 100 steps."""
    task = task_of("digits", space=SPACE, dtype="float32", steps=100, evaluations=4, batch_size=32)
    trials = numbered(
        [
            {**CALM, "learning_rate": 1e-3},
            {**CALM, "optimizer": "momentum", "activation": "relu", "activation_penalty": 0.1},
            {**CALM, "optimizer": "sgd", "learning_rate": 0.1, "activation": "relu"},
        ]
        * 2,
        seeds=[0, 1],
    )
    with one_thread():
        found = by_stack(task, trials, slots=4)
        for trial in trials:
            alone = by_reference(task, trial).result.objectives("validation_loss")
            mine = found[trial.number, trial.seed].result.objectives("validation_loss")
            assert mine[0] == alone[0]
            assert mine[1] == pytest.approx(alone[1], rel=1e-4)


def picky(in_features: int, out_features: int, activation: Callable[[], nn.Module]) -> nn.Module:
    """Refuses ReLU, and has another shape for GELU and another meaning for SiLU."""
    act = activation()
    if isinstance(act, nn.ReLU):
        raise ValueError("no ReLU here")
    width = 9 if isinstance(act, nn.GELU) else 8
    layers = [nn.Linear(in_features, width), act, nn.Linear(width, out_features)]
    if isinstance(act, nn.SiLU):
        layers.append(nn.Tanh())
    return nn.Sequential(*layers)


def test_one_failing_trial_fails_alone() -> None:
    """A model function that raises for one activation costs that trial; other shapes get their own stacks."""
    names = ["tanh", "relu", "gelu", "silu", "elu", "relu", "gelu", "silu"]
    task = task_of(model=picky, space={"activation": names[:5]})
    trials = numbered([{"activation": name} for name in names])
    found = by_stack(task, trials, slots=3)
    assert len(found) == len(trials)
    for trial in trials:
        mine = found[trial.number, 0]
        if trial.parameters["activation"] == "relu":
            assert mine.result.outcome == Outcome.FAILED
            assert "no ReLU here" in mine.result.reason
        else:
            assert distance(by_reference(task, trial), mine) < 1e-9


def test_options_that_an_optimizer_refuses_fail_alone() -> None:
    """Nonsense that torch.optim refuses is the failure of one trial, with torch's message."""
    task = task_of(space={**SPACE, "momentum": [0.5, 0.9]})
    trials = numbered([{**CALM, "optimizer": "momentum", "momentum": m} for m in (0.5, -1.0, 0.5)])
    results = {r.trial.number: r for r in train_stack(task, trials, 2)}
    assert [results[i].outcome for i in range(3)] == [Outcome.COMPLETED, Outcome.FAILED, Outcome.COMPLETED]
    assert "Invalid momentum value" in results[1].reason


def test_timeout_is_counted_in_shares_of_the_stack() -> None:
    """A trial that used more than its seconds fails with the same words as alone."""
    task = task_of(space=SPACE, timeout=1e-6)
    (result,) = train_stack(task, numbered([CALM]), 1)
    assert result.outcome == Outcome.FAILED
    assert result.reason.startswith("timeout: more than 1e-6 s at step")
    assert math.isnan(result.objective)


def test_no_trials_give_no_results() -> None:
    """An empty list is no mistake."""
    assert list(train_stack(task_of(), [], 4)) == []


def test_the_caller_keeps_its_settings() -> None:
    """Gradient mode and default precision are left as they were."""
    list(train_stack(task_of(space=SPACE), numbered([CALM]), 2))
    assert torch.is_grad_enabled()
    assert torch.get_default_dtype() == torch.float32
