"""A JSON Schema of study files, for editors: keys and types from the sections, names from the components.

It is what an editor can know: names exist, values have their type, numbers lie in their range. Whether keys
fit each other and functions take them is checked by `Study` alone, so every study that `Study` takes fits the
schema, and not the other way round.
"""

import math
import typing
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic.fields import FieldInfo

from sweeper.components.activations import ACTIVATIONS
from sweeper.components.initializers import INITIALIZERS
from sweeper.components.inner_loss import STEP
from sweeper.components.losses import LOSSES
from sweeper.components.metrics import TOP
from sweeper.components.metrics import names as metric_names
from sweeper.components.models import MODELS
from sweeper.components.optimizers.option import Number, Numbers, Switch
from sweeper.components.param_groups import PARAM_GROUPS
from sweeper.components.schedules import SCHEDULES
from sweeper.data.files import ENDINGS
from sweeper.data.images import LIMITS as LIMITS_OF_IMAGES
from sweeper.data.sources import DATASETS
from sweeper.study.arguments import SUPPLIED, signature
from sweeper.study.data_keys import MOST_CLASSES
from sweeper.study.expect import CHECKS
from sweeper.study.explain import SECTIONS
from sweeper.study.parameters import ALLOWED, NAMES, PARAMETERS, SEARCHABLE_TRAINING
from sweeper.study.sections import DataSection, ModelSection

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
OF_FILES = "({})$".format(
    "|".join("".join(f"[{c}{c.upper()}]" if c.isalpha() else f"\\{c}" for c in ending) for ending in ENDINGS)
)
COLUMN: Schema = {"type": "string"}
NAMES_OF_COLUMNS: Schema = {"type": "array", "items": COLUMN}
TABLE_KEYS: Schema = {
    "columns": {"type": "object", "additionalProperties": {"type": "string"}},
    "drop": NAMES_OF_COLUMNS,
    "stratify": {"type": ["string", "boolean"]},
    "group": COLUMN,
    "time": COLUMN,
    "classes": {"type": "integer", "minimum": 2, "maximum": MOST_CLASSES},
}
"""Keys of ``[data]`` that a data function may take for itself, with other types."""
EXPECTED = ("finding", "source", "check")
"""Keys of ``[expect]`` that go together."""


def study_schema() -> Schema:
    """The schema of a study file, draft 2020-12."""
    properties = {name: _section(name) for name in SECTIONS}
    properties["search"]["properties"]["space"] = _space()
    fields = [field.alias or key for key, field in DataSection.model_fields.items()]
    properties["data"]["allOf"] = [*_by_name("data", DATASETS, fields, "digits"), *_files(fields)]
    properties["model"]["allOf"] = _by_name("model", MODELS, list(ModelSection.model_fields), "mlp")
    for section in (properties["data"], properties["model"]):  # a bare source stands for its section
        section["type"] = ["object", "string"]
        section["allOf"].append({"if": {"type": "string"}, "then": section["properties"]["source"]})
    properties["expect"]["dependentRequired"] = {key: list(EXPECTED) for key in EXPECTED}
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
        "data.source": _named(DATASETS, f"[/\\\\]$|{OF_FILES}"),
        "model.source": _named(MODELS),
        "model.init": {"enum": ["auto", *INITIALIZERS]},
        "training.loss": _named([*LOSSES, STEP]),
        "training.schedule": {"enum": list(SCHEDULES)},
        "training.metrics": {"type": "array", "items": _named(metric_names(), f"^{TOP.pattern}$")},
        "training.param_groups": _named(PARAM_GROUPS),
        "training.class_weight": {
            "anyOf": [{"const": "balanced"}, _list({"type": "number", "minimum": 0}, 2)]
        },
        "data.split": {**_list({"type": "number", "minimum": 0, "maximum": 1}, 3), "maxItems": 3},
        "data.target": {"anyOf": [COLUMN, _list(COLUMN, 1)]},
        "search.allow_activations": {"type": "array", "items": {"enum": list(ACTIVATIONS)}},
        "search.objective": {"type": "string", "pattern": "^(validation|train)_."},
        "search.try": {"type": "array", "items": {"type": "object"}},
        "expect.check": {"enum": list(CHECKS)},
        "training.batch_size": {"anyOf": [{"type": "integer", "minimum": 1}, {"const": "full"}]},
    }
    return named.get(f"{section}.{key}") or {**_type(field.annotation), **_bounds(field.metadata)}


def _by_name(section: str, registry: Mapping[str, Any], fields: list[str], default: str) -> list[Schema]:
    """For each built-in source: its arguments and their types, and no other keys."""
    rules = []
    for name, function in registry.items():
        hints = typing.get_type_hints(function)
        asked = {key: part for key, part in signature(function).items() if key not in SUPPLIED}
        typed = {key: _type(hints.get(key)) for key in asked}
        is_it: Schema = {"properties": {"source": {"const": name}}}
        is_it |= {} if name == default else {"required": ["source"]}
        then: Schema = {"properties": {**typed, **(TABLE_KEYS if section == "data" else {})}}
        if not any(part.kind is part.VAR_KEYWORD for part in asked.values()):
            then["propertyNames"] = {"enum": [*fields, *asked]}
        rules.append({"if": is_it, "then": then})
    return rules


def _files(fields: list[str]) -> list[Schema]:
    """For files, and folders of images: the keys that they take."""
    sizes: Schema = {
        key: {"type": "integer", "minimum": low, "maximum": high}
        for key, (low, high) in LIMITS_OF_IMAGES.items()
    }
    return [
        {
            "if": {"properties": {"source": {"type": "string", "pattern": pattern}}, "required": ["source"]},
            "then": {"properties": {**TABLE_KEYS, **more}, "propertyNames": {"enum": [*fields, *more]}},
        }
        for pattern, more in ((OF_FILES, {}), ("^[^:]*/$", sizes))
    ]


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
        item = _type(arguments[0]) if arguments else {}
        return {"type": "array", "items": item} if item else {"type": "array"}
    if origin is dict:
        return {"type": "object"}
    alternatives = [_type(each) for each in arguments if each is not type(None)]
    if not alternatives or {} in alternatives:
        return {}
    return alternatives[0] if len(alternatives) == 1 else {"anyOf": alternatives}


def _list(item: Schema, fewest: int) -> Schema:
    return {"type": "array", "items": item, "minItems": fewest}


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
        "properties": {**known, **{f"training.{key}": _searched(key) for key in SEARCHABLE_TRAINING}},
        "patternProperties": {
            r"^model\.": {},
            **{rf"^{name}\.": _values(name) for name in PARAMETERS if name != "optimizer"},
        },
        "additionalProperties": False,
    }


def _searched(key: str) -> Schema:
    """A key of ``[training]``: a value, a list of them, and of numbers a range."""
    one = _key("training", key, SECTIONS["training"].model_fields[key])
    choices: list[Schema] = [one, {"type": "array", "minItems": 1, "items": one}]
    return {"anyOf": [*choices, _range()]}


def _values(name: str) -> Schema:
    """A value, a list of them, and of numbers a range."""
    one = _value(name)
    choices = [one, {**_list(one, 1), "uniqueItems": True}]
    return {"anyOf": [*choices, *([_range()] if isinstance(ALLOWED.get(name), Number) else [])]}


def _value(name: str) -> Schema:
    if name in NAMES:
        own = [{"type": "string", "pattern": FUNCTION}] if name == "activation" else []
        return {"anyOf": [{"enum": list(NAMES[name])}, *own]}
    allowed = ALLOWED[name]
    if isinstance(allowed, Switch):
        return {"type": "boolean"}
    if isinstance(allowed, Numbers):
        count, each = len(allowed.example), Number(allowed.low, allowed.high)
        return {**_list(_number(each), count), "maxItems": count}
    return _number(allowed)


def _number(limits: Number) -> Schema:
    low = {"minimum" if limits.with_low else "exclusiveMinimum": limits.low}
    high = {"maximum" if limits.with_high else "exclusiveMaximum": limits.high}
    return {"type": "number", **low, **(high if limits.high < math.inf else {})}


def _range() -> Schema:
    numbers = ("low", "high", "step", "zero", "prior")
    keys: Schema = {name: {"type": "number"} for name in numbers} | {"log": {"type": "boolean"}}
    return {
        "type": "object",
        "properties": keys,
        "required": ["low", "high"],
        "additionalProperties": False,
    }
