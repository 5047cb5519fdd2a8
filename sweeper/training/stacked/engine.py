"""The stacked engine: many trials train as one, in slots along a leading trial axis.

`train_stack` gives what the reference engine gives, trial by trial, for a fraction of the time. Every slot
has a clock of its own; a slot whose trial is finished, pruned or diverged takes the next one from the queue.
The result of a trial does not depend on what it was stacked with, as nothing is ever summed over slots: to
the last bit as machine code, to rounding as recorded operations, whose products differ with a stack's size.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from itertools import chain

import torch
from torch.nn.parameter import is_lazy

from sweeper.components.activations import Activation, activation_of
from sweeper.components.optimizers import OPTIMIZERS
from sweeper.study.settings import settings as settings_of
from sweeper.training.cohort import sort_key
from sweeper.training.setup import Task, leaving_no_trace
from sweeper.training.stacked.cache import return_cache
from sweeper.training.stacked.kernel import kernel_for
from sweeper.training.stacked.native.library import activation_functions
from sweeper.training.stacked.refusal import NotCompiled, NotStackable
from sweeper.training.stacked.stacked_training import OnFinish, StackedTraining
from sweeper.trial import Trial, TrialResult


def train_stack(
    task: Task,
    trials: Sequence[Trial],
    slots: int,
    *,
    on_finish: OnFinish | None = None,
    compiled: bool = False,
) -> Iterator[TrialResult]:
    """Train trials of one shape together, `slots` at a time; results come as they finish.

    Args:
        task: what all trials of the run share.
        trials: of one shape (see `shapes`): they may differ in everything but the model's parameters, the
            batch size, the loss, the precision and the device.
        slots: most trials in training at the same time.
        on_finish: called with the final state of each trial.
        compiled: run steps as machine code, where they can be translated.

    Raises:
        NotStackable: if the model cannot be batched; the message names the operation.
    """
    if not trials:
        return
    with leaving_no_trace(task, settings_of(task.study, trials[0].parameters)):
        left = list(trials)
        if compiled:
            taken, left = translatable(task, trials)
            unfinished = {(trial.number, trial.seed): trial for trial in taken}
            try:
                for result in _train_stack(task, taken, slots, on_finish, compiled=True):
                    del unfinished[result.trial.number, result.trial.seed]
                    yield result
            except NotCompiled:  # there is no translation of something
                left = [*unfinished.values(), *left]
            except NotStackable as error:
                for result in _train_stack(task, [*unfinished.values()], slots, on_finish):
                    yield replace(result, uncompiled=str(error))
        yield from _train_stack(task, left, slots, on_finish)


def _train_stack(
    task: Task, trials: Sequence[Trial], slots: int, on_finish: OnFinish | None, *, compiled: bool = False
) -> Iterator[TrialResult]:
    waiting = deque(sorted(trials, key=sort_key))
    while waiting:
        stacked = StackedTraining(task, waiting, slots, on_finish, compiled)
        yield from stacked.run()
        if len(stacked.incompatible) and not stacked.accepted:
            why = f": {stacked.why_incompatible}" if stacked.why_incompatible else ""
            raise NotStackable(f"the model computes something else when it is batched{why}")
        waiting = deque(stacked.incompatible)


def compare_stack(task: Task, trials: Sequence[Trial]) -> dict[int, str]:
    """Number of each trial -> what a stack of them all computes otherwise than the trial does alone.

    Empty where there is no difference; trials that do not fit into the stack, or fail, are left out.

    Raises:
        NotStackable: as `train_stack`.
    """
    with leaving_no_trace(task, settings_of(task.study, trials[0].parameters)):
        stacked = StackedTraining(task, deque(sorted(trials, key=sort_key)), len(trials), None, False)
        list(stacked.prepare())
        if not stacked.queue:
            return {}
        list(stacked.refill())
        return stacked.compare(range(stacked.size))


def warm_stack(task: Task, trials: Sequence[Trial], *, compiled: bool = False) -> Callable[[int], object]:
    """A full stack of `trials` before its first step: called with a number, it makes so many steps.

    For timing alone: nothing is evaluated, and no trial ends. What was made for it serves the next stack.

    Raises:
        NotStackable: as `train_stack`.
        NotCompiled: if it is to be `compiled` and cannot be, or then gives something else than trials alone.
    """
    stacked = StackedTraining(task, deque(trials), len(trials), None, compiled)
    for result in chain(stacked.prepare(), stacked.refill()):
        raise NotStackable(result.reason)
    if compiled:
        try:
            stacked.check_equality()
        except NotStackable as why:
            raise NotCompiled(str(why)) from why
    return_cache(stacked.cache)
    return stacked.train


def translatable(task: Task, trials: Sequence[Trial]) -> tuple[list[Trial], list[Trial]]:
    """Trials whose activation and update rule can be machine code, as far as is known, and the others."""
    taken, others = list[Trial](), list[Trial]()
    for trial in trials:
        settings = settings_of(task.study, trial.parameters)
        (others if without_code([settings.optimizer], [settings.activation]) else taken).append(trial)
    return taken, others


def without_code(optimizers: Iterable[str], activations: Iterable[str | None]) -> list[str]:
    """Those of them that cannot be machine code."""
    shaped = [name for name in optimizers if any(rule.shaped for rule in OPTIMIZERS[name].rules)]
    known = [name for name in activations if name is not None]
    return [*shaped, *(name for name in known if not _has_code(activation_of(name)))]


@cache
def _has_code(activation: Activation) -> bool:
    """Whether an activation is taken for one that can be compiled; one that learns is tried."""
    if not activation.learns:
        return activation.elementwise
    module = activation.make()
    if any(is_lazy(each) for each in module.parameters()):
        module(torch.zeros(2, 2))  # what it has for each unit is there for two
    if any(each.numel() > 1 for each in module.parameters()):
        return False  # machine code keeps single numbers alone
    learned = sum(1 for _ in module.parameters())
    try:
        activation_functions(kernel_for(activation, torch.float32), torch.float32, learned)
    except (NotCompiled, NotStackable):
        return False
    return True
