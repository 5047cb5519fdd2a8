"""Whether the parts of [search] fit each other, and whether [expect] asks for what the space has."""

from collections.abc import Container, Mapping
from dataclasses import MISSING, fields
from typing import Any

from sweeper.components.activations import ACTIVATIONS
from sweeper.components.optimizers import OPTIMIZERS
from sweeper.errors import MAX_MISTAKES, Mistake, did_you_mean
from sweeper.study.arguments import check_types
from sweeper.study.check_losses import check_objective
from sweeper.study.expect import CHECKS, QUANTITIES, ExpectSection
from sweeper.study.parameters import NAMES, PARAMETERS
from sweeper.study.parse_space import flatten
from sweeper.study.sections import SearchSection, TrainingSection
from sweeper.study.space import Range, Space, Values, grid_size, holds
from sweeper.wording import count


def check_search(
    search: SearchSection,
    space: Space,
    training: TrainingSection | None,
    wrong: Container[str],
    mistakes: list[Mistake],
) -> None:
    """Mistakes that need the whole section and the parsed space.

    Of parameters in `wrong` something is said already; nothing that may follow from it is.
    """
    _check_scientific(search, space, wrong, mistakes)
    _check_lag(search, mistakes)
    _check_grid(search, space, mistakes)
    _check_activations(search, space, mistakes)
    _check_nesterov(space, mistakes)
    for index, given in enumerate(search.tries):
        _check_try(f"search.try[{index}]", dict(flatten(given)), space, wrong, mistakes)
    if training:
        check_objective(search, space, training, mistakes)


def _check_lag(search: SearchSection, mistakes: list[Mistake]) -> None:
    """A lag of more generations than there are is a mistake; less may do for a short trial of a study."""
    generations = start = 0
    while start < search.trials and generations < search.lag:
        start, generations = start + search.generation_at(start), generations + 1
    if generations < search.lag:
        problem = (
            f"{count(search.trials, 'trial')} make {count(generations, 'generation')}, so the lag can be at "
            f"most {generations}: lower it, raise search.trials or lower search.generation"
        )
        mistakes.append(Mistake("search.lag", problem, search.lag))


def _check_grid(search: SearchSection, space: Space, mistakes: list[Mistake]) -> None:
    """A part of a grid would leave out whole values without a word."""
    least, tried = grid_size(space, 2) if search.sampler == "grid" else 0, len(search.tries)
    if least and least + tried > search.trials:
        beside = f", and {count(tried, 'search.try', 'search.try')} come first" if tried else ""
        problem = (
            f"a grid of this space has {count(least, 'configuration')} at least{beside}: raise "
            "search.trials, list fewer values, or take another search.sampler"
        )
        mistakes.append(Mistake("search.trials", problem, search.trials))


def _check_scientific(
    search: SearchSection, space: Space, wrong: Container[str], mistakes: list[Mistake]
) -> None:
    for index, name in enumerate(search.scientific[:MAX_MISTAKES]):
        conditional = [key for key in space.entries if space.base(key) == name != key]
        values = space.entries.get(name)
        if name in search.scientific[:index]:
            mistakes.append(Mistake("search.scientific", "listed twice", name))
        elif name in wrong:
            continue
        elif name not in space.parameters and name not in ("optimizer", "activation"):
            hint = did_you_mean(name, list(space.parameters))
            mistakes.append(Mistake("search.scientific", f"not in the search space; {hint}", name))
        elif isinstance(values, Range) and values.values is None and name not in NAMES:
            problem = "a continuous range cannot be compared evenly; give it a list of values"
            mistakes.append(Mistake("search.scientific", problem, name))
        elif conditional:
            problem = (
                f"what is compared evenly has the same values for all optimizers; leave out {conditional[0]}"
            )
            mistakes.append(Mistake("search.scientific", problem, name))


def _check_try(
    where: str, given: Mapping[str, Any], space: Space, wrong: Container[str], mistakes: list[Mistake]
) -> None:
    """Every value must be one that a trial of the search could have."""
    optimizers = list(space.accepted)
    optimizer = given.get("optimizer", optimizers[0])
    if optimizer not in space.accepted:
        problem = f"not in the search space; {did_you_mean(str(optimizer), optimizers)}"
        mistakes.append(Mistake(f"{where}.optimizer", problem, optimizer))
        return
    active, known = space.active(optimizer), {*PARAMETERS, *space.parameters}
    for name, value in given.items():
        if name == "optimizer" or name in wrong or ("optimizer" in wrong and name in known):
            continue
        if name not in active:
            hint = did_you_mean(name, ["optimizer", *active])
            problem = f"no parameter that trials of {optimizer} have; {hint}"
            mistakes.append(Mistake(f"{where}.{name}", problem, value))
        elif not holds(active[name][1], value):
            mistakes.append(
                Mistake(f"{where}.{name}", f"not in the search space: {_in_words(active[name][1])}", value)
            )


def _in_words(values: Values) -> str:
    """What is allowed, in words."""
    if not isinstance(values, Range):
        return "allowed: " + ", ".join(map(str, values.values))
    text = f"from {values.low} to {values.high}" + f" in steps of {values.step}" * bool(values.step)
    return f"allowed: {text}" + ", or 0" * bool(values.zero)


def _check_activations(search: SearchSection, space: Space, mistakes: list[Mistake]) -> None:
    for name in search.allow_activations[:MAX_MISTAKES]:
        if name not in ACTIVATIONS:
            mistakes.append(Mistake("search.allow_activations", did_you_mean(name, ACTIVATIONS), name))
    for key in space.entries:
        for name in (space.entries[key].values or ()) if space.base(key) == "activation" else ():
            component = ACTIVATIONS.get(name) if isinstance(name, str) else None
            if component and not component.elementwise and name not in search.allow_activations:
                problem = (
                    f"not for hidden layers: {component.note}. To search it anyway, set "
                    f'search.allow_activations = ["{name}"]'
                )
                mistakes.append(Mistake(f"search.space.{key}", problem, name))


def _check_nesterov(space: Space, mistakes: list[Mistake]) -> None:
    """Some optimizers refuse Nesterov momentum without momentum or with dampening."""

    def lowest(values: Values) -> float:
        return 0.0 if isinstance(values, Range) and values.zero else min(_ends(values), default=0.0)

    named = space.entries["optimizer"].values if "optimizer" in space.entries else ()
    for optimizer in space.accepted:
        if optimizer not in (named or ()):
            continue  # it stands for one that is misspelt
        active = space.active(optimizer)
        key, switch = active.get("nesterov", ("optimizer", None))
        entry = OPTIMIZERS[optimizer]
        implied = entry.defaults.get("nesterov", False)
        if not entry.strict_nesterov or not (implied or (switch and True in (switch.values or ()))):
            continue
        where = f"search.space.{key}"
        default = entry.defaults.get("momentum", 0.0)
        if not (lowest(active["momentum"][1]) if "momentum" in active else default) > 0:
            problem = "Nesterov momentum needs momentum above 0: set search.space.momentum"
            always = next(name for name, other in OPTIMIZERS.items() if other.defaults.get("nesterov"))
            mistakes.append(Mistake(where, problem + f", or use optimizer {always}" * (not implied)))
        if "dampening" in active and any(end != 0 for end in _ends(active["dampening"][1])):
            mistakes.append(Mistake(where, "Nesterov momentum needs dampening = 0"))


def _ends(values: Values) -> list[float]:
    """The lowest and highest number, or every listed one."""
    ends = (values.low, values.high) if isinstance(values, Range) else values.values
    return [value for value in ends if isinstance(value, int | float)]


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
    entries = space.entries_of(name)
    if any(values.values is None for values in entries):
        if "value" in arguments:
            problem = "a continuous range has no values to compare; give the parameter a list of values"
            mistakes.append(Mistake("expect.parameter", problem, name))
        return
    listed = space.listed(name)
    for key in ("value", "than"):
        value = arguments.get(key)
        if value is not None and value not in listed:
            hint = did_you_mean(str(value), list(map(str, listed)))
            mistakes.append(Mistake(f"expect.{key}", f"no value of {name}; {hint}", value))
