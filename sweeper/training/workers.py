"""Cohorts in parallel worker processes: results stream back, a dying worker takes one trial down.

The only importer of joblib. Workers get cohorts and give back results; they write nothing and share
nothing, so another joblib backend (dask, ray) serves as well.
"""

import math
import os
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TypeVar

import joblib
import torch
from joblib.externals.loky import get_reusable_executor
from joblib.externals.loky.process_executor import TerminatedWorkerError

from sweeper.errors import UserError
from sweeper.search.trial import Trial
from sweeper.training import compiling, watchdog
from sweeper.training import plan as planning
from sweeper.training.cohort import Cohort, singles
from sweeper.training.fused import train_stack
from sweeper.training.plan import Plan
from sweeper.training.reference import train
from sweeper.training.rehearsal import rehearse
from sweeper.training.result import Outcome, TrialResult, failed
from sweeper.training.setup import Task
from sweeper.training.stability import sharpness_result
from sweeper.training.stacked.refusal import NotCompiled, NotFusible

Engine = Callable[[Task, Sequence[Trial], int], Iterable[TrialResult]]
"""(task, trials, slots) -> one result for every trial, in any order."""


def one_by_one(task: Task, trials: Sequence[Trial], slots: int) -> Iterator[TrialResult]:
    """The reference engine on each of `trials`."""
    for trial in trials:
        yield train(task, trial)


Found = TypeVar("Found")

ENGINES: dict[str, Engine] = {
    "reference": one_by_one,
    "fused": train_stack,
    "compiled": partial(train_stack, compiled=True),
}

_folder: Path | None = None
"""Where loky workers of the present `backend` leave their last words."""

COMPILING = 600.0
"""Most seconds for one compilation."""
REHEARSAL = 60.0
"""Most seconds for the look at model and data before the run; what hangs then fails in its trials."""


def core_count() -> int:
    """Cores that this process may use, container limits included."""
    return int(joblib.cpu_count())


@contextmanager
def backend(name: str, jobs: int) -> Iterator[None]:
    """Every `train_all` inside uses this joblib backend with `jobs` worker processes.

    Loky workers end with the block, whatever they are doing. With one job loky would run in this very
    process, where a dying trial takes the driver along: there are two workers then, one of them idle.
    """
    if name != "loky":
        with joblib.parallel_config(backend=name, n_jobs=jobs):
            yield
        return
    global _folder
    with tempfile.TemporaryDirectory(prefix="sweeper-", ignore_cleanup_errors=True) as folder:
        _folder = Path(folder)
        start = {"initializer": watchdog.start_worker, "initargs": (os.getpid(), folder)}
        try:
            with joblib.parallel_config(
                backend="loky", n_jobs=max(jobs, 2), inner_max_num_threads=1, **start
            ):
                yield
        finally:
            get_reusable_executor(reuse=True).shutdown(wait=True, kill_workers=True)
            _folder = None


def train_all(
    task: Task, cohorts: Sequence[Cohort], *, jobs: int, stop: Callable[[], bool] = lambda: False
) -> Iterator[list[TrialResult]]:
    """Results of the cohorts in the order in which these finish; each trial exactly once.

    When a worker process dies, the cohorts that were under way are tried again trial by trial, and
    those that consist of one trial by themselves, so that the culprit is known: it alone is recorded
    as failed. No cohort is started once `stop` says so.
    """
    waiting = list(cohorts)
    while waiting:
        done: set[int] = set()
        try:
            for place, results in _stream(task, waiting, jobs, stop):
                done.add(place)
                yield results
            return
        except TerminatedWorkerError:
            left = [cohort for place, cohort in enumerate(waiting) if place not in done]
            # Cohorts start in order, so whoever was under way is among the first that have not come back.
            suspects, waiting = left[: jobs + 1], left[jobs + 1 :]
            for cohort in suspects:
                if len(cohort.trials) == 1:
                    yield [_alone(task, cohort.trials[0])]
                else:
                    waiting = [*singles(cohort.trials), *waiting]


def _stream(
    task: Task, cohorts: Sequence[Cohort], jobs: int, stop: Callable[[], bool]
) -> Iterator[tuple[int, list[TrialResult]]]:
    parallel = joblib.Parallel(pre_dispatch=jobs, batch_size=1, return_as="generator_unordered")
    calls = (
        joblib.delayed(_placed)(task, place, cohort) for place, cohort in enumerate(cohorts) if not stop()
    )
    results = parallel(calls)
    try:
        for result in results:  # noqa: UP028  (`yield from` would close `results` by itself)
            yield result
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # joblib's advice on tasks that were cancelled
            results.close()


def _alone(task: Task, trial: Trial) -> TrialResult:
    """Train one suspect by itself; if its process dies again, that is its outcome."""
    last_words()
    start = time.perf_counter()
    try:
        return next(_stream(task, singles([trial]), 1, lambda: False))[1][0]
    except TerminatedWorkerError as error:
        words, limit = last_words(), task.study.training.timeout
        reason = f"its worker process ended: {_exit_codes(error)}"
        if words.timeout:
            reason = f"timeout: more than {limit:g} s without finishing a step; its process was ended"
        place = f" ({words.place})" if words.place else ""
        return failed(trial, reason + place, "reference", seconds=time.perf_counter() - start)


def last_words() -> watchdog.LastWords:
    """Those of a worker process that has died since the last call."""
    return watchdog.last_words(_folder) if _folder is not None else watchdog.LastWords()


def _exit_codes(error: BaseException) -> str:
    """What loky says of the exit codes, without its advice."""
    lines = [line for line in str(error).splitlines() if "EXIT" in line or "SIG" in line]
    return (lines or ["exit code unknown"])[-1].strip().removeprefix("The exit codes of the workers are ")


def look_closer(
    task: Task, again: Trial | None, asked: Sequence[tuple[Trial, int]], *, jobs: int
) -> Iterator[tuple[bool, TrialResult]]:
    """Train `again` by the reference engine, and meanwhile measure the sharpness of others.

    Yields (whether it is `again`, result) in any order; each (trial, last step) of `asked` gives a
    `stability.sharpness_result`, whose `curves` hold the rows. When a worker process dies, those that have
    not come back are failed: nothing depends on them.
    """
    first = [] if again is None else [again]
    if not (first or asked):
        return
    left = {(trial.number, trial.seed, False): trial for trial, _ in asked}
    left |= {(trial.number, trial.seed, True): trial for trial in first}
    parallel = joblib.Parallel(pre_dispatch=jobs, batch_size=1, return_as="generator_unordered")
    calls = [joblib.delayed(_again)(task, trial) for trial in first]
    calls += [joblib.delayed(_sharpness)(task, *each) for each in asked]
    try:
        for trained, result in parallel(calls):
            del left[result.trial.number, result.trial.seed, trained]
            yield trained, result
    except TerminatedWorkerError as error:
        reason = f"a worker process ended: {_exit_codes(error)}"
        for (_, _, trained), trial in left.items():
            yield trained, failed(trial, reason, "reference")


def plan_apart(task: Task, *, jobs: int, engine: str, share: int) -> Plan:
    """How to train the study here, measured in all worker processes at once.

    Args:
        task: study and data.
        jobs: worker processes.
        engine: ``auto`` (what is faster), ``fused`` (stacks wherever possible) or ``reference``.
        share: trials that one process gets at a time.

    Raises:
        UserError: if stacks are insisted on and the model cannot be batched.
    """
    if engine == "reference":
        return planning.one_by_one(jobs)
    if engine == "auto" and planning.is_little(task):
        return planning.one_by_one(jobs, "too little to train for stacks to pay")
    try:
        refused = _in_worker(_refusals, task)
        if refused and all(refused.values()):
            reason = next(iter(refused.values()))
            if engine == "fused":
                raise UserError(f"--engine fused: the model trains one by one alone: {reason}")
            return planning.one_by_one(jobs, reason)
        trials = planning.sample(task.study.space, max(share, 1), task.study.search.seed)
        trials = [t for t in trials if not refused.get(str(t.parameters.get("activation")))]
        calls = (joblib.delayed(_measure)(task, trials) for _ in range(jobs))
        measured = list(joblib.Parallel(pre_dispatch=jobs, batch_size=1)(calls))
    except TerminatedWorkerError:
        return planning.one_by_one(jobs, "a process ended while stacks were tried")
    except NotFusible as reason:  # of a sampled trial: its model fails by itself
        return planning.one_by_one(jobs, f"no stack could be tried: {reason}")
    plan = planning.choose(measured, jobs, refused, engine)
    if plan.engine != "fused":
        return plan
    left = compiling.seconds_left(task, plan)
    if not compiling.is_wanted(task.study, left):
        return plan
    try:
        calls = (joblib.delayed(_measure_compiled)(task, trials[: plan.slots]) for _ in range(jobs))
        tried = list(joblib.Parallel(pre_dispatch=jobs, batch_size=1)(calls))
    except TerminatedWorkerError:
        tried = ["a process ended while it was tried"]
    return compiling.decide(plan, task.study, tried, left)


def rehearse_apart(task: Task) -> list[str]:
    """`rehearsal.rehearse` in a worker process; empty if the process died (its trials will tell)."""
    # Another worker starts meanwhile: it will be asked for the plan next.
    calls = [joblib.delayed(_rehearse)(task), joblib.delayed(_warm_up)()]
    try:
        found: list[str] = joblib.Parallel(pre_dispatch=len(calls), batch_size=1)(calls)[0]
    except TerminatedWorkerError:
        return []
    return found


def _in_worker(function: Callable[..., Found], *arguments: object) -> Found:
    found: Found = joblib.Parallel(pre_dispatch=1, batch_size=1)([joblib.delayed(function)(*arguments)])[0]
    return found


# What follows runs in worker processes.


def _rehearse(task: Task) -> list[str]:
    torch.set_num_threads(1)
    with watchdog.deadline(min(task.study.training.timeout, REHEARSAL)):
        return rehearse(task)


def _warm_up() -> None:
    """The first call of vmap in a process imports for a second."""
    torch.set_num_threads(1)
    torch.func.vmap(torch.sin)(torch.zeros(1))


def _refusals(task: Task) -> dict[str, str]:
    torch.set_num_threads(1)
    with watchdog.deadline(REHEARSAL):
        return planning.refusals(task)


def _measure(task: Task, trials: Sequence[Trial]) -> planning.Measured:
    torch.set_num_threads(1)
    with watchdog.deadline(REHEARSAL):
        return planning.measure(task, trials)


def _measure_compiled(task: Task, trials: Sequence[Trial]) -> compiling.Compiled | str:
    torch.set_num_threads(1)
    with watchdog.deadline(COMPILING):
        try:
            return compiling.measure(task, trials)
        except NotCompiled as reason:
            return str(reason)


def _again(task: Task, trial: Trial) -> tuple[bool, TrialResult]:
    return True, train_cohort(task, Cohort((trial,)))[0]


def _sharpness(task: Task, trial: Trial, last: int) -> tuple[bool, TrialResult]:
    with watchdog.deadline(2 * task.study.training.timeout):  # a training, and the looks on the way
        return False, sharpness_result(task, trial, last)


def _placed(task: Task, place: int, cohort: Cohort) -> tuple[int, list[TrialResult]]:
    return place, train_cohort(task, cohort)


def train_cohort(task: Task, cohort: Cohort) -> list[TrialResult]:
    """One result for every trial of the cohort.

    Whatever the model raises becomes the reason of a failed trial. If trials were training together,
    those without a result are trained one by one, so that the others go unharmed.
    """
    torch.set_num_threads(cohort.threads)
    if cohort.engine == "reference":
        _load_optimizers()
    start = time.perf_counter()
    results: list[TrialResult] = []
    limit = task.study.training.timeout * math.ceil(len(cohort.trials) / cohort.slots)
    try:
        with watchdog.deadline(limit if math.isfinite(limit) else None):
            for result in ENGINES[cohort.engine](task, cohort.trials, cohort.slots):
                results.append(_checked(result))
    except Exception as error:  # the model, the loss or torch: all are this trial's own failure
        if cohort.engine == "reference" and len(cohort.trials) == 1:
            seconds = time.perf_counter() - start
            return [failed(cohort.trials[0], _reason(error), cohort.engine, seconds=seconds)]
        done = {(result.trial.number, result.trial.seed) for result in results}
        for single in singles([t for t in cohort.trials if (t.number, t.seed) not in done]):
            results += train_cohort(task, single)
    return results


@cache
def _load_optimizers() -> None:
    """The first optimizer of a process imports torch._dynamo, for seconds: not the first trial's fault."""
    torch.optim.SGD([torch.zeros(1)])


def _checked(result: TrialResult) -> TrialResult:
    """An objective that is not finite is divergence, whatever engine and loss make of it."""
    if result.outcome in (Outcome.COMPLETED, Outcome.PRUNED) and not math.isfinite(result.objective):
        reason = f"objective {result.objective} at step {result.steps}"
        return replace(result, outcome=Outcome.DIVERGED, objective=math.nan, reason=reason)
    return result


def _reason(error: Exception) -> str:
    """Type, message and the innermost line of the traceback, in one line."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({os.path.basename(frames[-1].filename)}:{frames[-1].lineno})" if frames else ""
    message = " ".join(str(error).split())
    return f"{type(error).__name__}: {message[:500]}{where}"
