"""Trials in parallel worker processes: results stream back as they come, a dying worker takes one trial down.

The only importer of joblib. Workers get trials and give back results; they write nothing and share
nothing, so another joblib backend (dask, ray) serves as well.
"""

import math
import os
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import joblib
from joblib.externals.loky import get_reusable_executor
from joblib.externals.loky.process_executor import TerminatedWorkerError

from sweeper.search.trial import Trial
from sweeper.study.settings import settings as settings_of
from sweeper.training import watchdog
from sweeper.training.result import TrialResult, failed
from sweeper.training.setup import Task

Engine = Callable[[Task, Trial], TrialResult]


def core_count() -> int:
    """Cores that this process may use, container limits included."""
    return int(joblib.cpu_count())


@contextmanager
def backend(name: str, jobs: int) -> Iterator[None]:
    """Every `train_all` inside uses this joblib backend; loky is the default."""
    if name != "loky":
        with joblib.parallel_config(backend=name, n_jobs=jobs):
            yield
        return
    try:
        with joblib.parallel_config(backend="loky", n_jobs=jobs, inner_max_num_threads=1):
            yield
    finally:
        stop_workers()


def stop_workers() -> None:
    """End all worker processes now, whatever they are doing."""
    get_reusable_executor(reuse=True).shutdown(wait=True, kill_workers=True)


def train_all(
    task: Task, trials: Sequence[Trial], *, jobs: int, local: bool = True, stop: Callable[[], bool] = lambda: False
) -> Iterator[TrialResult]:
    """Results of `trials` in the order in which they finish; each trial exactly once.

    When a worker process dies, the trials that were under way are tried again one at a time, so that
    the culprit is known: it alone is recorded as failed. No trial is started once `stop` says so.
    """
    waiting = {(trial.number, trial.seed): trial for trial in trials}
    while waiting:
        try:
            for result in _stream(task, list(waiting.values()), jobs, local, stop):
                del waiting[result.trial.number, result.trial.seed]
                yield result
            return
        except TerminatedWorkerError:
            # Tasks start in order, so whoever was under way is among the first that have not come back.
            for trial in list(waiting.values())[: jobs + 1]:
                del waiting[trial.number, trial.seed]
                yield _alone(task, trial, local)


def rehearse_apart(task: Task) -> list[str]:
    """`rehearsal.rehearse` in a worker process; empty if the process died (its trials will tell)."""
    try:
        parallel = joblib.Parallel(n_jobs=2, pre_dispatch=1, batch_size=1)
        return list(parallel([joblib.delayed(rehearse_one)(task)])[0])
    except TerminatedWorkerError:
        return []


def rehearse_one(task: Task) -> list[str]:
    """The worker's side of `rehearse_apart`."""
    import torch

    from sweeper.training.rehearsal import rehearse

    torch.set_num_threads(1)
    with watchdog.guard(None, task.study.training.timeout):
        return rehearse(task)


def _stream(
    task: Task, trials: Sequence[Trial], jobs: int, local: bool, stop: Callable[[], bool]
) -> Iterator[TrialResult]:
    # With one job loky would run in this very process, where a dying trial takes the driver along:
    # two workers and one trial in flight keep it apart.
    parallel = joblib.Parallel(
        n_jobs=max(jobs, 2), pre_dispatch=jobs, batch_size=1, return_as="generator_unordered"
    )
    parent = os.getpid() if local else None
    yield from parallel(joblib.delayed(train_one)(task, trial, parent) for trial in trials if not stop())


def _alone(task: Task, trial: Trial, local: bool) -> TrialResult:
    """Train one suspect by itself; if its process dies again, that is its outcome."""
    start = time.perf_counter()
    try:
        return next(iter(_stream(task, [trial], 1, local, lambda: False)))
    except TerminatedWorkerError as error:
        seconds = time.perf_counter() - start
        limit = settings_of(task.study, trial.parameters).timeout
        if seconds > limit:
            reason = f"timeout: more than {limit:g} s without finishing a step; its process was ended"
        else:
            reason = f"its worker process ended: {_exit_codes(error)}"
        return failed(trial, reason, "reference", seconds=seconds)


def _exit_codes(error: BaseException) -> str:
    """What loky says of the exit codes, without its advice."""
    lines = [line for line in str(error).splitlines() if "EXIT" in line or "SIG" in line]
    return (lines or ["exit code unknown"])[-1].strip().removeprefix("The exit codes of the workers are ")


def train_one(task: Task, trial: Trial, parent: int | None) -> TrialResult:
    """One trial in a worker process; whatever the model raises becomes the reason of a failed trial."""
    import torch

    from sweeper.training.reference import train

    torch.set_num_threads(1)
    start = time.perf_counter()
    limit = settings_of(task.study, trial.parameters).timeout
    with watchdog.guard(parent, limit if math.isfinite(limit) else None):
        try:
            return train(task, trial)
        except Exception as error:  # the model, the loss or torch: all are this trial's own failure
            return failed(trial, _reason(error), "reference", seconds=time.perf_counter() - start)


def _reason(error: Exception) -> str:
    """Type, message and the innermost line of the traceback, in one line."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({os.path.basename(frames[-1].filename)}:{frames[-1].lineno})" if frames else ""
    message = " ".join(str(error).split())
    return f"{type(error).__name__}: {message[:500]}{where}"


