"""What belongs to the whole process and code of the user may change: put back after each of its calls.

The working directory, torch's defaults, modes, functions and hooks of all modules, NumPy's error handling,
filters of warnings, signal handlers, the standard streams. Else the code of one trial would decide over the
trials that follow in its process.
"""

import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from sweeper.private_torch import hooks_of_all_modules
from sweeper.user_code.replaced import names_kept, names_replaced


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


def _put_filters(before: list[Any]) -> None:
    warnings.filters[:] = before  # type: ignore[index]
    with warnings.catch_warnings():  # forgets what was decided by the filters meanwhile
        pass


def _autocast() -> tuple[Any, ...]:
    return tuple((kind, torch.is_autocast_enabled(kind), torch.get_autocast_dtype(kind)) for kind in DEVICES)


def _put_autocast(before: tuple[Any, ...]) -> None:
    for kind, is_on, dtype in before:
        torch.set_autocast_enabled(kind, is_on)
        torch.set_autocast_dtype(kind, dtype)


def _backends() -> tuple[Any, ...]:
    cudnn = torch.backends.cudnn
    return torch.backends.mkldnn.enabled, cudnn.enabled, cudnn.benchmark, cudnn.deterministic


def _put_backends(before: tuple[Any, ...]) -> None:
    cudnn = torch.backends.cudnn
    torch.backends.mkldnn.enabled, cudnn.enabled, cudnn.benchmark, cudnn.deterministic = before


DEVICES = ("cpu", "cuda")
State = tuple[Callable[[], Any], Callable[[Any], Any]]
OF_NUMBERS: dict[str, State] = {
    "the default device": (_device, torch.set_default_device),
    "whether gradients are taken": (torch.is_grad_enabled, torch.set_grad_enabled),
    "the default precision": (torch.get_default_dtype, torch.set_default_dtype),
    "the precision of products": (
        torch.get_float32_matmul_precision,
        torch.set_float32_matmul_precision,
    ),
    "deterministic algorithms": (
        torch.are_deterministic_algorithms_enabled,
        torch.use_deterministic_algorithms,
    ),
    "autocast": (_autocast, _put_autocast),
    "backends of torch": (_backends, _put_backends),
    "hooks of all modules": (_hooks, _put_hooks),
}
"""(get, set) of what has one value and decides over the numbers of a training."""
STATE: dict[str, State] = {
    **OF_NUMBERS,
    "the folder": (_folder, _go_to),
    "threads": (torch.get_num_threads, torch.set_num_threads),
    "anomalies": (torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly),
    "errors of NumPy": (np.geterr, lambda before: np.seterr(**before)),
    "the environment": (lambda: dict(os.environ), _put_environment),
    "recursion": (sys.getrecursionlimit, sys.setrecursionlimit),
    "warnings": (lambda: list(warnings.filters), _put_filters),
}
"""The same of everything that has one value."""
SIGNALS = [
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGALRM", "SIGUSR1", "SIGUSR2", "SIGCHLD")
    if hasattr(signal, name)
]
STREAMS = ("stdout", "stderr")


def changes_from_now() -> Callable[[], list[str]]:
    """What names everything of the process that was changed since this call and decides over numbers."""
    before, replaced = {name: get() for name, (get, _) in OF_NUMBERS.items()}, names_replaced()

    def changed() -> list[str]:
        return [*(name for name, (get, _) in OF_NUMBERS.items() if get() != before[name]), *replaced()]

    return changed


@contextmanager
def process_kept() -> Iterator[None]:
    """Afterwards the state of this process is as before."""
    values = [get() for get, _ in STATE.values()]
    main = threading.current_thread() is threading.main_thread()
    handlers = {number: signal.getsignal(number) for number in SIGNALS} if main else {}
    streams = {name: getattr(sys, name) for name in STREAMS}
    restore_names = names_kept()
    try:
        yield
    finally:
        restore_names()
        for number, handler in handlers.items():
            if handler is not None and signal.getsignal(number) is not handler:
                signal.signal(number, handler)
        for (get, put), value in zip(STATE.values(), values, strict=True):
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
