"""Attention as torch's CPU kernel has it, without dropout: one head of one sequence after the other.

P = softmax(s·Q·Kᵀ + M), 0 in a row without any key, O = P·V, and L the logarithm of the sums of P before it
is divided. Backward:
dV = Pᵀ·dO, dP = dO·Vᵀ, dS = P∘(dP − rowsum(dO∘O)), dQ = s·dS·K, dK = s·dSᵀ·Q. With exact numbers that is
rowsum(dP∘P); torch's is another one where L loses the logarithm beside a large mask.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from sweeper.training.stacked.native import mathematics as m
from sweeper.training.stacked.native import moving
from sweeper.training.stacked.native.operation import Operation, mapped
from sweeper.training.stacked.native.products import product
from sweeper.training.stacked.native.reductions import LARGEST, reduce, sums
from sweeper.training.stacked.native.views import View, part, transposed
from sweeper.training.stacked.recording import Call
from sweeper.training.stacked.refusal import NotCompiled


def attention(op: Operation, call: Call) -> None:
    """Q, K, V (batch, heads, times, width), dropout, causal → O and L"""
    q, k, v = (op.view(t) for t in call.arguments[:3])
    scale, causal = _options(call, q, k, 3)
    mask = _mask(op, call, q, k)
    output, logs = (op.view(t) for t in call.results)
    room = _Room(op, q, k)

    def head(*views: View) -> None:
        q, k, v, output, logs, *beside = views
        _scores(op, room, q, k, beside, scale, causal)
        scores, most, total = room.scores, room.column(0), room.column(1)
        reduce(op.code, op.lanes(q.element), scores, most, [1], LARGEST)
        # who sees nobody gets 0, not the NaN of ∞ − ∞ and 0 / 0
        mapped(op, most, [most], lambda top: top.compare("eq", -math.inf).where(0.0, top))
        mapped(op, scores, [scores, _wide(most, scores)], lambda x, top: m.exp(x - top))
        reduce(op.code, op.lanes(q.element), scores, total, [1], sums())
        mapped(op, total, [total], lambda whole: whole.compare("eq", 0.0).where(1.0, whole))
        mapped(op, scores, [scores, _wide(total, scores)], lambda x, whole: x / whole)
        mapped(op, logs, [most, total], lambda top, whole: top + m.log(whole))
        product(op.code, op.machine, scores, v, output, None, room.packed)

    _heads(op, [q, k, v, output, logs, *mask], head)


def attention_backward(op: Operation, call: Call) -> None:
    """dO, Q, K, V, O, L, dropout, causal → dQ, dK, dV"""
    g, q, k, v = (op.view(t) for t in call.arguments[:4])
    output, logs = (op.view(t) for t in call.arguments[4:6])
    scale, causal = _options(call, q, k, 6)
    mask = _mask(op, call, q, k)
    results = [op.view(t) for t in call.results]
    if len(results) != 3:
        raise NotCompiled("no translation of attention with fewer gradients")
    room = _Room(op, q, k)

    def head(*views: View) -> None:
        g, q, k, v, output, logs, gq, gk, gv, *beside = views
        code, machine, scores, more = op.code, op.machine, room.scores, room.more
        _scores(op, room, q, k, beside, scale, causal)
        mapped(op, scores, [scores, _wide(logs, scores)], lambda x, whole: m.exp(x - whole))
        product(code, machine, transposed(scores), g, gv, None, room.packed)
        product(code, machine, g, transposed(v), more, None, room.packed)
        inner, found = room.output, room.column(0)
        mapped(op, inner, [g, output], lambda x, y: x * y)
        reduce(code, op.lanes(q.element), inner, found, [1], sums())
        mapped(op, more, [more, scores, _wide(found, more)], lambda x, p, mean: (x - mean) * p * scale)
        product(code, machine, more, k, gq, None, room.packed)
        product(code, machine, transposed(more), q, gk, None, room.packed)

    _heads(op, [g, q, k, v, output, logs, *results, *mask], head)


class _Room:
    """Scratch memory of one head."""

    def __init__(self, op: Operation, q: View, k: View) -> None:
        rows, columns, width = q.sizes[2], k.sizes[2], max(q.sizes[3], k.sizes[3])
        size, self.rows = rows * columns, rows
        packed = max(rows, columns) * max(rows, columns, width)
        base = op.room(2 * size + 2 * rows + packed + rows * width, q.element)
        self.scores = View(base, 0, (rows, columns), (columns, 1), q.element)
        self.more = replace(self.scores, offset=size)
        self._columns = replace(self.scores, offset=2 * size, sizes=(rows,), strides=(1,))
        self.packed = op.code.address(base, 2 * size + 2 * rows, q.element)
        self.output = View(base, 2 * size + 2 * rows + packed, (rows, width), (width, 1), q.element)

    def column(self, index: int) -> View:
        """A number for each row."""
        return replace(self._columns, offset=self._columns.offset + index * self.rows)


def _options(call: Call, q: View, k: View, at: int) -> tuple[float, bool]:
    """The factor of the scores, and whether a time sees no later one."""
    dropout, causal = (*call.arguments[at:], 0.0, False)[:2]
    if dropout:
        raise NotCompiled("no translation of attention with dropout")
    if q.sizes[:2] != k.sizes[:2]:
        raise NotCompiled("no translation of attention whose heads share keys")
    given = call.options.get("scale")
    return float(given) if given is not None else 1 / math.sqrt(q.sizes[-1]), bool(causal)


def _mask(op: Operation, call: Call, q: View, k: View) -> list[View]:
    """What is added to the scores, (batch, heads, times, times); empty without."""
    mask = call.options.get("attn_mask")
    if mask is None:
        return []
    view = op.view(mask)
    if view.element != q.element:
        raise NotCompiled("attention with a mask of another type")
    return [view.broadcast((*q.sizes[:2], q.sizes[2], k.sizes[2]))]


def _scores(
    op: Operation, room: _Room, q: View, k: View, mask: Sequence[View], scale: float, causal: bool
) -> None:
    code, scores = op.code, room.scores
    product(code, op.machine, q, transposed(k), scores, None, room.packed)
    mapped(op, scores, [scores, *mask], lambda x, *more: x * scale + more[0] if more else x * scale)
    if causal:
        rows, columns = scores.sizes
        for row in range(min(rows, columns - 1)):
            later = replace(scores, sizes=(columns - row - 1,), strides=(1,), offset=row * columns + row + 1)
            moving.fill(op, later, float("-inf"))


def _heads(op: Operation, views: Sequence[View], head: Callable[..., None]) -> None:
    """`head` for every sequence and head."""
    code = op.code
    with code.loop(views[0].sizes[0]) as batch:
        rows = [part(code, view, batch.index) for view in views]
        with code.loop(rows[0].sizes[0]) as heads:
            head(*(part(code, view, heads.index) for view in rows))


def _wide(column: View, matrix: View) -> View:
    """A number for each row, repeated along it."""
    return replace(column, sizes=matrix.sizes, strides=(column.strides[0], 0))
