"""Whether a stack computes what its trials compute alone, tried before any of them is trained.

The plain model is trained for a few steps by ``torch.optim``. Before each of them the stack gets the
parameters and buffers that the plain model has, so that rounding does not grow from step to step; then
losses, penalties, gradients of every parameter and buffers are compared, and the loss of an evaluation.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from sweeper.components.penalties import PENALTIES
from sweeper.components.tree import applied, first_tensor, taken
from sweeper.training.capture import outputs_of, penalty_of
from sweeper.training.evaluate import evaluate
from sweeper.training.setup import Rows, Task, initial_model, leaving_no_trace, make_optimizer, pick_loss
from sweeper.training.stacked.cache import StackCache
from sweeper.training.stacked.stack import Stack
from sweeper.training.stacked.stacked_trial import StackedTrial
from sweeper.user_code.observing import put_values
from sweeper.wording import number

COMPARED_STEPS = 3
TOLERANCE = {torch.float64: 1e-9}
COARSE_TOLERANCE = 1e-3
"""Relative difference that is always taken for rounding; the second for types that are not in the first."""
MAX_ROUNDING_EFFECTS = 1000.0
"""How many times the effect of one rounding error of every parameter a difference may be."""
LEAST_GRADIENT = 4.0
"""Rounding errors of the largest gradient that a gradient may be apart: one that is 0 on paper, as of a bias
in front of a softmax, is nothing but what rounding has left of others."""
PLAIN_LEARNING_RATE = 1e-3
"""Learning rate of the plain model: its steps must only lead away from where it begins."""

State = Mapping[str, Tensor]


@dataclass(frozen=True)
class PlainStep:
    """One step of a trial that trains alone; tensors by name."""

    before: State
    """Parameters and buffers before the step."""
    random: Tensor
    """State of the random generator before it."""
    rows: Tensor
    losses: Tensor
    """Loss, weighted penalty and their sum."""
    gradients: State
    """Of the parameters that have one."""
    buffers: State
    """After it."""


class Pair(NamedTuple):
    """What is compared: a name in words, and the values in the stack and alone."""

    what: str
    stacked: Tensor
    alone: Tensor
    least: float = 0.0
    """A difference that is nothing but rounding."""


class PlainTrial:
    """A trial's model as it trains alone."""

    def __init__(self, task: Task, run: StackedTrial, rows: Rows) -> None:
        self.settings, self.rows = run.settings, rows
        self.built = initial_model(task, run.settings, run.trial.seed)
        self.loss = pick_loss(task, run.settings, run.trial.seed)
        self.optimizer = make_optimizer(run.settings, self.built, lr=PLAIN_LEARNING_RATE)
        self.built.model.train()

    def steps(self, batches: Sequence[Tensor]) -> Iterator[PlainStep]:
        """What each step on these rows shows before its update."""
        for rows in batches:
            yield self.step(rows)
            self.optimizer.step()

    def step(self, rows: Tensor) -> PlainStep:
        """Forward and backward on these rows."""
        model, weight = self.built.model, self.settings.activation_penalty
        before, random = self.state(), torch.get_rng_state()
        self.optimizer.zero_grad()
        rows = rows.to(first_tensor(self.rows.x_train).device)
        with outputs_of(self.built.hidden) as activations, torch.enable_grad():
            output = applied(model, taken(self.rows.x_train, rows))
            loss = total = self.loss.function(output, taken(self.rows.y_train, rows))
            penalty = torch.zeros_like(loss)
            if weight > 0:
                penalty = weight * penalty_of(PENALTIES[self.settings.penalty_kind], activations, penalty)
                total = loss + penalty
            total.backward()
        gradients = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
        losses = torch.stack([loss.detach(), penalty.detach(), total.detach()])
        buffers = {name: b.detach().clone() for name, b in model.named_buffers()}
        return PlainStep(before, random, rows, losses, gradients, buffers)

    def state(self) -> dict[str, Tensor]:
        """Copies of parameters and buffers."""
        model = self.built.model
        held = {**dict(model.named_parameters()), **dict(model.named_buffers())}
        return {name: tensor.detach().clone() for name, tensor in held.items()}

    def move(self, state: State, rounding: float) -> None:
        """Take over a state, with parameters that are off by `rounding`, each up or down."""
        generator = torch.Generator().manual_seed(1)
        with torch.no_grad():
            for name, tensor in [*self.built.model.named_parameters(), *self.built.model.named_buffers()]:
                put_values(tensor, state[name])
            for parameter in self.built.model.parameters() if rounding else ():
                signs = torch.randint(0, 2, parameter.shape, generator=generator).double() * 2 - 1
                parameter.mul_(1 + rounding * signs.to(parameter))

    def again(self, seen: PlainStep, rounding: float) -> PlainStep:
        """The same step from parameters that are off by `rounding`."""
        self.move(seen.before, rounding)
        torch.set_rng_state(seen.random)
        return self.step(seen.rows)

    def alone(self, batches: Sequence[Tensor]) -> "Alone":
        """Its steps on `batches` and its score after them."""
        return Alone(list(self.steps(batches)), self.state(), self.loss_on("validation"))

    def moved(self, seen: "Alone", rounding: float) -> "Alone":
        """The same from parameters that are off by `rounding`."""
        steps = [self.again(step, rounding) for step in seen.steps]
        self.move(seen.state, rounding)
        return Alone(steps, seen.state, self.loss_on("validation"))

    def loss_on(self, part: str) -> Tensor:
        """On validation or test rows, in evaluation mode, of the present parameters."""
        x, y = getattr(self.rows, f"x_{part}"), getattr(self.rows, f"y_{part}")
        values = evaluate(self.built.model, self.loss, x, y, users=False)  # whose metrics may raise
        return torch.tensor(values["loss"], dtype=torch.float64)


@dataclass(frozen=True)
class Alone:
    """What a trial shows that trains alone, with all that its making has set beside it."""

    steps: Sequence[PlainStep]
    state: State
    """After the steps."""
    loss: Tensor
    """On validation rows, after the steps."""


def compare(
    task: Task, stacks: StackCache, stack: Stack, runs: Mapping[int, StackedTrial], chosen: Sequence[int]
) -> dict[int, str]:
    """Slot -> what the stack computes otherwise than its trial does alone; empty where nothing is.

    Args:
        task: what all trials share.
        stacks: the cache of the stack.
        stack: with trials before their first step; it is left as it was.
        runs: who is in its slots.
        chosen: slots that are compared.
    """
    differences, rounding = dict.fromkeys(chosen, ""), rounding_of(stack)
    moved = cache(lambda slot: _alone(task, stacks, runs[slot], rounding))
    with torch.random.fork_rng(devices=[]), leaving_no_trace(task, runs[chosen[0]].settings):
        alone = {slot: _alone(task, stacks, runs[slot]) for slot in chosen}
        for step in range(COMPARED_STEPS):
            for slot in chosen:
                stack.put(slot, alone[slot].steps[step].before)
            run_pass(stacks, stack, runs, step)
            for slot in (slot for slot in chosen if not differences[slot]):
                own = runs[slot].initial.own
                differences[slot] = _step_difference(stack, slot, step, own, alone[slot], moved)
        evaluated = {slot: runs[slot] for slot in chosen if not differences[slot]}
        differences |= _evaluation_difference(stacks, stack, evaluated, alone, moved)
    for slot, run in runs.items():
        stack.load(slot, run.initial, run.rules)
    return differences


def _alone(task: Task, stacks: StackCache, run: StackedTrial, rounding: float = 0.0) -> Alone:
    """What a trial shows alone; with `rounding` the same from parameters that are off by it, step by step."""
    seed = run.trial.seed
    with leaving_no_trace(task, run.settings):
        plain = PlainTrial(task, run, stacks.replicates.alone(seed))
        seen = plain.alone([*stacks.batches.order(seed).take(0, COMPARED_STEPS)])
        return plain.moved(seen, rounding) if rounding else seen


def run_pass(stacks: StackCache, stack: Stack, runs: Mapping[int, StackedTrial], step: int) -> None:
    """Losses and gradients of all slots on the batch of their step with this number."""
    spare = next(iter(runs.values())).trial.seed
    seeds = [runs[slot].trial.seed if slot in runs else spare for slot in range(stack.slots)]
    rows = torch.stack(stacks.batches.coming(seeds, [step] * stack.slots, 1), 1).to(stack.p.device)
    with torch.no_grad():
        stacks.batches.fill(stack.x, stack.y, seeds, rows[0])
        stack.forward_and_backward()


def _step_difference(
    stack: Stack, slot: int, step: int, own: frozenset[str], alone: Alone, moved: Callable[[int], Alone]
) -> str:
    seen = alone.steps[step]
    if why := other_gradients(stack, own, seen):
        return why
    pairs = pairs_of(stack, slot, seen)
    why = difference(pairs, None, _tolerance(stack))
    if not why:
        return ""
    return difference(pairs, pairs_of(stack, slot, moved(slot).steps[step]), _tolerance(stack))


def other_gradients(stack: Stack, own: frozenset[str], seen: PlainStep) -> str:
    """That a parameter has a gradient here and none there, in words, or an empty string; `own`: names of its
    model."""
    for name in stack.shapes:
        if name in own and name not in seen.gradients:
            return f"in a stack, {name} has a gradient that it does not have alone"
    for name in seen.gradients:
        if name not in stack.shapes:
            return f"in a stack, {name} is without the gradient that it has alone"
    return ""


def pairs_of(stack: Stack, slot: int, seen: PlainStep) -> list[Pair]:
    """What the last pass of a stack has left of a slot, beside what its trial shows alone."""
    gradients = stack.gradients()
    least = LEAST_GRADIENT * rounding_of(stack) * max(map(largest, seen.gradients.values()), default=0.0)
    names = ("the loss", "the penalty", "the sum of loss and penalty")
    return [
        *(Pair(what, stack.losses[k, slot], seen.losses[k]) for k, what in enumerate(names)),
        *(Pair(f"the gradient of {n}", gradients[n][slot], g, least) for n, g in seen.gradients.items()),
        *(Pair(f"the buffer {n}", stack.fixed[n][slot], b) for n, b in seen.buffers.items()),
    ]


def scored_pair(part: str, stacked: float, alone: Tensor) -> Pair:
    """Losses in evaluation on validation or test rows."""
    return Pair(f"the loss on {part} rows", torch.tensor(stacked, dtype=torch.float64), alone)


def _evaluation_difference(
    stacks: StackCache,
    stack: Stack,
    slots: Mapping[int, StackedTrial],
    alone: Mapping[int, Alone],
    moved: Callable[[int], Alone],
) -> dict[int, str]:
    if not slots:
        return {}
    for slot in slots:
        stack.put(slot, alone[slot].state)
    losses = stacks.evaluator.losses(stack, slots, "validation")
    differences = {}
    for slot in slots:
        pairs = [scored_pair("validation", losses[slot], alone[slot].loss)]
        why = difference(pairs, None, _tolerance(stack))
        if why:
            again = [scored_pair("validation", losses[slot], moved(slot).loss)]
            why = difference(pairs, again, _tolerance(stack))
        differences[slot] = why
    return differences


def _tolerance(stack: Stack) -> float:
    return TOLERANCE.get(stack.p.dtype, COARSE_TOLERANCE)


def rounding_of(stack: Stack) -> float:
    """Of its own type: coarser tensors on the way are as coarse in both."""
    return float(torch.finfo(stack.p.dtype).eps)


def difference(pairs: Sequence[Pair], again: Sequence[Pair] | None, tolerance: float) -> str:
    """The first of `pairs` that is more than rounding apart, in words, or an empty string.

    `again`: the same values alone, from parameters that are off by a rounding error, where they are known.
    """
    for index, pair in enumerate(pairs):
        if pair.stacked.shape != pair.alone.shape:
            return f"in a stack, {pair.what} has another shape"
        near = again[index].alone if again else pair.alone
        if _at_other_places(pair.stacked, pair.alone) and not _at_other_places(near, pair.alone):
            return f"in a stack, {pair.what} is finite where it is not alone, or the other way round"
        mine, theirs = _numbers(pair.stacked), _numbers(pair.alone)
        apart, scale = largest(mine - theirs), largest(theirs)
        spare = MAX_ROUNDING_EFFECTS * largest(_numbers(near) - theirs)
        if apart > max(tolerance * scale, spare, pair.least):
            share = f"{number(100 * apart / scale, 2)} %" if scale else number(apart, 2)
            return f"in a stack, {pair.what} differs by {share} from that of training alone"
    return ""


def _at_other_places(a: Tensor, b: Tensor) -> bool:
    return bool((torch.isfinite(a) != torch.isfinite(b)).any())


def _numbers(tensor: Tensor) -> Tensor:
    """What is not finite counts as 0: next to infinity, all differences would be small."""
    dtype = torch.complex128 if tensor.is_complex() else torch.float64
    return torch.where(torch.isfinite(tensor), tensor, 0).detach().to(dtype)


def largest(tensor: Tensor) -> float:
    """Magnitude; 0 where there is none."""
    return float(tensor.abs().max()) if tensor.numel() else 0.0
