"""Whether the keys of [data] and [model] fit the functions that they are arguments of."""

import inspect
import math
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from sweeper.errors import Mistake, did_you_mean
from sweeper.study.parameters import PARAMETERS
from sweeper.study.space import Range, Values
from sweeper.user_code.calls import name_of, user_code
from sweeper.wording import given

SUPPLIED = {"in_features", "out_features", "in_shape", "activation", "init", "code_sizes"}
"""Arguments that a model function is given without any key."""
IN_SPACE = "it belongs to [search.space]: search.space.{}"
WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}


def check_arguments(
    section: str,
    options: Mapping[str, Any],
    function: Callable[..., Any],
    own: set[str],
    mistakes: list[Mistake],
) -> None:
    """Further keys of a section must be arguments of its function; `own` are the section's keys."""
    parameters = signature(function)
    catches_all = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    named = {name for name, p in parameters.items() if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}
    supplied = SUPPLIED if section != "data" else set()
    for key, value in options.items():
        if not _is_finite(value):
            problem = "every number must be finite"
        elif key in supplied:
            by_itself = f"comes from the data, {name_of(function)} is given it; leave it out"
            problem = IN_SPACE.format(key) if key == "activation" else by_itself
        elif key in named or catches_all:
            continue
        elif key in PARAMETERS:
            problem = IN_SPACE.format(key)
        else:
            hint = did_you_mean(key, sorted(own | (named - supplied)))
            problem = f"no argument of {name_of(function)}; {hint}"
        shown = None if isinstance(value, Values) else value
        mistakes.append(Mistake(f"{section}.{key}", problem, shown))


def check_required(
    section: str, function: Callable[..., Any], keys: set[str], mistakes: list[Mistake]
) -> None:
    """Every argument without a default must come from somewhere."""
    by_itself = SUPPLIED if section == "model" else set()
    for name, parameter in signature(function).items():
        variadic = parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
        if parameter.default is parameter.empty and not variadic and name not in by_itself | keys:
            problem = f"missing; {name_of(function)} asks for it"
            if by_itself:
                problem += f". Without a key it is given only {', '.join(sorted(by_itself))}"
            mistakes.append(Mistake(f"{section}.{name}", problem))


def check_types(
    where: str, function: Callable[..., Any], options: Mapping[str, Any], mistakes: list[Mistake]
) -> None:
    """Values, or searched `Values`, of arguments of a built-in function must have the annotated type."""
    hints = typing.get_type_hints(function)
    for name, value in options.items():
        if name not in hints or name in SUPPLIED:
            continue
        adapter = TypeAdapter(hints[name], config=ConfigDict(strict=True))
        for one in _each(value, hints[name]):
            try:
                adapter.validate_python(one)
            except ValidationError:
                problem = f"must be {_in_words(hints[name])}"
                if isinstance(value, Range):
                    whole = hints[name] is int
                    how = (
                        "write low, high and step without a decimal point"
                        if whole
                        else "give a list of values"
                    )
                    problem += f"; {how}"
                mistakes.append(
                    Mistake(f"{where}.{name}", problem, None if isinstance(value, Range) else one)
                )
                break


def check_limits(
    where: str,
    limits: Mapping[str, tuple[float, float]],
    words: Mapping[str, Sequence[str]],
    options: Mapping[str, Any],
    mistakes: list[Mistake],
) -> None:
    """Values, or searched `Values`, of arguments of a built-in function must be ones that it can work with.

    What has another type than the argument is told by `check_types`.
    """
    for name, value in options.items():
        low, high = limits.get(name, (-math.inf, math.inf))
        for one in (value.low, value.high) if isinstance(value, Range) else _each(value, None):
            if isinstance(one, str) and one not in words.get(name, (one,)):
                mistakes.append(Mistake(f"{where}.{name}", did_you_mean(one, list(words[name])), one))
            elif not all(low <= number <= high or not math.isfinite(number) for number in _numbers(one)):
                mistakes.append(Mistake(f"{where}.{name}", f"must be {_limits_in_words(low, high)}", one))


def _numbers(value: Any) -> list[float]:
    """The value, or what a list holds; without what is no number."""
    each = value if isinstance(value, list | tuple) else (value,)
    return [one for one in each if isinstance(one, int | float) and not isinstance(one, bool)]


def _limits_in_words(low: float, high: float) -> str:
    return f"at least {given(low)}" if math.isinf(high) else f"from {given(low)} to {given(high)}"


def signature(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """Parameters by name; for what has no signature, the most permissive one."""
    try:
        with user_code():
            return dict(inspect.signature(function).parameters)
    except Exception:  # functions written in C, and objects that raise when they are asked
        return {"options": inspect.Parameter("options", inspect.Parameter.VAR_KEYWORD)}


def _is_finite(value: Any) -> bool:
    if isinstance(value, list | tuple | dict):
        return all(map(_is_finite, value.values() if isinstance(value, dict) else value))
    return not isinstance(value, float) or math.isfinite(value)


def _each(value: Any, hint: Any) -> Sequence[Any]:
    """What must have the type: the value, each searched value, or a number as the range would draw it."""
    if isinstance(value, Range):
        return (value.at(0.0), 0.5 if hint is int and not value.integer else value.at(0.5))
    return value.values or () if isinstance(value, Values) else (value,)


def _in_words(hint: Any) -> str:
    if hint in WORDS:
        return WORDS[hint]
    parts = [part for part in typing.get_args(hint) if part is not types.NoneType]
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        return " or ".join(map(_in_words, parts))
    plural = {int: "whole numbers", float: "numbers", str: "words"}
    return f"a list of {plural.get(parts[0], 'values')}" if parts else str(hint)
