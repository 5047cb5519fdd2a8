"""What a run takes over from an earlier one, or from a study of Optuna: ``sweeper run STUDY --from RUN``."""

from pathlib import Path

from sweeper.errors import UserError
from sweeper.records.run_files import EARLIER
from sweeper.records.store import load_trials
from sweeper.result import result_of
from sweeper.search.earlier import Earlier, from_dict, taken_over
from sweeper.search.foreign import from_optuna, is_storage, label
from sweeper.study.study import Study


def earlier_trials(study: Study, runs: Path, asked: str | None, *, fresh: bool) -> Earlier | None:
    """What the run took over when it began, or takes over now from the run that is asked for.

    Raises:
        UserError: if the run cannot take over anything, or took over something else.
    """
    folder = runs / study.name
    kept, _ = (None, None) if fresh else EARLIER.read(folder)
    if kept is not None and (asked is None or label(asked) == kept["run"]):
        return from_dict(study.space, kept)
    if asked is None:
        return None
    if not fresh and len(load_trials(folder / "records")):
        took = f"what it took over from {kept['run']!r}" if kept else "nothing taken over"
        raise UserError(f"--from {label(asked)!r}: {folder} has begun with {took}; start over with --fresh")
    if study.search.sampler != "auto":
        raise UserError(
            f"--from {label(asked)!r}: search.sampler = {study.search.sampler!r} cannot be informed by "
            "another run; allowed: auto"
        )
    if is_storage(asked):
        return from_optuna(study.space, asked)
    return taken_over(study.space, asked, result_of(asked, runs).summaries.values())
