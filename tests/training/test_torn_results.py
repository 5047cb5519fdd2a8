"""A worker that dies in the middle of a result breaks the pool, which loky alone would not see."""

import gc
import os
import struct
import sys
from functools import partial

import pytest
from joblib.externals.loky.backend.queues import SimpleQueue

from sweeper.training import torn_results, workers

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="messages in pipes are whole there")


def half_a_result(driver: int, item: int) -> int:
    """The item; a worker process announces a result of a megabyte, sends a byte of it and ends."""
    if os.getpid() == driver:
        return item
    (queue,) = (found for found in gc.get_objects() if type(found) is SimpleQueue)
    os.write(queue._writer.fileno(), struct.pack("!i", 1 << 20) + b"x")
    os._exit(1)


@pytest.mark.timeout(120)
def test_a_worker_that_dies_while_it_sends_a_result(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its work is done here; and the pool that follows works."""
    monkeypatch.setattr(torn_results, "PERIOD", 0.1)
    monkeypatch.setattr(torn_results, "PATIENCE", 0.5)
    with workers.processes(2):
        assert workers.side_by_side(partial(half_a_result, os.getpid()), range(5)) == list(range(5))
        assert workers.side_by_side(abs, range(5)) == list(range(5))
