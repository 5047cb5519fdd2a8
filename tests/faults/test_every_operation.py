"""Every change of a file in a run is killed before, within and after it, or fails; then the run goes on.

Every 200th operation, each with one kind of fault; all of them with all kinds where SWEEPER_SOAK is set
(`make soak`).
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from faults import KILLED, KILLS, faults_of
from soak import SOAK, patient
from warm_python import python

FAULTS = Path(__file__).parents[1] / "helpers" / "faults.py"
EVERY = 200
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks, and asks /proc for descriptors")


def answers() -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What the undisturbed run and those with faults did."""
    every = 0 if SOAK else EVERY
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = python([FAULTS, every], FAULTS.parent, environment=environment, timeout=7000 if SOAK else 850)
    assert done.returncode == 0, done.stderr
    plain, *others = map(json.loads, done.stdout.splitlines())
    assert len(others) == len(faults_of(len(plain["names"]), every))
    return plain, others


def complaints(plain: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """What a run with a fault must not do."""
    first, again, kind = found["first"], found["again"], found["kind"]
    wrong = []
    if kind in KILLS:
        if first != KILLED:
            wrong.append(f"was not killed: {first}")
    elif not isinstance(first, dict) or first["code"] not in (0, 1, 2):
        wrong.append(f"ended with {first}")
    else:
        errors = [line for line in first["told"].splitlines() if line.startswith("error: ")]
        if "Traceback" in first["told"] or len(errors) != (first["code"] != 0):
            wrong.append(f"exit code {first['code']}, and told: {first['told']}")
    if not isinstance(again, dict) or again["code"] != 0 or "Traceback" in again["told"]:
        return [*wrong, f"did not go on: {again}"]
    differ = {name: (text, plain["digest"][name]) for name, text in again["digest"].items()}
    return [*wrong, *(f"{name}: {pair}" for name, pair in differ.items() if pair[0] != pair[1])]


@patient
def test_a_run_survives_a_fault_at_any_operation() -> None:
    """One message or an end by force; then the same command ends like a run that nothing happened to."""
    plain, others = answers()
    assert plain["code"] == 0
    assert plain["digest"]["left"] == ""
    assert len(plain["names"]) > 100
    wrong = [
        f"{found['kind']} at {found['point']}, {plain['names'][found['point']]}: {complaint}"
        for found in others
        for complaint in complaints(plain, found)
    ]
    assert wrong == []
