"""Between the study's space and Optuna's distributions.

A range with a share of zeros is two Optuna parameters: ``NAME.zero`` (a category) and, where that is
false, ``NAME``. Pairs such as betas are JSON strings. Fixed values are no Optuna parameters.
"""

import json
from collections.abc import Mapping
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial, Trial

from sweeper.study.space import Choice, Fixed, Range, Space, Values

Encoded = tuple[dict[str, Any], dict[str, BaseDistribution]]


def distribution(values: Range) -> BaseDistribution:
    """The numeric part of a range."""
    if values.integer:
        return IntDistribution(int(values.low), int(values.high), log=values.log, step=int(values.step or 1))
    return FloatDistribution(float(values.low), float(values.high), log=values.log, step=values.step)


def encode(space: Space, parameters: Mapping[str, Any]) -> Encoded:
    """Optuna parameters and distributions of one configuration."""
    params: dict[str, Any] = {}
    distributions: dict[str, BaseDistribution] = {}
    optimizer = parameters["optimizer"]
    entries = {"optimizer": ("optimizer", space.entries["optimizer"]), **space.active(optimizer)}
    for name, (key, values) in entries.items():
        for param, value, kind in _encoded(key, values, parameters[name]):
            params[param], distributions[param] = value, kind
    return params, distributions


def _encoded(key: str, values: Values, value: Any) -> list[tuple[str, Any, BaseDistribution]]:
    if isinstance(values, Fixed):
        return []
    if isinstance(values, Choice):
        options = [_category(option) for option in values.options]
        return [(key, _category(value), CategoricalDistribution(options))]
    if not values.zero:
        return [(key, value, distribution(values))]
    switch = (f"{key}.zero", value == 0, CategoricalDistribution([False, True]))
    return [switch] if value == 0 else [switch, (key, value, distribution(values))]


def suggest(trial: Trial, space: Space) -> dict[str, Any]:
    """One configuration, each parameter proposed by the sampler of `trial`'s study."""
    optimizer = _suggest(trial, "optimizer", space.entries["optimizer"])
    active = space.active(optimizer)
    return {"optimizer": optimizer} | {n: _suggest(trial, key, v) for n, (key, v) in active.items()}


def _suggest(trial: Trial, key: str, values: Values) -> Any:
    if isinstance(values, Fixed):
        return values.value
    if isinstance(values, Choice):
        by_category = {_category(option): option for option in values.options}
        return by_category[trial.suggest_categorical(key, list(by_category))]
    if values.zero and trial.suggest_categorical(f"{key}.zero", [False, True]):
        return 0 if values.integer else 0.0
    if values.integer:
        low, high, step = int(values.low), int(values.high), int(values.step or 1)
        return trial.suggest_int(key, low, high, log=values.log, step=step)
    return trial.suggest_float(key, float(values.low), float(values.high), log=values.log, step=values.step)


def decode(space: Space, trial: FrozenTrial) -> dict[str, Any]:
    """The configuration of a stored trial; the inverse of `encode`."""
    fixed = space.entries["optimizer"]
    params = trial.params
    optimizer = params.get("optimizer", fixed.value if isinstance(fixed, Fixed) else None)
    found: dict[str, Any] = {"optimizer": optimizer}
    for name, (key, values) in space.active(optimizer).items():
        if isinstance(values, Fixed):
            found[name] = values.value
        elif isinstance(values, Choice):
            found[name] = {_category(option): option for option in values.options}[params[key]]
        else:
            zero = params.get(f"{key}.zero", False)
            found[name] = (0 if values.integer else 0.0) if zero else params[key]
    return found


def _category(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list | tuple) else value
