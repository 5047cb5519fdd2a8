"""Whether a stack computes what its trials compute alone at the weights that training has led to.

Before training, see `guard`, no unit is dead, no two activations are equal, and rows of one seed are scored.
What an operation makes of equal numbers, or of those at the end of its range, and what a kernel makes of
rows without anything to attend to, shows later. So some trials are compared once more when they end: a pass
forward and backward, and losses on validation and test rows.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sweeper.components.tree import rows_in
from sweeper.training.setup import Task, leaving_no_trace
from sweeper.training.stacked.cache import StackCache
from sweeper.training.stacked.guard import (
    Pair,
    PlainStep,
    PlainTrial,
    difference,
    largest,
    other_gradients,
    pairs_of,
    rounding_of,
    run_pass,
    scored_pair,
)
from sweeper.training.stacked.kinds import furthest, of_other_rows
from sweeper.training.stacked.stack import Stack
from sweeper.training.stacked.stacked_trial import StackedTrial
from sweeper.trial import Outcome

TOLERANCE = {torch.float64: 1e-6}
COARSE_TOLERANCE = 1e-2
"""Relative difference that is taken for rounding; the second for types that are not in the first. Wider than
before training: losses and gradients may be small differences of large numbers now."""
WITH_WEIGHTS = (Outcome.COMPLETED, Outcome.PRUNED)
"""How trials end whose weights are numbers."""
PARTS = ("validation", "test")
MOST_ROWS = 8
"""Seeds whose rows are scored by stack and alone: what is special about one of them shows on others, too."""
FAST = nn.MultiheadAttention, nn.TransformerEncoderLayer, nn.TransformerEncoder
"""Modules that compute otherwise in evaluation where some rows have nothing but padding, or the like: with
them the rows of all seeds are scored both ways."""
SCORED_TOLERANCE = {torch.float64: 1e-9}
COARSE_SCORED_TOLERANCE = 1e-4
"""The same of losses in evaluation, where few rows of many may be special."""
LEAST, LEAST_SCORED = 1000.0, 10.0
"""Rounding errors of the loss, and of the largest gradient, of the first step that they may be apart: where
predictions are sure, next to nothing is left of either but rounding. Of losses in evaluation fewer."""


class Seen(NamedTuple):
    """What a trial that trains alone shows."""

    losses: Mapping[str, Tensor]
    """On validation rows and, where these are scored, on test rows: ``{"validation": …}``."""
    step: PlainStep
    """Of its first batch."""


class Alone(NamedTuple):
    """The same at several weights."""

    now: Seen
    """At those that the trial has in the stack."""
    others: Callable[[], tuple[Seen, Seen]]
    """At those off by a rounding error, and at its initial ones: made where they are needed."""


def check_trained(task: Task, stacks: StackCache, stack: Stack, slots: Sequence[StackedTrial | None]) -> None:
    """Compare some trials that have ended and were not handed out, see `furthest` and `of_other_rows`.

    Raises:
        NotStackable: if one would have given something else alone; no stack of this kind is made again.
    """
    ended = [run if run is not None and run.state.outcome in WITH_WEIGHTS else None for run in slots]
    if not any(ended):
        return
    far = furthest(ended, stacks.compared_trained, lambda slot: largest(stack.p[slot]))
    has_fast = any(isinstance(module, FAST) for module in stack.template.model.modules())
    key, most = stacks.replicates.key, None if has_fast else MOST_ROWS
    other = of_other_rows(ended, stacks.compared_rows, key, most)
    chosen = sorted({*(slot for slot, _ in far.values()), *other.values()})
    if not chosen:
        return
    runs = {slot: run for slot, run in enumerate(slots) if run is not None}
    different = compare_trained(task, stacks, stack, runs, chosen)
    if why := next(filter(None, different.values()), ""):
        stacks.refuse(why)
    stacks.compared_trained |= {name: reach for name, (_, reach) in far.items()}
    stacks.compared_rows |= {*other}


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
        found = {slot: _alone_or_none(task, stacks, stack, slot, runs[slot]) for slot in chosen}
        alone = {slot: seen for slot, seen in found.items() if seen is not None}
        chosen = [*alone]
        if not chosen:
            return {}
        with stack.passes_put_back():
            parts = {part: {s: runs[s] for s in chosen if part in _parts(runs[s])} for part in PARTS}
            losses = {part: stacks.evaluator.losses(stack, some, part) for part, some in parts.items()}
            for slot in chosen:
                initial = runs[slot].initial
                stack.random_state.start(slot, initial.seed, initial.random)
            try:
                run_pass(stacks, stack, runs, 0)
            except Exception:
                if len(alone) < len(found):  # what one trial raises in a step too many, it raises for all
                    return {}
                raise
            own = {slot: {part: of[slot] for part, of in losses.items() if slot in of} for slot in chosen}
            return {slot: _difference(stack, slot, runs[slot], own[slot], alone[slot]) for slot in chosen}


def _alone_or_none(
    task: Task, stacks: StackCache, stack: Stack, slot: int, run: StackedTrial
) -> Alone | None:
    """``None`` where the model raises something: it may know how many steps come, and this is one more."""
    try:
        return _alone(task, stacks, stack, slot, run)
    except Exception:
        return None


def _alone(task: Task, stacks: StackCache, stack: Stack, slot: int, run: StackedTrial) -> Alone:
    seed, values = run.trial.seed, stack.values([slot])
    (rows,) = stacks.batches.order(seed).take(0, 1)
    there = {name: values[name][0] for name in run.initial.own}

    def seen(rounding: float | None) -> Seen:
        """At the weights of now, off by `rounding`; ``None``: at the initial ones."""
        with leaving_no_trace(task, run.settings):  # what one sets outside of its model, no other one sees
            plain = PlainTrial(task, run, stacks.replicates.alone(seed))
            if rounding is not None:
                plain.move(there, rounding)
            parts = [part for part in _parts(run) if rows_in(getattr(plain.rows, f"x_{part}"))]
            return Seen({part: plain.loss_on(part) for part in parts}, plain.step(rows))

    return Alone(seen(0.0), lambda: (seen(rounding_of(stack)), seen(None)))


def _parts(run: StackedTrial) -> Sequence[str]:
    """Whose rows are scored; those of the test only for trials that ask for it."""
    return PARTS if run.trial.test else PARTS[:1]


def _difference(stack: Stack, slot: int, run: StackedTrial, losses: Mapping[str, float], alone: Alone) -> str:
    """`losses`: those of the stack, by the part of the rows."""
    why = other_gradients(stack, run.initial.own, alone.now.step) or _other_values(stack, slot, losses, alone)
    return f"{why}, at the weights of a trial that has ended" if why else ""


def _other_values(stack: Stack, slot: int, losses: Mapping[str, float], alone: Alone) -> str:
    dtype = stack.p.dtype

    def scored(seen: Seen) -> list[Pair]:
        return [scored_pair(part, losses[part], alone) for part, alone in seen.losses.items()]

    def stepped(seen: Seen) -> list[Pair]:
        return pairs_of(stack, slot, seen.step)

    kinds = (
        (scored, SCORED_TOLERANCE.get(dtype, COARSE_SCORED_TOLERANCE), LEAST_SCORED),
        (stepped, TOLERANCE.get(dtype, COARSE_TOLERANCE), LEAST),
    )
    for pairs, tolerance, least in kinds:
        if difference(pairs(alone.now), None, tolerance):
            moved, first = alone.others()
            share = least * rounding_of(stack)
            mine = [
                Pair(what, stacked, of_alone, max(share * _scale(what, first), floor))
                for what, stacked, of_alone, floor in pairs(alone.now)
            ]
            if why := difference(mine, pairs(moved), tolerance):
                return why
    return ""


def _scale(what: str, first: Seen) -> float:
    """Of the loss, or of the largest gradient, at the initial weights."""
    of_gradient = what.startswith("the gradient")
    return max(
        map(largest, first.step.gradients.values() if of_gradient else [first.step.losses]), default=0.0
    )
