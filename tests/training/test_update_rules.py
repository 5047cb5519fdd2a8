"""Every update rule against torch.optim itself (Lion against its paper), on many trials at once."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from sweeper.components.optimizers import OPTIMIZERS
from sweeper.components.schedules import SCHEDULES
from sweeper.training.update_rules import MOST_COEFFICIENTS, RULES, Rule, hyper, rule_of

STEPS = 60
SIZE = 257

SETTINGS: dict[str, list[dict[str, Any]]] = {
    "sgd": [{}, {"weight_decay": 0.03}],
    "momentum": [{}, {"momentum": 0.5, "dampening": 0.3}, {"momentum": 0.99, "weight_decay": 0.01}],
    "nesterov": [{}, {"momentum": 0.5, "weight_decay": 0.1}],
    "adam": [{}, {"betas": (0.5, 0.9), "eps": 1e-3}, {"weight_decay": 0.1}],
    "adamw": [{}, {"weight_decay": 0.0}, {"betas": (0.8, 0.99), "weight_decay": 0.5}],
    "nadam": [{}, {"betas": (0.7, 0.95), "weight_decay": 0.1}],
    "radam": [{}, {"betas": (0.7, 0.9), "weight_decay": 0.1}, {"eps": 1e-3}],
    "adamax": [{}, {"betas": (0.7, 0.9), "eps": 1e-3, "weight_decay": 0.1}],
    "rmsprop": [{}, {"eps": 1e-3, "weight_decay": 0.1}],
    "rmsprop with momentum": [{"momentum": 0.9}, {"momentum": 0.5, "weight_decay": 0.1}],
    "adagrad": [{}, {"eps": 1e-3, "weight_decay": 0.1}],
    "adadelta": [{}, {"eps": 1e-3, "weight_decay": 0.1}],
    "lion": [{}, {"betas": (0.7, 0.8), "weight_decay": 0.1}],
}


class Trial:
    """One trial on its own, updated by ``torch.optim``, and the row that must equal it."""

    def __init__(self, name: str, options: dict[str, Any], number: int, dtype: torch.dtype) -> None:
        self.options, self.number, self.dtype = options, number, dtype
        self.rate = 10.0 ** -(1 + number % 4)
        self.schedule = list(SCHEDULES.values())[number % len(SCHEDULES)]
        generator = torch.Generator().manual_seed(number)
        scales = 10.0 ** torch.randint(-6, 3, (STEPS, 1), generator=generator)
        self.gradients = (torch.randn(STEPS, SIZE, generator=generator) * scales).to(dtype)
        self.gradients[:, :5] = 0.0  # weights that get no gradient at all
        self.start = torch.randn(SIZE, generator=generator).to(dtype)
        component = OPTIMIZERS[name]
        plain = {} if name == "lion" else {"foreach": False}
        self.parameter = self.start.clone().requires_grad_()
        make: Callable[..., torch.optim.Optimizer] = component.kind
        self.optimizer = make([self.parameter], lr=self.rate, **{**component.defaults, **options, **plain})

    def learning_rate(self, step: int) -> float:
        """Of the update after `step` updates."""
        return self.rate * self.schedule(step, STEPS)

    def expected(self) -> list[Tensor]:
        """The parameters after each update."""
        after = []
        for step, gradient in enumerate(self.gradients):
            self.optimizer.param_groups[0]["lr"] = self.learning_rate(step)
            self.parameter.grad = gradient.clone()
            self.optimizer.step()
            after.append(self.parameter.detach().clone())
        return after


def apply_rule(rule: Rule, trials: Sequence[Trial], delays: Sequence[int]) -> list[list[Tensor]]:
    """All trials as rows of one matrix; trial `i` starts `delays[i]` updates late, on cleared state."""
    dtype = trials[0].dtype
    options = hyper([trial.optimizer.param_groups[0] for trial in trials])
    p = torch.zeros(len(trials), SIZE, dtype=dtype)
    state = [torch.zeros_like(p) for _ in range(rule.state)]
    scratch = [torch.full_like(p, math.nan) for _ in range(rule.scratch)]
    after: list[list[Tensor]] = [[] for _ in trials]
    for clock in range(STEPS + max(delays)):
        ages = [clock - delay for delay in delays]
        for row, (trial, age) in enumerate(zip(trials, ages, strict=True)):
            if age == 0:
                p[row] = trial.start
                for matrix in state:
                    matrix[row] = 0
        ages = [min(max(age, 0), STEPS - 1) for age in ages]
        rates = np.array([[trial.learning_rate(age) for trial, age in zip(trials, ages, strict=True)]])
        numbers = np.array([[age + 1.0 for age in ages]])
        arrays = rule.coefficients(options, rates, numbers)
        columns = [
            torch.from_numpy(np.broadcast_to(a, rates.shape).copy())[0].to(dtype)[:, None] for a in arrays
        ]
        g = torch.stack([trial.gradients[age] for trial, age in zip(trials, ages, strict=True)])
        if rule.coupled:
            g.addcmul_(p, torch.from_numpy(options["weight_decay"]).to(dtype)[:, None])
        rule.update(p, g, state, columns, scratch)
        for row, delay in enumerate(delays):
            if 0 <= clock - delay < STEPS:
                after[row].append(p[row].clone())
    return after


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", SETTINGS)
def test_rule_equals_torch_optim(kind: str, dtype: torch.dtype) -> None:
    """60 updates of trials with unlike options, schedules and ages equal torch.optim's, bit by bit."""
    name = kind.split(" ")[0]
    trials = [Trial(name, o, i, dtype) for i, o in enumerate(SETTINGS[kind] * 3)]
    (rule,) = {rule_of(name, trial.optimizer.param_groups[0]) for trial in trials}
    found = apply_rule(rule, trials, delays=[i % 5 for i in range(len(trials))])
    for trial, rows in zip(trials, found, strict=True):
        for step, (mine, theirs) in enumerate(zip(rows, trial.expected(), strict=True)):
            assert torch.equal(mine, theirs), f"{trial.options} {trial.schedule.__name__} update {step}"


def test_lion_equals_its_paper() -> None:
    """Lion follows algorithm 2 of arXiv 2302.06675, written out here for one number."""
    p, m, lr, beta1, beta2, decay = 0.7, 0.0, 0.01, 0.9, 0.99, 0.1
    options = {"beta1": [beta1], "beta2": [beta2], "weight_decay": [decay]}
    arrays = {key: np.array(value) for key, value in options.items()}
    rows = [torch.full((1, 1), value, dtype=torch.float64) for value in (p, m, math.nan, math.nan)]
    for g in (0.5, -2.0, -1e-3, 0.0, 3.0):
        c = beta1 * m + (1 - beta1) * g
        p -= lr * (math.copysign(1, c) + decay * p)
        m = beta2 * m + (1 - beta2) * g
        columns = [
            torch.tensor(a, dtype=torch.float64).reshape(1, 1)
            for a in RULES["lion"].coefficients(arrays, np.array([[lr]]), np.array([[1.0]]))
        ]
        RULES["lion"].update(
            rows[0], torch.full((1, 1), g, dtype=torch.float64), rows[1:2], columns, rows[2:]
        )
        assert rows[0].item() == pytest.approx(p, rel=1e-14)


def test_one_diverging_row_leaves_the_others_alone() -> None:
    """NaN and infinite gradients stay in their own row, for every rule."""
    for kind, options in SETTINGS.items():
        name = kind.split(" ")[0]
        sound, broken = (Trial(name, options[0], i, torch.float32) for i in (4, 5))
        broken.gradients[10:20] = math.inf
        broken.gradients[20:] = math.nan
        rule = rule_of(name, sound.optimizer.param_groups[0])
        mine, other = apply_rule(rule, [sound, broken], [0, 0])
        assert all(torch.equal(a, b) for a, b in zip(mine, sound.expected(), strict=True)), kind
        assert kind == "lion" or other[-1].isnan().any(), kind  # the sign of NaN is 0


def test_every_optimizer_has_a_rule() -> None:
    """The study's optimizers and the rules have the same names, and no rule has too many columns."""
    assert set(RULES) == set(OPTIMIZERS)
    for name in OPTIMIZERS:
        group = OPTIMIZERS[name].make([torch.nn.Parameter(torch.zeros(1))], lr=0.1).param_groups[0]
        one = np.ones((1, 1))
        rule = rule_of(name, group)
        assert len(rule.coefficients(hyper([group]), one, one)) == rule.columns
        assert rule.columns + rule.coupled <= MOST_COEFFICIENTS
