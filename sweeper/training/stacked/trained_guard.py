"""Whether a stack computes what its trials compute alone at the weights that training has led to.

Before training, see `guard`, no unit is dead and no two activations are equal. What an operation makes of
equal numbers, or of those at the end of its range, shows later; so one pass is compared again when a trial
ends.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch

from sweeper.training.setup import Task, leaving_no_trace
from sweeper.training.stacked.cache import StackCache
from sweeper.training.stacked.guard import (
    PlainStep,
    PlainTrial,
    difference,
    largest,
    other_gradients,
    pairs_of,
    rounding_of,
    run_pass,
)
from sweeper.training.stacked.kinds import furthest
from sweeper.training.stacked.stack import Stack
from sweeper.training.stacked.stacked_trial import StackedTrial

TOLERANCE = {torch.float64: 1e-6}
COARSE_TOLERANCE = 1e-2
"""Relative difference that is taken for rounding; the second for types that are not in the first. Wider than
before training: losses and gradients may be small differences of large numbers now."""
LEAST = 1000.0
"""Rounding errors of the loss, and of the largest gradient, of the first step that they may be apart: where
predictions are sure, next to nothing is left of either but rounding."""


class Alone(NamedTuple):
    """The first batch of a trial that trains alone."""

    now: PlainStep
    """At the weights that the trial has in the stack."""
    others: Callable[[], tuple[PlainStep, PlainStep]]
    """The same off by a rounding error, and at its initial weights: made where they are needed."""


def check_trained(task: Task, stacks: StackCache, stack: Stack, slots: Sequence[StackedTrial | None]) -> None:
    """Compare some trials that have ended and were not handed out, see `furthest`.

    Raises:
        NotStackable: if one would have given something else alone; no stack of this kind is made again.
    """
    some = furthest(slots, stacks.compared_trained, lambda slot: largest(stack.p[slot]))
    if not some:
        return
    runs = {slot: run for slot, run in enumerate(slots) if run is not None}
    different = compare_trained(task, stacks, stack, runs, [slot for slot, _ in some.values()])
    if why := next(filter(None, different.values()), ""):
        stacks.refuse(why)
    stacks.compared_trained |= {name: reach for name, (_, reach) in some.items()}


def compare_trained(
    task: Task, stacks: StackCache, stack: Stack, runs: Mapping[int, StackedTrial], chosen: Sequence[int]
) -> dict[int, str]:
    """Slot -> what the stack computes otherwise than its trial does alone; empty where nothing is.

    Args:
        task: what all trials share.
        stacks: the cache of the stack.
        stack: whose trials go on as if nothing had been, but for those that are `chosen`.
        runs: who is in its slots.
        chosen: slots of trials that have ended.
    """
    with torch.random.fork_rng(devices=[]):
        alone = {slot: _alone(task, stacks, stack, slot, runs[slot]) for slot in chosen}
        with stack.passes_put_back():
            for slot in chosen:
                initial = runs[slot].initial
                stack.random_state.start(slot, initial.seed, initial.random)
            run_pass(stacks, stack, runs, 0)
            return {slot: _difference(stack, slot, runs[slot], alone[slot]) for slot in chosen}


def _alone(task: Task, stacks: StackCache, stack: Stack, slot: int, run: StackedTrial) -> Alone:
    seed, values = run.trial.seed, stack.values([slot])
    (rows,) = stacks.batches.order(seed).take(0, 1)
    there = {name: values[name][0] for name in run.initial.own}

    def step(rounding: float | None) -> PlainStep:
        """At the weights of now, off by `rounding`; ``None``: at the initial ones."""
        with leaving_no_trace(task, run.settings):
            plain = PlainTrial(task, run, stacks.replicates.alone(seed))
            if rounding is not None:
                plain.move(there, rounding)
            return plain.step(rows)

    return Alone(step(0.0), lambda: (step(rounding_of(stack)), step(None)))


def _difference(stack: Stack, slot: int, run: StackedTrial, alone: Alone) -> str:
    why = other_gradients(stack, run.initial.own, alone.now) or _other_values(stack, slot, alone)
    return f"{why}, at the weights of a trial that has ended" if why else ""


def _other_values(stack: Stack, slot: int, alone: Alone) -> str:
    tolerance, share = TOLERANCE.get(stack.p.dtype, COARSE_TOLERANCE), LEAST * rounding_of(stack)
    pairs = pairs_of(stack, slot, alone.now)
    if not difference(pairs, None, tolerance):
        return ""
    moved, first = alone.others()
    of_loss = share * largest(first.losses)
    of_gradients = share * max(map(largest, first.gradients.values()), default=0.0)
    pairs = [
        pair._replace(
            least=max(pair.least, of_gradients if pair.what.startswith("the gradient") else of_loss)
        )
        for pair in pairs
    ]
    return difference(pairs, pairs_of(stack, slot, moved), tolerance)
