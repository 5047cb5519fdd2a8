"""Optuna: the trials of the search as a study, in a database or a journal file."""

from pathlib import Path

from sweeper.commands.export.tool import Say, Tool
from sweeper.passwords import masked_url
from sweeper.result import Result


def write(result: Result, where: str | None, say: Say) -> None:
    """Write to ``NAME.db``, or to ``DIR``: a storage URL, a journal file (``.log``) or a database file.

    A study of that name that holds these trials gets those that are new.
    """
    # loaded late: Optuna takes a second
    from sweeper.search.storage import StudyStorage

    name = result.study.name
    where = where or f"{name}.db"
    url, study = _address(where), result.study
    StudyStorage(name, study.space, url, Path(where), result.summaries, study.objective, "--to optuna")
    shown = masked_url(url) if url is not None else str(Path(where))
    say(f"study {name!r} in {shown}; look at it with: optuna-dashboard {shown}")


def _address(where: str) -> str | None:
    """A storage URL; ``None`` for a journal file."""
    if "://" in where:
        return where
    return None if where.endswith(".log") else f"sqlite:///{Path(where).as_posix()}"


OPTUNA = Tool("a study in DIR: a storage URL, a .db or a .log file [default: NAME.db]", write)
