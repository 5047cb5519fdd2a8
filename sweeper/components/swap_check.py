"""Whether a model applies swapped activations wherever it computes: training, evaluation, backward."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from types import FrameType
from typing import Any

import torch
from torch import nn

from sweeper.components.call_sites import CalledModules, Position, position_in
from sweeper.components.forward import undisturbed
from sweeper.components.operations import tensors_in
from sweeper.components.tree import Tree, applied, copied, mapped
from sweeper.errors import ModelError
from sweeper.user_code.calls import user_code
from sweeper.user_code.observing import seed_all

MORE = 32
"""Times that rows are repeated for models that norm parts of a batch."""
TRIES = 30
"""Forward passes in training mode, each with random numbers of its own: a model may leave out layers."""


def check_modes(model: nn.Module, rows: Tree, names: Mapping[nn.Module, str], name: str) -> None:
    """Training and evaluation must apply the same layers: code that goes round them keeps the old ones.

    Args:
        model: with its new activation layers.
        rows: a batch of input rows.
        names: the new layers, and what they are called in messages.
        name: the model's.

    Raises:
        ModelError: if one mode leaves out a layer that the other applies.
    """
    hidden = tuple(names)
    evaluated = _called(model, rows, hidden, training=False)
    trained: set[nn.Module] = set()
    for attempt in range(TRIES):
        trained |= _called(model, rows, hidden, training=True, draw=attempt)
        if evaluated <= trained:
            break
    for module in hidden:
        if (module in evaluated) != (module in trained):
            where, nowhere = ("training", "evaluation") if module in trained else ("evaluation", "training")
            raise ModelError(
                f"model {name!r} applies its activation layer {names[module]} in {where} and not in "
                f"{nowhere}, so that swapping it would make them two models: let both apply it, or keep it "
                f"with model.keep = [{names[module]!r}]"
            )


def _called(
    model: nn.Module, x: Tree, modules: Sequence[nn.Module], *, training: bool, draw: int = 0
) -> set[nn.Module]:
    """Those of `modules` that a forward pass calls, as a run evaluates and trains it.

    Counted without hooks: they would keep torch's layers from their fast paths. From the second `draw` on
    the random numbers are others than those that come next.
    """
    grad = torch.enable_grad() if training else nullcontext()
    with undisturbed(model, training=training), grad, _counting(modules) as called:
        if draw:
            seed_all(draw)
        _applied(model, x)
    return called


def _applied(model: nn.Module, rows: Tree) -> Any:
    """Outputs for `rows`, or for more of them where a model norms parts of a batch that have one row each."""
    try:
        return applied(model, copied(rows))
    except ValueError as few:
        try:
            return applied(model, mapped(lambda leaf: leaf.repeat(MORE, *[1] * (leaf.ndim - 1)), rows))
        except Exception:
            raise few from None


@contextmanager
def _counting(modules: Sequence[nn.Module]) -> Iterator[set[nn.Module]]:
    called: set[nn.Module] = set()

    def counted(module: nn.Module) -> Callable[..., Any]:
        forward = module.forward

        def run(*args: Any, **kwargs: Any) -> Any:
            called.add(module)
            return forward(*args, **kwargs)

        return run

    for module in modules:
        module.forward = counted(module)  # type: ignore[method-assign]
    try:
        yield called
    finally:
        for module in modules:
            del module.forward


def check_backward(model: nn.Module, rows: Tree, mode: CalledModules, name: str) -> None:
    """What a backward pass computes again must go through the modules too.

    Raises:
        ModelError: if a checkpoint computes a swapped function again outside of the module that calls it.
    """
    held = [(p, p.grad) for p in model.parameters()]
    unswapped: list[Position] = []

    def note_call(frame: FrameType, event: str, _: Any) -> None:
        at = frame if event == "c_call" else frame.f_back if event == "call" else None
        if at is None or mode.at_work:
            return
        if (position := position_in(at.f_code, at.f_lasti)) in mode.positions:
            unswapped.append(position)

    profile = sys.getprofile()
    try:
        with undisturbed(model, training=True), torch.enable_grad(), user_code():
            outputs = [t for t in tensors_in(_applied(model, rows)) if t.requires_grad]
            total = torch.stack([t.abs().sum() for t in outputs]).sum()
            sys.setprofile(note_call)  # torch closes a mode during a backward pass
            total.backward()
    except Exception:  # of a model that cannot be trained, which the preflight tells
        return
    finally:
        sys.setprofile(profile)
        for parameter, gradient in held:
            parameter.grad = gradient
    if unswapped:
        file, line, *_ = unswapped[0]
        raise ModelError(
            f"model {name!r} computes its activation at {file}:{line} again in the backward pass, outside of "
            "the module that calls it, so it cannot be swapped: give the checkpoint the module itself, use a "
            f"module such as nn.ReLU(), or keep it with model.keep = ['{file}:{line}']"
        )
