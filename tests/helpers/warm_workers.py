"""Worker processes that have imported what they need when they start: copies of one process that has.

A worker of a sweep imports torch for two seconds and drawing for two more, and tests start a hundred. Here
they are forked from a server of multiprocessing; all else is as ever. The real start is tested with
``cold_workers``, and by tests that run the command line in a process of its own.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_all_start_methods, get_context
from multiprocessing.context import BaseContext
from typing import Any
from unittest import mock

from sweeper.training.pool import watchdog, worker

COLD = worker.ProcessPoolExecutor
PRELOADED = ["sweeper.training.work", "sweeper.journey", "sweeper.report.page"]
"""What workers, and commands in processes of their own, come to import: training, a run, drawing."""


@contextmanager
def warm_workers() -> Iterator[None]:
    """While open, workers of a local pool start warm, where the system can fork."""
    if "forkserver" not in get_all_start_methods():
        yield
        return
    with mock.patch.object(worker, "ProcessPoolExecutor", partial(COLD, context=_warm())):
        yield


@contextmanager
def cold_workers() -> Iterator[None]:
    """While open, they start as in a sweep."""
    with mock.patch.object(worker, "ProcessPoolExecutor", COLD):
        yield


def warm_processes() -> BaseContext:
    """Of multiprocessing: they have imported what a run needs, where the system can fork."""
    if "forkserver" not in get_all_start_methods():
        return get_context("spawn")
    context = get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


def _warm() -> BaseContext:
    from multiprocessing.context import ForkServerContext, ForkServerProcess  # not on Windows

    class Context(ForkServerContext):
        @staticmethod
        def Process(*, target: Any, args: Any, env: Mapping[str, str], **options: Any) -> Any:  # noqa: N802
            return ForkServerProcess(target=_as_told, args=(dict(env), target, *args), **options)

    context = Context()
    context.set_forkserver_preload(PRELOADED)
    return context


def _as_told(env: dict[str, str], target: Any, *arguments: Any) -> None:
    """What loky's processes do: they take their environment, and follow whoever forked them."""
    os.environ.update(env)
    follow = watchdog.follow
    watchdog.follow = lambda parent: follow(os.getppid())
    target(*arguments)
