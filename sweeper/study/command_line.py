"""Commands that readers can copy: which study file this was, and what was set beside it."""

import copy
import tomllib
from collections.abc import Mapping
from inspect import signature
from pathlib import Path
from typing import Any

from sweeper.command_line import command_line
from sweeper.errors import Mistake, UserError
from sweeper.study.find import builtin_studies
from sweeper.study.override import apply, dotted
from sweeper.study.parse_space import RANGE_KEYS, parse_space
from sweeper.study.rates import named_rates, with_rates
from sweeper.study.study import Study
from sweeper.toml_text import for_set, in_toml

PLACEHOLDER = "STUDY"
"""Stands for a study file that could not be found again, or for a study that was made in Python."""
MOST_FILES = 50
"""Files of a folder that are looked through for the one that a renamed study comes from."""


TAKEN: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("run", "advise", "report", "compare", "transfer"), ("runs", "reports")),
    **dict.fromkeys(("best", "status"), ("runs",)),
}
"""Command -> which of `Study.places` it takes."""


def run_again(study: Study, *settings: str, command: str = "run") -> str:
    """``sweeper run digits --set …``: the study as it was run, and `settings` (key=value) on top."""
    argument, origin = PLACEHOLDER, _origin(study)
    if origin is not None:
        file, changed = origin
        argument = _argument(file)
        settings = tuple(f"{key}={text}" for key, text in _merged(changed, settings))
    words = [word for setting in settings for word in ("--set", setting)]
    return command_line(["sweeper", command, argument, *words, *places(study, command)])


def of_run(study: Study, command: str, *words: str) -> str:
    """``sweeper best digits --python``: a command on the run of a study, which has its name."""
    return command_line(["sweeper", command, study.name, *words, *places(study, command)])


def places(study: Study, command: str) -> list[str]:
    """``--runs DIR --reports DIR`` where these are not the usual ones, as far as the command takes them."""
    named = [(name, study.places[name]) for name in TAKEN.get(command, ()) if name in study.places]
    return [word for name, folder in named for word in (f"--{name}", folder)]


def _merged(changed: tuple[str, ...], settings: tuple[str, ...]) -> list[tuple[str, str]]:
    """Keys and values, each key once: later ones win, and an end of a range goes into the range."""
    merged: dict[str, str] = {}
    for setting in (*changed, *settings):
        key, _, text = setting.partition("=")
        whole, _, end = key.rpartition(".")
        is_end = end in RANGE_KEYS and whole in merged
        value = tomllib.loads(f"value = {merged[whole]}")["value"] if is_end else None
        if isinstance(value, dict):
            merged[whole] = in_toml({**value, end: tomllib.loads(f"value = {text}")["value"]})
        else:
            merged.pop(key, None)  # at the end: what is set there may depend on what stands before
            merged[key] = text
    return list(merged.items())


def option(study: Study, setting: str) -> str:
    """``--set key=value``, quoted for the shell, if the study takes `setting`; else empty.

    What a function of the user's takes is not known where nothing of it is imported: of its model only keys
    are offered that the study names itself.
    """
    section, _, key = setting.partition("=")[0].partition(".")
    if section == "model" and key != "source" and key not in _arguments(study):
        return ""
    raw = copy.deepcopy(dict(study.to_dict()))
    before = _mistakes_of_space(raw)
    try:
        apply(raw, (setting,))
        _as_study(raw)
    except UserError:
        return ""
    if _mistakes_of_space(raw) > before:  # another key of the space says the same, say
        return ""
    return command_line(["--set", setting])


def _mistakes_of_space(raw: Mapping[str, Any]) -> int:
    mistakes: list[Mistake] = []
    parse_space(raw.get("search", {}).get("space", {}), mistakes)
    return len(mistakes)


def _arguments(study: Study) -> set[str]:
    """Keys of ``[model]`` that are known to be taken."""
    # loaded late: torch takes seconds
    from sweeper.components.models import MODELS

    source = study.model.source
    known = {*study.model.options, *(name.removeprefix("model.") for name in study.space.parameters)}
    known |= {"init"} if study.model.init else set()
    if isinstance(source, str) and source in MODELS:
        known |= {"init", *signature(MODELS[source]).parameters}
    return known


def _origin(study: Study) -> tuple[Path, tuple[str, ...]] | None:
    """The file in the study's folder that it was read from, and its `overrides`; ``None`` if none is found.

    Files that bear its name come first, then those after whose name it is called (``digits-lower``), then
    others: the study may have been given a name of its own.
    Of several, the one that it differs least from, and of those the one that is called most like it.
    """
    files = [] if study.folder is None else sorted(study.folder.glob("*.toml"))
    names = {file: str(_content(file).get("name", "")) for file in files}
    named = [file for file, name in names.items() if name == study.name]
    beside = [file for file, name in names.items() if name and study.name.startswith(f"{name}-")]
    changes = [(file, overrides(study, file)) for file in named or beside or files[:MOST_FILES]]
    known = [(file, changed) for file, changed in changes if changed is not None]

    def distance(each: tuple[Path, tuple[str, ...]]) -> tuple[int, bool]:
        file, changed = each
        return len(changed), not (file.stem == study.name if named else study.name.startswith(file.stem))

    return min(known, key=distance, default=None)


def overrides(study: Study, file: Path) -> tuple[str, ...] | None:
    """``--set`` arguments that turn the study in `file` into `study`; ``None`` if there are none."""
    try:
        # Runs of earlier releases do not say which rates they searched.
        filled = bool(named_rates(study.search.space))
        written, ours = dotted(_as_study(_content(file), filled)), dotted(study.to_dict())
        settings = tuple(
            f"{key}={for_set(value)}" for key, value in ours.items() if written.get(key) != value
        )
        raw = _content(file)
        apply(raw, settings)
        return settings if _as_study(raw, filled) == study.to_dict() else None
    except UserError:  # the file has changed since and is no study any more
        return None


def _as_study(raw: Mapping[str, Any], filled: bool = True) -> Mapping[str, Any]:
    """Defaults filled in; `filled`: also the ranges of learning rates."""
    given: Any = with_rates(raw) if filled else raw
    return Study(trusted=True, **given).to_dict()


def _content(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):  # not readable, not UTF-8 or not TOML: not our study
        return {}


def _argument(file: Path) -> str:
    if builtin_studies().get(file.stem) == file:
        return file.stem
    try:
        return str(file.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(file)
