"""What `sweeper doctor` says of a pool: whether it answers, how wide it is, and whether a study fills it."""

from collections.abc import Callable
from dataclasses import dataclass

from sweeper.asked import load_study
from sweeper.beside import within
from sweeper.doctor.finding import Finding
from sweeper.errors import StateKept, UserError
from sweeper.search.occupancy import advice, expected_share
from sweeper.study.study import Study
from sweeper.training.initialize import initialize_worker
from sweeper.training.pool.interface import WorkerDied
from sweeper.training.pool.local import local_pool, workers_here
from sweeper.training.pool.machine import host
from sweeper.training.pool.registry import forms, open_pool, parse
from sweeper.wording import count, given, percent

JOIN, ANSWER = 20.0, 40.0
"""Seconds in which a worker must have joined, and one must have run a call: it imports torch first."""


@dataclass(frozen=True)
class PoolCheck:
    """A pool, and a study that it is to be kept busy by; both are written as they should be."""

    place: str
    study: Study | None

    @classmethod
    def of(cls, place: str, study: str | None) -> "PoolCheck":
        """The pool at `place`, ``--pool``, and the study of this name or file.

        Raises:
            UserError: if there is no such pool or study.
        """
        parse(place)
        if study is None:
            return cls(place, None)
        with local_pool(1, initialize_worker) as home:
            return cls(place, load_study(home, study, ()))

    def findings(self, tell: Callable[[str], None]) -> tuple[list[Finding], int]:
        """What is found, and the exit code that follows from what is wrong; 0 if nothing is.

        A worker is asked for its versions and given a call, as in a run.
        """
        try:
            width, found = self._asked(tell)
        except UserError as error:  # as a run would say it
            return [Finding("pool", False, str(error), f"--pool can be: {forms()}")], error.exit_code
        except (StateKept, TimeoutError, WorkerDied) as error:
            fix = "start workers, or see why they are busy: docs/clusters.md has the commands"
            return [Finding("pool", False, f"{self.place}: {error}", fix)], 1
        if self.study is None:
            return [found], 0
        search = self.study.search
        said = f"{self.study.name}: {count(search.trials, 'trial')}"
        if width > 1:
            busy = percent(round(expected_share(search, width), 2))
            said += f", which keep about {busy} of {width} workers busy if they train one by one"
        return [found, Finding("study", True, said, advice(search, width))], 0

    def _asked(self, tell: Callable[[str], None]) -> tuple[int, Finding]:
        """Trainings at a time, and what the pool is."""
        if self.place == "local":
            width = len(workers_here(None, self.study.training.device if self.study else "auto"))
            return width, Finding("pool", True, f"local: {width} at a time")
        told = list[str]()

        def hear(line: str) -> None:
            told.append(line)
            tell(f"{self.place}: {line}")

        tell(
            f"asking {self.place}: at most {given(JOIN)} s for a worker to join, {given(ANSWER)} s for "
            "it to answer"
        )
        with open_pool(self.place, 1, hear, patience=JOIN) as pool:
            call = pool.submit(host)
            try:
                done = within(ANSWER, lambda: pool.next_done([call]))
            except TimeoutError:
                raise TimeoutError(f"no worker has answered within {given(ANSWER)} s") from None
            said = [f"{self.place}: {pool.width} at a time", f"{done.unwrap()} answers", *told]
            return pool.width, Finding("pool", True, "; ".join(said))
