"""What a run finds out in worker processes before it trains: whether model and data fit, and how to train."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sweeper.errors import UserError
from sweeper.training import compiling, planning, work
from sweeper.training.calls import attempt, call, outcomes
from sweeper.training.planning import Plan
from sweeper.training.pool.interface import NotSendable, Pool, Shared, WorkerDied
from sweeper.training.preflight import configurations, label
from sweeper.training.provenance import commit
from sweeper.training.setup import Task
from sweeper.training.stacked.refusal import NotStackable
from sweeper.trial import Trial

MAX_DEATHS = 20
"""Configurations that may end their process before the check of the model gives up."""


def share_task(pool: Pool, task: Task) -> Shared[Task]:
    """`task` for the workers.

    Raises:
        UserError: if study or data cannot be sent to another process.
    """
    try:
        return pool.share(task)
    except NotSendable as reason:
        raise _unsendable(reason) from None


def _unsendable(reason: NotSendable) -> UserError:
    return UserError(
        f"the study cannot be sent to worker processes: {reason}; name functions as package.module:function"
    )


def preflight_in_workers(pool: Pool, task: Shared[Task]) -> list[str]:
    """`preflight.check_configurations` in a worker process.

    Where the process dies, one configuration at a time until one lives: then not all of them are wrong, and
    trials will show the rest. Empty where that is not found out: a model that hangs.

    Raises:
        UserError: if study or data cannot be read in another process.
    """
    done = attempt(pool, work.check_configurations, task)
    if done.lost is not None:
        return [] if done.lost.timeout else _preflight_singly(pool, task)
    if isinstance(done.error, NotSendable):
        raise _unsendable(done.error)
    problems: list[str] = done.unwrap()
    return problems


def _preflight_singly(pool: Pool, task: Shared[Task]) -> list[str]:
    """Problems of the configurations in their order, up to the first that has none."""
    problems: list[str] = []
    for position in range(len(list(configurations(task.value.study.space)))):
        done = attempt(pool, work.check_configurations, task, position)
        if done.lost is None:
            problems += done.unwrap()
        elif done.lost.timeout or len(problems) == MAX_DEATHS:
            return []
        else:
            problems.append(f"{label(task.value)} cannot be trained: {done.lost.reason}")
        if not problems[-1]:
            break
    return problems


def plan_of_search(pool: Pool, task: Shared[Task], *, jobs: int, engine: str) -> Plan:
    """`plan_in_workers` for the generations of the study, with notes on its layers."""
    search = task.value.study.search
    share = -(-max(search.generation_at(search.trials), 40) // jobs)  # confirmations come by 50
    plan = plan_in_workers(pool, task, jobs=jobs, engine=engine, share=share)
    return replace(plan, **(optional(pool, work.layer_notes, task) or {}))


def plan_in_workers(pool: Pool, task: Shared[Task], *, jobs: int, engine: str, share: int) -> Plan:
    """How to train the study here, measured in all worker processes at once.

    Args:
        pool: worker processes.
        task: study and data.
        jobs: processes that the plan is for.
        engine: ``auto`` (what is faster), ``fused`` (stacks wherever possible) or ``reference``.
        share: trials that one process gets at a time.

    Raises:
        UserError: if stacks are required and the model cannot be batched.
    """
    if engine == "reference":
        return planning.one_by_one(jobs)
    if engine == "auto" and planning.is_small(task.value):
        return planning.one_by_one(jobs, "too little to train for stacks to pay")
    try:
        refused = call(pool, work.refusals, task)
        if refused and all(refused.values()):
            reason = next(iter(refused.values()))
            if engine == "fused":
                raise UserError(f"--engine fused: the model trains one by one alone: {reason}")
            return planning.one_by_one(jobs, reason)
        study = task.value.study
        trials = planning.sample(study.space, max(share, 1), study.search.seed)
        trials = [t for t in trials if not refused.get(str(t.parameters.get("activation")))]
        measured = _everywhere(pool, jobs, work.measure, task, trials, jobs)
    except WorkerDied:
        return planning.one_by_one(jobs, "a process ended while stacks were tried")
    except NotStackable as why:  # of a sampled trial: its model fails by itself
        return planning.one_by_one(jobs, f"no stack could be tried: {why}")
    plan = planning.choose(measured, jobs, refused, engine)
    return plan if plan.engine != "fused" else _compiled_or_not(pool, task, plan, trials, jobs)


def _compiled_or_not(pool: Pool, task: Shared[Task], plan: Plan, trials: Sequence[Trial], jobs: int) -> Plan:
    """The plan, with machine code where that is asked for or measured to pay."""
    study = task.value.study
    if not compiling.is_wanted(study, compiling.seconds_left(task.value, plan)):
        return plan
    if not compiling.is_there():
        return replace(plan, uncompiled=compiling.MISSING)
    try:
        tried = _everywhere(pool, plan.processes, work.measure_compiled, task, trials, jobs)
    except WorkerDied:
        tried = ["a process ended while it was tried"]
    return compiling.decide(plan, study, tried)


def _everywhere(pool: Pool, jobs: int, function: Any, *arguments: Any) -> list[Any]:
    """What `function` gives in `jobs` processes at the same time."""
    return [done.unwrap() for _, done in outcomes(pool, [(function, arguments)] * jobs)]


def optional(pool: Pool, function: Any, *arguments: Any) -> Any:
    """What `function` gives in a worker process; ``None`` if the process died."""
    try:
        return call(pool, function, *arguments)
    except WorkerDied:
        return None


def made_on(pool: Pool, shared: Shared[Task]) -> dict[str, str]:
    """`provenance` of a worker process, and the commit of the folder of the study."""
    found: dict[str, str] = optional(pool, work.where, shared) or {}
    return {**found, "commit": commit(shared.value.study.folder)}
