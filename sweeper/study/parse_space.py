"""``[search.space]`` as written -> `Space`, with every mistake in it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

from sweeper.components.optimizers import DEFAULT, OPTIMIZER_OPTIONS, OPTIMIZERS
from sweeper.components.optimizers.option import Numbers, is_number
from sweeper.errors import Mistake, did_you_mean, shown
from sweeper.study.check_parameters import check_key, check_values
from sweeper.study.frozen import frozen, thawed
from sweeper.study.parameters import ALLOWED, PARAMETERS, SCHEDULE_KEYS
from sweeper.study.space import Choice, Fixed, Range, Space, Values, holds
from sweeper.suggestions import suggestion

RANGE_KEYS = {"low", "high", "log", "step", "zero", "prior"}
DEFAULTS: dict[str, Any] = {
    "optimizer": DEFAULT,
    "learning_rate": {"low": 1e-4, "high": 1.0, "log": True},
}
"""What a space without these means. `Study` writes learning rates into every new study (`study.rates`); this
range is what runs of earlier releases searched, which did not say so."""


def parse_space(raw: Mapping[str, Any], mistakes: list[Mistake]) -> Space:
    """The space of a study; `mistakes` grows by one entry per wrong key or value."""
    written: dict[str, Any] = {}
    for key, value in flatten(raw):
        if key in written:
            mistakes.append(
                Mistake(f"search.space.{key}", "given twice, quoted and as a table; leave one out")
            )
        written[key] = value
    parsed = {key: _parse_values(key, value, mistakes) for key, value in {**DEFAULTS, **written}.items()}
    entries = {key: values for key, values in parsed.items() if values is not None}
    space = Space(entries, _accepted(entries), frozenset(OPTIMIZER_OPTIONS))
    for key in written:
        check_key(key, space, mistakes)
    for key, values in entries.items():
        check_values(key, space.base(key), values, mistakes)
    _check_doubles(space, mistakes)
    return space


def _accepted(entries: Mapping[str, Values]) -> dict[str, frozenset[str]]:
    """Options that each optimizer of the space takes; while one of them is misspelt it may be any."""
    named = entries["optimizer"].values if "optimizer" in entries else None
    if named is None or not all(isinstance(name, str) and name in OPTIMIZERS for name in named):
        named = tuple(OPTIMIZERS)
    return {name: frozenset(OPTIMIZERS[name].options) for name in named}


def wrong_parameters(mistakes: Iterable[Mistake]) -> set[str]:
    """Names in ``[search.space]`` that something is wrong with: other complaints may follow from it."""
    wrong: set[str] = set()
    for mistake in mistakes:
        parts = mistake.key.split(".")
        if parts[:2] == ["search", "space"]:
            wrong |= {".".join(parts[2:end]) for end in range(3, len(parts) + 1)}
    return wrong | {suggestion(name, PARAMETERS) for name in wrong}


def flatten(raw: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Undo TOML's nesting of unquoted dotted keys: ``model.depth = …`` -> ``("model.depth", …)``."""
    for key, value in raw.items():
        nested = (
            [inner for inner in value if _is_nested(key, inner, value)] if isinstance(value, Mapping) else []
        )
        for inner, leaf in flatten({inner: value[inner] for inner in nested}):
            yield f"{key}.{inner}", leaf
        if not nested or len(nested) < len(value):
            yield key, {k: v for k, v in value.items() if k not in nested} if nested else value


def _is_nested(key: str, inner: str, table: Mapping[str, Any]) -> bool:
    """Whether `inner` continues the dotted key, rather than being a key of a range."""
    if key in ("model", "training"):  # no parameters themselves: an argument may be called `low`
        return True
    return inner not in RANGE_KEYS and (inner in OPTIMIZERS or isinstance(table[inner], Mapping))


def _why_not_plain(value: Any) -> str:
    code = [each for each in (value if isinstance(value, list | tuple) else [value]) if callable(each)]
    if code:
        name = getattr(code[0], "__name__", type(code[0]).__name__)
        return f"write classes and functions by name, as in 'my_module:{name}' for one of a file my_module.py"
    return "values must be finite numbers, words, true, false or lists of them"


def _parse_values(key: str, value: Any, mistakes: list[Mistake]) -> Values | None:
    where = f"search.space.{key}"
    if isinstance(value, Mapping):
        return _parse_range(key, value, mistakes)
    if not _is_plain(value):
        mistakes.append(Mistake(where, _why_not_plain(value), thawed(value)))
        return None
    if not isinstance(value, list | tuple):
        return Fixed(value)
    allowed = ALLOWED.get(key.split(".")[0])
    if isinstance(allowed, Numbers) and len(value) == len(allowed.example) and all(map(is_number, value)):
        return Fixed(tuple(value))
    if not value:
        mistakes.append(Mistake(where, "an empty list; give at least one value"))
        return None
    options = frozen(value)
    times = Counter((type(option) is bool, option) for option in options)  # true is no 1
    if twice := [option for (_, option), often in times.items() if often > 1]:
        mistakes.append(Mistake(where, f"{shown(twice[0])} is listed twice", value))
    distinct = tuple(option for _, option in times)
    return Choice(distinct) if len(distinct) > 1 else Fixed(distinct[0])


def _parse_range(key: str, raw: Mapping[str, Any], mistakes: list[Mistake]) -> Range | None:
    """A range with what is right of it; ``None`` where its ends do not make one."""
    where, before = f"search.space.{key}", len(mistakes)
    for unknown in sorted(set(raw) - RANGE_KEYS):
        hint = did_you_mean(unknown, ["low", "high", "log", "step", "zero", "prior"])
        mistakes.append(Mistake(f"{where}.{unknown}", f"unknown key of a range; {hint}", raw[unknown]))
    for name in ("low", "high"):
        if name not in raw:
            mistakes.append(Mistake(f"{where}.{name}", "missing; a range has low and high"))
    for name in ("low", "high", "step", "zero", "prior"):
        if name in raw and not is_number(raw[name]):
            mistakes.append(Mistake(f"{where}.{name}", "must be a finite number", raw[name]))
    if not isinstance(raw.get("log", False), bool):
        mistakes.append(Mistake(f"{where}.log", "must be true or false", raw["log"]))
    if len(mistakes) > before:
        return None
    low, high, step, log = raw["low"], raw["high"], raw.get("step"), raw.get("log", False)
    zero, broken = float(raw.get("zero", 0.0)), set[str]()
    for wrong, name, problem in (
        (not low < high, "", f"an empty range: low must be below high (low = {low}, high = {high})"),
        (log and low <= 0, ".low", f"must be above 0 on a log scale (low = {low})"),
        (not 0 <= zero < 1, ".zero", "a share of trials, from 0 up to but not including 1"),
        (step is not None and step <= 0, ".step", "must be above 0"),
        (_too_many(low, high, step), ".step", "too small: more than 2^53 values between low and high"),
        (
            step is not None and low < high and _is_wider(step, low, high),
            ".step",
            "must be at most high - low",
        ),
        (step is not None and log, ".step", "a log range cannot have a step; leave one of them out"),
    ):
        if wrong:
            mistakes.append(Mistake(where + name, problem, raw.get(name[1:]) if name else None))
            broken.add(name)
    if broken & {"", ".low"}:
        return None
    zero, step = 0.0 if ".zero" in broken else zero, None if ".step" in broken else step
    integer = key.startswith(("model.", "training.")) and all(
        isinstance(v, int) for v in (low, high, step or 1)
    )
    parsed = Range(low, _last(low, high, step) if step else high, log, step, zero, integer)
    return _with_prior(parsed, raw.get("prior"), where, mistakes)


def _with_prior(parsed: Range, prior: float | None, where: str, mistakes: list[Mistake]) -> Range:
    if prior is None or holds(replace(parsed, zero=0.0), prior):
        return replace(parsed, prior=prior)
    allowed = f"must be a value of the range: from {parsed.low} to {parsed.high}"
    steps = f" in steps of {parsed.step}" if parsed.step else ", a whole number" * parsed.integer
    mistakes.append(Mistake(f"{where}.prior", allowed + steps, prior))
    return parsed


def _last(low: float, high: float, step: float) -> float:
    """The largest ``low + k * step`` up to `high`, in decimals, as people count."""
    first, end, by = (Fraction(str(value)) for value in (low, high, step))
    last = first + (end - first) // by * by
    return type(high)(last) if last.denominator == 1 else float(last)


def _is_wider(step: float, low: float, high: float) -> bool:
    """Whether the step leads beyond the range, in decimals."""
    return Fraction(str(high)) - Fraction(str(low)) < Fraction(str(step))


def _too_many(low: float, high: float, step: float | None) -> bool:
    """Whether numbers cannot count the values."""
    return bool(step and step > 0 and (Fraction(high) - Fraction(low)) / Fraction(step) > 2**53)


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return isinstance(value, str | bool) or is_number(value)


def _check_doubles(space: Space, mistakes: list[Mistake]) -> None:
    """Two keys that say the same thing."""
    for one, other in (("training.epochs", "training.steps"), SCHEDULE_KEYS):
        if one in space.parameters and other in space.parameters:
            mistakes.append(Mistake(f"search.space.{other}", f"{one} is in the space too; leave one out"))
