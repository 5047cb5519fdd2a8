"""Layer, group and batch norm, forward and backward: means and spreads along axes, then one loop over all.

With x̂ = (x − μ)·r, r = 1/√(σ² + ε) and n numbers that share μ and r, the gradient of x is
r·(g − mean(g) − x̂·mean(g·x̂)), where g is that of x̂.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor

from sweeper.training.stacked.native import mathematics as m
from sweeper.training.stacked.native.ir import Number
from sweeper.training.stacked.native.operation import Operation, mapped
from sweeper.training.stacked.native.reductions import LARGEST, Reduction, add, reduce, sums
from sweeper.training.stacked.native.roots import square_root
from sweeper.training.stacked.native.views import View, contiguous, without
from sweeper.training.stacked.recording import Call
from sweeper.training.stacked.refusal import NotCompiled

WIDE = "double"
"""Type in which spreads are added."""


def layer_norm(op: Operation, call: Call) -> None:
    """x, shape, weight, bias, ε → x̂·weight + bias, μ, r"""
    x, shape, weight, bias, epsilon = call.arguments
    source, axes = op.view(x), _last(x, len(shape))
    target, mean, root = (op.view(t) for t in call.results)
    parts = [_along(op.view(t), source, axes) if t is not None else None for t in (weight, bias)]
    spreads = [_kept(v, axes, source) for v in (mean, root)]
    _normalize(op, source, target, spreads, axes, _overflowing(source, axes, epsilon), parts)


def layer_norm_backward(op: Operation, call: Call) -> None:
    """g, x, shape, μ, r, weight, bias, mask → gradient of x"""
    g, x, shape, mean, root, weight, _, mask = call.arguments
    axes = _last(x, len(shape))
    if weight is not None or list(mask) != [True, False, False]:
        raise NotCompiled("no translation of layer norm with its own gain")
    source = op.view(x)
    spreads = [_kept(op.view(t), axes, source) for t in (mean, root)]
    _gradient(op, op.view(g), source, spreads, None, op.view(call.results[0]), axes)


def group_norm(op: Operation, call: Call) -> None:
    """x, weight, bias, samples, channels, places, groups, ε → x̂, μ, r"""
    x, weight, bias, *_, groups, epsilon = call.arguments
    if weight is not None or bias is not None:
        raise NotCompiled("no translation of group norm with its own gain")
    source, target = (_in_groups(op.view(t), groups) for t in (x, call.results[0]))
    spreads = [_along(op.view(t), source, (0, 1)) for t in call.results[1:]]
    axes = _after_two(source)
    _normalize(op, source, target, spreads, axes, _overflowing(source, axes, epsilon), (None, None))


def group_norm_backward(op: Operation, call: Call) -> None:
    """g, x, μ, r, weight, samples, channels, places, groups, mask → gradient of x"""
    g, x, mean, root, weight, *_, groups, mask = call.arguments
    if weight is not None or list(mask) != [True, False, False]:
        raise NotCompiled("no translation of group norm with its own gain")
    grown, source, target = (_in_groups(op.view(t), groups) for t in (g, x, call.results[0]))
    spreads = [_along(op.view(t), source, (0, 1)) for t in (mean, root)]
    _gradient(op, grown, source, spreads, None, target, _after_two(source))


def _in_groups(view: View, groups: int) -> View:
    """(samples, groups, channels of a group, …)"""
    own = view.sizes[1] // groups
    return replace(
        view,
        sizes=(view.sizes[0], groups, own, *view.sizes[2:]),
        strides=(view.strides[0], own * view.strides[1], view.strides[1], *view.strides[2:]),
    )


def _after_two(view: View) -> list[int]:
    return list(range(2, len(view.sizes)))


def deviation(
    op: Operation, source: View, target: View, axes: Sequence[int], correction: float, *, root: bool
) -> None:
    """`target` ← the variance along `axes`, Σ(x − μ)² / (n − correction), or its root.

    In float64, as torch has it: squares of float32 overflow long before their root does.
    """
    sizes, count = source.sizes, _count(source, axes)
    size, rest = math.prod(sizes), float(max(count - correction, 0))
    apart = View(op.room(2 * size, WIDE), 0, sizes, contiguous(sizes), WIDE)
    mean = _spread(replace(apart, offset=size), axes)
    mapped(op, apart, [source], lambda x: x.converted(WIDE))
    _reduce(op, apart, mean, axes, sums(count))
    mapped(op, apart, [apart, mean], lambda x, mu: x - mu)

    def finish(x: Number) -> Number:
        return (square_root(x / rest) if root else x / rest).converted(target.element)

    reduce(op.code, op.lanes(WIDE), apart, target, axes, Reduction(0.0, _square, add, finish))


def log_sum_exp(op: Operation, source: View, target: View, axes: Sequence[int]) -> None:
    """`target` ← ln Σ exp x along `axes`, of what x is less than the largest one where that is finite."""
    sizes, size = source.sizes, math.prod(source.sizes)
    apart = View(op.room(2 * size, source.element), 0, sizes, contiguous(sizes), source.element)
    most = _spread(replace(apart, offset=size), axes)
    finite = replace(LARGEST, finish=lambda x: m.absolute(x).compare("eq", math.inf).where(0.0, x))
    _reduce(op, source, most, axes, finite)
    mapped(op, apart, [source, most], lambda x, top: m.exp(x - top))
    reduce(op.code, op.lanes(source.element), apart, target, axes, replace(sums(), finish=m.log))
    mapped(op, target, [target, without(most, *axes)], lambda x, top: x + top)


def _square(x: Number) -> Number:
    return x * x


def _inverse(source: View, axes: Sequence[int], epsilon: float) -> Reduction:
    """1/√(σ² + ε), from x − μ."""
    return Reduction(0.0, _square, add, lambda x: 1.0 / square_root(x / _count(source, axes) + epsilon))


def _overflowing(source: View, axes: Sequence[int], epsilon: float) -> Reduction:
    """`_inverse` of layer and group norm; not a number where σ² overflows, as mostly in torch.

    There it hangs on the size of the rows and on the processor: for some, all of them become 0 instead.
    """
    plain = _inverse(source, axes, epsilon)

    def finish(x: Number) -> Number:
        r = plain.finish(x)
        return r.compare("eq", 0.0).where(math.nan, r)

    return replace(plain, finish=finish)


def _count(source: View, axes: Sequence[int]) -> int:
    return math.prod(source.sizes[a] for a in axes)


def batch_norm(op: Operation, call: Call) -> None:
    """x, weight, bias, running mean and variance, training, momentum, ε → x̂·weight + bias, μ, r"""
    x, weight, bias, *running, training, momentum, epsilon = call.arguments
    if not training:
        _by_running(op, call)
        return
    source, axes = op.view(x), _others(x)
    target, mean, root = (op.view(t) for t in call.results)
    channel = (1,)
    parts = [_along(op.view(t), source, channel) if t is not None else None for t in (weight, bias)]
    spreads = [_along(v, source, channel) for v in (mean, root)]
    _normalize(op, source, target, spreads, axes, _inverse(source, axes, epsilon), parts)
    count = _count(source, axes)
    means, variances = (op.view(t) if t is not None else None for t in running)
    if means is not None:
        mapped(op, means, [means, mean], lambda old, new: old * (1 - momentum) + new * momentum)
    if variances is not None:
        unbiased = momentum * count / (count - 1)
        mapped(
            op,
            variances,
            [variances, root],
            lambda old, r: old * (1 - momentum) + (1.0 / (r * r) - epsilon) * unbiased,
        )


def _by_running(op: Operation, call: Call) -> None:
    """In evaluation: (x − running mean) / √(running variance + ε)·weight + bias"""
    x, weight, bias, mean, variance, _, _, epsilon = call.arguments
    given = [op.view(x), *(_along(op.view(t), op.view(x), (1,)) for t in (mean, variance))]
    gain, shift = (None if t is None else _along(op.view(t), given[0], (1,)) for t in (weight, bias))

    def normalized(x: Number, mean: Number, variance: Number, *rest: Number) -> Number:
        following, value = iter(rest), (x - mean) / square_root(variance + epsilon)
        value = value if gain is None else value * next(following)
        return value if shift is None else value + next(following)

    parts = [view for view in (gain, shift) if view is not None]
    mapped(op, op.view(call.results[0]), [*given, *parts], normalized)


def batch_norm_backward(op: Operation, call: Call) -> None:
    """g, x, weight, running statistics, μ, r, training, ε, mask → gradient of x"""
    g, x, weight, _, _, mean, root, training, _, mask = call.arguments
    if not training or list(mask) != [True, False, False]:
        raise NotCompiled("no translation of batch norm's own gradients")
    source = op.view(x)
    mu, r, *gain = (_along(op.view(t), source, (1,)) for t in (mean, root, weight) if t is not None)
    target = op.view(call.results[0])
    _gradient(op, op.view(g), source, (mu, r), gain[0] if gain else None, target, _others(x))


def _last(x: Tensor, count: int) -> list[int]:
    return list(range(x.ndim - count, x.ndim))


def _others(x: Tensor) -> list[int]:
    """All axes but that of the channels."""
    return [axis for axis in range(x.ndim) if axis != 1]


def _along(view: View, whole: View, axes: Sequence[int]) -> View:
    """`view`, whose axes are `axes` of `whole`, repeated along the others."""
    strides = [0] * len(whole.sizes)
    for axis, stride in zip(axes, view.strides[-len(axes) :], strict=True):
        strides[axis] = stride
    return replace(view, sizes=whole.sizes, strides=tuple(strides))


def _kept(view: View, axes: Sequence[int], whole: View) -> View:
    """`view`, which has one number where `axes` of `whole` have many, repeated along them."""
    strides = tuple(0 if a in axes else s for a, s in enumerate(view.strides))
    return replace(view, sizes=whole.sizes, strides=strides)


def _reduce(op: Operation, source: View, target: View, axes: Sequence[int], how: Reduction) -> None:
    """`target`, repeated along `axes`, ← `source` folded along them."""
    reduce(op.code, op.lanes(source.element), source, without(target, *axes), axes, how)


def _normalize(
    op: Operation,
    source: View,
    target: View,
    spreads: Sequence[View],
    axes: Sequence[int],
    spread: Reduction,
    parts: Sequence[View | None],
) -> None:
    mean, root = spreads
    _reduce(op, source, mean, axes, sums(_count(source, axes)))
    mapped(op, target, [source, mean], lambda x, mu: x - mu)
    _reduce(op, target, root, axes, spread)
    mapped(op, target, [target, root], lambda x, r: x * r)
    for view, formula in zip(parts, (lambda x, w: x * w, lambda x, b: x + b), strict=True):
        if view is not None:
            mapped(op, target, [target, view], formula)


def _gradient(
    op: Operation,
    grown: View,
    source: View,
    spreads: Sequence[View],
    weight: View | None,
    target: View,
    axes: Sequence[int],
) -> None:
    mu, r = spreads
    sizes, count = source.sizes, _count(source, axes)
    size = math.prod(sizes)
    room = op.room(3 * size, source.element)
    whole = View(room, 0, sizes, contiguous(sizes), source.element)
    means = [_spread(replace(whole, offset=(k + 1) * size), axes) for k in range(2)]
    mapped(op, whole, [source, mu, r, grown], lambda x, mu, r, g: (x - mu) * r * g)
    _reduce(op, grown, means[0], axes, sums(count))
    _reduce(op, whole, means[1], axes, sums(count))
    given = [grown, source, mu, r, *means]
    mapped(op, target, given, lambda g, x, mu, r, a, b: (g - a - (x - mu) * r * b) * r)
    if weight is not None:
        mapped(op, target, [target, weight], lambda x, w: x * w)


def _spread(view: View, axes: Sequence[int]) -> View:
    """On the same memory, with one number where `axes` have many."""
    strides, step = [0] * len(view.sizes), 1
    for axis in reversed([a for a in range(len(view.sizes)) if a not in axes]):
        strides[axis], step = step, step * view.sizes[axis]
    return replace(view, strides=tuple(strides))
