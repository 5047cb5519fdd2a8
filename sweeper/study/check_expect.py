"""Whether ``[expect]`` names a check that exists, with arguments that it takes and that the space has."""

from collections.abc import Container, Mapping
from dataclasses import MISSING, fields
from typing import Any

from sweeper.errors import Mistake, did_you_mean
from sweeper.study.arguments import check_types
from sweeper.study.expect import CHECKS, QUANTITIES, ExpectSection
from sweeper.study.space import Space


def check_expect(expect: ExpectSection, space: Space, wrong: Container[str], mistakes: list[Mistake]) -> None:
    """Every mistake of the section; an empty one has none. `wrong`: see `check_search`."""
    for key in ("finding", "source", "check") if expect != ExpectSection() else ():
        if not getattr(expect, key):
            needed = f"; allowed: {', '.join(CHECKS)}" if key == "check" else ""
            mistakes.append(Mistake(f"expect.{key}", f"missing; an expectation names it{needed}"))
    if not expect.check:
        return
    if expect.check not in CHECKS:
        mistakes.append(Mistake("expect.check", did_you_mean(expect.check, list(CHECKS)), expect.check))
        return
    before = len(mistakes)
    _check_keys(expect, mistakes)
    check_types("expect", CHECKS[expect.check], expect.options, mistakes)
    if len(mistakes) == before:
        _check_values(vars(expect.arguments), space, wrong, mistakes)


def _check_keys(expect: ExpectSection, mistakes: list[Mistake]) -> None:
    arguments = {field.name: field for field in fields(CHECKS[str(expect.check)])}
    own = list(ExpectSection.model_fields)
    for key, value in expect.options.items():
        if key not in arguments:
            hint = did_you_mean(key, [*own, *arguments])
            mistakes.append(Mistake(f"expect.{key}", f"no argument of {expect.check}; {hint}", value))
    for name, field in arguments.items():
        if field.default is MISSING and name not in expect.options:
            mistakes.append(Mistake(f"expect.{name}", f"missing; check {expect.check} asks for it"))


def _check_values(
    arguments: Mapping[str, Any], space: Space, wrong: Container[str], mistakes: list[Mistake]
) -> None:
    """Parameters and their values must be in the search space, numbers must make sense."""
    name = arguments.get("parameter")
    if name is not None and name not in wrong and name not in space.parameters:
        problem = f"not in the search space; {did_you_mean(name, list(space.parameters))}"
        mistakes.append(Mistake("expect.parameter", problem, name))
    elif name is not None and name not in wrong:
        _check_listed(name, arguments, space, mistakes)
    for key in ("curvature", "tolerance", "factor", "margin"):
        if key in arguments and not arguments[key] > 0:
            mistakes.append(Mistake(f"expect.{key}", "must be above 0", arguments[key]))
    if arguments.get("quantity", QUANTITIES[0]) not in QUANTITIES:
        hint = did_you_mean(arguments["quantity"], list(QUANTITIES))
        mistakes.append(Mistake("expect.quantity", hint, arguments["quantity"]))
    if "below" in arguments and (arguments["below"] is None) == (arguments["above"] is None):
        mistakes.append(Mistake("expect.below", "give below or above, one of them"))
    if "than" in arguments and arguments["value"] == arguments["than"]:
        problem = "value and than must differ, and one of them must be given"
        mistakes.append(Mistake("expect.than", problem, arguments["than"]))


def _check_listed(name: str, arguments: Mapping[str, Any], space: Space, mistakes: list[Mistake]) -> None:
    entries = [values for key, values in space.entries.items() if space.base(key) == name]
    if any(values.values is None for values in entries):
        if "value" in arguments:
            problem = "a continuous range has no values to compare; give the parameter a list of values"
            mistakes.append(Mistake("expect.parameter", problem, name))
        return
    listed = [value for values in entries for value in values.values or ()]
    for key in ("value", "than"):
        value = arguments.get(key)
        if value is not None and value not in listed:
            hint = did_you_mean(str(value), list(dict.fromkeys(map(str, listed))))
            mistakes.append(Mistake(f"expect.{key}", f"no value of {name}; {hint}", value))
