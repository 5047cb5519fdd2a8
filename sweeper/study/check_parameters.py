"""Whether keys of ``[search.space]`` name parameters, and their values are ones that these may have."""

from typing import Any

from sweeper.components.optimizers import OPTIMIZERS
from sweeper.components.optimizers.option import Number
from sweeper.components.schedules import SCHEDULES
from sweeper.errors import MAX_MISTAKES, Mistake, did_you_mean
from sweeper.study.explain import read_section
from sweeper.study.parameters import (
    ALLOWED,
    NAMES,
    PARAMETERS,
    SEARCHABLE_TRAINING,
    THE_SAME_FOR_ALL,
    WHOLE_TRAINING,
)
from sweeper.study.space import Range, Space, Values
from sweeper.user_code.lookup import names_function


def check_values(key: str, name: str, values: Values, mistakes: list[Mistake]) -> None:
    """The values of `key`, which belongs to the parameter `name`: names must exist, numbers make sense."""
    where = f"search.space.{key}"
    listed = (values.low, values.high) if isinstance(values, Range) else values.values
    allowed = ALLOWED.get(name)
    if isinstance(values, Range) and (name in NAMES or not isinstance(allowed, Number | None)):
        mistakes.append(Mistake(where, "cannot be a range; give a value or a list"))
    elif name in NAMES:
        own = [value for value in listed if name == "activation" and names_function(value)]
        for value in [value for value in listed if value not in (*NAMES[name], *own)][:MAX_MISTAKES]:
            mistakes.append(Mistake(where, did_you_mean(str(value), NAMES[name]), value))
    elif allowed is not None:
        words = f"must be {allowed}"
        mistakes += [Mistake(where, words, value) for value in listed if not allowed.allows(value)]
        if isinstance(values, Range) and values.zero and not allowed.allows(0):
            mistakes.append(Mistake(f"{where}.zero", f"{name} cannot be exactly 0: {words}", values.zero))
    elif name.startswith("training."):
        _check_training(where, name.removeprefix("training."), values, listed, mistakes)


def check_key(key: str, space: Space, mistakes: list[Mistake]) -> None:
    """A key must name a parameter, and where it ends in an optimizer, one of the space that takes it."""
    where, name = f"search.space.{key}", space.base(key)
    if name == "optimizer" != key:
        mistakes.append(Mistake(where, "the optimizer cannot depend on the optimizer"))
    elif name.startswith("model."):
        if name == "model.source":
            mistakes.append(Mistake(where, "one study has one model function; run one study for each"))
    elif name.startswith("training."):
        _check_training_key(where, name.removeprefix("training."), mistakes)
    elif name not in PARAMETERS:
        mistakes.append(Mistake(where, _unknown(key, space)))
    elif name in space.optimizer_options:
        asked = [key.rpartition(".")[2]] if key != name else list(space.accepted)
        if not any(name in space.accepted[optimizer] for optimizer in asked):
            takers = ", ".join(o.name for o in OPTIMIZERS.values() if name in o.options)
            who = asked[0] if key != name else "no optimizer of this space"
            takes = f"takes no {name}" if key != name else "takes it"
            mistakes.append(Mistake(where, f"{who} {takes}; these do: {takers}"))


def _check_training(where: str, name: str, values: Values, listed: Any, mistakes: list[Mistake]) -> None:
    """Values of a [training] key must be what the section itself would take."""
    if name not in SEARCHABLE_TRAINING:
        return  # named by `check_key`
    if isinstance(values, Range) and name in WHOLE_TRAINING and not values.integer:
        problem = "takes whole numbers: write low, high and step without a decimal point"
        mistakes.append(Mistake(where, problem))
        return
    for value in (*listed, *((0,) if isinstance(values, Range) and values.zero else ())):
        wrong: list[Mistake] = []
        read_section("training", {name: value}, wrong)
        if name == "schedule" and not wrong and value not in SCHEDULES:
            wrong = [Mistake(where, did_you_mean(value, list(SCHEDULES)), value)]
        mistakes += [Mistake(where, one.problem, one.value) for one in wrong]


def _check_training_key(where: str, name: str, mistakes: list[Mistake]) -> None:
    if name in THE_SAME_FOR_ALL:
        problem = f"says how trials run and are judged, which is the same for all; set training.{name}"
        mistakes.append(Mistake(where, problem))
    elif name not in SEARCHABLE_TRAINING:
        hint = did_you_mean(name, SEARCHABLE_TRAINING)
        mistakes.append(Mistake(where, f"no [training] key that can be searched; {hint}"))


def _unknown(key: str, space: Space) -> str:
    head, _, tail = key.rpartition(".")
    if head not in PARAMETERS:
        return f"unknown parameter; {did_you_mean(key, [*PARAMETERS, 'model.*', 'training.*'])}"
    if tail in OPTIMIZERS:
        return f"{tail} is not among search.space.optimizer ({', '.join(space.accepted)})"
    named = {name: OPTIMIZERS[name] for name in space.accepted}
    return f"no optimizer is called {tail!r}; {did_you_mean(tail, named)}"
