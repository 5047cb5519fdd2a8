"""The configuration that a transfer holds: the winner of the study's own run, where there is one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sweeper.errors import RunFolderError
from sweeper.records.run_folder import run_folder
from sweeper.result import result_of
from sweeper.study.study import Study


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
