"""One timing in a process of its own: ``python benchmarks/one.py CASE CONTENDER DEVICE`` prints JSON.

What is timed is the training of trials with workers that are up and warm; peak memory is that of the
driver and its workers together.
"""

import gc
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from cases import CASES, Case
from peers import PEERS

from sweeper.memory import collect_rarely, keep_freed_memory
from sweeper.training.cohort import Cohort, singles
from sweeper.training.dispatch import train_all
from sweeper.training.in_workers import plan_in_workers
from sweeper.training.initialize import initialize_worker
from sweeper.training.planning import cohorts_of
from sweeper.training.pool.interface import Pool, Shared
from sweeper.training.pool.local import local_pool
from sweeper.training.setup import Task
from sweeper.trial import Trial

JOBS = 2
WARM = 4 * JOBS
"""Trials that every contender trains first: so many that each process has some."""
OURS = ("ours, reference", "ours, fused", "ours, compiled")


def contender(
    pool: Pool, name: str, case: Case, device: str
) -> tuple[Callable[[Sequence[Trial]], None], str]:
    """What trains trials, and how it does so in words."""
    if name in PEERS:
        return lambda trials: PEERS[name](case, trials, JOBS), f"{JOBS} processes"
    task = pool.share(case.task(device, compiled=name == "ours, compiled"))
    if name == "ours, reference":
        return lambda trials: drain(pool, task, singles(trials)), f"{JOBS} processes"
    plan = plan_in_workers(pool, task, jobs=JOBS, engine="fused", share=case.stacked // JOBS)
    return lambda trials: drain(pool, task, cohorts_of(plan, task.value, trials)), plan.line()


def drain(pool: Pool, task: Shared[Task], cohorts: Sequence[Cohort]) -> None:
    """Train everything; a trial that fails is an error here."""
    for results in train_all(pool, task, cohorts):
        for result in results:
            if result.outcome == "failed":
                raise RuntimeError(result.reason)


def peak_mib() -> float:
    """High-water marks of this process and of all below it, added up; NaN where ``/proc`` is not there."""
    total, parents = 0.0, _parents()
    for process in parents:
        if _below(process, parents):
            status = Path(f"/proc/{process}/status").read_text()
            marks = [line.split() for line in status.splitlines() if line.startswith("VmHWM")]
            total += sum(int(words[1]) / 1024 for words in marks)
    return total or float("nan")


def _parents() -> dict[int, int]:
    files = Path("/proc").glob("[0-9]*/stat")
    return {int(f.parent.name): int(f.read_text().rsplit(")", 1)[1].split()[1]) for f in files}


def _below(process: int, parents: dict[int, int]) -> bool:
    while process in parents and process != os.getpid():
        process = parents[process]
    return process == os.getpid()


def main(case_name: str, name: str, device: str) -> None:
    """Warm up, time once, print. The collector and freed memory are dealt with as `sweeper` does it."""
    gc.freeze()
    collect_rarely()
    keep_freed_memory()
    case = CASES[case_name]
    count = case.stacked if name in OURS[1:] else case.loops
    with local_pool(JOBS, initialize_worker) as pool:
        run, how = contender(pool, name, case, device)
        warm, trials = case.trials(WARM), case.trials(count)
        run(warm)
        start = time.perf_counter()
        run(trials)
        seconds, memory = time.perf_counter() - start, peak_mib()
    found = {"case": case_name, "contender": name, "trials": count, "seconds": seconds}
    print(json.dumps({**found, "peak_mib": memory, "how": how}))


if __name__ == "__main__":
    main(*sys.argv[1:4])
