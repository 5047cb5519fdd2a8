"""What pydantic found wrong with a study, as `Mistake`s in the study file's terms."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from sweeper.errors import Mistake, did_you_mean
from sweeper.study.expect import ExpectSection
from sweeper.study.sections import (
    ConfirmSection,
    DataSection,
    ModelSection,
    SearchSection,
    Section,
    TrainingSection,
)
from sweeper.wording import given

SECTIONS: dict[str, type[Section]] = {
    "data": DataSection,
    "model": ModelSection,
    "training": TrainingSection,
    "search": SearchSection,
    "confirm": ConfirmSection,
    "expect": ExpectSection,
}


@dataclass(frozen=True)
class Sections:
    """Those of a study; ``None`` where one cannot be read."""

    data: DataSection | None
    model: ModelSection | None
    training: TrainingSection | None
    search: SearchSection | None
    confirm: ConfirmSection | None
    expect: ExpectSection | None


PLAIN = {
    "string_type": "must be text",
    "string_unicode": "must be Unicode text",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false",
    "tuple_type": "must be a list",
    "dict_type": "must be a section, or a table in braces",
    "model_type": "must be a section",
    "missing": "missing; a study needs it",
}
"""Kind of a pydantic error -> what is allowed."""
BOUNDS = {
    "greater_than": ("gt", "must be above"),
    "greater_than_equal": ("ge", "must be at least"),
    "less_than": ("lt", "must be below"),
    "less_than_equal": ("le", "must be at most"),
}
PATTERNS = {
    "name": "letters, digits, - and _ only",
    "training.device": "allowed: auto, cpu, cuda, cuda:0 …, mps",
}


def keys_of(section: type[Section]) -> list[str]:
    """The keys of a section, as a study file writes them."""
    return [field.alias or name for name, field in section.model_fields.items()]


def read_sections(given: Mapping[str, Any], mistakes: list[Mistake]) -> Sections:
    """All sections; keys that are wrong are left out, and `mistakes` grows by one for each."""
    read: dict[str, Any] = {name: read_section(name, given.get(name, {}), mistakes) for name in SECTIONS}
    return Sections(**read)


def read_section(name: str, given: Any, mistakes: list[Mistake]) -> Section | None:
    """The section called `name`, as `read_sections` does."""
    section = SECTIONS[name]
    while not isinstance(given, section):
        try:
            return section.model_validate(given)
        except ValidationError as error:
            errors = error.errors()
        mistakes += [_mistake((name, *one["loc"]), one) for one in errors]
        wrong = {one["loc"][0] if one["loc"] else "steps" for one in errors}  # epochs and steps: one may stay
        if not isinstance(given, Mapping) or not wrong & set(given):
            return None
        given = {key: value for key, value in given.items() if key not in wrong}
    return given


def explain(error: ValidationError) -> list[Mistake]:
    """The mistakes outside of sections."""
    return [
        _mistake(one["loc"], one) for one in error.errors() if not one["loc"] or one["loc"][0] not in SECTIONS
    ]


def _mistake(loc: tuple[int | str, ...], error: Any) -> Mistake:
    key, error_type, value = ".".join(map(str, loc)), error["type"], error.get("input")
    shown = None if isinstance(value, Mapping) or error_type == "missing" else value
    if error_type == "extra_forbidden":
        return Mistake(key, _unknown(loc), shown)
    if error_type == "literal_error":
        allowed = [word.strip("' ") for word in error["ctx"]["expected"].replace(" or ", ", ").split(",")]
        return Mistake(key, did_you_mean(str(value), allowed), shown)
    if error_type == "string_pattern_mismatch":
        return Mistake(key, PATTERNS[key], shown)
    if error_type in BOUNDS:
        name, words = BOUNDS[error_type]
        bound = error["ctx"][name]
        return Mistake(
            key, f"{words} {given(bound)}" if isinstance(bound, float) else f"{words} {bound}", shown
        )
    if error_type == "model_type" and key in ("data", "model"):
        return Mistake(
            key, "must be a section, a name, package.module:function or in Python a function", shown
        )
    problem = PLAIN.get(error_type) or error["msg"].removeprefix("Value error, ")
    return Mistake(key or "study", problem, shown)


def _unknown(loc: tuple[int | str, ...]) -> str:
    """An unknown key: where it belongs, or what it may have been meant for."""
    # loaded late: torch takes seconds
    from sweeper.study.parameters import PARAMETERS

    key = str(loc[-1])
    if len(loc) == 1:
        return f"unknown key; {did_you_mean(key, ['name', 'question', *SECTIONS])}"
    if key in PARAMETERS:
        return f"unknown key; it belongs to [search.space]: search.space.{key}"
    return f"unknown key; {did_you_mean(key, keys_of(SECTIONS[str(loc[0])]))}"
