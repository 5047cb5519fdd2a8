"""How long work takes on this machine, which may do other work meanwhile."""

import sys
import time
from collections.abc import Callable

import torch


def steps_a_block(training: int, blocks: int, most: int) -> int:
    """Steps of each of so many timed `blocks`, `most` at most: with a first one they are no more than a
    `training` has, as a model may know how many come."""
    return min(most, max((training - 1) // blocks, 1))


def timed(work: Callable[[], object]) -> float:
    """Seconds that `work` takes of this thread, which does all the work of a worker process.

    Of processor time: a block of a few milliseconds that another program interrupts would be taken for slow,
    and the engine with it for the whole run. Of the clock on the wall where a device may do the work, and on
    Windows, which counts processor time in steps of 16 ms.
    """
    device = torch.cuda.is_available() or torch.backends.mps.is_available()
    clock = time.perf_counter if device or sys.platform == "win32" else time.thread_time
    start = clock()
    work()
    return clock() - start
