"""`RunData` of made-up records."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from sweeper.answer.answer import answer
from sweeper.questions.run_data import RunData
from sweeper.records.store import Records
from sweeper.study.study import Study


def run_data(
    trials: pd.DataFrame,
    curves: pd.DataFrame,
    layers: pd.DataFrame,
    *,
    search: Mapping[str, Any] | None = None,
    sections: Mapping[str, Any] | None = None,
    **given: Any,
) -> RunData:
    """A run with these records, and the answer that they give.

    Args:
        search: keys of the study's ``[search]``.
        sections: other sections of the study.
        given: further fields of `RunData`.
    """
    given.setdefault("drawn", range(len(trials)))
    study = Study(name="made", trusted=True, search=dict(search or {}), **(sections or {}))
    found = answer(trials, None, objective=study.objective)
    return RunData(study, Records(trials, curves, layers), found, **given)


def with_records(run: RunData, **frames: pd.DataFrame) -> RunData:
    """`run` with other `trials`, `curves` or `layers`."""
    return replace(run, records=replace(run.records, **frames))
