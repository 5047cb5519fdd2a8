"""Which engine, and how many trials a stack: measured on this machine for this study, in about a second.

Every worker process trains a few steps of the study's own trials, all of them at the same time as in the
run that follows: one by one, and in stacks of several sizes. The cheapest step of a trial wins.
"""

import math
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import median
from typing import Any

import numpy as np

from sweeper.study.settings import settings as settings_of
from sweeper.study.space import Space
from sweeper.training import reference
from sweeper.training.cohort import Cohort, balance_load, deal_out, singles, sort_key
from sweeper.training.plan import Plan, one_by_one
from sweeper.training.pool.machine import this_machine
from sweeper.training.preflight import can_be_penalized, configurations
from sweeper.training.setup import Task, leaving_no_trace
from sweeper.training.shapes import shapes, stack_differences, why_not_stackable
from sweeper.training.stack_memory import largest_stack
from sweeper.training.stacked import engine
from sweeper.training.timing import steps_a_block, timed
from sweeper.trial import Trial
from sweeper.wording import number

STACK_SIZES = (8, 16, 32, 64, 128, 256)
"""Stack sizes that are tried, smallest first, until a larger one is no cheaper."""
MIN_STEPS_TO_MEASURE = 3000
"""Steps of all trials together below which measuring would cost more than it saves."""
SECONDS_PER_TIMING = 0.2
"""Seconds for each thing that is timed, about."""
COHORT_SECONDS = 10.0
"""Seconds that a cohort should take at most: so much is lost when everything is killed."""
MOST_TIMED_STEPS, BLOCKS = 16, 4
"""Steps of a stack that are timed in one go, at most, and how often."""
FEWEST_TIMED_STEPS, LONGER = 4, 4
"""Steps, at least, of the shorter of two trainings that are timed; how many times as long the other is."""
SLOW_SECONDS, MAX_COMPARED = 5.0, 8
"""Seconds of trying all activations above which only one stack of them is compared; most in a stack."""
MAX_COST_RATIO = 0.95
"""Stacks must beat training one by one by this factor."""


@dataclass(frozen=True)
class Measured:
    """What one process saw: seconds that one step of one trial takes."""

    one_by_one: float
    stacked: Mapping[int, float]
    """slots -> seconds"""
    processor: str = ""
    """Kind of the machine."""


def is_small(task: Task) -> bool:
    """Whether the whole search takes fewer than `MIN_STEPS_TO_MEASURE` steps."""
    return steps_in_all(task) < MIN_STEPS_TO_MEASURE


def steps_in_all(task: Task) -> int:
    """Optimizer steps of search and confirmations together, about: of its first configuration, unpruned."""
    study = task.study
    steps = steps_of(task, Trial(0, "explore", study.search.seed, next(configurations(study.space))))
    return steps * (study.search.trials + study.confirm.finalists * study.confirm.seeds)


def refusals(task: Task, turn: int = 0, turns: int = 1) -> dict[str, str]:
    """activation -> why the study's model cannot be batched with it, found by trying each once: every
    `turns`-th of them, from number `turn` on."""
    reasons, trials, start = dict[str, str](), list[Trial](), time.perf_counter()
    first: dict[str, Mapping[str, Any]] = {}
    for parameters in configurations(task.study.space):
        first.setdefault(str(parameters.get("activation")), parameters)
    for name in list(first)[turn::turns]:
        trial = Trial(0, "explore", task.study.search.seed, first[name])
        reasons[name] = why_not_stackable(task, trial)
        trials += [trial] if not reasons[name] else []
    slow = time.perf_counter() - start > SLOW_SECONDS
    penalized, compared = bool(trials) and can_be_penalized(task), trials[: MAX_COMPARED if slow else None]
    for k in range(0, len(compared), MAX_COMPARED):
        reasons |= stack_differences(task, compared[k : k + MAX_COMPARED], penalized)
    return reasons


def steps_of(task: Task, trial: Trial) -> int:
    """Optimizer steps of one trial."""
    data, settings = task.data, settings_of(task.study, trial.parameters)
    rows = len(data.fixed["train"]) if data.fixed else round(data.rows * task.study.data.split[0])
    return settings.total_steps(rows)


def sample(space: Space, count: int, seed: int) -> list[Trial]:
    """`count` trials as a search would propose them, at rates so small that none diverges."""
    generator = np.random.default_rng(seed)
    trials = []
    for index in range(count):
        optimizers = space.entries["optimizer"].values or ()
        optimizer = optimizers[index % len(optimizers)]
        active = {n: v.at(float(generator.random())) for n, (_, v) in space.active(optimizer).items()}
        parameters = {n: v for n, v in active.items() if not n.startswith(("training.", "model."))}
        first = {n: v.at(0.0) for n, (_, v) in space.active(optimizer).items() if n.startswith("model.")}
        chosen = {"optimizer": optimizer, **parameters, **first, "learning_rate": 1e-7}
        trials.append(Trial(index, "explore", seed, chosen))
    return trials


def measure(
    task: Task,
    trials: Sequence[Trial],
    processes: int,
    sizes: int | None = None,
    begun: Sequence[Measured] = (),
) -> Measured:
    """Seconds a step of one trial, one by one and in stacks of up to all `trials`; there may be none.

    `processes` share the memory; the first `sizes` of stacks alone are tried, all by default. What was
    `begun` on a machine of this kind goes on.
    """
    if not trials:
        return Measured(math.inf, {})
    known = next((each for each in begun if each.processor == this_machine().processor), None)
    with leaving_no_trace(task, settings_of(task.study, trials[0].parameters)):
        return _measure(task, trials, _sizes(task, trials, processes)[:sizes], known)


def _measure(task: Task, trials: Sequence[Trial], sizes: Sequence[int], known: Measured | None) -> Measured:
    one = known.one_by_one if known else _one_by_one(task, trials[0])
    task, stacked = long_enough(task, trials[0]), dict(known.stacked if known else {})
    queue = sorted(trials, key=sort_key)
    for slots in [size for size in sizes if size not in stacked]:
        # As in a run, where neighbours in the queue are alike: from its middle.
        start = (len(trials) - slots) // 2
        stacked[slots] = _stacked(task, queue[start : start + slots], one)
        if stacked[slots] > 1.1 * min(stacked.values()):
            break
    return Measured(one, stacked, this_machine().processor)


def _one_by_one(task: Task, trial: Trial) -> float:
    """After a first look, which says how many steps can be timed: the fastest of two."""
    most = max(steps_of(task, trial) // LONGER, 1)  # a model may know how many steps come
    fewest = min(FEWEST_TIMED_STEPS, most)
    first = _seconds_a_step(task, trial, fewest, 1)
    steps = SECONDS_PER_TIMING / 6 / first
    return _seconds_a_step(task, trial, int(min(max(steps, fewest), 2 * MOST_TIMED_STEPS, most)), 2)


def _seconds_a_step(task: Task, trial: Trial, steps: int, times: int) -> float:
    """A longer training less a shorter one, so that set-up does not count, each the fastest of some `times`.

    What holds up a single one then does no harm. Where the clock sees no difference, set-up counts too.
    Layers are not measured, as they are not in the steps of stacks that are timed.
    """
    plain = replace(trial, measured=False)
    few, many = (partial(reference.train, short(task, n), plain) for n in (steps, LONGER * steps))
    seconds = [(timed(few), timed(many)) for _ in range(times)]
    shorter, longer = map(min, zip(*seconds, strict=True))
    seen = longer > shorter
    return (longer - shorter) / ((LONGER - 1) * steps) if seen else longer / (LONGER * steps)


def _stacked(task: Task, trials: Sequence[Trial], one: float) -> float:
    """Seconds of one trial's share in a step of a full stack: the fastest of some blocks of steps."""
    train = engine.warm_stack(task, trials)
    worth = int(min(max(SECONDS_PER_TIMING / BLOCKS / (one * len(trials)), 1), MOST_TIMED_STEPS))
    steps = steps_a_block(steps_of(task, trials[0]), BLOCKS, worth)
    train(1)
    return min(timed(lambda: train(steps)) for _ in range(BLOCKS)) / (steps * len(trials))


def long_enough(task: Task, trial: Trial) -> Task:
    """The task, so that what is made for timing serves its trainings; a longer one if they are short."""
    return task if steps_of(task, trial) >= MOST_TIMED_STEPS else short(task, 1000)


def choose(measured: Sequence[Measured], processes: int, refused: Mapping[str, str], engine: str) -> Plan:
    """The cheapest way that the processes saw, medians over them."""
    sizes = set.intersection(*(set(m.stacked) for m in measured))
    stacked = {size: median(m.stacked[size] for m in measured) for size in sizes}
    alone = {name: why for name, why in refused.items() if why}
    if not stacked:
        return one_by_one(processes, "too few trials, or too little memory, for a stack")
    slots = min(stacked, key=lambda size: (stacked[size], size))
    one = median(m.one_by_one for m in measured)
    if engine == "auto" and not stacked[slots] < MAX_COST_RATIO * one:
        plan = one_by_one(processes, f"stacks of {slots} are no faster ({number(one / stacked[slots], 3)}×)")
        return replace(plan, seconds_a_step=one)
    kinds = slots_by_kind(measured, stacked)
    return Plan("fused", slots, processes, one / stacked[slots], stacked[slots], alone, slots_of=kinds)


def slots_by_kind(measured: Sequence[Measured], sizes: Collection[int]) -> dict[str, int]:
    """kind of processor -> the cheapest of `sizes` there, by medians; empty if all workers are alike."""
    kinds = {each.processor for each in measured}
    seen = {kind: [m.stacked for m in measured if m.processor == kind] for kind in kinds}
    costs = {kind: {size: median(s[size] for s in of) for size in sizes} for kind, of in seen.items()}
    best = {kind: min(sizes, key=lambda size: (cost[size], size)) for kind, cost in costs.items()}
    return best if len(kinds) > 1 else {}


def cohorts_of(plan: Plan, task: Task, trials: Sequence[Trial]) -> list[Cohort]:
    """`trials` in the portions that workers get: every process one or more of about `COHORT_SECONDS`."""
    if plan.engine == "reference":
        return singles(trials)
    apart = [trial for trial in trials if plan.is_alone(trial)]
    together = [trial for trial in trials if not plan.is_alone(trial)]
    engine = "compiled" if plan.compiled else "fused"
    cohorts: list[Cohort] = []
    for group in shapes(task, together):
        if len(group) < plan.fewest:
            cohorts += singles(group)
            continue
        seconds = plan.seconds_a_step * sum(steps_of(task, trial) for trial in group)
        rounds = max(1, round(seconds / (plan.processes * COHORT_SECONDS)))
        parts = min(plan.processes * rounds, max(len(group) // max(plan.fewest, 2), 1))
        portions = deal_out(group, parts) if plan.compiled else balance_load(group, parts)
        cohorts += [_stack(plan, engine, part) for part in portions]
    return [*cohorts, *singles(apart)]


def _stack(plan: Plan, engine: str, part: Sequence[Trial]) -> Cohort:
    kinds = tuple((kind, _filled(slots, len(part))) for kind, slots in sorted(plan.slots_of.items()))
    return Cohort(tuple(part), engine, _filled(plan.slots, len(part)), slots_of=kinds)


def _filled(slots: int, trials: int) -> int:
    """About `slots`, so that stacks are full to the end: 25 trials in one, say, rather than 20 and 5."""
    return -(-trials // max(1, round(trials / slots)))


def _sizes(task: Task, trials: Sequence[Trial], processes: int) -> list[int]:
    largest = min(len(trials), largest_stack(task, trials[0], processes))
    sizes = [size for size in STACK_SIZES if size <= largest]
    if largest > 1 and largest not in sizes and largest < STACK_SIZES[-1]:
        sizes.append(largest)
    return sizes


def short(task: Task, steps: int) -> Task:
    """The task with trainings of `steps` steps."""
    changed = {"steps": steps, "epochs": None, "evaluations": 1}
    training = task.study.training.model_copy(update=changed)
    return Task(task.study.model_copy(update={"training": training}), task.data)
