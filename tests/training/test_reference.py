"""The reference engine is the loop of every tutorial: an independent script gets the same bits."""

import math

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

from sweeper.data.load import load
from sweeper.study.study import Study
from sweeper.training.reference import train
from sweeper.training.setup import Task
from sweeper.trial import Outcome, PruningRule, Trial, TrialResult

STEPS, BATCH, SEED = 60, 32, 3


def plain_script(learning_rate: float, penalty: float, momentum: float) -> tuple[list[float], list[float]]:
    """Digits, 64-16-16-10 tanh, SGD with momentum and cosine decay: written without any of our code."""
    x, y = load_digits(return_X_y=True)
    rows = np.arange(len(x))
    rest, _ = train_test_split(rows, test_size=round(0.2 * len(x)), random_state=0, stratify=y)
    size = round(len(rest) * 0.2 / 0.8)
    kept, held = train_test_split(rest, test_size=size, random_state=SEED, stratify=y[rest])
    mean, std = x[kept].mean(axis=0), x[kept].std(axis=0)
    x = torch.tensor((x - mean) / np.where(std > 0, std, 1.0), dtype=torch.float32)
    y = torch.tensor(y)
    torch.manual_seed(SEED)
    first, second, last = nn.Linear(64, 16), nn.Linear(16, 16), nn.Linear(16, 10)
    for layer in (first, second, last):
        nn.init.xavier_normal_(layer.weight)
        nn.init.zeros_(layer.bias)
    parameters = [p for layer in (first, second, last) for p in layer.parameters()]
    optimizer = torch.optim.SGD(parameters, lr=learning_rate, momentum=momentum)
    generator = torch.Generator().manual_seed(SEED)
    order, losses, validation = torch.empty(0, dtype=torch.int64), [], []
    for step in range(STEPS):
        if len(order) < BATCH:
            order = torch.randperm(len(kept), generator=generator)
        batch, order = kept[order[:BATCH]], order[BATCH:]
        for group in optimizer.param_groups:
            group["lr"] = learning_rate * 0.5 * (1 + math.cos(math.pi * step / STEPS))
        optimizer.zero_grad()
        a = torch.tanh(first(x[batch]))
        b = torch.tanh(second(a))
        loss = nn.functional.cross_entropy(last(b), y[batch])
        (loss + penalty * (a.square().mean() + b.square().mean())).backward()
        optimizer.step()
        losses.append(loss.item())
        with torch.no_grad():
            hidden = torch.tanh(second(torch.tanh(first(x[held]))))
            validation.append(nn.functional.cross_entropy(last(hidden), y[held]).item())
    return losses, validation


def trained(parameters: dict, pruning: PruningRule | None = None, **training: object) -> TrialResult:
    """One trial of the digits study by the reference engine."""
    study = Study(
        name="reference",
        model={"source": "mlp", "depth": 2, "width": 16},
        training={"steps": STEPS, "batch_size": BATCH, "evaluations": STEPS, "device": "cpu", **training},
        search={"space": {name: [value] for name, value in parameters.items()}},
    )
    task = Task(study, load("digits", loss_task="classification"))
    return train(task, Trial(0, "explore", SEED, parameters, pruning or PruningRule()))


MOMENTUM = {
    "optimizer": "momentum",
    "momentum": 0.9,
    "learning_rate": 0.05,
    "activation": "tanh",
    "activation_penalty": 0.01,
}


def test_a_trial_equals_an_independent_script_to_the_last_bit() -> None:
    """Same seeds, same losses: every batch loss and every validation loss, bit for bit."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        losses, validation = plain_script(0.05, 0.01, 0.9)
        result = trained(MOMENTUM, schedule="cosine")
    finally:
        torch.set_num_threads(threads)
    assert result.outcome == Outcome.COMPLETED
    assert result.objectives("train_loss")[1] == losses  # evaluated after every step: means of one batch
    assert result.objectives("validation_loss")[1][1:] == validation
    assert result.objective == min(result.objectives("validation_loss")[1])


def test_the_learning_rate_of_the_schedule_is_recorded() -> None:
    """The curve `learning_rate` holds the rate of the update just made."""
    steps, rates = trained(MOMENTUM, schedule="cosine").objectives("learning_rate")
    expected = [0.05 * 0.5 * (1 + math.cos(math.pi * (step - 1) / STEPS)) for step in steps]
    assert rates == expected
    assert steps == list(range(1, STEPS + 1))


def test_divergence_is_an_outcome_with_its_step() -> None:
    """An exploding loss ends the trial as diverged, without an exception and without an objective."""
    result = trained({**MOMENTUM, "activation": "relu", "learning_rate": 1e4})
    assert result.outcome == Outcome.DIVERGED
    assert math.isnan(result.objective)
    assert 0 < result.steps + 1 < STEPS
    assert f"at step {result.steps}" in result.reason
    assert all(math.isfinite(value) for _, _, value in result.curves)
    assert all(math.isfinite(value) for _, _, _, value in result.layers)


def test_a_trial_behind_the_limit_of_a_rung_is_pruned_there() -> None:
    """Pruning ends the trial at its rung and keeps the best objective so far."""
    whole = trained(MOMENTUM)
    steps, losses = whole.objectives("validation_loss")
    at = steps[20]
    pruned = trained(MOMENTUM, PruningRule(limits={at: min(losses[:21]) * 0.999}))
    kept = trained(MOMENTUM, PruningRule(limits={at: min(losses[:21]) * 1.001}))
    assert (pruned.outcome, pruned.steps) == (Outcome.PRUNED, at)
    assert pruned.objective == min(losses[:21])
    assert kept.outcome == Outcome.COMPLETED
    assert kept.objectives("validation_loss") == (steps, losses)


def test_measuring_changes_no_number() -> None:
    """Trials that are evaluated and looked at more often train the same weights."""
    often, seldom = trained(MOMENTUM), trained(MOMENTUM, evaluations=2)
    every = dict(zip(*often.objectives("validation_loss"), strict=True))
    for step, value in zip(*seldom.objectives("validation_loss"), strict=True):
        assert every[step] == value


def test_a_slow_trial_ends_with_its_reason() -> None:
    """More seconds than `timeout` allows are a failure that says so."""
    result = trained(MOMENTUM, timeout=1e-6)
    assert result.outcome == Outcome.FAILED
    assert result.reason.startswith("timeout: more than 1e-6 s at step")


@pytest.mark.parametrize(("activation", "init"), [("sigmoid", "torch"), ("relu", "he")])
def test_gradients_vanish_where_theory_says(activation: str, init: str) -> None:
    """Ten sigmoid layers lose orders of magnitude at torch's default, ReLU with He does not."""
    study = Study(
        name="vanish",
        model={"source": "mlp", "depth": 10, "width": 64, "init": init},
        training={"steps": 1, "device": "cpu"},
        search={"space": {"activation": [activation], "learning_rate": [1e-3], "optimizer": ["sgd"]}},
    )
    task = Task(study, load("digits", loss_task="classification"))
    parameters = {"optimizer": "sgd", "learning_rate": 1e-3, "activation": activation}
    result = train(task, Trial(0, "explore", 0, parameters))
    norms = [v for step, _, name, v in result.layers if step == 0 and name == "gradient_norm"]
    decades = math.log10(norms[-1] / norms[0])
    assert len(norms) == 10
    assert decades > 5 if activation == "sigmoid" else abs(decades) < 1


def forgetful(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Cross-entropy; both its arguments are zeros afterwards."""
    value = nn.functional.cross_entropy(output.clone(), target.clone())
    output.data.zero_()
    target.zero_()
    return value


def test_a_loss_that_writes_into_targets_changes_no_score() -> None:
    """Rows and outputs are as with one that does not."""
    parameters = {"optimizer": "adam", "learning_rate": 0.1}
    plain = trained(parameters, loss="torch.nn.functional:cross_entropy", steps=6, evaluations=3)
    assert trained(parameters, loss=forgetful, steps=6, evaluations=3).curves == plain.curves
