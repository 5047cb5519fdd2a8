"""What a run finds out in worker processes before it trains: whether model and data fit, and how to train."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sweeper.components.swap import roles_in
from sweeper.errors import RunFolderError, UserError
from sweeper.training import compiling, planning, set_up, work
from sweeper.training.calls import Work, attempt, outcomes, together
from sweeper.training.plan import Plan, one_by_one
from sweeper.training.pool.interface import Done, NotSendable, Pool, Shared, WorkerDied
from sweeper.training.preflight import configurations, label
from sweeper.training.provenance import commit
from sweeper.training.setup import Task
from sweeper.training.stacked.refusal import NotCompiled, NotStackable
from sweeper.trial import Trial
from sweeper.wording import listing

CLEARLY = 0.6
"""Share of what a step costs in small recorded stacks, up to which machine code is taken at once."""
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


@dataclass(frozen=True)
class Prepared:
    """What a run knows of its study before it trains."""

    plan: Plan
    made: dict[str, str]
    """`provenance` of a worker process, and the commit of the folder of the study."""
    code: dict[str, str]
    """`code_prints`"""
    baselines: dict[str, Any] | None
    """`guessing.guessing`; ``None`` where the process that was to find out has ended."""


def prepared_search(
    pool: Pool, task: Shared[Task], *, jobs: int, engine: str, seeds: Sequence[int]
) -> Prepared:
    """`plan_in_workers` for the generations of the study, with notes on its layers; what guessing scores.

    `seeds`: whose rows are guessed on. What needs one process runs beside the refusals of stacks, not after.
    """
    study = task.value.study
    share = -(-max(study.search.generation_at(study.search.trials), 40) // jobs)  # confirmations come by 50
    others: list[Work] = [(work.guess, (task, seeds)), (work.layer_notes, (task,))]
    others += [(work.where, (task,)), (work.code, (task,))]
    first: list[Work] = _refusals(task, jobs) if _considers_stacks(task.value, engine) else []
    *refused, guessed, notes, where, code = together(pool, [*first, *others])
    plan = plan_in_workers(pool, task, jobs=jobs, engine=engine, share=share, refused=refused)
    made = {**(unless_lost(where) or {}), "commit": commit(study.folder)}
    plan = replace(plan, **(unless_lost(notes) or {}))
    return Prepared(plan, made, unless_lost(code) or {}, unless_lost(guessed))


def refuse_changed(pool: Pool, task: Shared[Task], kept: Mapping[str, Any], folder: Path) -> None:
    """Scores on other rows, on the same rows changed, or of other models, are no scores of the same run.

    `kept`: its plan; those of earlier releases say nothing of code.

    Raises:
        RunFolderError: if the run was trained on other data than there are now, by other code, or with other
            layers swapped.
    """
    _refuse_other_data(pool, task, kept, folder)
    before = dict(kept.get("code") or {})
    now = unless_lost(attempt(pool, work.code, task)) or {} if before else {}
    same = before.get("python") == now.get("python")  # else the same code has other instructions
    if same and (changed := [name for name, code in now.items() if before.get(name, code) != code]):
        verb = "is" if len(changed) == 1 else "are"
        raise RunFolderError(
            f"{folder} was trained with other code: {listing(changed)} {verb} not as before. Put that code "
            "back, start over with --fresh (deletes that run), or give the study another name."
        )
    before = dict(kept.get("layer_roles") or roles_in(str(kept.get("swapped") or "")))
    _refuse_other_layers(pool, task, before, folder)


def _refuse_other_layers(pool: Pool, task: Shared[Task], then: Mapping[str, str], folder: Path) -> None:
    """An earlier release may have kept what is swapped now, or the other way round: two models.

    `then`: the roles of the layers, in an earlier release of those alone that the plan named.
    """
    notes = (unless_lost(attempt(pool, work.layer_notes, task)) or {}) if then else {}
    now = dict(notes.get("layer_roles") or {})
    if others := [name for name, role in now.items() if then.get(name, role) != role]:
        roles = " and ".join(f"{name} was {then[name]} and is {now[name]} now" for name in others[:2])
        more = f", and {len(others) - 2} more" if len(others) > 2 else ""
        raise RunFolderError(
            f"{folder} was begun with other activation layers swapped: {roles}{more}. Start over with "
            "--fresh (deletes that run), or give the study another name."
        )


def _refuse_other_data(pool: Pool, task: Shared[Task], kept: Mapping[str, Any], folder: Path) -> None:
    before = str(dict(kept.get("made") or {}).get("data") or "")
    now = (unless_lost(attempt(pool, work.where, task)) or {}).get("data", "") if before else ""
    if now and now != before:
        raise RunFolderError(
            f"{folder} was trained on other data: SHA-256 {before} there, {now} now. Put those data back "
            "(what a function draws needs a seed), start over with --fresh (deletes that run), or give the "
            "study another name."
        )


def unless_lost(done: Done) -> Any:
    """The value of a call; ``None`` if its process died."""
    return None if done.lost is not None else done.unwrap()


def _considers_stacks(task: Task, engine: str) -> bool:
    return engine == "fused" or (engine == "auto" and not planning.is_small(task))


def _refusals(task: Shared[Task], jobs: int) -> list[Work]:
    """`work.refusals` of all activations, which `jobs` processes share."""
    turns = max(1, min(jobs, len(task.value.study.space.listed("activation"))))
    return [(work.refusals, (task, turn, turns)) for turn in range(turns)]


def plan_in_workers(
    pool: Pool, task: Shared[Task], *, jobs: int, engine: str, share: int, refused: Sequence[Done] = ()
) -> Plan:
    """How to train the study here, measured in all worker processes at once.

    Args:
        pool: worker processes.
        task: study and data.
        jobs: processes that the plan is for.
        engine: ``auto`` (what is faster), ``fused`` (stacks wherever possible) or ``reference``.
        share: trials that one process gets at a time.
        refused: what became of `work.refusals`, all parts of it, if that was called already.

    Raises:
        UserError: if stacks are required and the model cannot be batched.
    """
    if engine == "reference":
        return one_by_one(jobs)
    if not _considers_stacks(task.value, engine):
        return one_by_one(jobs, "too little to train for stacks to pay")
    try:
        parts = refused or together(pool, _refusals(task, jobs))
        refusals = {name: why for part in parts for name, why in part.unwrap().items()}
        if refusals and all(refusals.values()):
            reason = next(iter(refusals.values()))
            if engine == "fused":
                raise UserError(f"--engine fused: the model trains one by one alone: {reason}")
            return one_by_one(jobs, reason)
        study = task.value.study
        trials = planning.sample(study.space, max(share, 1), study.search.seed)
        trials = [t for t in trials if not refusals.get(str(t.parameters.get("activation")))]
        if len({t.parameters.get("penalty_kind") for t in trials}) > 1:
            trials = attempt(pool, work.penalizable, task, trials).unwrap()
        plan = _fastest(pool, task, trials, jobs, refusals, engine)
        return _with_fewest(pool, task, plan, trials) if engine == "auto" else plan
    except WorkerDied:
        return one_by_one(jobs, "a process ended while stacks were tried")
    except NotStackable as why:  # of a sampled trial: its model fails by itself
        return one_by_one(jobs, f"no stack could be tried: {why}")


def _fastest(
    pool: Pool,
    task: Shared[Task],
    trials: Sequence[Trial],
    jobs: int,
    refusals: Mapping[str, str],
    engine: str,
) -> Plan:
    """The plan for what is measured.

    Machine code is tried beside the smallest stacks of recorded steps. Where it is clearly cheaper, nothing
    else is measured: larger stacks cost it no less.
    """
    tried = compiling.is_there() and task.value.study.training.compile is not False
    measured = _everywhere(pool, jobs, work.measure, task, trials, jobs, 1 if tried else None)
    small = planning.choose(measured, jobs, refusals, engine)
    plan = _compiled_or_not(pool, task, small, trials, jobs)
    if not tried or (plan.compiled and plan.seconds_a_step <= CLEARLY * small.seconds_a_step):
        return plan
    measured = _everywhere(pool, jobs, work.measure, task, trials, jobs, None, measured)
    every = planning.choose(measured, jobs, refusals, engine)
    if plan.uncompiled and every.engine == "fused":
        return replace(every, uncompiled=plan.uncompiled)
    return _compiled_or_not(pool, task, every, trials, jobs)


def _with_fewest(pool: Pool, task: Shared[Task], plan: Plan, trials: Sequence[Trial]) -> Plan:
    """The plan, few trials of one shape left out of stacks where hardly two have the same."""
    if plan.engine != "fused" or not set_up.varied(task.value.study):
        return plan
    try:
        seen = _everywhere(pool, plan.processes, work.seconds_to_set_up, task, trials[0], plan.compiled)
    except (NotCompiled, NotStackable):  # of another shape than the one that was timed
        return plan
    return set_up.with_fewest(plan, task.value, trials[0], seen)


def _compiled_or_not(pool: Pool, task: Shared[Task], plan: Plan, trials: Sequence[Trial], jobs: int) -> Plan:
    """The plan, its stacks as machine code where that is asked for or measured to pay."""
    study = task.value.study
    if plan.engine != "fused" or not compiling.is_wanted(study, compiling.seconds_left(task.value, plan)):
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


def baselines_of(pool: Pool, task: Shared[Task], seeds: Sequence[int]) -> dict[str, Any] | None:
    """`guessing.guessing` in a worker process; ``None`` if that died."""
    found: dict[str, Any] | None = unless_lost(attempt(pool, work.guess, task, seeds))
    return found
