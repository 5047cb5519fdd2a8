"""What no stack keeps is a reason to train one by one, whether or not a few steps show it."""

import itertools
import warnings
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import pytest
import torch
from equivalence import assert_engines_agree, numbered, task_of
from plain_model import Plain, reason
from torch import Tensor, nn

from sweeper.private_torch import hooks_of_all_modules
from sweeper.training.shapes import why_not_stackable

pytestmark = pytest.mark.usefixtures("one_thread")
HOOK = "a hook of the model sees its gradients"


def tied_as_one(model: Any) -> None:
    """One tensor under two names."""
    model.other = nn.Linear(5, 5)
    model.other.weight = model.two.weight


def tied_data(model: Any) -> None:
    """Two parameters, one memory: as the weights of autoencoders are often tied."""
    model.other = nn.Linear(5, 5)
    model.other.weight.data = model.two.weight.data.transpose(0, 1)


def no_copy(model: Any) -> None:
    """The weights of the start, which were meant to stay."""
    model.register_buffer("start", model.two.weight.detach())


def slices(model: Any) -> None:
    """Two buffers on one memory that do not overlap."""
    both = torch.zeros(6)
    model.register_buffer("low", both[:3])
    model.register_buffer("high", both[3:])


@pytest.mark.parametrize(
    ("prepare", "shared"),
    [(tied_as_one, False), (tied_data, True), (no_copy, True), (slices, False)],
)
def test_memory_that_tensors_share(prepare: Callable[[Any], None], shared: bool) -> None:
    """Of two tensors that overlap, a stack would change one alone."""
    assert ("share memory without being one tensor" in reason(prepare)) is shared


def test_memory_that_an_attribute_shares() -> None:
    """A plain tensor that lies on a parameter, too."""
    assert "share memory" in reason(lambda model: setattr(model, "start", model.two.weight.data[:2]))


def clamped(gradient: Tensor) -> Tensor:
    """What a hook makes of large gradients: none is as large in the first steps."""
    return gradient.clamp(-9.0, 9.0)


def on_node(model: Any, hidden: Tensor) -> Tensor:
    """The same on the operation that made a tensor."""
    if hidden.grad_fn is not None:
        hidden.grad_fn.register_hook(lambda inputs, outputs: inputs)
    return hidden


def on_activation(model: Any, hidden: Tensor) -> Tensor:
    """A hook that is made in the pass."""
    if hidden.requires_grad:
        hidden.register_hook(clamped)
    return hidden


@pytest.mark.parametrize(
    ("prepare", "use"),
    [
        (lambda model: [p.register_hook(clamped) for p in model.parameters()], None),
        (lambda model: model.two.register_full_backward_hook(lambda *_: None), None),
        (lambda model: model.two.register_full_backward_pre_hook(lambda *_: None), None),
        (lambda model: model.two.weight.register_post_accumulate_grad_hook(lambda p: None), None),
        (lambda model: None, on_activation),
        (lambda model: nn.modules.module.register_module_full_backward_hook(lambda *_: None), None),
    ],
    ids=["parameter", "module", "before a module", "after a parameter", "activation", "all modules"],
)
def test_hooks_of_gradients(prepare: Callable[[Any], object], use: Any) -> None:
    """A stack computes gradients without them, also those that do nothing at first."""
    register = Tensor.register_hook
    assert HOOK in reason(prepare, use)
    assert Tensor.register_hook is register
    assert not any(hooks_of_all_modules().values())


def test_a_tensor_that_each_pass_makes_anew_is_no_state() -> None:
    """The old spectral norm keeps its weights in an attribute, which is the parameter itself at first."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        assert reason(lambda model: nn.utils.spectral_norm(model.two)) == ""


def test_hooks_by_other_ways() -> None:
    """In a function that forward calls, and put on a module in a pass."""
    assert reason(lambda model: None, lambda model, hidden: by_node(hidden)) == f"{HOOK}, or changes them"

    def lazily(model: Any, hidden: Tensor) -> Tensor:
        if not model.two._backward_hooks:
            model.two.register_full_backward_hook(lambda *_: None)
        return hidden

    assert HOOK in reason(lambda model: None, lazily)


def by_node(hidden: Tensor) -> Tensor:
    """`on_node`, by another function."""
    return on_node(None, hidden)


def test_memory_that_an_array_shares() -> None:
    """An array of NumPy that lies on a parameter."""
    said = reason(lambda model: setattr(model, "start", model.two.weight.detach().numpy()))
    assert "two.weight and start share memory" in said


def test_a_buffer_that_is_expanded_is_no_hindrance() -> None:
    """One number that stands for many, as masks are made, trains in stacks and alone."""

    def prepare(model: Any) -> None:
        model.register_buffer("share", torch.full((1,), 0.5).expand(5))

    class Mine(Plain):
        def prepare(self) -> None:
            prepare(self)

        def use(self, hidden: Tensor) -> Tensor:
            return hidden * self.share

    def made(in_features: int, out_features: int) -> nn.Module:
        return Mine(in_features, out_features)

    task = task_of("digits", {"source": made}, steps=6)
    assert why_not_stackable(task, numbered([{}])[0]) == ""
    assert_engines_agree(task, numbered([{}, {"learning_rate": 0.02}], seeds=[0, 1]), slots=2)


def advanced(held: Any) -> None:
    """It goes on."""
    next(held)


ADVANCES = {"by": advanced}
SILENT = {
    "chain": lambda: itertools.chain(itertools.repeat(0, 90), itertools.repeat(9)),
    "map over sums": lambda: map(abs, itertools.accumulate(itertools.count())),
}


@pytest.mark.parametrize("kind", SILENT)
def test_silent_iterators_that_a_function_in_a_dict_advances(kind: str) -> None:
    """They are refused by name, wherever that function lies."""

    def use(model: Any, hidden: Tensor) -> Tensor:
        ADVANCES["by"](model.held)
        return hidden

    said = reason(lambda model: setattr(model, "held", SILENT[kind]()), use)
    assert said == "held is an iterator that does not tell how far it is"


def test_queues_that_do_not_tell_what_they_hold() -> None:
    """Its length stays the same while what it holds changes."""

    def use(model: Any, hidden: Tensor) -> Tensor:
        model.held.put(model.held.get() + 1)
        return hidden

    def prepare(model: Any) -> None:
        model.held = SimpleQueue()
        model.held.put(0)

    assert reason(prepare, use) == "held is a queue that does not tell what it holds"
