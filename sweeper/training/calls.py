"""Calls in worker processes: one, several at a time, or a list of which a worker does a part."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar, cast

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
    ((_, done),) = outcomes(pool, [(function, arguments)])
    return done


def together(pool: Pool, calls: Iterable[Work]) -> list[Done]:
    """What becomes of each of `calls`, as many of them at a time as the pool is wide."""
    found = dict(outcomes(pool, calls))
    return [found[position] for position in range(len(found))]


def outcomes(
    pool: Pool, calls: Iterable[Work], spare: Callable[[int], int] = lambda position: 0
) -> Iterator[tuple[int, Done]]:
    """(position, what became of it) of `calls` in the order in which they finish.

    As many as the pool is wide are under way; the next one is taken from `calls` when one has finished. Those
    under way are cancelled if nobody asks for more. `spare` says of the call at a position how many workers
    stay free when it begins; one works in any case.

    One that was lost is made again once, or `AGAIN` times if its worker was given up; one that has ended its
    process itself is not.
    """
    waiting, begun = iter(calls), 0
    under_way: dict[Call, tuple[int, Work, int]] = {}

    def start(position: int, call: Work, times: int = 0) -> None:
        function, arguments = call
        under_way[pool.submit(function, *arguments)] = position, call, times

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
    """``[function(item) for item in items]``, of which a worker process does the last ones meanwhile.

    Its part is done here if it dies.

    Args:
        pool: has a worker that is free.
        function: can be sent to it, as its values back.
        items: of which it does half, but for a single one.
        after: a call that has a worker import what the function needs, if there is one; it is waited for.
    """
    every = list(items)
    cut = max(len(every) // 2, 1)
    mine, theirs = every[:cut], every[cut:]
    if not theirs:
        return [function(item) for item in mine]
    if after is not None:
        pool.next_done([after])
    other = pool.submit(_each, function, theirs)
    try:
        values = [function(item) for item in mine]
        done = pool.next_done([other])
    except BaseException:
        pool.cancel(other)
        raise
    return [*values, *(done.unwrap() if done.lost is None else [function(item) for item in theirs])]


def _each(function: Callable[[Item], Value], items: list[Item]) -> list[Value]:
    with uncollected():
        return [function(item) for item in items]


def call_user_code(pool: Pool, function: Callable[..., Value], *arguments: Any, **options: Any) -> Value:
    """As `call`, of a function that runs code of the user: with as many threads as this process would have.

    Raises:
        WorkerDied: if the process ends.
    """
    # loaded late: it takes seconds, in which workers start
    from sweeper.training import work

    return call(
        pool, cast(Callable[..., Value], work.with_threads), core_count(), function, arguments, options
    )
