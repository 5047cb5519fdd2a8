"""``[search.space]`` as written -> `Space`, with every mistake in it."""

from collections.abc import Mapping
from typing import Any

from sweeper.components.activations import ACTIVATIONS
from sweeper.components.optimizers import OPTIMIZER_OPTIONS, OPTIMIZERS
from sweeper.components.penalties import PENALTIES
from sweeper.components.schedules import SCHEDULES
from sweeper.errors import Mistake, did_you_mean
from sweeper.study.sections import TrainingSection
from sweeper.study.space import Choice, Fixed, Range, Space, Values

RANGE_KEYS = {"low", "high", "log", "step", "zero"}
NAMES = {
    "optimizer": OPTIMIZERS,
    "activation": ACTIVATIONS,
    "penalty_kind": PENALTIES,
    "schedule": SCHEDULES,
}
# parameter -> (lowest, highest, whether the lowest itself is allowed, whether the highest is)
LIMITS: dict[str, tuple[float, float, bool, bool]] = {
    "learning_rate": (0, float("inf"), False, False),
    "activation_penalty": (0, float("inf"), True, False),
    "weight_decay": (0, float("inf"), True, False),
    "momentum": (0, 1, True, False),
    "dampening": (0, 1, True, True),
    "eps": (0, float("inf"), False, False),
}
PARAMETERS = [*NAMES, *LIMITS, "nesterov", "betas"]
SEARCHABLE_TRAINING = set(TrainingSection.model_fields) - {"schedule", "timeout", "device", "dtype"}
DEFAULTS: dict[str, Any] = {
    "optimizer": "adam",
    "learning_rate": {"low": 1e-4, "high": 1.0, "log": True},
}


def flatten(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Undo TOML's nesting of unquoted dotted keys: ``model.depth = …`` -> ``{"model.depth": …}``."""
    flat: dict[str, Any] = {}
    for key, value in raw.items():
        if isinstance(value, Mapping) and value and not set(value) & RANGE_KEYS:
            flat |= {f"{key}.{inner}": found for inner, found in flatten(value).items()}
        else:
            flat[key] = value
    return flat


def parse_space(raw: Mapping[str, Any], mistakes: list[Mistake]) -> Space:
    """The space of a study; `mistakes` grows by one entry per wrong key or value."""
    entries: dict[str, Values] = {}
    for key, value in {**DEFAULTS, **flatten(raw)}.items():
        found = len(mistakes)
        values = _parse_values(key, value, mistakes)
        if values is not None and found == len(mistakes):
            _check_values(key, values, mistakes)
            entries[key] = values
    optimizers = [o for o in entries.get("optimizer", Fixed("adam")).values or () if o in OPTIMIZERS]
    accepted = {name: frozenset(OPTIMIZERS[name].options) for name in optimizers}
    space = Space(entries, accepted, frozenset(OPTIMIZER_OPTIONS))
    for key in entries:
        _check_key(key, space, mistakes)
    return space


def _parse_values(key: str, value: Any, mistakes: list[Mistake]) -> Values | None:
    where = f"search.space.{key}"
    if isinstance(value, Mapping):
        return _parse_range(key, value, mistakes)
    if isinstance(value, list | tuple):
        if key.split(".")[0] == "betas" and len(value) == 2 and all(_is_number(v) for v in value):
            return Fixed(tuple(value))
        if not value:
            mistakes.append(Mistake(where, "an empty list; give at least one value"))
            return None
        options = tuple(tuple(v) if isinstance(v, list) else v for v in value)
        repeated = [v for i, v in enumerate(options) if v in options[:i]]
        if repeated:
            mistakes.append(Mistake(where, f"{repeated[0]!r} is listed twice", value))
            return None
        return Choice(options) if len(options) > 1 else Fixed(options[0])
    return Fixed(value)


def _parse_range(key: str, raw: Mapping[str, Any], mistakes: list[Mistake]) -> Range | None:
    where, before = f"search.space.{key}", len(mistakes)
    for unknown in sorted(set(raw) - RANGE_KEYS):
        mistakes.append(
            Mistake(f"{where}.{unknown}", f"unknown key; {did_you_mean(unknown, sorted(RANGE_KEYS))}")
        )
    for name in ("low", "high"):
        if name not in raw:
            mistakes.append(Mistake(f"{where}.{name}", "missing; a range has low and high"))
    for name in sorted(RANGE_KEYS & set(raw) - {"log"}):
        if not _is_number(raw[name]):
            mistakes.append(Mistake(f"{where}.{name}", "must be a number", raw[name]))
    if not isinstance(raw.get("log", False), bool):
        mistakes.append(Mistake(f"{where}.log", "must be true or false", raw["log"]))
    if len(mistakes) > before:
        return None
    low, high, log = raw["low"], raw["high"], raw.get("log", False)
    zero, step = float(raw.get("zero", 0.0)), raw.get("step")
    for wrong, name, problem in (
        (not low < high, "", f"an empty range: low must be below high (low = {low}, high = {high})"),
        (log and low <= 0, ".low", f"must be above 0 on a log scale (low = {low})"),
        (not 0 <= zero < 1, ".zero", "a share of trials, from 0 up to but not including 1"),
        (step is not None and step <= 0, ".step", "must be above 0"),
        (step is not None and log, ".step", "a log range cannot have a step; leave one of them out"),
    ):
        if wrong:
            mistakes.append(Mistake(where + name, problem, raw.get(name[1:]) if name else None))
    whole = all(isinstance(v, int) for v in (low, high, step or 1))
    integer = whole and key.startswith(("model.", "training."))
    return Range(low, high, log, step, zero, integer) if len(mistakes) == before else None


def _check_values(key: str, values: Values, mistakes: list[Mistake]) -> None:
    """Names must exist and numbers must lie where the parameter makes sense."""
    where, base = f"search.space.{key}", key.rpartition(".")[0] or key
    name = key if key in PARAMETERS else base
    found = (values.low, values.high) if isinstance(values, Range) else values.values
    if isinstance(values, Range) and (name in NAMES or name in ("nesterov", "betas")):
        mistakes.append(Mistake(where, "cannot be a range; give a value or a list"))
    elif name in NAMES:
        for value in found:
            if value not in NAMES[name]:
                mistakes.append(Mistake(where, did_you_mean(value, list(NAMES[name])), value))
    elif name in LIMITS:
        for value in found:
            if not _within(value, *LIMITS[name]):
                mistakes.append(Mistake(where, f"must be {_limits_in_words(*LIMITS[name])}", value))
    elif name == "nesterov" and any(not isinstance(v, bool) for v in found):
        mistakes.append(Mistake(where, "must be true or false", list(found)))
    elif name == "betas" and any(not _is_beta_pair(v) for v in found):
        mistakes.append(Mistake(where, "must be pairs of numbers in [0, 1), like [0.9, 0.999]", list(found)))


def _check_key(key: str, space: Space, mistakes: list[Mistake]) -> None:
    where = f"search.space.{key}"
    if key.startswith("model."):
        return  # the model function's signature decides, see check.py
    if key.startswith("training."):
        name = key.removeprefix("training.")
        if name not in SEARCHABLE_TRAINING:
            hint = did_you_mean(name, sorted(SEARCHABLE_TRAINING))
            mistakes.append(Mistake(where, f"no [training] key that can be searched; {hint}"))
        return
    base = space.base(key)
    if base not in PARAMETERS:
        head, _, tail = key.rpartition(".")
        if head in PARAMETERS:
            what = f"no optimizer of this space is called {tail!r}"
            mistakes.append(Mistake(where, f"{what}; {did_you_mean(tail, list(space.accepted))}"))
        else:
            allowed = [*PARAMETERS, "model.*", "training.*"]
            mistakes.append(Mistake(where, f"unknown parameter; {did_you_mean(key, allowed)}"))
    elif base in space.optimizer_options and not any(base in options for options in space.accepted.values()):
        takers = [name for name, optimizer in OPTIMIZERS.items() if base in optimizer.options]
        mistakes.append(
            Mistake(where, f"no optimizer of this space takes it; these do: {', '.join(takers)}")
        )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")


def _is_beta_pair(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and all(_is_number(v) and 0 <= v < 1 for v in value)


def _within(value: Any, low: float, high: float, with_low: bool, with_high: bool) -> bool:
    if not _is_number(value):
        return False
    return (low < value or (with_low and value == low)) and (value < high or (with_high and value == high))


def _limits_in_words(low: float, high: float, with_low: bool, with_high: bool) -> str:
    lower = f"{'at least' if with_low else 'above'} {low:g}"
    if high == float("inf"):
        return f"a number {lower}"
    return f"a number {lower} and {'at most' if with_high else 'below'} {high:g}"
