"""What is timed does not depend on what else the machine does."""

import sys
import time

import pytest
import torch

from sweeper.training.timing import timed

ON_THE_WALL = sys.platform == "win32" or torch.cuda.is_available() or torch.backends.mps.is_available()


@pytest.mark.skipif(ON_THE_WALL, reason="timed by the clock on the wall here")
def test_waiting_is_not_counted() -> None:
    """A block that is held up for a while costs what it computes, and work that is done is counted."""

    def work() -> None:
        begun = time.thread_time()
        while time.thread_time() < begun + 0.02:
            pass

    def held_up() -> None:
        work()
        time.sleep(0.3)

    assert 0.02 <= timed(work) < 0.15
    assert 0.02 <= timed(held_up) < 0.15
