"""What a transfer takes over from the study's own run, where there is one, and where it differs from it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sweeper.errors import RunFolderError
from sweeper.records.run_folder import read_study, run_folder
from sweeper.result import result_of
from sweeper.study.override import dotted
from sweeper.study.sections import TRAINED
from sweeper.study.study import Study
from sweeper.wording import shown

OF_THE_RUN = "the winner of the run"
"""Where settings that are held equal are from, in words."""


def winner_of(study: Study, runs: Path) -> Mapping[str, Any] | None:
    """Its parameters, as far as they are still the study's; ``None`` where no run has an answer."""
    try:
        run_folder(runs, study.name)
    except RunFolderError:
        return None
    answer = result_of(study.name, runs).answer
    if answer is None or answer.parameters["optimizer"] not in study.space.accepted:
        return None
    kept = {"optimizer", *study.space.active(answer.parameters["optimizer"])}
    return {name: value for name, value in answer.parameters.items() if name in kept}


def unlike_the_run(study: Study, runs: Path, key: str) -> tuple[str, ...]:
    """What the trainings of `study` have and those of its run have not, ``training.schedule = constant (in
    the run: cosine)``; but for `key`, which is varied. Empty where there is no run.

    The page of the run takes the transfer in, so that it has to say where the two differ.
    """
    try:
        kept = read_study(run_folder(runs, study.name))
    except RunFolderError:
        return ()
    now, there = (
        {name: value for name, value in dotted(raw).items() if name.partition(".")[0] in TRAINED}
        for raw in (study.to_dict(), Study(trusted=True, **kept).to_dict())
    )
    names = [name for name in {**now, **there} if name != key and now.get(name) != there.get(name)]
    return tuple(f"{name} = {shown(now.get(name))} (in the run: {shown(there.get(name))})" for name in names)
