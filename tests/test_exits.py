"""How a command ends that is asked to end: by Ctrl-C, a request to terminate, or a terminal that closes."""

import os
import pickle
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from sweeper.errors import StateKept
from sweeper.exits import exit_code

WAITS = """
import sys, time
from sweeper.errors import StateKept
from sweeper.exits import exit_code, interruptible
def command():
    try:
        print("ready", flush=True)
        time.sleep(60)
    except KeyboardInterrupt as interrupt:
        raise {raised} from interrupt
sys.argv = ["sweeper", "run", "a study.toml", "--fresh"]
with interruptible(for_good=True):
    code = exit_code(command)
    if {after}:
        print("ended", flush=True)
        time.sleep({after})
    raise SystemExit(code)
"""
MESSAGE = "interrupted; finished trials are kept. Continue with: sweeper run 'a study.toml'"


@contextmanager
def waiting(
    *, ignored: tuple[int, ...] = (), raised: str = "KeyboardInterrupt", after: float = 0.0, **options: object
) -> Iterator["subprocess.Popen[str]"]:
    """A command that waits to be asked to end."""

    def ignore() -> None:
        for number in ignored:
            signal.signal(number, signal.SIG_IGN)

    process = subprocess.Popen(
        [sys.executable, "-c", WAITS.format(raised=raised, after=after)],
        text=True,
        preexec_fn=ignore,
        start_new_session=True,
        **options,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait(30)
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def ended_by(*numbers: int, **options: object) -> tuple[int, str]:
    """Exit code and message of a command that is sent signals as soon as it waits."""
    with waiting(stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        for number in numbers:
            process.send_signal(number)
        _, said = process.communicate(timeout=30)
        return process.returncode, said.strip()


def test_a_run_that_stops_says_what_is_kept_and_how_to_go_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever has stopped it; also in the text of the exception, which Python alone sees."""

    def command() -> None:
        raise StateKept("the scheduler is gone (no answer).")

    monkeypatch.setattr(sys, "argv", ["sweeper", "run", "a study.toml", "--fresh"])
    assert exit_code(command) == 1
    kept = "the scheduler is gone (no answer); finished trials are kept"
    assert capsys.readouterr().err == f"error: {kept}. Continue with: sweeper run 'a study.toml'\n"
    assert str(pickle.loads(pickle.dumps(StateKept("the scheduler is gone (no answer).")))) == kept


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_request_to_end_is_an_interrupt(number: signal.Signals) -> None:
    """Exit code 130, and the command that goes on; the handlers before are back then."""
    assert ended_by(number) == (130, MESSAGE)


def test_a_hang_up_that_is_ignored_stays_ignored() -> None:
    """``nohup sweeper run …`` survives the end of its terminal."""
    assert ended_by(signal.SIGHUP, signal.SIGTERM, ignored=(signal.SIGHUP,)) == (130, MESSAGE)


def test_a_terminal_that_is_gone_does_not_change_the_exit_code() -> None:
    """The message has no reader; the exit code is still 130."""
    master, terminal = pty.openpty()
    with waiting(stdin=terminal, stdout=terminal, stderr=terminal) as process:
        os.close(terminal)
        said = b""
        while b"\n" not in said:  # closed within its line, the terminal would fail the write of it
            said += os.read(master, 100)
        assert b"ready" in said
        os.close(master)
        process.send_signal(signal.SIGHUP)
        assert process.wait(30) == 130


@pytest.mark.parametrize("raised", ["ImportError('numpy')", "SystemExit(1)", "SystemError"])
def test_an_interrupt_stays_one_whatever_a_library_makes_of_it(raised: str) -> None:
    """One that comes while a module is imported, say, is no failure of the import."""
    assert ended_by(signal.SIGINT, raised=raised) == (130, MESSAGE)


def test_whoever_asks_twice_gets_the_message_too() -> None:
    """A request that comes while the process ends changes neither exit code nor message."""
    with waiting(after=1.0, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "ended\n"
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
        assert (process.returncode, said.strip()) == (130, MESSAGE)


def test_an_interrupt_at_the_start_is_one() -> None:
    """The command handles signals before it imports anything that takes long."""
    code = "import sys, sweeper.__main__; sys.exit(bool({'typer', 'torch', 'pandas'} & {*sys.modules}))"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


@pytest.mark.parametrize("name", ["advise", "dashboard", "compare", "report"])
def test_commands_that_keep_no_trials_do_not_say_so(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 130 and one word."""

    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sys.argv", ["sweeper", name, "x"])
    monkeypatch.setattr("sys.excepthook", sys.excepthook)
    assert exit_code(interrupted) == 130
    assert capsys.readouterr().err == "\ninterrupted\n"
