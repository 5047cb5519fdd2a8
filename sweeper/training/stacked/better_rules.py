"""The functions of torch that a stack computes its own way, and the mode that calls them.

To add one, add a line to `RULES`.
"""

from collections.abc import Callable, Mapping
from functools import cache, partial
from types import FunctionType
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from sweeper import private_torch
from sweeper.components.operations import tensors_in
from sweeper.training.stacked import recurrent
from sweeper.training.stacked.batching_rules import argmax, attention, cross_entropy, linear
from sweeper.training.stacked.packed import check_rows
from sweeper.training.stacked.refusal import NotStackable

SPARSE = "an embedding with sparse=True has gradients in another layout"


def embedding(
    weight: Tensor,
    indices: Tensor,
    padding_idx: int = -1,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """``torch.embedding``: vmap forgets that the row `padding_idx` has no gradient."""
    if sparse:
        raise NotStackable(SPARSE)
    rows = torch.embedding(weight, indices, -1, scale_grad_by_freq)
    return _without_gradient(rows, indices == padding_idx) if padding_idx >= 0 else rows


def _without_gradient(rows: Tensor, where: Tensor) -> Tensor:
    return torch.where(where.unsqueeze(-1), rows.detach(), rows)


def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """``F.embedding_bag``; a maximum over bags of different sizes and counted gradients are left to vmap."""
    if sparse:
        raise NotStackable(SPARSE)
    if max_norm is not None or scale_grad_by_freq or (mode == "max" and offsets is not None):
        return F.embedding_bag(
            *(input, weight, offsets, max_norm, norm_type, scale_grad_by_freq, mode, sparse),
            *(per_sample_weights, include_last_offset, padding_idx),
        )
    rows = torch.embedding(weight, input)
    if per_sample_weights is not None:
        rows = rows * per_sample_weights.unsqueeze(-1)
    kept = torch.ones_like(input, dtype=rows.dtype).unsqueeze(-1)
    if padding_idx is not None:
        kept = (input != padding_idx % len(weight)).to(rows.dtype).unsqueeze(-1)
    if mode == "max":
        most = rows.masked_fill(kept == 0, float("-inf")).max(1)[0]
        return torch.where(kept.sum(1) > 0, most, 0)
    both = torch.cat([rows * kept, kept], -1)
    total = both.sum(1) if offsets is None else _bags(both, offsets, include_last_offset)
    sums, counts = total[..., :-1], total[..., -1:]
    return sums / counts.clamp(min=1) if mode == "mean" else sums


def _bags(rows: Tensor, offsets: Tensor, include_last: bool) -> Tensor:
    """Sums of the rows from each offset to the next."""
    bags = len(offsets) - include_last
    of_row = (torch.arange(len(rows), device=rows.device)[:, None] >= offsets[:bags]).sum(1) - 1
    return rows.new_zeros(bags, rows.shape[1]).index_add(0, of_row, rows)


def weight_norm(v: Tensor, g: Tensor, dim: int = 0) -> Tensor:
    """What ``torch.nn.utils.weight_norm`` calls: g·v / ‖v‖, the norm over all dimensions but `dim`."""
    others = [d for d in range(v.ndim) if d != dim % v.ndim] if dim != -1 else list(range(v.ndim))
    return v * (g / torch.linalg.vector_norm(v, 2, others, keepdim=True))


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``F.bilinear``: x·W·y"""
    product = torch.einsum("...i,oij,...j->...o", input1, weight, input2)
    return product if bias is None else product + bias


def set_item(x: Tensor, index: Any, value: Any) -> None:
    """``x[index] = value``; what is set where a mask says so is as many numbers as in other trials."""
    is_mask = isinstance(index, Tensor) and index.dtype == torch.bool
    if is_mask and (not isinstance(value, Tensor) or value.ndim == 0):
        mask = index.reshape(*index.shape, *[1] * (x.ndim - index.ndim))
        x.copy_(torch.where(mask, value, x))
    else:
        x[index] = value


def scatter(x: Tensor, dim: int, index: Tensor, src: Any = None, **options: Any) -> Tensor:
    """``x.scatter_(dim, index, src)``, or with ``value`` in place of `src`, and ``reduce``"""
    given = (dim, index) if src is None else (dim, index, src)
    return x.copy_(x.scatter(*given, **options))


def of_all(plain: Callable[..., Any], as_one: Callable[[Tensor], Tensor]) -> Callable[..., Any]:
    """``x.max()``: over all elements at once torch shares the gradient among those that are equal, along an
    axis one of them has it all; and in a stack all elements of a trial are an axis."""

    def reduced(input: Tensor, *others: Any, **options: Any) -> Any:
        return plain(input, *others, **options) if others or options else as_one(input)

    return reduced


def middle(plain: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """``x.median()``, see `of_all`."""
    value = plain(x.detach())
    alike = (x == value) | (x.isnan() & value.isnan())
    own = torch.where(alike, x, 0).sum() / alike.sum()  # its slope is shared among them
    slope = torch.where(own.isfinite(), own - own.detach(), 0)
    return value + slope if x.is_floating_point() else value


def view(x: Tensor, *shape: Any, **options: Any) -> Tensor:
    """``x.view``, also where rules have left the numbers in another order than they have alone."""
    try:
        return x.view(*shape, **options)
    except RuntimeError:
        return x.reshape(*shape, **options)


def view_as_complex(input: Tensor) -> Tensor:
    """``torch.view_as_complex``, as `view`; parameters of a stack may begin at any place in memory."""
    try:
        return torch.view_as_complex(input)
    except RuntimeError:
        return torch.view_as_complex(input.clone(memory_format=torch.contiguous_format))


def left_aligned(*arguments: Any) -> bool:
    """Whether masks only cut the ends of sequences: no, as encoders then take a path without batching."""
    return False


def select_scatter(x: Tensor, source: Tensor, dim: int, index: int) -> Tensor:
    """``torch.select_scatter``, whose gradient torch's own rule multiplies by the length of `dim`."""
    place = index % x.shape[dim]
    before, after = x.narrow(dim, 0, place), x.narrow(dim, place + 1, x.shape[dim] - place - 1)
    return torch.cat([before, source.unsqueeze(dim).to(x.dtype), after], dim)


RULES: Mapping[Any, Callable[..., Any]] = {
    F.linear: linear,
    torch.select_scatter: select_scatter,
    Tensor.select_scatter: select_scatter,
    F.cross_entropy: cross_entropy,
    F.scaled_dot_product_attention: attention,
    Tensor.argmax: argmax,
    **private_torch.hidden_functions(
        {"weight_norm": weight_norm, "nested_tensor_from_mask_left_aligned": left_aligned}
    ),
    torch.embedding: embedding,
    F.embedding_bag: embedding_bag,
    F.bilinear: bilinear,
    Tensor.__setitem__: set_item,
    Tensor.scatter_: scatter,
    **{each.max: of_all(torch.max, torch.amax) for each in (torch, Tensor)},
    **{each.min: of_all(torch.min, torch.amin) for each in (torch, Tensor)},
    **{each.median: of_all(torch.median, partial(middle, torch.median)) for each in (torch, Tensor)},
    **{each.nanmedian: of_all(torch.nanmedian, partial(middle, torch.nanmedian)) for each in (torch, Tensor)},
    Tensor.view: view,
    torch.view_as_complex: view_as_complex,
    **recurrent.RULES,
}
ASKS = {"has_torch_function", "has_torch_function_unary", "has_torch_function_variadic"}
"""Names by which functions of torch that are written in Python ask whether a mode is open."""


IN_PYTHON = ("torch.nn.functional", "torch.functional")
"""Modules that hold them."""


class BetterRules(TorchFunctionMode):
    """While open, calls of the functions in `RULES` go there, also those that torch's own functions make."""

    like: Tensor | None = None
    """A number of every trial. What ``torch.empty`` makes is filled in place, by numbers of every trial too:
    ``torch.empty(shape).normal_()``, as distributions draw."""

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        check_rows(function, args)
        rule = RULES.get(function)
        if rule is not None and of_one_trial(args, kwargs):
            return rule(*args, **kwargs)
        if function is torch.empty and self.like is not None and kwargs.keys() <= {"size", "dtype", "device"}:
            size = kwargs.get("size", args[0] if len(args) == 1 and not isinstance(args[0], int) else args)
            dtype = kwargs.get("dtype") or torch.get_default_dtype()
            return self.like.new_empty(size, dtype=dtype, device=kwargs.get("device"))
        if isinstance(kwargs.get("out"), Tensor) and of_one_trial(args):  # vmap takes no place to write to
            given = {name: value for name, value in kwargs.items() if name != "out"}
            return kwargs["out"].copy_(function(*args, **given))
        body = body_of(function)
        if body is None:
            return function(*args, **kwargs)
        with self:
            return body(*args, **kwargs)


def of_one_trial(*values: Any) -> bool:
    """Whether tensors in `values` stand for those of one trial, none for a part of it (a vmap inside)."""
    wrapped = [t for t in tensors_in(values) if private_torch.is_wrapped(t)]
    return bool(wrapped) and all(
        private_torch.is_one_row(t) and not private_torch.is_wrapped(private_torch.inner(t)) for t in wrapped
    )


@cache
def body_of(function: Any) -> Callable[..., Any] | None:
    """What a function of torch that is written in Python does; ``None`` for other functions.

    Such a function hands itself over to an open mode, and what it calls is not seen. Its body alone does not.
    """
    if not isinstance(function, FunctionType) or function.__module__ not in IN_PYTHON:
        return None
    if ASKS.isdisjoint(function.__code__.co_names):
        return None
    names = {**function.__globals__, **dict.fromkeys(ASKS, _no)}
    body = FunctionType(
        function.__code__, names, function.__name__, function.__defaults__, function.__closure__
    )
    body.__kwdefaults__ = function.__kwdefaults__
    return body


def _no(*arguments: Any) -> bool:
    return False
