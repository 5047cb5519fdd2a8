"""The persistent Optuna study of a run: the journal file of the run folder, or any storage URL.

The records are the truth; the study is a copy of the finished trials, in the order of their numbers,
for dashboards and other readers of Optuna. So nothing in it is ever running, and whatever a crash
did to it is mended from the records.
"""

import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import optuna
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from sweeper.beside import within
from sweeper.errors import RunFolderError, StateKept, UserError, first_line
from sweeper.passwords import masked_url, problem_of, without_passwords
from sweeper.records.atomic import set_aside
from sweeper.records.damage import DAMAGED
from sweeper.search.as_written import CHECKSUM, checksum, journal_findings
from sweeper.search.distributions import encode
from sweeper.search.journal import JournalWriter, cut_torn_tail, open_journal
from sweeper.search.sampler import to_optuna
from sweeper.search.storage_url import open_url
from sweeper.search.trial_summary import TrialSummary
from sweeper.study.space import Space
from sweeper.trial import from_cost, is_maximized

ANSWER_SECONDS = 30.0
"""Seconds in which a storage must answer, and one more for each trial that it is given."""


class Writer(Protocol):
    """Takes finished trials for a study."""

    def add(self, trials: Sequence[FrozenTrial]) -> None:
        """Keep `trials`; their numbers are counted on from those before."""


class StudyStorage:
    """The study's copy of the finished trials."""

    def __init__(
        self,
        name: str,
        space: Space,
        url: str | None,
        journal: Path,
        known: Mapping[int, TrialSummary],
        objective: str,
        option: str = "--storage",
    ) -> None:
        """Open or create the study, and bring it up to the `known` trials.

        Values in it are those of the `objective`, as people read it, and it is minimised or maximised.

        Raises:
            RunFolderError: if the URL holds other trials under this name.
        """
        self.space, self.url, self.objective = space, url, objective
        self.notes: list[str] = []
        """What was mended, one sentence each."""
        self._early: dict[int, TrialSummary] = {}
        self._writer: Writer
        if url is None:
            self._next, self._writer = self._open_journal(name, journal, known)
        else:
            self._next, self._writer = _open_url(name, url, known, objective, option)
        self.add(trial for number, trial in known.items() if number >= self._next)

    @property
    def _urls(self) -> list[str]:
        return [self.url] if self.url else []

    def add(self, finished: Iterable[TrialSummary]) -> None:
        """Add finished trials; one whose number is not yet due is held back until it is.

        Raises:
            RunFailed: if the storage cannot be written.
        """
        self._early |= {trial.number: trial for trial in finished}
        due = []
        while (trial := self._early.pop(self._next, None)) is not None:
            due.append(copy_of(self.space, trial, self.objective))
            self._next += 1
        try:
            if due:
                self._writer.add(due)
        except (OSError, optuna.exceptions.StorageInternalError) as error:
            raise StateKept(
                f"Optuna's storage cannot be written: {without_passwords(str(error), self._urls)}"
            ) from error

    def _open_journal(
        self, name: str, path: Path, known: Mapping[int, TrialSummary]
    ) -> tuple[int, JournalWriter]:
        problem, stored = "did not fit the records", []
        try:
            if path.is_symlink():
                raise ValueError("nothing is written through a link")
            if (cut := cut_torn_tail(path)) is not None:
                self.notes.append(
                    f"{path} ended in the middle of a line; the incomplete part is kept in {cut.name}"
                )
            if damage := journal_findings(path):
                problem = damage[0].problem
                raise ValueError(problem)
            stored = _trials(open_journal(path), name) if path.exists() else []
            fits = _same(stored, known, self.objective) and (path.exists() or not os.path.lexists(path))
        except Exception as error:  # Optuna raises whatever a damaged line leads it to
            if isinstance(error, OSError) and error.errno not in DAMAGED:
                raise
            fits = False
        if not fits:
            self.notes.append(f"{path}: {problem}; written anew, kept as {set_aside(path).name}")
            stored = []
        return len(stored), JournalWriter(path, name, direction_of(self.objective))


class _StudyWriter:
    """Adds trials to a study in any of Optuna's storages."""

    def __init__(self, study: optuna.Study) -> None:
        self.study = study

    def add(self, trials: Sequence[FrozenTrial]) -> None:
        try:
            within(ANSWER_SECONDS + len(trials), partial(self.study.add_trials, trials))
        except TimeoutError as error:  # a server that is stopped still takes what is sent to it
            raise optuna.exceptions.StorageInternalError(str(error)) from error
        except Exception as error:  # drivers raise many kinds
            raise optuna.exceptions.StorageInternalError(first_line(error)) from error


def _open_url(
    name: str, url: str, known: Mapping[int, TrialSummary], objective: str, option: str
) -> tuple[int, Writer]:
    storage = open_url(url, option)
    try:
        stored = _trials(storage, name)
    except Exception as error:  # drivers raise many kinds
        raise UserError(
            f"{option} {masked_url(url)!r}: cannot be read: {problem_of(url, first_line(error))}"
        ) from None
    if not _same(stored, known, objective):
        raise RunFolderError(
            f"{option} {masked_url(url)!r} holds a study {name!r} with {len(stored)} trials, and not all of "
            "them are those of this run folder; start both over with --fresh, or give the study another name"
        )
    study = optuna.create_study(
        study_name=name, storage=storage, direction=direction_of(objective), load_if_exists=True
    )
    return len(stored), _StudyWriter(study)


def _trials(storage: BaseStorage, name: str) -> list[FrozenTrial]:
    """All trials of the study, by number; none if there is no such study."""
    if name not in optuna.get_all_study_names(storage):
        return []
    return optuna.load_study(study_name=name, storage=storage).get_trials(deepcopy=False)


def direction_of(objective: str) -> StudyDirection:
    """Whether the values of an objective are minimised or maximised."""
    return StudyDirection.MAXIMIZE if is_maximized(objective) else StudyDirection.MINIMIZE


def _same(stored: Sequence[FrozenTrial], known: Mapping[int, TrialSummary], objective: str) -> bool:
    return all(
        number in known
        and trial.state.is_finished()
        and trial.user_attrs.get("parameters") == _text(known[number].parameters)
        and (
            _as_known(trial, known[number], objective)
            if CHECKSUM not in trial.user_attrs
            else _as_written(trial)
        )
        for number, trial in enumerate(stored)
    )


def _as_written(trial: FrozenTrial) -> bool:
    return bool(trial.user_attrs[CHECKSUM] == _checksum(trial))


def _as_known(trial: FrozenTrial, known: TrialSummary, objective: str) -> bool:
    """Of a trial without a checksum: its state and value are those on record."""
    state, value = _read(known, objective)
    near = trial.value is not None and value is not None and math.isclose(trial.value, value, rel_tol=1e-12)
    return trial.state == state and (near or trial.value == value)


def _checksum(trial: FrozenTrial) -> int:
    return checksum(int(trial.state), trial.value, trial.intermediate_values, trial.user_attrs)


def _read(trial: TrialSummary, objective: str) -> tuple[TrialState, float | None]:
    """State and value as people read them."""
    state, value = to_optuna(trial.outcome, trial.objective)
    return state, None if value is None else from_cost(objective, value)


def copy_of(space: Space, trial: TrialSummary, objective: str) -> FrozenTrial:
    """The trial as Optuna keeps it."""
    params, distributions = encode(space, trial.parameters)
    state, value = _read(trial, objective)
    attributes = {
        "phase": trial.phase,
        "outcome": str(trial.outcome),
        "parameters": _text(trial.parameters),
        **({"reason": trial.reason} if trial.reason else {}),
    }
    copy = create_trial(
        state=state,
        value=value,
        params=params,
        distributions=distributions,
        user_attrs=attributes,
        intermediate_values={step: from_cost(objective, value) for step, value in trial.curve.items()},
    )
    copy.set_user_attr(CHECKSUM, _checksum(copy))
    if copy.datetime_complete is not None:
        copy.datetime_start = copy.datetime_complete - timedelta(seconds=trial.seconds)
    return copy


def _text(parameters: Mapping[str, Any]) -> str:
    return json.dumps(dict(parameters), sort_keys=True)


def delete_study(name: str, url: str) -> None:
    """Remove the study from a storage URL, if it is there (``--fresh``)."""
    storage = open_url(url)
    if name in optuna.get_all_study_names(storage):
        optuna.delete_study(study_name=name, storage=storage)
