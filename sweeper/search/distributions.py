"""Between the study's space and Optuna's distributions.

A range with a share of zeros is two Optuna parameters: ``NAME.zero`` (a category) and, where that is
false, ``NAME``. Pairs such as betas are JSON strings. Fixed values are no Optuna parameters.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import Trial

from sweeper.study.space import Choice, Fixed, Range, Space, Values

Distributions = dict[str, BaseDistribution]

SWITCH = CategoricalDistribution([False, True])
"""Whether a range with a share of zeros is at zero."""


def distribution(values: Choice | Range) -> BaseDistribution:
    """The categories of a choice, or the numeric part of a range."""
    return _distribution(repr(values), values)  # as numbers, true and 1 are the same choice


@lru_cache(maxsize=1024)
def _distribution(written: str, values: Choice | Range) -> BaseDistribution:
    if isinstance(values, Choice):
        return CategoricalDistribution([_category(option) for option in values.options])
    if values.integer:
        return IntDistribution(int(values.low), int(values.high), log=values.log, step=int(values.step or 1))
    return FloatDistribution(float(values.low), float(values.high), log=values.log, step=values.step)


def encode(space: Space, parameters: Mapping[str, Any]) -> tuple[dict[str, Any], Distributions]:
    """Optuna parameters and distributions of one configuration."""
    params: dict[str, Any] = {}
    distributions: Distributions = {}
    for name, key, values in _entries(space, parameters["optimizer"]):
        if isinstance(values, Fixed):
            continue
        if isinstance(values, Range) and values.zero:
            params[f"{key}.zero"], distributions[f"{key}.zero"] = parameters[name] == 0, SWITCH
            if parameters[name] == 0:
                continue
        params[key], distributions[key] = _category(parameters[name]), distribution(values)
    return params, distributions


def compose(space: Space, params: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration that `params` stand for; the inverse of `encode`.

    `params` may hold more than one configuration needs: those of other optimizers are left out.
    """
    fixed = space.entries["optimizer"]
    optimizer = fixed.value if isinstance(fixed, Fixed) else params["optimizer"]
    return {
        name: _composed(key, values, params) if name != "optimizer" else optimizer
        for name, key, values in _entries(space, optimizer)
    }


def _composed(key: str, values: Values, params: Mapping[str, Any]) -> Any:
    if isinstance(values, Fixed):
        return values.value
    if isinstance(values, Choice):
        return _option(values, params[key])
    if values.zero and params[f"{key}.zero"]:
        return 0 if values.integer else 0.0
    return params[key]


def suggest(trial: Trial, space: Space) -> dict[str, Any]:
    """One configuration, each parameter proposed by the sampler of `trial`'s study."""
    optimizer = _suggested(trial, "optimizer", space.entries["optimizer"])
    return {
        name: _suggested(trial, key, values) if name != "optimizer" else optimizer
        for name, key, values in _entries(space, optimizer)
    }


def _suggested(trial: Trial, key: str, values: Values) -> Any:
    if isinstance(values, Fixed):
        return values.value
    if isinstance(values, Choice):
        return _option(values, _drawn(trial, key, distribution(values)))
    if values.zero and _drawn(trial, f"{key}.zero", SWITCH):
        return 0 if values.integer else 0.0
    return _drawn(trial, key, distribution(values))


def _drawn(trial: Trial, key: str, distribution: BaseDistribution) -> Any:
    if isinstance(distribution, CategoricalDistribution):
        return trial.suggest_categorical(key, distribution.choices)
    if isinstance(distribution, IntDistribution):
        return trial.suggest_int(
            key, distribution.low, distribution.high, step=distribution.step, log=distribution.log
        )
    assert isinstance(distribution, FloatDistribution)
    return trial.suggest_float(
        key, distribution.low, distribution.high, step=distribution.step, log=distribution.log
    )


@dataclass(frozen=True)
class Group:
    """Optuna parameters that are always present together, which may be modelled jointly."""

    distributions: Distributions
    optimizers: frozenset[str]
    """Only trials of these have them,"""
    switch: str | None = None
    """and only where this parameter, of an earlier group, is false."""

    def applies(self, params: Mapping[str, Any]) -> bool:
        """Whether a configuration has them; `params` holds what earlier groups have drawn."""
        of_mine = "optimizer" not in params or params["optimizer"] in self.optimizers
        return of_mine and not (self.switch and params[self.switch])


def groups(space: Space) -> list[Group]:
    """The space cut into groups, those first on which others depend."""
    everybody = frozenset(space.entries["optimizer"].values or ())
    users: dict[str, set[str]] = {}
    for optimizer in everybody:
        for _, key, _ in _entries(space, optimizer):
            users.setdefault(key, set()).add(optimizer)
    joint: dict[frozenset[str], Distributions] = {everybody: {}}
    switched = []
    for key, values in space.entries.items():
        where = frozenset(users.get(key, ()))
        if isinstance(values, Fixed) or not where:
            continue
        if isinstance(values, Range) and values.zero:
            joint.setdefault(where, {})[f"{key}.zero"] = SWITCH
            switched.append(Group({key: distribution(values)}, where, f"{key}.zero"))
        else:
            joint.setdefault(where, {})[key] = distribution(values)
    together = [Group(dict(sorted(members.items())), where) for where, members in joint.items() if members]
    return [*together, *switched]


def _entries(space: Space, optimizer: str) -> Iterator[tuple[str, str, Values]]:
    """Parameter name, key and values of everything that trials of `optimizer` have."""
    yield "optimizer", "optimizer", space.entries["optimizer"]
    for name, (key, values) in space.active(optimizer).items():
        yield name, key, values


def _option(values: Choice, category: Any) -> Any:
    """The option that a category stands for: a pair for its JSON string."""
    return next(option for option in values.options if _category(option) == category)


def _category(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list | tuple) else value
