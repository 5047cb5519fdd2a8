"""The command line in a process of its own that need not import torch: a fork of one that has."""

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from warm_workers import warm_processes


class Command:
    """`sweeper_without_report` with these arguments, in a process group of its own as in a terminal.

    To be used as a ``subprocess.Popen``; the system has to have fork.
    """

    def __init__(self, arguments: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        self._said = [folder / "stdout", folder / "stderr"]
        for file in self._said:
            file.write_bytes(b"")
        given = (list(arguments), str(folder), dict(environment), [str(file) for file in self._said])
        self._process = warm_processes().Process(target=_run, args=given)
        self._process.start()
        assert self._process.pid is not None
        self.pid: int = self._process.pid

    @property
    def returncode(self) -> int | None:
        """Of the process that has ended; that of one ended by a signal is negative."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """`returncode`"""
        return self.returncode

    def communicate(self, timeout: float) -> tuple[str, str]:
        """What it wrote to stdout and stderr until its end."""
        self._process.join(timeout)
        assert self._process.exitcode is not None, f"runs after {timeout:g} s"
        out, err = (file.read_text("utf-8") for file in self._said)
        return out, err

    def kill(self) -> None:
        """By force."""
        os.kill(self.pid, signal.SIGKILL)

    def terminate(self) -> None:
        """By request."""
        os.kill(self.pid, signal.SIGTERM)


def _run(arguments: list[str], folder: str, environment: dict[str, str], said: list[str]) -> None:
    os.setsid()
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.chdir(folder)
    os.environ.update(environment)
    for descriptor, file in enumerate(said, start=1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_APPEND), descriptor)
    sys.argv = ["sweeper", *arguments]
    # loaded late: the parent needs none of it
    from sweeper_without_report import run

    run()
