"""`Study`: everything a user asks, frozen and validated before anything runs."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Required, TypedDict, Unpack

import tomli_w
from pydantic import ConfigDict, Field, PrivateAttr, ValidationError, model_validator

from sweeper.data.in_memory import InMemory, is_data
from sweeper.errors import Mistake, StudyError
from sweeper.study.expect import ExpectSection
from sweeper.study.explain import explain, read_sections
from sweeper.study.limits import beyond_limits
from sweeper.study.sections import (
    ConfirmSection,
    DataSection,
    ModelSection,
    SearchSection,
    Section,
    TrainingSection,
)
from sweeper.study.space import Space
from sweeper.trial import objective_name
from sweeper.user_code.calls import source_of
from sweeper.user_code.lookup import is_built_in

# loaded late: torch takes seconds


class Given(TypedDict, total=False):
    """What `Study` is made of, for type checkers; each section as a mapping too."""

    name: Required[str]
    question: str
    data: Any
    """Also a source alone, as with `model`: a name, a path, a function, data."""
    model: Any
    training: TrainingSection | Mapping[str, Any]
    search: SearchSection | Mapping[str, Any]
    confirm: ConfirmSection | Mapping[str, Any]
    expect: ExpectSection | Mapping[str, Any]


class Study(Section):
    """One question about one model and one data set, and how to search for the answer.

    Sections may be given as mappings; `data` and `model` also as a name, a path or a function, and `data` as
    the data themselves: a pair of arrays, a data set, a loader, or a dict of these by part::

        Study(name="mine", model=my_model, data=(X, y), search={"trials": 40})

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
    expect: ExpectSection = ExpectSection()
    _folder: Path | None = PrivateAttr(default=None)
    _places: dict[str, str] = PrivateAttr(default_factory=dict)

    def __init__(
        self,
        *,
        file: str = "study",
        folder: str | Path | None = None,
        trusted: bool = False,
        **values: Unpack[Given],
    ) -> None:
        """`file` is named in messages; `trusted`, of a run validated before, skips the look-up of names."""
        folder = None if folder is None else Path(folder)
        given: dict[str, Any] = {key: _short_form(key, value) for key, value in values.items()}
        if mistakes := beyond_limits(given):
            raise StudyError(file, mistakes)
        if not trusted:
            from sweeper.study.own_step import with_own_step
            from sweeper.study.rates import with_rates

            given = with_rates(with_own_step(given, folder))
        try:
            super().__init__(**given)
        except ValidationError as error:
            mistakes = explain(error)
        # Wrong keys are left out and all others checked, so that all mistakes come at once.
        sections = read_sections(given, mistakes)
        if not trusted:
            from sweeper.study.check import check, check_name

            mistakes += check_name(given.get("name")) + check(sections, folder)
        if mistakes:
            raise StudyError(file, _in_order(mistakes))
        self._folder = folder

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, values: Any) -> Any:
        """``model=function`` and ``data="file.csv"`` stand for ``{"source": …}``."""
        return {k: _short_form(k, v) for k, v in values.items()} if isinstance(values, Mapping) else values

    @property
    def folder(self) -> Path | None:
        """Folder of the study file; modules and data files are looked up there first."""
        return self._folder

    @property
    def places(self) -> Mapping[str, str]:
        """Folders of its runs and reports that commands have to name: ``{"runs": …, "reports": …}``."""
        return self._places

    def lies_in(self, runs: str | Path | None = None, reports: str | Path | None = None) -> None:
        """From now on commands name these folders, those that are not the usual ones."""
        for name, folder in (("runs", runs), ("reports", reports)):
            if folder is not None and Path(folder) != Path(name):
                self._places[name] = str(folder)
            elif folder is not None:
                self._places.pop(name, None)

    @property
    def objective(self) -> str:
        """What ranks trials, with its direction; see `sweeper.trial.objective_name`."""
        from sweeper.components.metrics import known_score

        name, asked = self.search.objective, self.search.maximize
        known = known_score(name.removeprefix("validation_"))
        implied = known is not None and known.maximize
        return objective_name(name, implied if asked is None else asked)

    @property
    def names_code(self) -> bool:
        """Whether any part, fixed or searched, is code of the user, given by name or as such."""
        named = [self.data.source, self.model.source, self.training.loss, *self.training.metrics]
        named.append(self.training.param_groups or "")
        for name in ("training.loss", "activation"):
            named += [value for value in self.space.listed(name) if value is not None]
        return any(not is_built_in(source) for source in named)

    @property
    def has_schedule(self) -> bool:
        """Whether learning rates follow a schedule, fixed or searched."""
        from sweeper.study.parameters import searches_schedule

        return self.training.schedule != "constant" or searches_schedule(self.space.parameters)

    @cached_property
    def space(self) -> Space:
        """The parsed ``[search.space]``."""
        from sweeper.study.parse_space import parse_space

        return parse_space(self.search.space, [])

    @cached_property
    def tries(self) -> tuple[dict[str, Any], ...]:
        """``[[search.try]]`` with dotted keys, as the space has them."""
        from sweeper.study.parse_space import flatten

        return tuple(dict(flatten(given)) for given in self.search.tries)

    @classmethod
    def load(cls, path: str | Path, overrides: tuple[str, ...] = ()) -> "Study":
        """Read a study file, or a built-in study by its name; `overrides` are ``key=value`` strings.

        Raises:
            UserError: if there is no such study, or the file is not TOML.
            StudyError: if keys or values are wrong, all of them at once.
        """
        from sweeper.study.load import read  # torch loads with it: only when it is needed

        written = read(path, overrides)
        try:
            study = cls(file=written.file, folder=written.folder, **written.values)
        except StudyError as error:
            raise StudyError(written.file, [*written.mistakes, *error.mistakes]) from None
        if written.mistakes:
            raise StudyError(written.file, list(written.mistakes))
        return study

    def to_dict(self) -> dict[str, Any]:
        """The study as plain values, defaults filled in; functions as ``package.module:function``."""
        raw = self.model_dump(exclude_none=True, by_alias=True)
        if not raw["search"]["try"]:
            del raw["search"]["try"]
        return {key: plain(value) for key, value in raw.items() if value or key != "expect"}

    def to_toml(self) -> str:
        """The study file that loads as this study."""
        return tomli_w.dumps(self.to_dict())


def _short_form(key: str, value: Any) -> Any:
    """A bare source of ``data`` or ``model`` as a section; data in memory by their holder."""
    if isinstance(value, Section):
        return value
    if key == "data":
        if is_data(value):
            return {"source": InMemory(value)}
        if isinstance(value, Mapping) and is_data(value.get("source")):
            return {**value, "source": InMemory(value["source"])}
    short = key in ("data", "model") and (isinstance(value, str | Path | InMemory) or callable(value))
    return {"source": value} if short else value


def _in_order(mistakes: list[Mistake]) -> list[Mistake]:
    """Each once, section by section as in a study file."""
    order = [*Study.model_fields]
    position = {section: order.index(section) for section in order}
    unique = {str(mistake): mistake for mistake in mistakes}
    return sorted(unique.values(), key=lambda mistake: position.get(mistake.key.split(".")[0], -1))


def plain(value: Any) -> Any:
    """As a study file has it: TOML has no tuples, no null and no functions."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items() if v is not None}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, InMemory):
        return value.words
    return source_of(value) if callable(value) else value
