"""``runs/NAME/``: one run at a time, one study for ever.

``study.toml`` (as validated), ``source-folder.txt`` (where the study file lay), ``journal.log`` (Optuna's
storage), ``records/`` (Parquet), ``test.json`` (scores of the winner on the test rows).
"""

import json
import shutil
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from sweeper.errors import RunFailed, RunFolderError, StateKept, SweeperError, did_you_mean
from sweeper.printable import is_folder_name
from sweeper.records.atomic import is_temporary, refuse_links, remove_leftovers, set_aside, write_atomically
from sweeper.records.damage import Damage, unreadable
from sweeper.study.frozen import FrozenDict
from sweeper.study.override import dotted
from sweeper.study.rates import missing_rates, named_rates
from sweeper.study.study import Study

OLD_TEMPORARY = ("source-folder.txt.tmp", "study.toml.tmp", "plan.json.tmp", "test.json.tmp")
"""Temporary files of earlier releases."""
GROWING = {"search.trials", "search.minutes", "question"}
"""Keys that may change between two calls: a run goes on with them. So may all of [confirm] and [expect]."""


def run_folder(runs: Path, name: str) -> Path:
    """The folder of an existing run.

    Raises:
        RunFolderError: if there is none, naming those that exist.
    """
    if not is_folder_name(name):
        raise RunFolderError(
            f"{name!r} is no name of a run; give that of a folder in {runs}/, and with --runs where it lies"
        )
    folder = runs / name
    with _reading(folder):
        if (folder / "study.toml").is_file():
            return folder
        if _lost_its_study(folder):
            raise RunFolderError(_without_study(folder))
        known = sorted(path.parent.name for path in runs.glob("*/study.toml"))
    if not known:
        raise RunFolderError(
            f"no run {name!r}: {runs}/ holds no runs yet; give the folder of runs with --runs, or start one "
            "with: sweeper run STUDY"
        )
    raise RunFolderError(f"no run {name!r} in {runs}/; {did_you_mean(name, known)}")


@contextmanager
def reporting() -> Iterator[None]:
    """A report that cannot be written is no mistake in the input once everything is trained."""
    try:
        yield
    except RunFolderError as error:
        says_so = str(error).startswith("the report cannot be written")
        raise StateKept(str(error) if says_so else f"the report cannot be written: {error}") from error


def refuse_others(study: Study, runs: Path, *, fresh: bool) -> None:
    """Refuse early what `open_run` would refuse after the data were loaded and the model was tried.

    Raises:
        RunFolderError: as `open_run`.
    """
    folder = runs / study.name
    with _reading(folder):
        refuse_mixing(study, folder, fresh=fresh)
    if (folder / "lock").is_file():
        with _locked(folder):
            pass


def as_begun(study: Study, runs: Path, *, fresh: bool) -> Study:
    """`study` with the rates that its run began with, where neither the run's study names any nor the file.

    Earlier releases searched one range for all optimizers and did not write it down.

    Raises:
        RunFolderError: if the folder cannot be read.
    """
    folder, space = runs / study.name, study.search.space
    with _reading(folder):
        if fresh or not (folder / "study.toml").is_file() or named_rates(_space_of(read_study(folder))):
            return study
    without = {key: value for key, value in space.items() if key not in named_rates(space)}
    if {**without, **missing_rates(without)} != space:
        return study  # says otherwise
    search = study.search.model_copy(update={"space": FrozenDict(without)})
    sections = {name: getattr(study, name) for name in type(study).model_fields}
    return Study(folder=study.folder, trusted=True, **{**sections, "search": search})


def _space_of(stored: Mapping[str, Any]) -> Mapping[str, Any]:
    search = stored.get("search", {})
    space = search.get("space", {}) if isinstance(search, Mapping) else {}
    return space if isinstance(space, Mapping) else {}


def refuse_mixing(study: Study, folder: Path, *, fresh: bool) -> None:
    """Refuse a folder that holds another study (unless `fresh`) or something else altogether.

    Raises:
        RunFolderError: saying what is there.
    """
    if (folder / "study.toml").is_file() and not fresh:
        check_same(study, folder)
    elif _lost_its_study(folder) and not fresh:
        raise RunFolderError(_without_study(folder))
    elif folder.is_file() or (folder.is_dir() and not _ours(folder)):
        raise RunFolderError(f"{folder} exists and holds no run; choose another --runs folder or study name")


@contextmanager
def open_run(study: Study, runs: Path, *, fresh: bool) -> Iterator[Path]:
    """Lock and prepare the folder of `study`; with `fresh` what was there is deleted.

    Raises:
        RunFolderError: if another process uses it, or another study wrote it (and `fresh` is off).
    """
    folder = runs / study.name
    refuse_mixing(study, folder, fresh=fresh)
    with _writable(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder):
        refuse_mixing(study, folder, fresh=fresh)  # another process may just have finished here
        with _writable(folder):
            if fresh:
                _clear(folder)
            refuse_links(folder / "records")
            remove_leftovers(folder)
            for name in OLD_TEMPORARY:
                (folder / name).unlink(missing_ok=True)
            _make_room(folder)
            if study.folder is not None:
                write_atomically(folder / "source-folder.txt", f"{study.folder}\n")
            write_atomically(folder / "study.toml", study.to_toml())
        yield folder


def _make_room(folder: Path) -> None:
    """Put aside what is no file where files are to be written."""
    for name in ("source-folder.txt", "plan.json", "test.json", "baselines.json", "journal.log", "best.py"):
        if (folder / name).is_dir():
            set_aside(folder / name)


@contextmanager
def preparing(folder: Path) -> Iterator[None]:
    """Before anything is trained: a file that cannot be read or written is the user's to mend.

    Raises:
        RunFolderError: that names it.
    """
    try:
        yield
    except OSError as error:
        raise RunFolderError(
            f"{error.filename or folder}: {error.strerror or error}; fix that, or choose another folder"
        ) from error


@contextmanager
def staying(folder: Path) -> Iterator[None]:
    """A run folder that is removed while a run uses it is told as that, whatever stumbles over it.

    Raises:
        RunFailed: if it is gone.
    """
    try:
        yield
    except SweeperError as error:
        if (folder / "study.toml").is_file():
            raise
        raise RunFailed(_removed(folder)) from error
    if not (folder / "study.toml").is_file():
        raise RunFailed(_removed(folder))


def _removed(folder: Path) -> str:
    return f"{folder} was removed while the run used it, so what was finished is lost; start the run again"


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """While trials are trained: a file that cannot be written ends the run, and what is finished stays.

    Raises:
        StateKept: that names it.
    """
    try:
        yield
    except OSError as error:
        raise StateKept(f"{error.filename or folder}: {error.strerror or error}") from error


@contextmanager
def _reading(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RunFolderError(f"{error.filename or folder} {unreadable(error)}") from None


@contextmanager
def _writable(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _not_writable(folder, error) from None


def _not_writable(folder: Path, error: OSError) -> RunFolderError:
    return RunFolderError(
        f"{folder} cannot be written: {error.strerror or error}; choose another --runs folder"
    )


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the run alone. The lock is the operating system's: it ends with the process that holds it."""
    refuse_links(folder / "lock")
    lock = FileLock(folder / "lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise RunFolderError(
            f"{folder} is in use by another sweeper process; wait for it or stop it"
        ) from None
    except OSError as error:
        raise _not_writable(folder, error) from None
    try:
        yield
    finally:
        with suppress(OSError):  # its folder may be gone; the lock ends with the process
            lock.release()


def check_same(study: Study, folder: Path) -> None:
    """Refuse to mix two studies in one folder; say what differs."""
    stored = read_study(folder)
    with suppress(Exception):  # as the present release writes it, unless it is no study of this release
        stored = Study(trusted=True, **stored).to_dict()
    before, now = dotted(stored), dotted(study.to_dict())
    differ = [
        key
        for key in sorted({*before, *now})
        if before.get(key) != now.get(key) and not _may_change(key, before, now)
    ]
    if differ:
        lines = [f"  {key}: {_shown(before.get(key))} there, {_shown(now.get(key))} now" for key in differ]
        raise RunFolderError(
            f"{folder} was written by another study:\n"
            + "\n".join(lines)
            + "\nStart over with --fresh (deletes that run), or give the study another name."
        )


def read_study(folder: Path) -> dict[str, Any]:
    """The content of ``study.toml``.

    Raises:
        RunFolderError: if it cannot be read.
    """
    file = folder / "study.toml"
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise RunFolderError(
            f"{file} cannot be read: {reason}; put a sound copy back, or start over: "
            "sweeper run STUDY --fresh (STUDY stands for your study file)"
        ) from None


def read_source_folder(folder: Path) -> tuple[Path | None, Damage | None]:
    """Where the study file of a run lay (its data and modules are found from there), or what is wrong."""
    noted = folder / "source-folder.txt"
    try:
        text = noted.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None, None
    except OSError as error:
        return None, Damage(noted, unreadable(error))
    except ValueError:
        return None, Damage(noted, "is not text")
    if not text or len(text.splitlines()) != 1 or not text.isprintable():
        return None, Damage(noted, "does not name a folder")
    return Path(text), None


def _may_change(key: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    if key in GROWING or key.startswith(("confirm.", "expect.")):
        return True
    if not key.startswith("search.space.") or key not in before or key not in now:
        return False
    old, new = before[key], now[key]  # a continuous range may widen, its kind may not change
    if not isinstance(old, dict) or not isinstance(new, dict):
        return False
    if not all(isinstance(v, float) for r in (old, new) for v in (r.get("low"), r.get("high"))):
        return False
    same = {**old, "low": 0, "high": 0} == {**new, "low": 0, "high": 0}
    return bool(same and new["low"] <= old["low"] and new["high"] >= old["high"])


def _shown(value: Any) -> str:
    return "nothing" if value is None else json.dumps(value, default=str)


def _ours(folder: Path) -> bool:
    """Whether it is a run's folder, if only a started one; nothing else may be written to or cleared."""
    if (folder / "study.toml").is_file():
        return True
    known = {"lock", "source-folder.txt", *OLD_TEMPORARY}
    return all(path.name in known or is_temporary(path.name) for path in folder.iterdir())


def _lost_its_study(folder: Path) -> bool:
    """Whether records lie there, and no study file with them."""
    try:
        return not (folder / "study.toml").is_file() and any((folder / "records").glob("trials-*"))
    except OSError:
        return False


def _without_study(folder: Path) -> str:
    return (
        f"{folder} holds records, but {folder / 'study.toml'} is missing; put it back, or choose another "
        "--runs folder or study name"
    )


def _clear(folder: Path) -> None:
    """Empty the folder; the study file goes last, so that it stays a run's folder if this is cut short."""
    for path in sorted(folder.iterdir(), key=lambda path: path.name == "study.toml"):
        if path.name != "lock":
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
