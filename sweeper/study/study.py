"""`Study`: everything a user asks, frozen and validated before anything runs."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import ConfigDict, Field, PrivateAttr, ValidationError, model_validator

from sweeper.errors import Mistake, StudyError, did_you_mean
from sweeper.study.sections import (
    ConfirmSection,
    DataSection,
    ModelSection,
    SearchSection,
    Section,
    TrainingSection,
)
from sweeper.study.space import Space

SECTIONS = {
    "data": DataSection,
    "model": ModelSection,
    "training": TrainingSection,
    "search": SearchSection,
    "confirm": ConfirmSection,
}


class Study(Section):
    """One question about one model and one data set, and how to search for the answer.

    Sections may be given as mappings; `data` and `model` also as a name, a path or a function::

        Study(name="mine", model=my_model, data=my_data, search={"trials": 40})

    Raises:
        StudyError: with every mistake at once, each with its key, value and what is allowed.
    """

    model_config = ConfigDict(ignored_types=(cached_property,))

    name: str = Field(pattern=r"^[A-Za-z0-9_-]+$")
    question: str = ""
    data: DataSection = DataSection()
    model: ModelSection = ModelSection()
    training: TrainingSection = TrainingSection()
    search: SearchSection = SearchSection()
    confirm: ConfirmSection = ConfirmSection()
    _folder: Path | None = PrivateAttr(default=None)

    def __init__(
        self, *, file: str = "study", folder: Path | None = None, trusted: bool = False, **values: Any
    ) -> None:
        """`file` is named in messages; `trusted` skips the look-up of names (a run that was validated before)."""
        mistakes: list[Mistake] = []
        try:
            super().__init__(**values)
        except ValidationError as error:
            mistakes = [_mistake(one, values) for one in error.errors()]
        if not trusted:
            # Sections that are sound are checked even when others are not: all mistakes come at once.
            from sweeper.study.check import check

            mistakes += check({name: _sound(name, values) for name in SECTIONS}, folder)
        if mistakes:
            raise StudyError(file, mistakes)
        self._folder = folder

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, values: Any) -> Any:
        """``model=function`` and ``data="file.csv"`` stand for ``{"source": …}``."""
        return {k: short_form(k, v) for k, v in values.items()} if isinstance(values, Mapping) else values

    @property
    def folder(self) -> Path | None:
        """Folder of the study file; modules and data files are looked up there first."""
        return self._folder

    @cached_property
    def space(self) -> Space:
        """The parsed ``[search.space]``."""
        from sweeper.study.parse_space import parse_space

        return parse_space(self.search.space, [])

    @classmethod
    def load(cls, path: str | Path, overrides: tuple[str, ...] = ()) -> "Study":
        """Read a study file, or a built-in study by its name; `overrides` are ``key=value`` strings."""
        from sweeper.study.load import load

        return load(path, overrides)

    def to_dict(self) -> dict[str, Any]:
        """The study as plain values, defaults filled in; functions as ``package.module:function``."""
        raw = self.model_dump(exclude_none=True)
        return {key: _plain(value) for key, value in raw.items()}

    def to_toml(self) -> str:
        """The study file that loads as this study."""
        return tomli_w.dumps(self.to_dict())


def short_form(key: str, value: Any) -> Any:
    """A bare source of ``data`` or ``model`` as a section."""
    return {"source": value} if key in ("data", "model") and (isinstance(value, str) or callable(value)) else value


def _sound(name: str, values: Mapping[str, Any]) -> Any:
    """The section if it validates on its own, else ``None``."""
    given = short_form(name, values.get(name, {}))
    if isinstance(given, SECTIONS[name]):
        return given
    try:
        return SECTIONS[name].model_validate(given)
    except ValidationError:
        return None


def _mistake(error: Any, values: Mapping[str, Any]) -> Mistake:
    """A pydantic error as a `Mistake` in the study file's terms."""
    loc = [part for part in error["loc"] if not str(part).startswith(("function-", "constrained-", "literal["))]
    loc = [part for part in loc if part not in ("str", "int", "float", "callable", "json-or-python")]
    key, kind, value = ".".join(map(str, loc)), error["type"], error.get("input")
    if kind == "extra_forbidden":
        section = SECTIONS.get(str(loc[0])) if len(loc) > 1 else Study
        assert section is not None
        return Mistake(key, f"unknown key; {did_you_mean(str(loc[-1]), list(section.model_fields))}", value)
    if kind == "missing":
        return Mistake(key, "missing; a study needs it")
    if kind == "literal_error":
        allowed = [word.strip("' ") for word in error["ctx"]["expected"].replace(" or ", ", ").split(",")]
        return Mistake(key, did_you_mean(str(value), allowed), value)
    if kind == "string_pattern_mismatch" and key == "name":
        return Mistake(key, "letters, digits, - and _ only", value)
    if kind == "string_pattern_mismatch":
        return Mistake(key, "allowed: auto, cpu, cuda, cuda:0 …, mps", value)
    message = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return Mistake(key or "study", message, None if isinstance(value, Mapping) else value)


def _plain(value: Any) -> Any:
    """TOML has no tuples, no null and no functions."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items() if v is not None}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if callable(value):
        return f"{value.__module__}:{value.__qualname__}"
    return value
