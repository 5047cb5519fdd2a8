"""The persistent Optuna study of a run: the journal file of the run folder, or any storage URL."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import BaseStorage, JournalStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from sweeper.errors import UserError
from sweeper.search.distributions import encode
from sweeper.search.journal import GroupedJournal, heal
from sweeper.search.sampler import told
from sweeper.study.space import Space
from sweeper.training.result import Outcome

optuna.logging.set_verbosity(optuna.logging.WARNING)


class StudyStorage:
    """Writes proposals and results to the storage; reads back what was asked before."""

    def __init__(self, name: str, url: str | None, journal: Path, *, healing: bool = True) -> None:
        self._journal: GroupedJournal | None = None
        if url is None:
            if healing:  # only the one who holds the run may cut its journal
                heal(journal)
            self._journal = GroupedJournal(journal)
        storage = self._quiet(lambda: JournalStorage(self._journal)) if self._journal else open_url(url or "")
        self.storage: BaseStorage = storage
        self.study = optuna.create_study(study_name=name, storage=storage, load_if_exists=True)

    @staticmethod
    def _quiet(make: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return make()

    @contextmanager
    def grouped(self) -> Iterator[None]:
        """All writes inside reach the journal file in one piece."""
        if self._journal is None:
            yield
        else:
            with self._journal.group():
                yield

    def trials(self) -> list[FrozenTrial]:
        """All trials asked so far, by number."""
        return self.study.get_trials(deepcopy=False)

    def ask(self, space: Space, parameters: Mapping[str, Any], attributes: Mapping[str, Any]) -> None:
        """Add a running trial; its number is the count of trials before it."""
        params, distributions = encode(space, parameters)
        self.study.add_trial(
            FrozenTrial(
                number=-1,
                trial_id=-1,
                state=TrialState.RUNNING,
                value=None,
                datetime_start=datetime.now(),
                datetime_complete=None,
                params=params,
                distributions=distributions,
                user_attrs=dict(attributes),
                system_attrs={},
                intermediate_values={},
            )
        )

    def tell(self, number: int, outcome: Outcome, objective: float, curve: Mapping[int, float], reason: str) -> None:
        """Report the curve and end the trial; a trial that was told before is left alone."""
        stored = self.study.get_trials(deepcopy=False)[number]
        if stored.state.is_finished():
            return
        trial = stored._trial_id
        for step, value in curve.items():
            self.storage.set_trial_intermediate_value(trial, step, value)
        self.storage.set_trial_user_attr(trial, "outcome", str(outcome))
        if reason:
            self.storage.set_trial_user_attr(trial, "reason", reason)
        state, value = told(outcome, objective)
        self.storage.set_trial_state_values(trial, state, None if value is None else [value])

    def shelve(self) -> None:
        """Mark what was asked and not trained as waiting: nothing is running when no process is."""
        for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            self.storage.set_trial_state_values(trial._trial_id, TrialState.WAITING)

    def add_lost(self) -> None:
        """A failed place holder for a trial of which neither storage nor records know the parameters."""
        self.study.add_trial(create_trial(state=TrialState.FAIL, user_attrs={"outcome": "lost"}))


def open_url(url: str) -> BaseStorage:
    """A storage by URL; a wrong one is the user's mistake, said in one message."""
    try:
        return optuna.storages.get_storage(url)
    except Exception as error:  # sqlalchemy, drivers and Optuna raise many kinds here
        message = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(
            f"--storage {url!r}: cannot be opened: {message}. For example sqlite:///sweeper.db"
        ) from None


def delete_study(name: str, url: str) -> None:
    """Remove the study from a storage URL, if it is there (``--fresh``)."""
    storage = open_url(url)
    if name in optuna.get_all_study_names(storage):
        optuna.delete_study(study_name=name, storage=storage)
