"""How a command ends: signals, messages on stderr, exit codes."""

import os
import shlex
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from sweeper.errors import StateKept, SweeperError
from sweeper.passwords import storage_urls, without_passwords
from sweeper.printable import printable


@contextmanager
def interruptible() -> Iterator[None]:
    """A request to terminate is handled like Ctrl-C: what is finished is kept."""

    def interrupt(signum: int, frame: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _safe(text: str) -> str:
    """As a terminal may show it: no escape sequences, and no passwords."""
    return printable(without_passwords(text, storage_urls()))


def _print_safely(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """``sys.excepthook``: a traceback of drivers repeats the URL that it was given."""
    print(_safe("".join(traceback.format_exception(kind, error, trace))), file=sys.stderr, end="")


def exit_code(command: Callable[[], Any]) -> int:
    """Run `command`; errors of the user become one message and an exit code."""
    sys.excepthook = _print_safely
    try:
        command()
    except SweeperError as error:
        again = f": {_resume_command()}" if isinstance(error, StateKept) else ""
        print(_safe(f"error: {error}{again}"), file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:  # the reader of a pipe has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # a disk may fail anywhere
        place = f"{error.filename}: " if error.filename else ""
        print(_safe(f"error: {place}{error.strerror or error}; mend that and try again"), file=sys.stderr)
        return 1
    except (KeyboardInterrupt, SystemExit) as end:
        code = 130 if isinstance(end, KeyboardInterrupt) else end.code
        if code == 130:  # typer makes this of Ctrl-C
            again = _resume_command()
            print(_safe(f"\ninterrupted; finished trials are kept. Go on with: {again}"), file=sys.stderr)
        return code if isinstance(code, int) else (0 if code is None else 1)
    return 0


def _resume_command() -> str:
    arguments = [argument for argument in sys.argv[1:] if argument != "--fresh"]
    return shlex.join(["sweeper", *(without_passwords(word, storage_urls()) for word in arguments)])
