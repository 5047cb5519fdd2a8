"""What the pools of other backends share: calls travel as bytes, and results come back through futures."""

import math
import queue
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any, Protocol, TypeVar

from sweeper.beside import within
from sweeper.errors import MAX_SHOWN, StateKept, named_line
from sweeper.training.pool import messages
from sweeper.training.pool.interface import Call, Done, Lost, first_of, silence

Value = TypeVar("Value")

PERIOD = 2.0
"""Seconds without a result after which the backend is asked whether it is still there."""
LOOKS = 10
"""Looks, `PERIOD` apart, that find no new sign of life of a worker before it is given up."""
SILENCE = 60.0
"""Seconds in which a backend must answer, however busy it is."""
MAX_REFUSED = 100
"""Times that a call may meet a worker of other versions before the run gives up."""


def answered(ask: Callable[[], Value], who: str) -> Value:
    """What `who`, a backend of others, answers.

    Raises:
        StateKept: if it does not, or not within `SILENCE`.
    """
    try:
        return within(SILENCE, ask)
    except Exception as error:  # each release has its own
        raise StateKept(f"the {who} is gone ({named_line(error, MAX_SHOWN)})") from error


class Signs:
    """Who gives no sign of life: looks are counted, as this process or the backend may stand still, too."""

    def __init__(self) -> None:
        self._seen: dict[Any, tuple[Any, int]] = {}

    def silent(self, signs: Mapping[Any, Any], more: int = 0) -> set[Any]:
        """Those whose sign has been the same for `LOOKS` looks and `more`; ``None`` is no sign yet."""
        before, self._seen = self._seen, {}
        for name, sign in signs.items():
            last, looks = before.get(name, (None, 0))
            self._seen[name] = (sign, looks + 1 if sign is not None and sign == last else 0)
        return {name for name, (_, looks) in self._seen.items() if looks >= LOOKS + more}


class Backend(Protocol):
    """What a pool needs of Dask or an executor."""

    def width(self) -> int:
        """Calls that run at the same time."""

    def put(self, blob: messages.Blob) -> Any:
        """Hand a value to the workers; what calls are given in its place."""

    def start(self, call: bytes, values: list[Any], then: Callable[[], None]) -> Any:
        """Run `node.run_call` in a worker, and `then` in any thread when that has ended; its future."""

    def answer(self, future: Any) -> messages.Answer | Lost:
        """What became of it."""

    def stop(self, future: Any) -> None:
        """Nobody waits for it any more."""

    def silent(self) -> Collection[Any]:
        """Futures whose workers gave signs of life, and none for `LOOKS` looks; asked every `PERIOD`."""

    def check(self) -> None:
        """Raises `StateKept` if the backend is gone."""

    def close(self) -> None:
        """Let go of everything."""


@dataclass
class _Open:
    """A call that is under way."""

    content: bytes
    shared: tuple[str, ...]
    future: Any = None
    refused: int = 0


class FuturesPool:
    """`Pool` of a `Backend`."""

    def __init__(self, backend: Backend, tell: Callable[[str], None]) -> None:
        self._backend, self._tell = backend, tell
        self._told = set[str]()  # differences for which workers were refused
        self._values: dict[str, Any] = {}
        self._numbers = count()
        self._open: dict[Call, _Open] = {}
        self._waiting: deque[Call] = deque()
        self._running: set[Call] = set()
        self._ended: queue.SimpleQueue[Call] = queue.SimpleQueue()
        self._done: dict[Call, Done] = {}
        self._width, self._asked, self._looked = 0, -math.inf, -math.inf
        self._gone = False  # the backend

    @property
    def width(self) -> int:
        """`Pool.width`"""
        if time.monotonic() - self._asked > PERIOD:
            with self._noticing():
                self._width = max(1, self._backend.width())
            self._asked = time.monotonic()
        return self._width

    def share(self, value: Value) -> messages.SharedName[Value]:
        """`Pool.share`"""
        blob = messages.blob_of(value)
        self._values[blob.name] = self._backend.put(blob)
        return messages.SharedName(value, blob.name)

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Call:
        """`Pool.submit`"""
        content, call = messages.dumps((function, arguments)), next(self._numbers)
        names = tuple(each.name for each in arguments if isinstance(each, messages.SharedName))
        self._open[call] = _Open(content, names)
        self._waiting.append(call)
        self._hand_out()
        return call

    def submit_near(self, call: Call, function: Callable[..., Any], *arguments: Any) -> Call:
        """`Pool.submit_near`: nobody knows who is free."""
        return self.submit(function, *arguments)

    def next_done(self, calls: Collection[Call]) -> Done:
        """`Pool.next_done`"""
        while True:
            if (done := first_of(self._done, calls)) is not None:
                return done
            if self._open.keys().isdisjoint(calls):
                raise LookupError("none of the calls is under way")
            try:
                self._take(self._ended.get(timeout=PERIOD))
            except queue.Empty:
                self._check()
            self._give_up_silent()

    def cancel(self, call: Call) -> None:
        """`Pool.cancel`"""
        self._done.pop(call, None)
        if (opened := self._open.pop(call, None)) is not None:
            self._running.discard(call)
            if self._gone:
                return
            if opened.future is not None:
                self._backend.stop(opened.future)
            self._hand_out()

    def close(self) -> None:
        """`Pool.close`"""
        if self._gone:  # nobody would answer
            return
        self._waiting.clear()
        for call in list(self._open):
            self.cancel(call)
        self._backend.close()

    def _give_up_silent(self) -> None:
        """Calls of workers that are stopped or cut off are lost; what these give late changes nothing."""
        if time.monotonic() - self._looked < PERIOD:
            return
        self._looked = time.monotonic()
        with self._noticing():
            silent = set(self._backend.silent())
        for call in [call for call, opened in self._open.items() if opened.future in silent]:
            reason = f"its worker {silence(LOOKS * PERIOD)}"
            self.cancel(call)
            self._done[call] = Done(call, lost=Lost(reason, given_up=True))

    def _check(self) -> None:
        with self._noticing():
            self._backend.check()

    @contextmanager
    def _noticing(self) -> Iterator[None]:
        """Whether the backend has gone: nothing is asked of it then, as each answer would be waited for."""
        try:
            yield
        except StateKept:
            self._gone = True
            raise

    def _hand_out(self) -> None:
        """Start as many calls as the backend is wide: it would deal out more in advance, behind slow ones."""
        while self._waiting and len(self._running) < self.width:
            if (call := self._waiting.popleft()) in self._open:
                self._running.add(call)
                self._start(call)

    def _start(self, call: Call) -> None:
        opened = self._open[call]
        values = [self._values[name] for name in opened.shared]
        with self._noticing():
            opened.future = self._backend.start(opened.content, values, partial(self._ended.put, call))

    def _take(self, call: Call) -> None:
        """Turn what a future gives into what became of its call."""
        if (opened := self._open.get(call)) is None:  # cancelled
            return
        answer = self._backend.answer(opened.future)
        if isinstance(answer, Lost):
            self._check()
            self._done[call] = Done(call, lost=answer)
        elif answer.missing or answer.refused:
            self._try_elsewhere(call, answer.refused)
            return
        else:
            self._done[call] = messages.done_of(call, answer)
        del self._open[call]
        self._running.discard(call)
        self._hand_out()

    def _try_elsewhere(self, call: Call, difference: str) -> None:
        opened = self._open[call]
        if difference and difference not in self._told:
            self._told.add(difference)
            self._tell(f"a worker was refused: {difference}")
        opened.refused += bool(difference)
        if opened.refused > MAX_REFUSED:
            raise StateKept(f"no worker of the pool has the driver's versions: {difference}")
        self._start(call)
