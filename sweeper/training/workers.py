"""Cohorts in parallel worker processes: results stream back, a dying worker takes one trial down.

The only importer of joblib. Workers get cohorts and give back results; they write nothing and share
nothing. What they do stands in work.py, which is imported late: processes start here before anything
heavy is there, and import while the driver does.
"""

import os
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from pickle import PicklingError
from typing import TYPE_CHECKING, Any, TypeVar, cast

import joblib
from joblib.externals.loky import get_reusable_executor, reusable_executor
from joblib.externals.loky.process_executor import BrokenProcessPool, TerminatedWorkerError

from sweeper.errors import UserError
from sweeper.training import torn_results, watchdog
from sweeper.training.cohort import Cohort, singles
from sweeper.training.stacked.refusal import NotFusible
from sweeper.trial import Trial, TrialResult, failed

if TYPE_CHECKING:
    from sweeper.training.planning import Plan
    from sweeper.training.setup import Task

# loaded late: scikit-learn takes a second


Given = TypeVar("Given")
Found = TypeVar("Found")

MOST_DEATHS = 20
"""Configurations that may end their process before the look at the model gives up."""


class WorkerDied(Exception):
    """The process in which code of the user ran has ended; the text says how, and where if that is known."""


_jobs: int | None = None
"""Number of the present `processes`; ``None`` outside of them."""
_folder: Path | None = None
"""Where they leave their last words."""
_starting: Any = None
"""Those of them that are still importing."""


def core_count() -> int:
    """Cores that this process may use, container limits included."""
    return int(joblib.cpu_count())


@contextmanager
def processes(jobs: int) -> Iterator[None]:
    """Every `train_all` inside uses the same `jobs` worker processes, by joblib's loky.

    They end with the block, whatever they are doing. With one job loky would run in this very process,
    where a dying trial takes the driver along: there are two workers then, one of them idle. A block
    inside one of as many jobs uses the processes of that.
    """
    global _jobs
    if _jobs == jobs:
        yield
        return
    before, _jobs = _jobs, jobs
    try:
        with _started(jobs):
            yield
    finally:
        _jobs = before


@contextmanager
def _started(jobs: int) -> Iterator[None]:
    global _folder, _starting
    with watchdog.private_folder() as _folder, torn_results.watching(lambda: reusable_executor._executor):
        first = {"initializer": watchdog.start_worker, "initargs": (os.getpid(), str(_folder))}
        shared = {"temp_folder": str(_folder), "inner_max_num_threads": 1}  # joblib's copies of large arrays
        try:
            with joblib.parallel_config(backend="loky", n_jobs=max(jobs, 2), **shared, **first):
                yield
        finally:
            if _starting is not None:
                with _cancelling():
                    _starting.close()
            _starting = None
            get_reusable_executor(reuse=True).shutdown(wait=True, kill_workers=True)
            _folder = None


def _calls(jobs: int, *, stream: bool = False) -> joblib.Parallel:
    """Runs calls in the workers, `jobs` of them at a time; with `stream`, results come as they are there."""
    for _ in _starting or ():  # until all workers are up
        pass
    how = "generator_unordered" if stream else "list"
    return joblib.Parallel(pre_dispatch=jobs, batch_size=1, return_as=how)


def start() -> None:
    """Let the present `processes` import what they need; does not wait for it."""
    global _starting
    if _jobs is not None and _starting is None:
        _starting = _calls(_jobs, stream=True)(joblib.delayed(_import)() for _ in range(_jobs))
        # A loky that is shut down before its thread has taken over the first calls stumbles over them.
        deadline, queued = time.monotonic() + 1.0, get_reusable_executor(reuse=True)._work_ids
        while not queued.empty() and time.monotonic() < deadline:
            time.sleep(0.001)


ProcessesDied = BrokenProcessPool
"""What the results of `running` raise when a worker process dies."""
Call = tuple[Callable[..., Any], tuple[Any, ...]]
"""A function, and what it is called with."""


@contextmanager
def running(jobs: int, calls: Iterable[Call]) -> Iterator[Iterator[Any]]:
    """Results of `calls` as they are there; what is under way at the end of the block is cancelled."""
    results = _calls(jobs, stream=True)(joblib.delayed(function)(*given) for function, given in calls)
    try:
        yield results
    finally:
        with _cancelling():
            results.close()


@contextmanager
def _cancelling() -> Iterator[None]:
    """While open, joblib gives no advice on tasks that are cancelled."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


def _import() -> None:
    """In a worker process: import what it will need."""
    from sweeper.training import work

    work.settle()


def train_all(
    task: "Task", cohorts: Sequence[Cohort], *, jobs: int, stop: Callable[[], bool] = lambda: False
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
        except BrokenProcessPool:
            left = [cohort for place, cohort in enumerate(waiting) if place not in done]
            # Cohorts start in order, so whoever was under way is among the first that have not come back.
            suspects, waiting = left[: jobs + 1], left[jobs + 1 :]
            for cohort in suspects:
                if len(cohort.trials) == 1:
                    yield [_alone(task, cohort.trials[0])]
                else:
                    waiting = [*singles(cohort.trials), *waiting]


def _stream(
    task: "Task", cohorts: Sequence[Cohort], jobs: int, stop: Callable[[], bool]
) -> Iterator[tuple[int, list[TrialResult]]]:
    from sweeper.training import work

    calls = ((work.placed, (task, place, cohort)) for place, cohort in enumerate(cohorts) if not stop())
    with running(jobs, calls) as results:
        for result in results:  # noqa: UP028  (`yield from` would close `results` by itself)
            yield result


def _alone(task: "Task", trial: Trial) -> TrialResult:
    """Train one suspect by itself; if its process dies again, that is its outcome."""
    last_words()
    start = time.perf_counter()
    try:
        return next(_stream(task, singles([trial]), 1, lambda: False))[1][0]
    except BrokenProcessPool as error:
        words, limit = last_words(), task.study.training.timeout
        reason = watchdog.end_of(error, "its")
        if words.timeout:
            reason = f"timeout: more than {limit:g} s without finishing a step; its process was ended"
        return failed(trial, reason + words.where, "reference", seconds=time.perf_counter() - start)


def last_words() -> watchdog.LastWords:
    """Those of a worker process that has died since the last call."""
    return watchdog.last_words(_folder) if _folder is not None else watchdog.LastWords()


def side_by_side(function: Callable[[Given], Found], items: Iterable[Given]) -> list[Found]:
    """``[function(item) for item in items]``, of which a worker process does the last ones meanwhile.

    It gets somewhat fewer than half, as it imports first what this process may have. Here alone where there
    is none, or where it dies.
    """
    from sweeper.training import work

    every = list(items)
    cut = len(every) - 9 * len(every) // 20
    mine, theirs = every[:cut], every[cut:]
    if _jobs is None or not theirs:
        return [function(item) for item in every]
    with running(1, [(work.each, (function, theirs))]) as results:
        found = [function(item) for item in mine]
        try:
            return [*found, *next(results)]
        except BrokenProcessPool:
            return [*found, *(function(item) for item in theirs)]


def plan_apart(task: "Task", *, jobs: int, engine: str, share: int) -> "Plan":
    """How to train the study here, measured in all worker processes at once.

    Args:
        task: study and data.
        jobs: worker processes.
        engine: ``auto`` (what is faster), ``fused`` (stacks wherever possible) or ``reference``.
        share: trials that one process gets at a time.

    Raises:
        UserError: if stacks are insisted on and the model cannot be batched.
    """
    from sweeper.training import compiling, planning, work

    if engine == "reference":
        return planning.one_by_one(jobs)
    if engine == "auto" and planning.is_little(task):
        return planning.one_by_one(jobs, "too little to train for stacks to pay")
    try:
        (refused,) = _calls(1)([joblib.delayed(work.refusals)(task)])
        if refused and all(refused.values()):
            reason = next(iter(refused.values()))
            if engine == "fused":
                raise UserError(f"--engine fused: the model trains one by one alone: {reason}")
            return planning.one_by_one(jobs, reason)
        trials = planning.sample(task.study.space, max(share, 1), task.study.search.seed)
        trials = [t for t in trials if not refused.get(str(t.parameters.get("activation")))]
        measured = _calls(jobs)(joblib.delayed(work.measure)(task, trials) for _ in range(jobs))
    except BrokenProcessPool:
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
        some = trials[: plan.slots]
        tried = _calls(jobs)(joblib.delayed(work.measure_compiled)(task, some) for _ in range(jobs))
    except BrokenProcessPool:
        tried = ["a process ended while it was tried"]
    return compiling.decide(plan, task.study, tried, left)


def in_a_worker(name: str, task: "Task", *arguments: Any) -> Any:
    """What the function `name` of `work` gives in a worker process; ``None`` if the process died."""
    from sweeper.training import work

    start()
    try:
        return _calls(1)([joblib.delayed(getattr(work, name))(task, *arguments)])[0]
    except BrokenProcessPool:
        last_words()
        return None


def call(function: Callable[..., Found], *arguments: Any, **options: Any) -> Found:
    """What `function` gives in a worker process, which code of the user may end; here where there is none.

    Raises:
        WorkerDied: if the process ends.
    """
    from sweeper.training import work

    if _jobs is None:
        return function(*arguments, **options)
    start()
    last_words()
    try:
        return cast(
            Found, _calls(1)([joblib.delayed(work.called)(core_count(), function, arguments, options)])[0]
        )
    except BrokenProcessPool as error:
        raise WorkerDied(watchdog.end_of(error, "its") + last_words().where) from None


def rehearse_apart(task: "Task") -> list[str]:
    """`preflight.rehearse` in a worker process.

    Where the process dies, one configuration at a time until one lives: then not all of them are
    wrong, and trials will tell the rest. Empty where that is not found out: a model that hangs.

    Raises:
        UserError: if study or data cannot be sent to another process.
    """
    from sweeper.training import work

    start()
    last_words()
    try:
        found: list[str] = _calls(1)([joblib.delayed(work.rehearse)(task)])[0]
    except TerminatedWorkerError:
        return [] if last_words().timeout else _rehearse_singly(task)
    except (BrokenProcessPool, PicklingError) as error:
        raise UserError(
            f"the study cannot be sent to worker processes{watchdog.last_line(error)}; name functions as "
            "package.module:function"
        ) from None
    return found


def _rehearse_singly(task: "Task") -> list[str]:
    """Problems of the configurations in their order, up to the first that has none."""
    from sweeper.training import work
    from sweeper.training.preflight import configurations, label

    problems: list[str] = []
    for place in range(len(list(configurations(task.study.space)))):
        try:
            problems += _calls(1)([joblib.delayed(work.rehearse)(task, place)])[0]
        except TerminatedWorkerError as error:
            words = last_words()
            if words.timeout or len(problems) == MOST_DEATHS:
                return []
            problems.append(f"{label(task)} cannot be trained: {watchdog.end_of(error, 'its')}{words.where}")
        if not problems[-1]:
            break
    return problems
