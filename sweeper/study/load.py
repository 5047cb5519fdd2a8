"""TOML -> `Study`: built-in names, paths and ``--set`` overrides."""

import tomllib
from pathlib import Path
from typing import Any

from sweeper.errors import Mistake, StudyError, UserError, did_you_mean
from sweeper.study.study import Study

RANGE_KEYS = ("low", "high", "log", "step", "zero")
__all__ = ["builtin_studies", "load", "override", "read_toml"]


def builtin_studies() -> dict[str, Path]:
    """name -> file of every study that ships with the package."""
    package = Path(__file__).resolve().parents[1]
    folder = package / "studies"  # in a wheel
    if not folder.is_dir():
        folder = package.parent / "studies"  # in a checkout
    return {file.stem: file for file in sorted(folder.glob("*.toml"))}


def load(path: str | Path, overrides: tuple[str, ...] = ()) -> Study:
    """The study of a file or a built-in name, with ``key=value`` overrides applied.

    Raises:
        UserError: if there is no such study, or the file is not TOML.
        StudyError: if keys or values are wrong, all of them at once.
    """
    file = find(path)
    raw = read_toml(file)
    for assignment in overrides:
        override(raw, assignment)
    shown = str(path) if Path(path).suffix else str(file.name)
    for key in ("file", "folder"):  # would be taken for arguments
        if key in raw:
            raise StudyError(shown, [Mistake(key, f"unknown key; {did_you_mean(key, list(Study.model_fields))}")])
    return Study(file=shown, folder=file.resolve().parent, **raw)


def find(path: str | Path) -> Path:
    """The file that `path` names: a path first, then a built-in study."""
    if Path(path).is_file():
        return Path(path)
    builtin = builtin_studies()
    if str(path) in builtin:
        return builtin[str(path)]
    if Path(path).is_dir():
        raise UserError(f"study {str(path)!r} is a folder; give a .toml file or one of: {', '.join(builtin)}")
    raise UserError(
        f"no study {str(path)!r}: neither a file nor a built-in study; {did_you_mean(str(path), list(builtin))}"
    )


def read_toml(file: Path) -> dict[str, Any]:
    """The file's content; a syntax error becomes one clear message with its line."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{file}: not a valid TOML file: {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file}: cannot be read: {error}") from None


def override(raw: dict[str, Any], assignment: str) -> None:
    """Apply one ``key=value`` to a study read from TOML. The value is TOML; bare words are strings."""
    key, equals, text = assignment.partition("=")
    key = key.strip()
    if not equals or not key:
        raise UserError(f"--set {assignment!r}: must be key=value, for example --set search.trials=40")
    parts = key.split(".")
    if parts[:2] == ["search", "space"] and len(parts) > 2:
        parts = ["search", "space", *_space_path(raw, ".".join(parts[2:]))]
    target = raw
    for part in parts[:-1]:
        target = target.setdefault(part, {})
        if not isinstance(target, dict):
            raise UserError(f"--set {assignment!r}: {part} is a value, not a section")
    target[parts[-1]] = _toml_value(text.strip())
    if parts[0] == "training" and parts[-1] in ("epochs", "steps"):  # the one given last is meant
        target.pop("steps" if parts[-1] == "epochs" else "epochs", None)


def _space_path(raw: dict[str, Any], key: str) -> list[str]:
    """``learning_rate.low`` reaches into the range; any other dotted key is one key of the space."""
    head, _, tail = key.rpartition(".")
    space = raw.get("search", {}).get("space", {})
    return [head, tail] if tail in RANGE_KEYS and isinstance(space.get(head), dict) else [key]


def _toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        if text[:1] in "[{\"'":
            raise UserError(f"--set: {text!r} is not a valid TOML value") from None
        return text
