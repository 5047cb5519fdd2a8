"""A JSON Schema of study files, for editors: keys and types from the sections, names from the components.

It is what an editor can know: names exist, values have their type, numbers lie in their range. Whether keys
fit each other and functions take them is checked by `Study` alone, so every study that `Study` takes fits the
schema, and not the other way round.
"""

import typing
from collections.abc import Iterable
from typing import Any

from pydantic.fields import FieldInfo

from sweeper.components.initializers import INITIALIZERS
from sweeper.components.inner_loss import STEP
from sweeper.components.losses import LOSSES
from sweeper.components.models import MODELS
from sweeper.components.schedules import SCHEDULES
from sweeper.data.files import ENDINGS
from sweeper.data.sources import DATASETS
from sweeper.study.explain import SECTIONS
from sweeper.study.parameters import LIMITS, NAMES, PAIRS, PARAMETERS, SWITCHES

DIALECT = "https://json-schema.org/draft/2020-12/schema"
FUNCTION = "^[^:]+:[^:]+$"
"""``package.module:function``"""
BOUNDS = {
    "ge": "minimum",
    "gt": "exclusiveMinimum",
    "le": "maximum",
    "lt": "exclusiveMaximum",
    "pattern": "pattern",
}
"""What pydantic notes of a field -> JSON Schema's word."""
TYPES: dict[Any, str] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    dict: "object",
    tuple: "array",
}
Schema = dict[str, Any]


def study_schema() -> Schema:
    """The schema of a study file, draft 2020-12."""
    properties = {name: _section(name) for name in SECTIONS}
    properties["search"]["properties"]["space"] = _space()
    top = {"name": {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"}, "question": {"type": "string"}}
    return {
        "$schema": DIALECT,
        "title": "A study of sweeper",
        "description": "One question about one model and one data set, and how to search for the answer.",
        "type": "object",
        "required": ["name"],
        "properties": {**top, **properties},
        "additionalProperties": False,
    }


def _section(name: str) -> Schema:
    """One ``[section]``: the types that its class declares, and names where it takes names."""
    section = SECTIONS[name]
    fields = {field.alias or key: key for key, field in section.model_fields.items()}
    known = {alias: _key(name, alias, section.model_fields[key]) for alias, key in fields.items()}
    about = (section.__doc__ or "").split("\n")[0].strip()
    is_open = section.model_config.get("extra") == "allow"
    return {"type": "object", "description": about, "properties": known, "additionalProperties": is_open}


def _key(section: str, key: str, field: FieldInfo) -> Schema:
    named = {
        "data.source": _named(DATASETS, "(/|" + "|".join(f"\\{ending}" for ending in ENDINGS) + ")$"),
        "model.source": _named(MODELS),
        "model.init": {"enum": ["auto", *INITIALIZERS]},
        "training.loss": _named([*LOSSES, STEP]),
        "training.schedule": {"enum": list(SCHEDULES)},
        "training.batch_size": {"anyOf": [{"type": "integer", "minimum": 1}, {"const": "full"}]},
    }
    return named.get(f"{section}.{key}") or {**_type(field.annotation), **_bounds(field.metadata)}


def _named(registry: Iterable[str], further: str = "") -> Schema:
    """A name of the registry, a function, or what matches `further`."""
    patterns = [{"type": "string", "pattern": each} for each in (FUNCTION, further) if each]
    return {"anyOf": [{"enum": list(registry)}, *patterns]}


def _type(annotation: Any) -> Schema:
    """What JSON Schema calls a type of Python; anything where it has no name for it."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return {**_type(arguments[0]), **_bounds(arguments[1:])}
    if origin is typing.Literal:
        return {"enum": list(arguments)}
    if isinstance(annotation, type):
        return {"type": TYPES[annotation]} if annotation in TYPES else {}
    if origin in (tuple, list):
        return {"type": "array"}
    if origin is dict:
        return {"type": "object"}
    alternatives = [_type(each) for each in arguments if each is not type(None)]
    if not alternatives or {} in alternatives:
        return {}
    return alternatives[0] if len(alternatives) == 1 else {"anyOf": alternatives}


def _bounds(metadata: Iterable[Any]) -> Schema:
    """The limits that a declaration carries beside its type."""
    bounds: Schema = {}
    for each in metadata:
        bounds |= _bounds(each.metadata) if isinstance(each, FieldInfo) else {}
        bounds |= {word: getattr(each, name) for name, word in BOUNDS.items() if hasattr(each, name)}
    return {word: value for word, value in bounds.items() if value is not None}


def _space() -> Schema:
    """``[search.space]``: each parameter, also by optimizer (``learning_rate.sgd``), and ``model.*``."""
    known = {name: _values(name) for name in PARAMETERS}
    return {
        "type": "object",
        "description": "A value is fixed, a list is a choice, a table is a range.",
        "properties": {**known, "model": {}, "training": {}},
        "patternProperties": {
            r"^(model|training)\.": {},
            **{rf"^{name}\.": _values(name) for name in PARAMETERS if name != "optimizer"},
        },
        "additionalProperties": False,
    }


def _values(name: str) -> Schema:
    """A value, a list of them, and of numbers a range; a table may also hold a key for each optimizer."""
    one = _value(name)
    choices = [one, {"type": "array", "items": one, "minItems": 1}]
    return {"anyOf": [*choices, _range() if name in LIMITS else {"type": "object"}]}


def _value(name: str) -> Schema:
    if name in NAMES:
        own = [{"type": "string", "pattern": FUNCTION}] if name == "activation" else []
        return {"anyOf": [{"enum": list(NAMES[name])}, *own]}
    if name in SWITCHES:
        return {"type": "boolean"}
    if name in PAIRS:
        return {"anyOf": [{"type": "array", "items": {"type": "number"}}, {"type": "number"}]}
    low, high, with_low, with_high = LIMITS[name]
    most: Schema = {} if high == float("inf") else {"maximum" if with_high else "exclusiveMaximum": high}
    return {"type": "number", "minimum" if with_low else "exclusiveMinimum": low, **most}


def _range() -> Schema:
    numbers = ("low", "high", "step", "zero", "prior")
    keys: Schema = {name: {"type": "number"} for name in numbers} | {"log": {"type": "boolean"}}
    return {"type": "object", "properties": keys}
