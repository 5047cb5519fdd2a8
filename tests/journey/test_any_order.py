"""Runs, interruptions, damage and other commands in any order: in the end, the run that nothing happened to.

A few sequences; many where SWEEPER_SOAK is set (`make soak`).
"""

import os
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

from damages import DAMAGE
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from quick_runs import command, digest, quick, run, write_study
from soak import SOAK, patient

from sweeper.records.reading import load

READING = [["status", "tiny"], ["best", "tiny", "--json"], ["export", "tiny", "out"], ["report", "tiny"]]


class Killed(BaseException):
    """The process ends here."""


def undisturbed() -> dict[str, str]:
    """What a run leaves to which nothing happens."""
    with tempfile.TemporaryDirectory() as place, quick():
        write_study(Path(place))
        assert run(Path(place))[0] == 0
        return digest(Path(place))


class AnyOrder(RuleBasedStateMachine):
    """One run folder."""

    expected: dict[str, str]

    @initialize()
    def start(self) -> None:
        """A study, and nothing else."""
        self.place = tempfile.TemporaryDirectory()
        self.folder = Path(self.place.name)
        write_study(self.folder)
        self.grown = self.hurt = False

    @property
    def kept(self) -> Path:
        return self.folder / "runs" / "tiny"

    def trials(self) -> dict[Any, Any]:
        """What is on record: seconds tell whether a trial was trained again."""
        if not (self.kept / "records").is_dir():
            return {}
        frame = load(self.kept / "records").trials
        return {(row["trial"], row["seed"]): (row["seconds"], row["objective"]) for row in _rows(frame)}

    def checked(self, *arguments: str) -> int:
        """The exit code of a run; what was sound before it stays, unless files were damaged."""
        before = self.trials()
        with quick():
            code, _, told = run(self.folder, *arguments)
        assert "Traceback" not in told
        assert code in (0, 130), told
        if not self.hurt:
            after = self.trials()
            assert {key: after.get(key) for key in before} == before
        self.hurt = self.hurt and code != 0
        return code

    @rule(jobs=st.sampled_from(["1", "2"]))
    def run_it(self, jobs: str) -> None:
        """To the end."""
        assert self.checked("--jobs", jobs) == 0

    @rule(number=st.integers(0, 60), end=st.sampled_from([KeyboardInterrupt, Killed]))
    def interrupt(self, number: int, end: type[BaseException]) -> None:
        """At some rename of a file."""
        original: Callable[..., None] = os.replace
        left = [number]

        def ending(*arguments: Any) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise end
            original(*arguments)

        with mock.patch.object(os, "replace", ending):
            try:
                self.checked()
            except Killed:
                return

    @precondition(lambda self: self.kept.is_dir())
    @rule(seed=st.integers(0, 10_000))
    def damage(self, seed: int) -> None:
        """A file of any kind but the study's, in any way."""
        draw = random.Random(seed)
        spared = ("study.toml", "lock")
        files = sorted(p for p in self.kept.rglob("*") if p.is_file() and p.name not in spared)
        if files:
            draw.choice(DAMAGE)(draw.choice(files), draw)
            self.hurt = True

    @precondition(lambda self: self.kept.is_dir())
    @rule(arguments=st.sampled_from(READING))
    def look(self, arguments: list[str]) -> None:
        """A command that reads: it works or ends with one message."""
        with quick():
            code, _, told = command(self.folder, *arguments)
        assert code in (0, 2)
        assert "Traceback" not in told
        assert told.count("error: ") == (code == 2)

    @rule()
    def more_trials(self) -> None:
        """The total is raised."""
        assert self.checked("--set", "search.trials=6") == 0
        self.grown = True

    def teardown(self) -> None:
        """One last run."""
        if not hasattr(self, "place"):
            return
        if not self.grown:
            assert self.checked() == 0
            found = digest(self.folder)
            assert found == self.expected
        self.place.cleanup()


def _rows(frame: Any) -> list[dict[str, Any]]:
    return list(frame.to_dict("records"))


@patient
def test_any_order_ends_the_same() -> None:
    """No traceback, nothing finished and sound trained again, and equal records in the end."""
    from hypothesis.stateful import run_state_machine_as_test

    AnyOrder.expected = undisturbed()
    run_state_machine_as_test(
        AnyOrder,
        settings=settings(
            max_examples=200 if SOAK else 2,
            stateful_step_count=12 if SOAK else 5,
            deadline=None,
            derandomize=not SOAK,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
