"""What torch's pointwise operations compute, as formulas of numbers in registers.

A formula gets its arguments in the order of the operation's schema, numbers for tensors, all of the type in
which torch computes, and options by name. Formulas are those of torch 2's CPU kernels, special values too.
"""

import math
from collections.abc import Callable
from typing import Any

from sweeper.training.stacked.native import mathematics as m
from sweeper.training.stacked.native import tables, trigonometry
from sweeper.training.stacked.native.ir import Number
from sweeper.training.stacked.native.roots import square_root
from sweeper.training.stacked.native.specials import nan_to_num
from sweeper.training.stacked.refusal import NotCompiled

Formula = Callable[..., Number]

SIXTH = 0.16666667163372040
"""1/6 in float32, by which torch multiplies in both precisions."""


def _add(x: Any, y: Any, alpha: Any = 1) -> Number:
    if x.kind.element == "i1":  # of truth values torch makes "or"
        return x | y & bool(alpha)
    return x + y if alpha == 1 else y.code.fma(y, alpha, x)


def _sub(x: Any, y: Any, alpha: Any = 1) -> Number:
    return x - (y if alpha == 1 else y * alpha)


def _rsub(x: Any, y: Any, alpha: Any = 1) -> Number:
    return y - (x if alpha == 1 else x * alpha)


def _div(x: Any, y: Any, rounding_mode: str | None = None) -> Number:
    if rounding_mode is not None:
        raise NotCompiled("division to whole numbers")
    return x / y


def _power(x: Number, exponent: Any) -> Number:
    known: dict[float, Callable[[], Number]] = {
        1: lambda: x,
        2: lambda: x * x,
        3: lambda: x * x * x,
        4: lambda: (x * x) * (x * x),
        0.5: lambda: square_root(x),
        -0.5: lambda: 1.0 / square_root(x),
        -1: lambda: 1.0 / x,
        -2: lambda: 1.0 / (x * x),
    }
    if not isinstance(exponent, Number) and exponent in known:
        return known[exponent]()
    if not x.kind.real:
        raise NotCompiled("a power of whole numbers")
    return x.code.call("pow", x, x.code.like(exponent, x.kind))  # the C library's, one by one


def _maximum(x: Number, y: Any) -> Number:
    return _not_a_number(x).where(x, x.compare("lt", y).where(y, _number_or(y, x)))


def _minimum(x: Number, y: Any) -> Number:
    return _not_a_number(x).where(x, x.compare("gt", y).where(y, _number_or(y, x)))


def _number_or(y: Any, x: Number) -> Number:
    """`y` where it is not a number, else `x`."""
    if isinstance(y, Number):
        return _not_a_number(y).where(y, x)
    return x if y == y or not x.kind.real else x.code.like(y, x.kind)


def _not(x: Number) -> Number:
    return x ^ (True if x.kind.element == "i1" else -1)


def _not_a_number(x: Number) -> Number:
    return x.compare("ne", x) if x.kind.real else x.code.like(False, x.kind.of("i1"))


def _clamp(x: Number, low: Any = None, high: Any = None) -> Number:
    x = x if low is None else _maximum(x, low)
    return x if high is None else _minimum(x, high)


def _lerp(a: Number, b: Number, weight: Any) -> Number:
    w = a.code.like(weight, a.kind)
    near = a.code.fma(w, b - a, a)
    return m.absolute(w).compare("lt", 0.5).where(near, a.code.fma(w - 1.0, b - a, b))


def _rounded(how: str) -> Formula:
    """To a whole number, by the machine's instruction."""

    def formula(x: Number, *, decimals: int = 0) -> Number:
        if decimals:
            raise NotCompiled("rounding to decimals")
        return x.code.call(how, x) if x.kind.real else x

    return formula


def _sign(x: Number) -> Number:
    zero = x.compare("lt", 0).where(-1, x.code.like(0, x.kind))
    return x.compare("gt", 0).where(1, zero)


def _within(x: Number, low: float, high: float) -> Number:
    return x.compare("ge", low) & x.compare("le", high)


def _outside(x: Number, width: float) -> Number:
    return x.compare("lt", -width) | x.compare("gt", width)


def _elu(x: Number, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> Number:
    return x.compare("le", 0.0).where(m.expm1(x * input_scale) * (alpha * scale), x * scale)


def _elu_backward(
    g: Number, alpha: float, scale: float, input_scale: float, is_result: bool, x: Number
) -> Number:
    factor = alpha * scale
    slope = (x + factor) * input_scale if is_result else m.exp(x * input_scale) * (input_scale * factor)
    return g * x.compare("gt", 0.0).where(scale, slope)


def _gelu(x: Number, approximate: str = "none") -> Number:
    if approximate == "tanh":
        return x * 0.5 * (m.tanh(_gelu_inner(x)) + 1.0)
    return tables.gelu(x) if tables.serve(x) else x * 0.5 * (m.erf(x * math.sqrt(0.5)) + 1.0)


_GELU, _CUBE = math.sqrt(2 / math.pi), 0.044715


def _gelu_inner(x: Number) -> Number:
    return (x + x * x * x * _CUBE) * _GELU


def _gelu_backward(g: Number, x: Number, approximate: str = "none") -> Number:
    if approximate == "tanh":
        t = m.tanh(_gelu_inner(x))
        slope = (1.0 - t * t) * ((x * x * (3 * _CUBE) + 1.0) * _GELU)
        return g * ((t + 1.0) * 0.5 + x * 0.5 * slope)
    return g * (tables.gelu_slope(x, _gelu_slope) if tables.serve(x) else _gelu_slope(x))


def _gelu_slope(x: Number) -> Number:
    bell = m.exp(x * x * -0.5)
    below = (m.erf(x * math.sqrt(0.5), bell) + 1.0) * 0.5
    return below + x * (bell * math.sqrt(0.5 / math.pi))


def _leaky(x: Number, slope: float = 0.01) -> Number:
    return x.compare("gt", 0.0).where(x, x * slope)


def _leaky_backward(g: Number, x: Number, slope: float, is_result: bool) -> Number:
    return x.compare("gt", 0.0).where(g, g * slope)


def _log_sigmoid(x: Number) -> Number:
    return _minimum(x, 0.0) - m.log1p(m.exp(-m.absolute(x)))


def _log_sigmoid_backward(g: Number, x: Number, buffer: Number) -> Number:
    negative = x.compare("lt", 0.0)
    sign = negative.where(1.0, x.code.like(-1.0, x.kind))
    return g * (negative.where(1.0, x.code.like(0.0, x.kind)) - sign * (buffer / (buffer + 1.0)))


def _mish(x: Number) -> Number:
    """x·tanh(softplus x), where tanh ln(1 + e) = n / (n + 2) with n = e·(e + 2); it is 1 beyond 20."""
    e = m.exp(_minimum(x, 20.0))
    n = e * (e + 2.0)
    return x * (n / (n + 2.0))


def _mish_backward(g: Number, x: Number) -> Number:
    """tanh(softplus x) + x·σ(x)·(1 − tanh²), where σ·(1 − tanh²) = 4e·(1 + e) / (n + 2)²"""
    e = m.exp(_minimum(x, 20.0))
    n = e * (e + 2.0)
    slope = x.compare("gt", 20.0).where(0.0, 4.0 * e * (e + 1.0) / (n + 2.0))
    return g * ((n + x * slope) / (n + 2.0))


def _silu_backward(g: Number, x: Number) -> Number:
    s = m.sigmoid(x)
    return g * s * (x * (1.0 - s) + 1.0)


def _softplus(x: Number, beta: float = 1.0, threshold: float = 20.0) -> Number:
    return (x * beta).compare("gt", threshold).where(x, m.log1p(m.exp(x * beta)) / float(beta))


def _softplus_backward(g: Number, x: Number, beta: float, threshold: float) -> Number:
    z = m.exp(x * beta)
    return (x * beta).compare("gt", threshold).where(g, g * z / (z + 1.0))


def _softshrink(x: Number, width: float = 0.5) -> Number:
    inside = x.compare("lt", -width).where(x + width, x * 0.0)
    return x.compare("gt", width).where(x - width, inside)


def _hardswish_backward(g: Number, x: Number) -> Number:
    middle = x.compare("le", -3.0).where(0.0, g * (x / 3.0 + 0.5))
    return x.compare("ge", 3.0).where(g, middle)


def _hardtanh_backward(g: Number, x: Number, low: float = -1.0, high: float = 1.0) -> Number:
    return (x.compare("gt", low) & x.compare("lt", high)).where(g, 0.0)


def _each(reduction: int) -> None:
    if reduction != 0:
        raise NotCompiled("a loss that is reduced over all trials")


def _mse(x: Number, y: Number, reduction: int = 1) -> Number:
    _each(reduction)
    return (x - y) * (x - y)


def _mse_backward(g: Number, x: Number, y: Number, reduction: int) -> Number:
    _each(reduction)
    return (x - y) * g * 2.0


def _huber(x: Number, y: Number, reduction: int = 1, delta: float = 1.0) -> Number:
    _each(reduction)
    size = m.absolute(x - y)
    return size.compare("lt", delta).where(size * size * 0.5, (size - 0.5 * delta) * delta)


def _huber_backward(g: Number, x: Number, y: Number, reduction: int, delta: float) -> Number:
    _each(reduction)
    d = x - y
    inside = d.compare("ge", delta).where(g * delta, g * d)
    return d.compare("le", -delta).where(g * -delta, inside)


FORMULAS: dict[str, Formula] = {
    "abs": m.absolute,
    "add": _add,
    "addcdiv": lambda x, a, b, value=1: x + (a if value == 1 else a * value) / b,
    "addcmul": lambda x, a, b, value=1: x.code.fma(a if value == 1 else a * value, b, x),
    "ceil": _rounded("ceil"),
    "celu": lambda x, alpha=1.0: _elu(x, alpha, 1.0, 1 / alpha),
    "clamp": _clamp,
    "clamp_max": lambda x, high: _clamp(x, None, high),
    "clamp_min": lambda x, low: _clamp(x, low),
    "clone": lambda x, **_: x,
    "copy": lambda x, source, *_: source,
    "cos": trigonometry.cos,
    "_to_copy": lambda x, **_: x,
    "div": _div,
    "elu": _elu,
    "elu_backward": _elu_backward,
    "erf": m.erf,
    "exp": m.exp,
    "expm1": m.expm1,
    "floor": _rounded("floor"),
    "fill": lambda x, value: x.code.like(value, x.kind),
    "gelu": _gelu,
    "gelu_backward": _gelu_backward,
    "hardshrink": lambda x, width=0.5: _within(x, -width, width).where(0.0, x),
    "hardshrink_backward": lambda g, x, width: _outside(x, width).where(g, 0.0),
    "hardsigmoid": lambda x: _clamp(x + 3.0, 0.0, 6.0) / 6.0,
    "hardsigmoid_backward": lambda g, x: (x.compare("gt", -3.0) & x.compare("lt", 3.0)).where(g * SIXTH, 0.0),
    "hardswish": lambda x: x * _clamp(x + 3.0, 0.0, 6.0) / 6.0,
    "hardswish_backward": _hardswish_backward,
    "hardtanh": lambda x, low=-1.0, high=1.0: _clamp(x, low, high),
    "hardtanh_backward": _hardtanh_backward,
    "huber_loss": _huber,
    "huber_loss_backward": _huber_backward,
    "leaky_relu": _leaky,
    "leaky_relu_backward": _leaky_backward,
    "lerp": _lerp,
    "log": m.log,
    "log1p": m.log1p,
    "log_sigmoid_forward": _log_sigmoid,
    "log_sigmoid_backward": _log_sigmoid_backward,
    "logical_not": lambda x: x ^ True,
    "bitwise_not": _not,
    "bitwise_and": lambda x, y: x & y,
    "bitwise_or": lambda x, y: x | y,
    "bitwise_xor": lambda x, y: x ^ y,
    "logical_and": lambda x, y: x & y,
    "logical_or": lambda x, y: x | y,
    "logical_xor": lambda x, y: x ^ y,
    "masked_fill": lambda x, mask, value: mask.where(value, x),
    "maximum": _maximum,
    "minimum": _minimum,
    "mish": _mish,
    "mish_backward": _mish_backward,
    "mse_loss": _mse,
    "mse_loss_backward": _mse_backward,
    "mul": lambda x, y: x * y,
    "nan_to_num": nan_to_num,
    "neg": lambda x: -x,
    "pow": _power,
    "_prelu_kernel": lambda x, slope: x.compare("gt", 0.0).where(x, slope * x),
    "_prelu_kernel_backward": lambda g, x, slope: x.compare("gt", 0.0).where(g, slope * g),
    "reciprocal": lambda x: 1.0 / x,
    "relu": lambda x: x.compare("lt", 0.0).where(0.0, x),
    "round": _rounded("rint"),
    "rsqrt": lambda x: 1.0 / square_root(x),
    "rsub": _rsub,
    "sgn": _sign,
    "sigmoid": m.sigmoid,
    "sigmoid_backward": lambda g, y: g * (1.0 - y) * y,
    "sign": _sign,
    "sin": trigonometry.sin,
    "silu": lambda x: x * m.sigmoid(x),
    "silu_backward": _silu_backward,
    "softplus": _softplus,
    "softplus_backward": _softplus_backward,
    "softshrink": _softshrink,
    "softshrink_backward": lambda g, x, width: _outside(x, width).where(g, 0.0),
    "sqrt": square_root,
    "square": lambda x: x * x,
    "sub": _sub,
    "tanh": m.tanh,
    "tanh_backward": lambda g, y: g * (1.0 - y * y),
    "threshold": lambda x, at, value: x.compare("le", at).where(value, x),
    "threshold_backward": lambda g, x, at: x.compare("le", at).where(0.0, g),
    "trunc": _rounded("trunc"),
    "where": lambda mask, x, y: mask.where(x, y),
}
"""aten operation without overload and underscore -> its formula"""

COMPARISONS = {"eq", "ne", "lt", "le", "gt", "ge"}
BUFFERS: dict[str, Formula] = {
    "log_sigmoid_forward": lambda x: m.exp(-m.absolute(x)),
    "_prelu_kernel_backward": lambda g, x, slope: x.compare("gt", 0.0).where(0.0, x * g),
}
"""The second results of operations that have two."""
