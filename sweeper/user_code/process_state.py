"""What belongs to the whole process and code of the user may change: put back after each of its calls.

The working directory, torch's defaults, modes and hooks of all modules, NumPy's error handling, signal
handlers, the standard streams. Else the code of one trial would decide over the trials that follow in its
process.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from sweeper.private_torch import hooks_of_all_modules


def _folder() -> str | None:
    try:
        return os.getcwd()
    except OSError:  # it was deleted
        return None


def _go_to(folder: str | None) -> None:
    if folder is not None and os.path.isdir(folder):
        os.chdir(folder)


def _device() -> str | None:
    return None if torch.get_default_device() == torch.device("cpu") else str(torch.get_default_device())


def _hooks() -> dict[str, dict[Any, Any]]:
    return {name: dict(table) for name, table in hooks_of_all_modules().items()}


def _put_hooks(before: dict[str, dict[Any, Any]]) -> None:
    for name, table in hooks_of_all_modules().items():
        table.clear()
        table.update(before[name])


def _put_environment(before: dict[str, str]) -> None:
    for name in os.environ.keys() - before.keys():
        del os.environ[name]
    os.environ.update(before)


STATE: tuple[tuple[Callable[[], Any], Callable[[Any], Any]], ...] = (
    (_folder, _go_to),
    (_device, torch.set_default_device),
    (torch.is_grad_enabled, torch.set_grad_enabled),
    (torch.get_default_dtype, torch.set_default_dtype),
    (torch.get_num_threads, torch.set_num_threads),
    (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
    (torch.are_deterministic_algorithms_enabled, torch.use_deterministic_algorithms),
    (torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly),
    (np.geterr, lambda before: np.seterr(**before)),
    (_hooks, _put_hooks),
    (lambda: dict(os.environ), _put_environment),
    (sys.getrecursionlimit, sys.setrecursionlimit),
)
"""(get, set) of everything that has one value."""
SIGNALS = [
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGALRM", "SIGUSR1", "SIGUSR2", "SIGCHLD")
    if hasattr(signal, name)
]
STREAMS = ("stdout", "stderr")


@contextmanager
def process_kept() -> Iterator[None]:
    """Afterwards the state of this process is as before."""
    values = [get() for get, _ in STATE]
    main = threading.current_thread() is threading.main_thread()
    handlers = {number: signal.getsignal(number) for number in SIGNALS} if main else {}
    streams = {name: getattr(sys, name) for name in STREAMS}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            if handler is not None and signal.getsignal(number) is not handler:
                signal.signal(number, handler)
        for (get, put), value in zip(STATE, values, strict=True):
            if get() != value:
                put(value)
        for descriptor, (name, stream) in enumerate(streams.items(), 1):
            closed = stream is not None and stream.closed
            setattr(sys, name, _opened(descriptor) if closed else stream)


def _opened(descriptor: int) -> Any:
    """A stream in the place of one that was closed."""
    try:
        return open(descriptor, "w", closefd=False, buffering=1)
    except OSError:
        return open(os.devnull, "w")
