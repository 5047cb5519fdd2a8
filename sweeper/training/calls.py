"""Calls in worker processes: one, several at a time, or a list of which a worker does a part."""

from collections.abc import Callable, Iterable, Iterator
from queue import SimpleQueue
from threading import Event
from typing import Any, TypeVar, cast

from sweeper.beside import in_thread
from sweeper.loading import uncollected
from sweeper.training.pool.interface import Call, Done, Pool
from sweeper.training.pool.local import core_count

Item = TypeVar("Item")
Value = TypeVar("Value")
Work = tuple[Callable[..., Any], tuple[Any, ...]]
"""A function, and what it is called with."""
AGAIN = 3
"""Times that a call is made again since its worker was stopped or cut off."""


def call(pool: Pool, function: Callable[..., Value], *arguments: Any) -> Value:
    """What `function` gives in a worker process.

    Raises:
        WorkerDied: if the process ends.
        NotSendable: if the call cannot be sent there, or its value back.
    """
    return cast(Value, attempt(pool, function, *arguments).unwrap())


def attempt(pool: Pool, function: Callable[..., Any], *arguments: Any) -> Done:
    """What becomes of one call."""
    return _finished(pool, (function, arguments))


def _finished(pool: Pool, work: Work, begun: Call | None = None) -> Done:
    """What becomes of one call, which may have `begun`."""
    ((_, done),) = outcomes(pool, [work], first=begun)
    return done


def together(pool: Pool, calls: Iterable[Work]) -> list[Done]:
    """What becomes of each of `calls`, as many of them at a time as the pool is wide."""
    found = dict(outcomes(pool, calls))
    return [found[position] for position in range(len(found))]


def outcomes(
    pool: Pool,
    calls: Iterable[Work],
    spare: Callable[[int], int] = lambda position: 0,
    first: Call | None = None,
) -> Iterator[tuple[int, Done]]:
    """(position, what became of it) of `calls` in the order in which they finish.

    As many as the pool is wide are under way; the next one is taken from `calls` when one has finished. Those
    under way are cancelled if nobody asks for more. `spare` says of the call at a position how many workers
    stay free when it begins; one works in any case. The `first` of them may be under way already.

    One that was lost is made again once, or `AGAIN` times if its worker was given up; one that has ended its
    process itself is not.
    """
    waiting, begun = iter(calls), 0
    under_way: dict[Call, tuple[int, Work, int]] = {}

    def start(position: int, call: Work, times: int = 0) -> None:
        function, arguments = call
        there = first if position == 0 and times == 0 else None
        under_way[pool.submit(function, *arguments) if there is None else there] = position, call, times

    def fill() -> None:
        nonlocal begun
        while (
            len(under_way) < max(pool.width - spare(begun), 1) and (call := next(waiting, None)) is not None
        ):
            start(begun, call)
            begun += 1

    try:
        fill()
        while under_way:
            done = pool.next_done(under_way)
            position, call, times = under_way.pop(done.call)
            if done.lost is not None and not done.lost.own and times < (AGAIN if done.lost.given_up else 1):
                start(position, call, times + 1)
                continue
            fill()  # before anybody looks at the result: no worker waits for that
            yield position, done
    finally:
        for each in under_way:
            pool.cancel(each)


def parallel_map(
    pool: Pool, function: Callable[[Item], Value], items: Iterable[Item], after: Call | None = None
) -> list[Value]:
    """``[function(item) for item in items]``, of which a worker process does some meanwhile.

    It begins with the first item while the next ones are made here; then both take one after the other. What
    it has when it dies is done here. A thread asks it, and has ended when this returns.

    Args:
        pool: has a worker that is free, and nobody else uses it meanwhile.
        function: can be sent to it, as its values back.
        items: may take a while to make.
        after: a call that has a worker import what the function needs, if there is one; it is waited for.
    """
    waiting, stopped = SimpleQueue[tuple[int, Item] | None](), Event()
    values, lost = dict[int, Value](), list[tuple[int, Item]]()

    def beside() -> None:
        near = after
        if after is not None:
            pool.next_done([after])
        while (entry := waiting.get()) is not None and not stopped.is_set():
            work: Work = (_uncollected, (function, entry[1]))
            near = pool.submit_near(near, work[0], *work[1])  # always the same worker
            done = _finished(pool, work, near)
            if done.lost is not None:
                lost.append(entry)
                break
            values[entry[0]] = done.unwrap()
        waiting.put(None)  # for the other one

    other = in_thread(beside, "sweeper-parts")
    try:
        for entry in enumerate(items):
            waiting.put(entry)
        waiting.put(None)
        while (own := waiting.get()) is not None:
            values[own[0]] = function(own[1])
        waiting.put(None)
    except BaseException:
        stopped.set()
        waiting.put(None)
        other.exception()
        raise
    other.result()
    values |= {position: function(item) for position, item in lost}
    return [values[position] for position in range(len(values))]


def _uncollected(function: Callable[[Item], Value], item: Item) -> Value:
    with uncollected():
        return function(item)


def call_user_code(pool: Pool, function: Callable[..., Value], *arguments: Any, **options: Any) -> Value:
    """As `call`, of a function that runs code of the user: with as many threads as this process would have.

    Raises:
        WorkerDied: if the process ends.
    """
    return begin_user_code(pool, function, *arguments, **options)()


def begin_user_code(
    pool: Pool, function: Callable[..., Value], *arguments: Any, **options: Any
) -> Callable[[], Value]:
    """What will wait for `call_user_code`, which begins now: as soon as a worker has started."""
    work: Work = (_with_threads, (core_count(), function, arguments, options))
    begun = pool.submit(work[0], *work[1])
    return lambda: cast(Value, _finished(pool, work, begun).unwrap())


def _with_threads(threads: int, function: Callable[..., Value], arguments: Any, options: Any) -> Value:
    # loaded late: it takes a driver seconds, in which workers start
    from sweeper.training import work

    return work.with_threads(threads, function, arguments, options)
