"""``--set key=value``: any key of a study file, changed after it was read."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from sweeper.components.optimizers import OPTIMIZERS
from sweeper.errors import UserError, shown
from sweeper.study.expect import CHECKS
from sweeper.study.limits import beyond_limits
from sweeper.study.parse_space import RANGE_KEYS, flatten
from sweeper.study.rates import default_range

PLAIN = re.compile(r"""[^.\s"'=]+""")
"""A part of a key that needs no quotes."""
KEY_PART = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([^.\s"']+))\s*(?:\.|$)""")


def dotted(raw: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A study's dotted keys -> values; ranges stay whole."""
    flat: dict[str, Any] = {}
    for key, value in raw.items():
        is_range = prefix.startswith("search.space") and isinstance(value, Mapping) and "low" in value
        nested = isinstance(value, Mapping) and not is_range
        part = key if prefix.startswith("search.space") or PLAIN.fullmatch(key) else _quoted(key)
        flat |= dotted(value, f"{prefix}{part}.") if nested else {f"{prefix}{part}": value}
    return flat


def _quoted(key: str) -> str:
    return f"'{key}'" if '"' in key else f'"{key}"'


def apply(raw: dict[str, Any], assignments: Sequence[str]) -> None:
    """Apply ``key=value`` strings to a study read from TOML, in their order.

    A value is TOML; bare words are strings. What is given here is meant: a fixed [model] or [training]
    key is no longer searched, and keys for an optimizer that was taken out of the space go with it. So does
    an expectation about other data, another model or values that the space has no longer.

    Raises:
        UserError: if one is not of the form key=value, or its value is no TOML.
    """
    given = [_override(raw, assignment) for assignment in assignments]
    if "search.space.optimizer" in given:
        _drop_orphans(raw, given)
    _drop_expectation(raw, given)


def _override(raw: dict[str, Any], assignment: str) -> str:
    """Apply one; returns its key."""
    text_key, equals, text = assignment.partition("=")
    parts = _parts(text_key)
    if not equals or not parts:
        raise UserError(f"--set {shown(assignment)}: must be key=value, for example --set search.trials=40")
    value = _value(assignment, text.strip())
    nested = value
    for part in reversed(parts):
        nested = {part: nested}
    if beyond := beyond_limits(nested):
        raise UserError(f"--set {shown(assignment)}: {beyond[0].problem}")
    if parts[:2] == ["search", "space"]:
        _flatten_space(raw)
        if len(parts) > 2:
            parts = ["search", "space", *_space_path(_space(raw), ".".join(parts[2:]))]
    if parts in (["data"], ["model"]) and isinstance(value, str) and isinstance(raw.get(parts[0]), dict):
        parts.append("source")  # the short form; the other keys of the section stay
    target = raw
    for part in parts[:-1]:
        target = target.setdefault(part, {})
        if not isinstance(target, dict):
            raise UserError(f"--set {shown(assignment)}: {part} is a value, not a section")
    target[parts[-1]] = value
    if parts[0] in ("model", "training") and len(parts) == 2:
        _stop_searching(raw, parts[0], parts[1])
    return ".".join(parts)


def _parts(key: str) -> list[str]:
    """``a."b.c"`` -> ``["a", "b.c"]``; empty if it is no key."""
    parts, position = [], 0
    while position < len(key):
        match = KEY_PART.match(key, position)
        if match is None or match.end() == position:
            return []
        parts.append(next(part for part in match.groups() if part is not None))
        position = match.end()
    return [] if key.rstrip().endswith(".") else parts


def _value(assignment: str, text: str) -> Any:
    try:
        parsed = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        if text[:1] in ("[", "{", '"', "'"):
            raise UserError(
                f"--set {shown(assignment)}: {text} is no TOML value; words in lists need quotes"
            ) from None
        return text
    except (ValueError, RecursionError):  # thousands of digits, or of brackets
        raise UserError(f"--set {shown(assignment)}: too long a number, or too deeply nested") from None
    return parsed["value"] if len(parsed) == 1 else text


def _space(raw: dict[str, Any]) -> dict[str, Any]:
    """The space as read, made if it is not there; an empty one where a mistake stands in its place."""
    search = raw.setdefault("search", {})
    space = search.setdefault("space", {}) if isinstance(search, dict) else {}
    return space if isinstance(space, dict) else {}


def _flatten_space(raw: dict[str, Any]) -> None:
    """Nested tables as dotted keys, so that an override finds them; left alone where a key is there twice."""
    space = _space(raw)
    flat = list(flatten(space))
    if len(flat) == len(dict(flat)):
        space.clear()
        space.update(flat)


def _space_path(space: dict[str, Any], key: str) -> list[str]:
    """``learning_rate.low`` reaches into the range; any other dotted key is one key of the space."""
    head, _, tail = key.rpartition(".")
    if tail not in RANGE_KEYS or head in ("", "model", "training"):
        return [key]
    if not isinstance(space.setdefault(head, default_range(space, head)), dict):
        space[head] = {}  # a fixed value becomes a range
    return [head, tail]


def _stop_searching(raw: dict[str, Any], section: str, key: str) -> None:
    """A value given for all is not searched any more; of epochs and steps the one given last is meant."""
    length = ("epochs", "steps")
    gone = length if section == "training" and key in length else (key,)
    _flatten_space(raw)
    for name in gone:
        _space(raw).pop(f"{section}.{name}", None)
        if name != key:
            raw[section].pop(name, None)
    if (section, key) == ("training", "schedule"):
        _space(raw).pop("schedule", None)


def _drop_orphans(raw: dict[str, Any], given: list[str]) -> None:
    """Take out ``learning_rate.adam`` where adam was overridden away, unless it was given by hand."""
    space = _space(raw)
    left = space["optimizer"] if isinstance(space["optimizer"], list) else [space["optimizer"]]
    for key in list(space):
        head, _, tail = key.rpartition(".")
        is_of_optimizer = head not in ("", "model", "training") and tail in OPTIMIZERS
        if is_of_optimizer and tail not in left and f"search.space.{key}" not in given:
            del space[key]


def _drop_expectation(raw: dict[str, Any], given: list[str]) -> None:
    """Take out what was expected of the study as the file has it, unless it was given by hand."""
    expect = raw.get("expect")
    changed = [key for key in given if key.split(".")[0] in ("data", "model", "training", "search")]
    if not isinstance(expect, dict) or not changed or any(key.startswith("expect") for key in given):
        return
    _flatten_space(raw)
    name = expect.get("parameter", getattr(CHECKS.get(str(expect.get("check"))), "parameter", None))
    listed = _space(raw).get(str(name)) if name is not None else None
    listed = listed if isinstance(listed, list) else [listed]
    asked = [name] if listed == [None] else [expect[key] for key in ("value", "than") if key in expect]
    gone = name is not None and any(value not in listed for value in asked)
    if gone or {"data", "data.source", "model", "model.source"} & set(changed):
        del raw["expect"]
