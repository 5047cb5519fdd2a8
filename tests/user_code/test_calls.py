"""Code of the user: whatever it raises is its own failure, with a reason; only a signal interrupts."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from sweeper.errors import DataError
from sweeper.study.study import Study
from sweeper.user_code.calls import CodeEnded, message_of, name_of, source_of, user_code


class NoText(Exception):
    """Its text raises."""

    def __str__(self) -> str:
        raise KeyboardInterrupt

    __repr__ = __str__


class WrongText(Exception):
    """Its text is none."""

    def __str__(self) -> str:
        return 5  # type: ignore[return-value]


class Tricky(str):
    """Text that does not do what text does."""

    def __getitem__(self, place: Any) -> "Tricky":
        raise ValueError

    def split(self, *arguments: Any) -> list[str]:
        """Raise."""
        raise ValueError


class TrickyText(Exception):
    """Its text is `Tricky`."""

    def __str__(self) -> str:
        return Tricky("boo")


class Nameless(type):
    """Classes without a name."""

    @property
    def __name__(cls) -> str:
        raise ValueError


class Odd(Exception, metaclass=Nameless):
    """A class that raises when it is asked for its name."""


class Own(BaseException):
    """None of Python's."""


ENDS: list[BaseException] = [
    SystemExit(),
    SystemExit(0),
    SystemExit(130),
    KeyboardInterrupt(),
    GeneratorExit(),
    StopIteration(),
    Own("x"),
    BaseExceptionGroup("many", [KeyboardInterrupt()]),
]


@pytest.mark.parametrize("end", ENDS, ids=repr)
def test_what_is_no_exception_becomes_one(end: BaseException) -> None:
    """No handler of `Exception` lets it pass, and no generator takes it for its own end."""
    with pytest.raises(CodeEnded) as caught, user_code():
        raise end
    assert caught.value.error is end
    assert message_of(caught.value) == message_of(end)


@pytest.mark.parametrize(
    "error", [ValueError("no"), DataError("no"), MemoryError(), ExceptionGroup("g", [OSError()])]
)
def test_exceptions_stay_what_they_are(error: Exception) -> None:
    """Messages for the user among them."""
    with pytest.raises(type(error)) as caught, user_code():
        raise error
    assert caught.value is error


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("two\n  lines"), "ValueError: two lines"),
        (ValueError(), "ValueError"),
        (SystemExit(), "it ended the program (exit code 0)"),
        (SystemExit(0), "it ended the program (exit code 0)"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (Own("x"), "Own: x"),
        (NoText(), "NoText: (its text cannot be shown: KeyboardInterrupt)"),
        (WrongText(), "WrongText: (its text cannot be shown: TypeError)"),
        (TrickyText(), "TrickyText: boo"),
        (Odd("x"), "Odd: x"),
        (
            ExceptionGroup("many", [ValueError("a"), OSError("b")]),
            "ExceptionGroup: many (2 sub-exceptions): ValueError: a",
        ),
        (MemoryError(), "there was not enough memory: MemoryError"),
        (ValueError("\udcff \x1b[31m \0 $x_{ \u202e"), "ValueError: \\udcff \ufffd[31m \ufffd $x_{ \ufffd"),
        (ValueError("x" * 10**6), f"ValueError: {'x' * 500} …"),
    ],
    ids=lambda value: None if isinstance(value, str) else object.__repr__(value).split()[0],
)
def test_a_message_is_one_line_whatever_the_exception_does(error: BaseException, message: str) -> None:
    """Of characters that every file and terminal takes."""
    assert message_of(error) == message
    message.encode("utf-8")


def test_a_stop_in_a_generator_is_told_as_such() -> None:
    """Python makes a RuntimeError of it."""

    def generator() -> Any:
        raise StopIteration("of the model")
        yield

    with pytest.raises(RuntimeError) as caught, user_code():
        list(generator())
    assert message_of(caught.value) == "StopIteration: of the model"


def test_a_function_has_a_name_whatever_it_is() -> None:
    """Objects without a name, or whose name raises, are shown; one whose text raises is too."""

    class Bare:
        def __getattr__(self, name: str) -> Any:
            raise SystemExit

        def __repr__(self) -> str:
            raise Own

    assert name_of(test_a_stop_in_a_generator_is_told_as_such) == "test_a_stop_in_a_generator_is_told_as_such"
    assert name_of(Bare()) == "(its text cannot be shown: Own)"


@pytest.mark.parametrize(
    ("end", "message"),
    [
        (lambda: os._exit(0), "it ended the program (exit code 0)"),
        (lambda: os._exit(3), "it ended the program (exit code 3)"),
        (lambda: os.abort(), "it ended the program (os.abort)"),
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "it ended the program (signal SIGKILL)"),
    ],
)
def test_the_process_of_the_driver_goes_on(end: Callable[[], object], message: str) -> None:
    """A run in which a data function calls ``os._exit(0)`` would end without a word; all is as before."""
    before = (os._exit, os.abort, os.kill)
    with pytest.raises(CodeEnded) as caught, user_code():
        end()
    assert message_of(caught.value) == message
    assert (os._exit, os.abort, os.kill) == before


def test_other_processes_and_threads_may_end() -> None:
    """A fork ends by ``os._exit``, and signals reach other processes."""
    with user_code():
        process = os.fork()
        if process == 0:
            os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 7
        sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        os.kill(sleeper.pid, signal.SIGKILL)
        assert sleeper.wait(20) == -signal.SIGKILL


@pytest.mark.parametrize("made_of_it", [None, ValueError, SystemExit])
def test_a_signal_is_an_interrupt_whatever_the_code_makes_of_it(
    made_of_it: type[BaseException] | None,
) -> None:
    """Code that swallows the user's Ctrl-C, or makes something else of it, does not keep it."""
    before = signal.getsignal(signal.SIGINT)

    def swallow() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            if made_of_it is not None:
                raise made_of_it from None

    with pytest.raises(KeyboardInterrupt), user_code():
        swallow()
    assert signal.getsignal(signal.SIGINT) is before


def test_handlers_that_the_code_installs_do_not_stay() -> None:
    """A model file that ignores Ctrl-C does not make the run deaf to it; what was ignored stays ignored."""
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with user_code():
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        assert signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)


def test_it_works_in_any_thread() -> None:
    """Only the main thread may handle signals; the others need not."""
    found: list[BaseException] = []

    def work() -> None:
        try:
            with user_code():
                raise KeyboardInterrupt
        except CodeEnded as error:
            found.append(error.error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(60)
    assert [type(error) for error in found] == [KeyboardInterrupt]


def test_blocks_may_be_nested() -> None:
    """The inner one restores what the outer one had."""
    before = os._exit
    with user_code():
        outer = os._exit
        assert outer is not before
        with user_code():
            assert os._exit is not outer
        assert os._exit is outer
    assert os._exit is before


def test_anything_that_is_called_has_a_source() -> None:
    """Functions by module and name; partial functions and objects have no name of their own."""

    class Model:
        def __call__(self) -> None:
            """Do nothing."""

    here = f"{__name__}:test_anything_that_is_called_has_a_source"
    assert source_of(test_anything_that_is_called_has_a_source) == here
    assert source_of(partial(test_anything_that_is_called_has_a_source)) == f"{here}<partial>"
    assert source_of(Model()) == f"{__name__}:<test_anything_that_is_called_has_a_source.<locals>.Model>"
    study = Study(name="mine", model=Model(), data=partial(dict), trusted=True)
    assert study.to_dict()["model"]["source"] == source_of(Model())
