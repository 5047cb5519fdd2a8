"""Whole runs on pools, with faults in the middle, and what must be equal then."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest
from clusters import POOLS
from whole_runs import run, study

from sweeper.errors import StateKept
from sweeper.result import Result
from sweeper.training.pool.interface import Pool
from sweeper.trial import TrialResult

in_pools = pytest.mark.skipif(not POOLS, reason="starts engines and workers; make pools runs it")

TABLES = {
    "trials": ["phase", "trial", "seed"],
    "curves": ["trial", "seed", "step", "metric"],
    "layers": ["trial", "seed", "step", "layer", "measure"],
}


def same(result: Result, expected: Result) -> None:
    """Every trial, loss, layer and sharpness once, with the same numbers to the last bit."""
    for table, order in TABLES.items():
        ours, theirs = [
            getattr(each, table)
            .drop(columns="seconds", errors="ignore")
            .sort_values(order, ignore_index=True)
            for each in (result, expected)
        ]
        pd.testing.assert_frame_equal(ours, theirs, check_exact=True)
    assert "sharpness" in set(expected.curves["metric"])


@contextmanager
def killer(
    victim: Callable[[], int | None], then: Callable[[], object] = lambda: None
) -> Iterator[list[int]]:
    """Kills a process once there is one to kill, and calls `then`; which one."""
    killed: list[int] = []
    over = threading.Event()

    def kill() -> None:
        while not over.wait(0.02):
            if (number := victim()) is not None:
                os.kill(number, getattr(signal, "SIGKILL", signal.SIGTERM))
                killed.append(number)
                then()
                return

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield killed
    finally:
        over.set()
        thread.join(60)


def after(count: int, fault: Callable[[], object]) -> Callable[..., None]:
    """For `Options.on_result`: the fault happens once that many trials have ended."""
    seen = list[object]()

    def heard(results: object) -> None:
        seen.append(results)
        if len(seen) == count:
            fault()

    return heard


def goes_on(
    folder: Path, home: Pool, expected: Result, gone: str, pool: str, fault: Callable[[], object]
) -> None:
    """A run whose pool goes away ends with one message, and the next call goes on to the same records."""
    with pytest.raises(StateKept, match=gone):
        run(folder, study(), home, pool=pool, on_result=after(4, fault))
    later = list[TrialResult]()
    again = run(folder, study(), home, jobs=2, on_result=later.append)
    same(again, expected)
    assert len(later) <= len(expected.trials) - 4, "what had ended is not trained again"
