"""Code of the user may raise anything, and end the program: both become an exception that says so."""

import hashlib
import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn

from sweeper.user_code.plain_words import REFUSED, cut, meaning, shortened

LONGEST = 500
"""Characters of a message."""
SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""How a user asks a process to end."""
OF_TORCH = (RuntimeError, IndexError, AssertionError, ValueError, TypeError)
"""What torch raises."""
DEADLY = tuple(getattr(signal, name) for name in ("SIGKILL", "SIGABRT", "SIGSEGV") if hasattr(signal, name))


class Ended(BaseException):
    """Stands for the end of the process that code of the user asked for."""


class CodeEnded(Exception):
    """Code of the user raised what is no `Exception`; `error` is what it raised."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(message_of(error))
        self.error = error


class user_code:  # noqa: N801  (a context manager, named like a function)
    """While open, whatever is raised comes out as an `Exception`: the code's own failure.

    ``SystemExit``, ``KeyboardInterrupt``, ``GeneratorExit``, ``StopIteration`` and every other
    ``BaseException`` become `CodeEnded`. In the process of the driver, so do ``os._exit`` and
    ``os.abort``, and signals that the code sends to itself, which would end it without a word; a worker
    may die, its driver sees that. A signal by which the user asked this process to end is an interrupt
    whatever the code made of it, and is raised as ``KeyboardInterrupt``.
    """

    def __enter__(self) -> None:
        self._asked = False
        self._handlers: dict[int, Any] = {}
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                before = signal.getsignal(number)
                if before is not None:
                    self._handlers[number] = before
                    signal.signal(number, self._noting(before) if callable(before) else before)
        self._exits = {name: getattr(os, name) for name in ("_exit", "abort", "kill")}
        if multiprocessing.parent_process() is None:
            self._catch_exits()

    def _noting(self, before: Callable[..., Any]) -> Callable[[int, Any], None]:
        def note(number: int, frame: Any) -> None:
            self._asked = True
            before(number, frame)

        return note

    def _catch_exits(self) -> None:
        own, kill = (os.getpid(), threading.get_ident()), self._exits["kill"]

        def is_here() -> bool:  # not in a fork, nor in another thread
            return own == (os.getpid(), threading.get_ident())

        def instead(name: str, words: str) -> Callable[..., Any]:
            before = self._exits[name]

            def ended(*code: Any) -> NoReturn:
                if is_here():
                    raise Ended(words.format(*code))
                before(*code)
                raise AssertionError("the process goes on")

            return ended

        def kill_another(process: int, number: int) -> None:
            if process == own[0] and number in DEADLY and is_here():
                raise Ended(f"signal {signal.Signals(number).name}")
            kill(process, number)

        os._exit = instead("_exit", "exit code {0}")  # type: ignore[assignment]
        os.abort = instead("abort", "os.abort")  # type: ignore[assignment]
        os.kill = kill_another

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name, function in self._exits.items():
            setattr(os, name, function)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        if self._asked:
            raise KeyboardInterrupt from None
        if error is not None and (not isinstance(error, Exception) or isinstance(error, StopIteration)):
            raise CodeEnded(error) from error


def message_of(error: BaseException) -> str:
    """``Type: text`` in one line, whatever its methods do; before it what a message of torch means."""
    while isinstance(error, CodeEnded) or _is_stop(error):
        error = error.error if isinstance(error, CodeEnded) else error.__cause__  # type: ignore[assignment]
    if isinstance(error, SystemExit):
        return f"it ended the program (exit code {0 if error.code is None else _shown(error.code)})"
    if isinstance(error, Ended):
        return f"it ended the program ({_shown(error)})"
    name, text = type.__dict__["__name__"].__get__(type(error)), text_of(error)
    words = meaning(text) if isinstance(error, OF_TORCH) else ""
    words = words or ("there was not enough memory" if isinstance(error, MemoryError) else "")
    words = words or (REFUSED if isinstance(error, OF_TORCH) and _is_raised_in_torch(error) else "")
    if isinstance(error, BaseExceptionGroup) and error.exceptions:
        text = f"{text}: {message_of(error.exceptions[0])}"
    named = f"{name}: {shortened(text) if words else cut(text, LONGEST)}" if text else name
    return f"{words}: {named}" if words else named


def _is_raised_in_torch(error: BaseException) -> bool:
    """Whether torch's own Python code raised it."""
    frames = traceback.extract_tb(error.__traceback__, limit=-1)
    return any({"torch", "site-packages"} <= set(Path(frame.filename).parts) for frame in frames)


def _is_stop(error: BaseException) -> bool:
    """Python's word for a ``StopIteration`` that came out of a generator."""
    return isinstance(error, RuntimeError) and isinstance(error.__cause__, StopIteration)


def text_of(error: BaseException) -> str:
    """The exception's text in one line; where it cannot be had, why."""
    return _shown(error)


def name_of(function: Any) -> str:
    """The name of a function of the user, as messages show it."""
    try:
        name = function.__qualname__
    except BaseException:  # an object may do anything when it is asked for an attribute
        name = None
    return _line(str.__str__(name)) if isinstance(name, str) else _shown(function, repr)


def source_of(function: Any) -> str:
    """``package.module:function``; of an object that is called like one, its class in angle brackets.

    Of a module that is made already also a mark of what it consists of.
    """
    if isinstance(function, partial):
        return f"{source_of(function.func)}<partial>"
    if hasattr(function, "named_parameters") and not isinstance(function, type):
        return f"{type(function).__module__}:<{type(function).__qualname__} {_digest(function)}>"
    owner = function if isinstance(getattr(function, "__qualname__", None), str) else type(function)
    name = str(owner.__qualname__)
    return f"{owner.__module__}:{name if owner is function else f'<{name}>'}"


def _digest(model: Any) -> str:
    """Tells modules of one class apart by what they consist of."""
    shapes = [(name, tuple(tensor.shape)) for name, tensor in model.named_parameters()]
    return hashlib.sha256(f"{_shown(model, repr)} {shapes}".encode()).hexdigest()[:8]


def _shown(value: Any, text: Callable[[Any], str] = str) -> str:
    try:
        shown = text(value)
        return _line(str.__str__(shown))  # of a subclass that overrides everything, too
    except BaseException as error:  # an object's text may do anything
        name = type.__dict__["__name__"].__get__(type(error))
        return f"(its text cannot be shown: {name})"


def _line(text: str) -> str:
    """One line of characters that every file and terminal takes."""
    clean = text[: 20 * LONGEST].encode("utf-8", "backslashreplace").decode("utf-8")
    return " ".join(
        "".join(c if c.isprintable() or c.isspace() else "\N{REPLACEMENT CHARACTER}" for c in clean).split()
    )


def call_back(
    function: Callable[[Any], object] | None, values: Iterable[Any], tell: Callable[[str], object]
) -> None:
    """Call `function`, if there is one, with each value; Ctrl-C in it is one of the run."""
    if function is None:
        return
    for value in values:
        try:
            function(value)
        except (Exception, SystemExit) as error:  # whatever it raises
            raised = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            tell(f"on_result raised for trial {value.trial.number}: {raised}")
