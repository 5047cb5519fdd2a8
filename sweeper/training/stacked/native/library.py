"""Activations and update rules as functions that a compiled step calls, slot by slot."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

import torch

from sweeper.components.optimizers import Rule
from sweeper.training.stacked.kernel import AnyKernel, Kernel, LearnedKernel, SlopeKernel, gradients
from sweeper.training.stacked.native import target
from sweeper.training.stacked.native.pointwise import (
    Formula,
    is_pointwise,
    loop_function,
    name_of,
    of_nothing,
)
from sweeper.training.stacked.native.subnormal import in_proportion
from sweeper.training.stacked.native.views import element_of
from sweeper.training.stacked.recording import needed, record, storage_of
from sweeper.training.stacked.refusal import NotCompiled, NotStackable


def activation_functions(kernel: AnyKernel, dtype: torch.dtype, learned: int = 0) -> tuple[int, int]:
    """Addresses: forward(z, a, w…, n) and backward(g, z, a, gz, w…, gw…, n).

    Each w is a number that is learned, gw its gradient: there are `learned` of them in the stack, which an
    activation that learns nothing leaves alone.

    Raises:
        NotCompiled: for activations with operations that have no formula, or that learn arrays.
    """
    found = kernel.native.get((dtype, learned))
    if found is None:
        found = kernel.native[dtype, learned] = _activation_functions(kernel, dtype, learned)
    return found


def _activation_functions(kernel: AnyKernel, dtype: torch.dtype, learned: int) -> tuple[int, int]:
    w, gw = ([f"{name}{k}" for k in range(learned)] for name in ("w", "gw"))
    pointers = {"forward": ["z", "a", *w], "backward": ["g", "z", "a", "gz", *w, *gw]}
    formulas = _formulas(kernel) if isinstance(kernel, Kernel) else _learned_formulas(kernel, dtype, learned)
    texts, declared = [], set[str]()
    for name, formula in zip(pointers, formulas, strict=True):
        text, needs = _function(name, formula, pointers[name], dtype)
        texts.append(text)
        declared |= needs
    addresses = target.compiled("\n".join([*sorted(declared), *texts]), ["forward", "backward"])
    return addresses["forward"], addresses["backward"]


def _formulas(kernel: Kernel) -> Iterator[Formula]:
    for recipe, out in ((kernel.forward_recipe, "a"), (kernel.backward_recipe, "gz")):
        (where,) = (storage for storage, what in recipe.known.items() if what == out)
        yield Formula(recipe.calls, recipe.known, {}, {out: where})


def _learned_formulas(kernel: SlopeKernel | LearnedKernel, dtype: torch.dtype, learned: int) -> list[Formula]:
    """Of an activation with so many numbers, recorded with each of them beside every element.

    The gradient of a number is the sum of those beside the elements. What is not computed element by element
    has no formula.
    """
    z, g = (torch.linspace(a, 3, 6, dtype=dtype).reshape(1, 6) for a in (-3, 1))
    w = [torch.full_like(z, 0.5).requires_grad_() for _ in range(learned)]
    single = {storage_of(each): (f"w{k}", 0) for k, each in enumerate(w)}
    try:
        if isinstance(kernel, LearnedKernel):
            kernel.refuse_another_in_evaluation(z, w)
        with torch.enable_grad():
            calls, (a,) = record(lambda: [kernel.formula(z, w)])
            forward = Formula(needed(calls, [z, *w], [a]), {storage_of(z): "z"}, single, {"a": storage_of(a)})
            calls, (gz, *gw) = record(lambda: gradients(kernel.formula, z.requires_grad_(), w, g))
    except NotStackable:
        raise
    except Exception as error:  # whatever a module does with numbers of another shape
        raise NotCompiled("an activation that learns more than single numbers") from error
    backward = Formula(
        needed(calls, [z, g, *w], [gz, *gw]),
        {storage_of(z): "z", storage_of(g): "g"},
        single,
        {"gz": storage_of(gz)},
        {f"gw{k}": storage_of(each) for k, each in enumerate(gw)},
    )
    if any(t.shape != z.shape for t in (a, gz, *gw)):
        raise NotCompiled("an activation that is not elementwise")
    return [forward, backward]


@lru_cache(maxsize=128)
def update_function(rule: Rule, decays: bool, dtype: torch.dtype, states: int) -> tuple[int, bool]:
    """Address of update(p, g, c, state…, n), with `states` pointers to state; whether it is in proportion.

    Raises:
        NotCompiled: for rules that work on whole matrices, or whose operations have no formula.
    """
    if rule.shaped:
        raise NotCompiled(f"no translation of the update rule {rule.name}")
    p, g, *state = (torch.full((1, 3), 0.5, dtype=dtype) for _ in range(2 + rule.state))
    scratch = [torch.ones_like(p) for _ in range(rule.scratch)]
    columns = [torch.full((1, 1), 0.5, dtype=dtype) for _ in range(rule.columns + rule.coupled)]

    def once() -> Sequence[torch.Tensor]:
        if decays:
            torch.addcmul(g, p, columns[-1], out=g)
        rule.update(p, g, state, columns[: rule.columns], scratch)
        return [p]

    calls, _ = record(once)
    names = ["p", "g", "c", *(f"s{k}" for k in range(states))]
    known = {storage_of(p): "p", storage_of(g): "g", **{storage_of(s): f"s{k}" for k, s in enumerate(state)}}
    single = {storage_of(c): ("c", k) for k, c in enumerate(columns)}
    stored = {what: where for where, what in known.items() if what != "g"}
    text, needs = _function("update", Formula(calls, known, single, stored), names, dtype)
    address = target.compiled("\n".join([*sorted(needs), text]), ["update"])["update"]
    return address, in_proportion(calls)


def nothing(states: int) -> int:
    """Address of an update that changes nothing."""
    pointers = ", ".join(f"ptr %s{k}" for k in range(states + 3))
    text = f"define void @nothing({pointers}, i64 %n) {{\nentry:\n  ret void\n}}\n"
    return target.compiled(text, ["nothing"])["nothing"]


def _function(
    name: str, formula: Formula, pointers: Sequence[str], dtype: torch.dtype
) -> tuple[str, set[str]]:
    calls = [
        call
        for call in formula.calls
        if call.written or not {*map(storage_of, call.results)} <= {*map(storage_of, call.inputs)}
    ]
    for call in calls:
        if not (of_nothing(call) or is_pointwise(call)):
            raise NotCompiled(f"no translation of the operation {name_of(call.operation)}")
    formula = replace(formula, calls=calls)
    return loop_function(name, formula, pointers, element_of(dtype), target.register_bytes())
