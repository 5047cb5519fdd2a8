"""Activations and update rules as functions that a compiled step calls, slot by slot."""

from collections.abc import Mapping, Sequence
from functools import lru_cache, partial

import torch
from torch import Tensor

from sweeper.components.optimizers import Rule
from sweeper.training.stacked.kernel import AnyKernel, Kernel, SlopeKernel
from sweeper.training.stacked.native import target
from sweeper.training.stacked.native.ir import BYTES, Code, Kind, Number, function
from sweeper.training.stacked.native.pointwise import is_pointwise, loop_function, name_of, of_nothing
from sweeper.training.stacked.native.reductions import across, add
from sweeper.training.stacked.native.views import element_of
from sweeper.training.stacked.recording import Call, record, storage_of
from sweeper.training.stacked.refusal import NotCompiled

FORWARD, BACKWARD = ("z", "a", "w"), ("g", "z", "a", "gz", "w", "gw")
"""What functions of activations point at; a length follows."""


def activation_functions(kernel: AnyKernel, dtype: torch.dtype) -> tuple[int, int]:
    """Addresses: forward(z, a, w, n) and backward(g, z, a, gz, w, gw, n); w is a number that is learned.

    Raises:
        NotCompiled: for activations that learn otherwise, or whose operations have no formula.
    """
    if isinstance(kernel, SlopeKernel):
        return _slope_functions(dtype)
    if not isinstance(kernel, Kernel):
        raise NotCompiled("an activation that learns")
    found = kernel.native.get(dtype)
    if found is None:
        found = kernel.native[dtype] = _activation_functions(kernel, dtype)
    return found


def _activation_functions(kernel: Kernel, dtype: torch.dtype) -> tuple[int, int]:
    texts, declared = [], set[str]()
    for name, recipe, pointers, out in (
        ("forward", kernel.forward_recipe, FORWARD, "a"),
        ("backward", kernel.backward_recipe, BACKWARD, "gz"),
    ):
        known = dict(recipe.known)
        written = [where for where, what in known.items() if what == out]
        text, needs = _function(name, recipe.calls, known, pointers, {}, written, dtype)
        texts.append(text)
        declared |= needs
    addresses = target.compiled("\n".join([*sorted(declared), *texts]), ["forward", "backward"])
    return addresses["forward"], addresses["backward"]


@lru_cache
def _slope_functions(dtype: torch.dtype) -> tuple[int, int]:
    """Of PReLU with one slope w: its gradient is the sum of g·z where z ≤ 0."""
    z, g, w = (torch.full(size, 0.5, dtype=dtype) for size in ((1, 3), (1, 3), (1, 1)))
    known, columns = {storage_of(z): "z", storage_of(g): "g"}, {storage_of(w): ("w", 0)}
    texts, declared = [], set[str]()
    for name, x, pointers, out in (("forward", z, FORWARD, "a"), ("scale", g, BACKWARD, "gz")):
        calls, (result,) = record(partial(_sloped, z, x, w))
        places = {**known, storage_of(result): out}
        text, needs = _function(name, calls, places, pointers, columns, [storage_of(result)], dtype)
        texts.append(text)
        declared |= needs
    given = ", ".join(f"ptr %{pointer}" for pointer in BACKWARD)

    def body(code: Code) -> None:
        code.do(f"call void @scale({given}, i64 %n)")
        _sum_below_zero(code, element_of(dtype))

    text, needs = function("backward", [*given.split(", "), "i64 %n"], body)
    program = "\n".join([*sorted(declared | needs), *texts, text])
    addresses = target.compiled(program, ["forward", "backward"])
    return addresses["forward"], addresses["backward"]


def _sloped(z: Tensor, x: Tensor, w: Tensor) -> list[Tensor]:
    return [torch.where(z > 0, x, x * w)]


def _sum_below_zero(code: Code, element: str) -> None:
    """gw ← the sum of g·z where z ≤ 0"""
    length, lanes = Number(code, "%n", Kind("i64")), target.register_bytes() // BYTES[element]
    full = length - (length & (lanes - 1))

    def here(at: Number, width: int) -> Number:
        g, z = (code.load(code.address(f"%{name}", at, element), Kind(element, width)) for name in "gz")
        return z.compare("le", 0.0).where(g * z, 0.0)

    def more(value: Number) -> None:
        code.store(code.load("%gw", Kind(element)) + value, "%gw")

    code.store(code.like(0.0, Kind(element)), "%gw")
    with code.when(full.compare("gt", 0)):
        with code.loop(full, lanes) as loop:
            (total,) = loop.carry([code.like(0.0, Kind(element, lanes))])
            loop.set([total + here(loop.index, lanes)])
        more(across(code, loop.finals[0], add))
    with code.when(full.compare("lt", length)), code.loop(length, 1, full) as loop:
        more(here(loop.index, 1))


@lru_cache(maxsize=128)
def update_function(rule: Rule, decays: bool, dtype: torch.dtype, states: int) -> int:
    """Address of update(p, g, c, state…, n), with `states` pointers to state.

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
    written = [where for where, what in known.items() if what != "g"]
    text, needs = _function("update", calls, known, names, single, written, dtype)
    return target.compiled("\n".join([*sorted(needs), text]), ["update"])["update"]


def nothing(states: int) -> int:
    """Address of an update that changes nothing."""
    pointers = ", ".join(f"ptr %s{k}" for k in range(states + 3))
    text = f"define void @nothing({pointers}, i64 %n) {{\nentry:\n  ret void\n}}\n"
    return target.compiled(text, ["nothing"])["nothing"]


def _function(
    name: str,
    calls: Sequence[Call],
    known: Mapping[int, str],
    pointers: Sequence[str],
    single: Mapping[int, tuple[str, int]],
    written: Sequence[int],
    dtype: torch.dtype,
) -> tuple[str, set[str]]:
    calls = [
        c for c in calls if c.written or not {*map(storage_of, c.results)} <= {*map(storage_of, c.inputs)}
    ]
    for call in calls:
        if not (of_nothing(call) or is_pointwise(call)):
            raise NotCompiled(f"no translation of the operation {name_of(call.operation)}")
    element = element_of(dtype)
    return loop_function(name, calls, known, pointers, single, written, element, target.register_bytes())
