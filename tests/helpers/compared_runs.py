"""Runs to compare."""

from dataclasses import replace
from typing import Any

from report_inputs import made_study
from synthetic_records import SyntheticRecords

from sweeper.answer.answer import answer
from sweeper.commands.compare.pairing import Run
from sweeper.records.store import Records


def made_run(records: SyntheticRecords, name: str, shift: float = 0.0, **sections: Any) -> Run:
    """A run of the made-up study whose fresh-seed scores are moved by `shift`."""
    trials = records.trials.copy()
    trials["objective"] = trials["objective"] + shift * (trials["phase"] == "confirm")
    found = answer(trials, None)
    assert found is not None
    apart = {"timeout": float(ord(name[0]))}  # so that no two train the same settings in the same way
    study = made_study(**{"name": name, "training": apart, **sections})
    return Run(name, study, Records(trials, records.curves, records.layers), replace(found, tied=()))
