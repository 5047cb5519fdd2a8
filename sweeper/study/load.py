"""TOML -> `Study`: by path or by the name of a built-in study."""

import tomllib
from pathlib import Path
from typing import Any

from sweeper.errors import Mistake, StudyError, UserError, did_you_mean
from sweeper.study.override import apply
from sweeper.study.study import Study

ARGUMENTS = ("file", "folder", "trusted")
"""Keys that no study file has; `Study` would take them for arguments of its own."""


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
    apply(raw, overrides)
    shown = str(path) if Path(path).suffix else str(file.name)
    mistakes = [
        Mistake(key, f"unknown key; {did_you_mean(key, list(Study.model_fields))}", raw.pop(key))
        for key in ARGUMENTS
        if key in raw
    ]
    try:
        study = Study(file=shown, folder=file.resolve().parent, **raw)
    except StudyError as error:
        raise StudyError(shown, [*mistakes, *error.mistakes]) from None
    if mistakes:
        raise StudyError(shown, mistakes)
    return study


def find(path: str | Path) -> Path:
    """The file that `path` names: a path first, then a built-in study."""
    if Path(path).is_file():
        return Path(path)
    builtin = builtin_studies()
    if str(path) in builtin:
        return builtin[str(path)]
    if Path(path).is_dir():
        raise UserError(f"study {str(path)!r} is a folder; give a .toml file or one of: {', '.join(builtin)}")
    hint = did_you_mean(str(path), list(builtin))
    raise UserError(f"no study {str(path)!r}: neither a file nor a built-in study; {hint}")


def read_toml(file: Path) -> dict[str, Any]:
    """The file's content; a syntax error becomes one clear message with its line."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{file}: not a valid TOML file: {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file}: cannot be read: {error}") from None
