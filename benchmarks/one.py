"""One timing in a process of its own: ``python benchmarks/one.py CASE CONTENDER DEVICE`` prints JSON.

What is timed is the training of the trials with workers that are up and warm; peak memory is that of
the driver and its workers together.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from cases import CASES, Case
from peers import PEERS

from sweeper.search.trial import Trial
from sweeper.training import workers
from sweeper.training.cohort import Cohort, singles
from sweeper.training.plan import cohorts_of, make_plan
from sweeper.training.setup import Task

JOBS = 2
OURS = ("ours, reference", "ours, fused", "ours, compiled")


def contender(name: str, case: Case, device: str) -> tuple[Callable[[Sequence[Trial]], None], str]:
    """What trains trials, and how it does so in words."""
    if name in PEERS:
        return lambda trials: PEERS[name](case, trials, JOBS), f"{JOBS} processes"
    task = case.task(device)
    if name == "ours, reference":
        return lambda trials: _drain(task, singles(trials)), f"{JOBS} processes"
    plan = make_plan(task, case.trials(case.stacked), jobs=JOBS, engine="fused", compiled="compiled" in name)
    return lambda trials: _drain(task, cohorts_of(plan, task, trials)), plan.line()


def _drain(task: Task, cohorts: Sequence[Cohort]) -> None:
    for results in workers.train_all(task, cohorts, jobs=JOBS):
        for result in results:
            if result.outcome == "failed":
                raise RuntimeError(result.reason)


def peak_mib() -> float:
    """High-water marks of this process and of all below it, added up; Linux only, else NaN."""
    total, seen = 0.0, {"self"}
    try:
        for status in Path("/proc").glob("[0-9]*/status"):
            lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
            if "VmHWM" in lines and _below(int(status.parent.name), seen):
                total += int(lines["VmHWM"].split()[0]) / 1024
    except OSError:
        return float("nan")
    return total


def _below(process: int, seen: set[str]) -> bool:
    import os

    while process > 1:
        if process == os.getpid():
            return True
        stat = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1]
        process = int(stat.split()[1])
    return False


def main(case_name: str, name: str, device: str) -> None:
    """Warm up, time once, print."""
    case = CASES[case_name]
    count = case.stacked if name in ("ours, fused", "ours, compiled") else case.loops
    with workers.backend("loky", JOBS):
        run, how = contender(name, case, device)
        run(case.trials(4))
        start = time.perf_counter()
        run(case.trials(count))
        seconds = time.perf_counter() - start
        memory = peak_mib()
    found = {"case": case_name, "contender": name, "trials": count, "seconds": seconds}
    print(json.dumps({**found, "peak_mib": memory, "how": how}))


if __name__ == "__main__":
    main(*sys.argv[1:4])
