"""How a command ends: signals, messages on stderr, exit codes."""

import errno
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, TextIO

from sweeper.command_line import command_line
from sweeper.errors import RunFailed, StateKept, SweeperError, UserError
from sweeper.passwords import storage_urls, without_passwords
from sweeper.printable import printable

REQUESTS = ("SIGINT", "SIGTERM", "SIGHUP")
"""Signals that ask a process to end; Windows has no SIGHUP."""

WRONG_PATH = {
    errno.EACCES,
    errno.EEXIST,
    errno.EINVAL,
    errno.EISDIR,
    errno.ELOOP,
    errno.ENAMETOOLONG,
    errno.ENOENT,
    errno.ENOTDIR,
    errno.ENOTEMPTY,
    errno.EPERM,
    errno.EROFS,
}
"""Errors of a path that the user gave; others are of the machine: a full disk, say."""

_asked: list[int] = []
"""Those that have come while `interruptible` was open."""


@contextmanager
def interruptible(*, for_good: bool = False) -> Iterator[None]:
    """A request to terminate, or a terminal that closes, is handled like Ctrl-C: what is finished is kept.

    A signal that is ignored, as ``nohup`` does with that of the terminal, stays ignored. With `for_good`
    the handlers stay when the block ends, for a process that ends with it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _asked.clear()
    numbers = [getattr(signal, name) for name in REQUESTS if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    before = {number: handler for number, handler in before.items() if handler != signal.SIG_IGN}
    try:
        for number in before:
            signal.signal(number, _interrupt)
        yield
    finally:
        for number, handler in before.items():
            if not for_good:
                signal.signal(number, handler)


def _interrupt(number: int, frame: Any) -> None:
    _asked.append(number)
    raise KeyboardInterrupt


def _no_more_requests() -> None:
    """The process is about to end anyway; what asks it to end once more must not cut its message short."""
    if threading.current_thread() is threading.main_thread():
        for name in REQUESTS:
            if signal.getsignal(number := getattr(signal, name, signal.SIGINT)) is _interrupt:
                signal.signal(number, signal.SIG_IGN)


def _safe(text: str) -> str:
    """As a terminal may show it: no escape sequences, and no passwords."""
    return printable(without_passwords(text, storage_urls()))


def _print_safely(error_type: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """``sys.excepthook``: a traceback of drivers repeats the URL that it was given."""
    print(_safe("".join(traceback.format_exception(error_type, error, trace))), file=sys.stderr, end="")


def exit_code(command: Callable[[], Any]) -> int:
    """Run `command`; errors of the user become one message and an exit code."""
    sys.excepthook = _print_safely
    try:
        try:
            command()
        except BaseException as error:
            _no_more_requests()
            if _asked and not isinstance(error, RunFailed):  # a library may make anything of an interrupt
                raise KeyboardInterrupt from None
            raise
        _no_more_requests()
    except SweeperError as error:
        again = f". Continue with: {_resume_command()}" if isinstance(error, StateKept) else ""
        _say(f"error: {error}{again}")
        return error.exit_code
    except BrokenPipeError:  # the reader of a pipe has left
        _discard(sys.stdout)
        return 0
    except OSError as error:  # a disk may fail anywhere
        file = f"{error.filename}: " if error.filename else ""
        wrong = error.errno in WRONG_PATH
        advice = "give another path, or fix that" if wrong else "fix that and try again"
        _say(f"error: {file}{error.strerror or error}; {advice}")
        return UserError.exit_code if wrong else 1
    except (KeyboardInterrupt, SystemExit) as end:
        code = 130 if isinstance(end, KeyboardInterrupt) else end.code
        if code == 130:  # typer makes this of Ctrl-C
            kept = f"; finished trials are kept. Continue with: {_resume_command()}"
            _say(f"\ninterrupted{kept if sys.argv[1:2] == ['run'] else ''}")
        return code if isinstance(code, int) else (0 if code is None else 1)
    return 0


def _say(text: str) -> None:
    """Print on stderr; a terminal that has closed does not change the exit code."""
    try:
        print(_safe(text), file=sys.stderr, flush=True)
    except OSError:
        _discard(sys.stderr)


def _discard(stream: TextIO) -> None:
    """What is still to be written to `stream` goes nowhere: Python would fail over it at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _resume_command() -> str:
    arguments = [argument for argument in sys.argv[1:] if argument != "--fresh"]
    return command_line(["sweeper", *(without_passwords(word, storage_urls()) for word in arguments)])
