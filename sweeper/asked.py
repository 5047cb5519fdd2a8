"""The study and its data, as the commands need them before anything is trained.

Modules of the user are imported and data functions called in a worker process: one that crashes or is ended
there, by the system when memory runs out or by itself, is one message here. What a caller in Python passes
as a function runs where it is. Loads nothing heavy: a worker imports what the study names while torch is
loaded here.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from sweeper.data.in_memory import InMemory
from sweeper.errors import DataError, UserError
from sweeper.study.find import names_code
from sweeper.study.study import Study
from sweeper.training.calls import begin_user_code, call_user_code
from sweeper.training.pool.interface import Pool, WorkerDied
from sweeper.user_code.lookup import names_function

if TYPE_CHECKING:
    from sweeper.data.data import Data
    from sweeper.report.advice import Advice


def load_study(pool: Pool, path: str, overrides: tuple[str, ...], meanwhile: str | None = None) -> Study:
    """The study of a file or a built-in name, with ``key=value`` overrides.

    Args:
        pool: where the modules that the study names are imported.
        path: of the file, or a name.
        overrides: each ``key=value``.
        meanwhile: module to import here while a worker process starts and imports those of the study.

    Raises:
        UserError: as `Study.load`; if a process ended that imported its modules.
    """
    if not names_code(path, overrides):
        return Study.load(path, overrides)
    study = begin_user_code(pool, Study.load, path, overrides)
    if meanwhile is not None:
        import_module(meanwhile)
    try:
        return study()
    except WorkerDied as end:
        raise UserError(f"{path}: while the modules that it names were imported, {end}") from None


def load_data(pool: Pool, study: Study) -> "Data":
    """The data of `study`, for its loss.

    Raises:
        DataError: as `load`; if the process of its data function ended.
    """
    # loaded late: they load torch
    from sweeper.data.data import of_this_process
    from sweeper.study.data import data_of

    source, model = study.data.source, study.model.source
    named = [each for each in (source, model) if names_function(each)]
    if not named or not isinstance(source, str):
        return of_this_process(data_of(study))
    try:
        return of_this_process(call_user_code(pool, data_of, study))
    except WorkerDied as end:
        who = f"data function {source!r} failed" if source in named else f"while {model!r} was looked up"
        raise DataError(f"{who}: {end}") from None


def advice_on(pool: Pool, study: Study) -> list["Advice"]:
    """`advise` on `study`, with its model measured before training.

    Raises:
        UserError: as `advise`; if the process of the measurement ended.
    """
    # loaded late: torch takes seconds
    from sweeper.report.advice import advise
    from sweeper.training.initial_profile import profile_network

    if not study.names_code or isinstance(study.data.source, InMemory):  # data do not travel with a study
        return advise(study, profile_network)
    try:
        return call_user_code(pool, advise, study, profile_network)
    except WorkerDied as end:
        raise UserError(f"{study.name}: data or model cannot be inspected: {end}") from None
