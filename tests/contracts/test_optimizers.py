"""The contract of an optimizer: what is tested of an entry of `OPTIMIZERS` by its name alone."""

import copy
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sweeper.components.optimizers import OPTIMIZERS, Rule, hyper, options_of
from sweeper.components.optimizers.option import BETAS, Numbers, Switch
from sweeper.components.schedules import SCHEDULES
from sweeper.report.script.source import definitions
from sweeper.training.stacked.groups import Group, Segment, Updates, table

NAMES = list(OPTIMIZERS)
SHAPES = tuple(map(torch.Size, ([4, 9], [9], [8, 3], [2, 3, 2], [1, 5], [7, 1], [])))
SIZE = sum(shape.numel() for shape in SHAPES)
STEPS = 24
TRIED = ("constant", "step", "exponential", "cosine", "warmup_cosine", "one_cycle", "inverse_sqrt")
"""Schedules, each with the same optimizers whatever is added to them."""
ROUNDING = 8
"""Units in the last place by which the largest weight may be off: most are equal bit by bit."""


def other(name: str, option: str) -> Any:
    """A value of an option that is allowed and is not the default, nor near a limit."""
    allowed, default = OPTIMIZERS[name].options[option], OPTIMIZERS[name].published[option]
    if isinstance(allowed, Switch):
        return not default
    low, width = allowed.low, min(allowed.high - allowed.low, 1.0)
    if isinstance(allowed, Numbers):
        return tuple(low + width * (0.7 if value > low + 0.8 * width else 0.95) for value in default)
    return low + width * (0.5 if default > low + 0.7 * width else 0.3)


def settings_of(name: str) -> list[dict[str, Any]]:
    """No options, each by itself, and all that go together."""
    options = sorted(OPTIMIZERS[name].options)
    alone = [{option: other(name, option)} for option in options if option not in ("nesterov", "dampening")]
    together = {option: other(name, option) for option in options}
    if {"nesterov", "dampening"} <= together.keys():
        del together["nesterov"]
        alone.append({"nesterov": True, "momentum": 0.9})
    return [{}, *alone, together]


def parameters_of(flat: Tensor) -> list[nn.Parameter]:
    """The numbers of one trial as the parameters of a model."""
    parts = flat.split([shape.numel() for shape in SHAPES])
    return [nn.Parameter(part.reshape(shape).clone()) for part, shape in zip(parts, SHAPES, strict=True)]


class Alone:
    """One trial that is updated by its class, in the loop of every tutorial, with gradients made up."""

    def __init__(self, name: str, options: dict[str, Any], number: int, dtype: torch.dtype) -> None:
        self.options, self.dtype = options, dtype
        self.rate = 10.0 ** -(1 + number % 4)
        self.schedule = SCHEDULES[TRIED[number % len(TRIED)]]
        self.rates = np.array([self.rate * self.schedule(step, STEPS) for step in range(STEPS)])
        generator = torch.Generator().manual_seed(number)
        scales = 10.0 ** torch.randint(-6, 3, (STEPS, 1), generator=generator)
        self.gradients = (torch.randn(STEPS, SIZE, generator=generator) * scales).to(dtype)
        self.gradients[:, :5] = 0.0  # weights that get no gradient at all
        self.start = torch.randn(SIZE, generator=generator).to(dtype)
        self.parameters = parameters_of(self.start)
        self.optimizer = OPTIMIZERS[name].make(self.parameters, lr=self.rate, **options)
        for group in self.optimizer.param_groups:
            group |= {"foreach": False} if "foreach" in group else {}

    def expected(self) -> list[Tensor]:
        """The parameters after each update, flat."""
        after = []
        for rate, gradient in zip(self.rates, self.gradients, strict=True):
            for group in self.optimizer.param_groups:
                group["lr"] = float(rate)
            for parameter, g in zip(self.parameters, parameters_of(gradient), strict=True):
                parameter.grad = g.detach()
            self.optimizer.step()
            after.append(torch.cat([parameter.detach().reshape(-1) for parameter in self.parameters]))
        return after


def stacked(rule: Rule, trials: Sequence[Alone], delays: Sequence[int]) -> list[list[Tensor]]:
    """All trials as rows of one matrix; trial `i` starts `delays[i]` updates late, on cleared state."""
    dtype, members = trials[0].dtype, [trial.optimizer.param_groups[0] for trial in trials]
    history = [
        rule.history(group, trial.rates) if rule.history else {}
        for group, trial in zip(members, trials, strict=True)
    ]
    group = Group(rule, slice(0, len(trials)), hyper(members), history)
    p, g, *more = torch.zeros(2 + rule.state + rule.scratch, len(trials), SIZE, dtype=dtype)
    for matrix in more[rule.state :]:
        matrix.fill_(math.nan)
    updates = Updates(p, g, more[: rule.state], more[rule.state :], [Segment(slice(0, SIZE), SHAPES)])
    updates.arrange([[group]])
    after: list[list[Tensor]] = [[] for _ in trials]
    for clock in range(STEPS + max(delays)):
        for row, trial in enumerate(trials):
            if clock == delays[row]:
                p[row] = trial.start
                for k, matrix in enumerate(updates.state):
                    matrix[row] = p[row] if k < rule.copies else 0
        ages = [min(max(clock - delay, 0), STEPS - 1) for delay in delays]
        rates = np.array([[[trial.rates[age] for trial, age in zip(trials, ages, strict=True)]]])
        g.copy_(torch.stack([trial.gradients[age] for trial, age in zip(trials, ages, strict=True)]))
        updates.step(table([[group]], rates, np.array([[age + 1.0 for age in ages]]), dtype)[:, 0])
        for row, delay in enumerate(delays):
            if 0 <= clock - delay < STEPS:
                after[row].append(p[row].clone())
    return after


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", NAMES)
def test_the_update_of_many_trials_is_that_of_each_alone(name: str, dtype: torch.dtype) -> None:
    """Trials of unlike options, schedules and ages in one matrix get what their class gives, to rounding."""
    trials = [Alone(name, options, i, dtype) for i, options in enumerate(settings_of(name) * 2)]
    by_rule: dict[str, tuple[Rule, list[Alone]]] = {}
    for trial in trials:
        rule = OPTIMIZERS[name].rule(trial.optimizer.param_groups[0])
        assert rule in OPTIMIZERS[name].rules
        by_rule.setdefault(rule.name, (rule, []))[1].append(trial)
    for rule, members in by_rule.values():
        found = stacked(rule, members, delays=[i % 5 for i in range(len(members))])
        for trial, rows in zip(members, found, strict=True):
            for step, (mine, theirs) in enumerate(zip(rows, trial.expected(), strict=True)):
                apart = (mine - theirs).abs().max() / theirs.abs().max()
                said = f"{trial.options} {trial.schedule.__name__} update {step}: {apart:.2g} apart"
                assert apart <= ROUNDING * torch.finfo(dtype).eps, said


@pytest.mark.parametrize("name", NAMES)
def test_one_diverging_row_leaves_the_others_alone(name: str) -> None:
    """NaN and infinite gradients stay in their own row."""
    sound, broken = (Alone(name, {}, i, torch.float32) for i in (4, 5))
    broken.gradients[10:20] = math.inf
    broken.gradients[20:] = math.nan
    rule = OPTIMIZERS[name].rule(sound.optimizer.param_groups[0])
    alone, (beside, _) = stacked(rule, [sound], [0])[0], stacked(rule, [sound, broken], [0, 0])
    assert all(map(torch.equal, alone, beside))


@pytest.mark.parametrize("name", NAMES)
def test_options(name: str) -> None:
    """Each option arrives under torch's name and has an effect; others are refused; state can be copied."""
    entry = OPTIMIZERS[name]
    plain = Alone(name, {}, 1, torch.float64).expected()[-1]
    for option, allowed in entry.options.items():
        assert allowed.allows(entry.published[option])
        assert allowed.allows(other(name, option))
        chosen = {
            option: other(name, option),
            **({"momentum": 0.7} if option in ("nesterov", "dampening") else {}),
        }
        trial = Alone(name, chosen, 1, torch.float64)
        assert all(group[option] == chosen[option] for group in trial.optimizer.param_groups)
        assert not torch.equal(plain, trial.expected()[-1]), option
        trial.optimizer.load_state_dict(copy.deepcopy(trial.optimizer.state_dict()))
    with pytest.raises(KeyError, match=f"optimizer {name} takes no lookahead"):
        entry.make([nn.Parameter(torch.zeros(1))], lr=0.1, lookahead=1)


@pytest.mark.parametrize("name", NAMES)
def test_published_settings(name: str) -> None:
    """They are what the class has by itself, but for the learning rate; it lies within the range advised."""
    entry = OPTIMIZERS[name]
    (group, *_) = entry.make([nn.Parameter(torch.zeros(1))], lr=0.1).param_groups
    published = dict(entry.published)
    rate = published.pop("learning_rate")
    assert published.keys() == entry.options.keys()
    assert published == {option: group[option] for option in entry.options}
    assert 0 < entry.rates.low < rate < entry.rates.high
    assert entry.citation
    assert entry.rates.why
    assert entry.rates.citation


@pytest.mark.parametrize("name", NAMES)
def test_buffers(name: str) -> None:
    """`buffers` is the largest number of tensors of a parameter's shape that the class keeps for it.

    A parameter that is one number is left out: of its shape is the count of updates too.
    """
    trial = Alone(name, {}, 1, torch.float32)
    trial.expected()
    kept = [
        sum(isinstance(t, Tensor) and t.shape == p.shape for t in trial.optimizer.state[p].values())
        for p in trial.parameters
        if p.ndim
    ]
    assert OPTIMIZERS[name].buffers == max(kept)


@pytest.mark.parametrize("name", NAMES)
def test_the_code_of_its_class(name: str) -> None:
    """What scripts contain, with a copy of a class that is not torch's, makes the same optimizer."""
    entry, space = OPTIMIZERS[name], {"torch": torch, "Any": Any, "Callable": Any, "Iterable": Any}
    if entry.own_module is None:
        assert eval(entry.expression, space) is entry.optimizer_class
        return
    exec("from __future__ import annotations\n" + definitions(entry.own_module, entry.expression), space)
    trial = Alone(name, {}, 2, torch.float64)
    copied = copy.copy(trial)
    copied.parameters = parameters_of(trial.start)
    copied.optimizer = eval(entry.expression, space)(copied.parameters, lr=trial.rate, **entry.defaults)
    assert all(map(torch.equal, copied.expected(), trial.expected()))


@pytest.mark.parametrize("name", NAMES)
def test_aliases(name: str) -> None:
    """Other names are in small letters without signs, and nobody's own name."""
    for alias in OPTIMIZERS[name].aliases:
        assert alias.isalnum()
        assert alias == alias.lower()
        assert alias not in OPTIMIZERS


def test_an_option_is_the_same_for_all_that_take_it() -> None:
    """Two entries that allow different values under one name are refused, with both in the message."""
    adam = OPTIMIZERS["adam"]
    three = replace(adam, name="adan", options={**adam.options, "betas": Numbers((0.98, 0.92, 0.99))})
    with pytest.raises(ValueError, match=re.escape(f"betas must be {BETAS} for adam, and 3 numbers from 0")):
        options_of([adam, three])


def test_numbers_that_belong_together_reach_coefficients_one_by_one() -> None:
    """``betas`` of a group are beta1, beta2 and so on, however many there are."""
    groups = [{"lr": 0.1, "betas": (0.98, 0.92, 0.99), "eps": eps, "amsgrad": False} for eps in (1e-8, 1e-3)]
    found = hyper(groups)
    assert {name: column.tolist() for name, column in found.items()} == {
        "lr": [0.1, 0.1],
        "beta1": [0.98, 0.98],
        "beta2": [0.92, 0.92],
        "beta3": [0.99, 0.99],
        "eps": [1e-8, 1e-3],
        "amsgrad": [0.0, 0.0],
    }
