"""Imports every module of the package as on Windows: without the modules and names that only POSIX has."""

import os
import signal
import sys

import filelock
import joblib.externals.loky
import matplotlib.pyplot
import optuna_dashboard
import seaborn
import torch
import typer
from import_graph import MODULES, name_of

MODULES_OF_POSIX = ("fcntl", "grp", "pty", "pwd", "resource", "termios", "tty")
NAMES_OF_POSIX = {
    signal: ("SIGHUP", "SIGKILL", "SIGALRM", "SIGUSR1", "SIGUSR2", "SIGCHLD", "pthread_sigmask", "setitimer"),
    os: (
        *("fork", "getuid", "geteuid", "getgid", "killpg", "setsid", "sysconf", "sched_getaffinity"),
        *("statvfs", "uname", "O_NOFOLLOW", "O_NONBLOCK", "O_DIRECTORY", "fchmod", "chown", "mkfifo"),
    ),
}
LIBRARIES = (filelock, joblib, matplotlib, optuna_dashboard, seaborn, torch, typer)
"""Imported while all is there: how they do without it is their business."""


def take_away() -> None:
    """From now on this process lacks what Windows lacks; the system's name stays."""
    for name in MODULES_OF_POSIX:
        sys.modules[name] = None  # type: ignore[assignment]
    for module, names in NAMES_OF_POSIX.items():
        for name in names:
            delattr(module, name)


if __name__ == "__main__":
    take_away()
    for file in MODULES:
        if not name_of(file).endswith("__main__"):
            __import__(name_of(file))
    from sweeper.memory import free_memory
    from sweeper.records import atomic

    assert atomic.fcntl is None
    assert free_memory() > 0
    print("imported", len(MODULES), flush=True)
    os._exit(0)  # libraries clean up with what was taken away
