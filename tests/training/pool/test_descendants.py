"""A daemonic process may have processes of its own after it asked for that."""

import multiprocessing
import sys

from sweeper.training.pool.descendants import allow_descendants


def parent() -> None:
    """Exits with 3 if it was refused a child, and with 0 once it has had one."""
    child = multiprocessing.get_context("spawn").Process(target=print)
    try:
        child.start()
    except AssertionError:
        allow_descendants()
    else:
        sys.exit(3)
    child = multiprocessing.get_context("spawn").Process(target=print)
    child.start()
    child.join(50)
    sys.exit(child.exitcode)


def test_a_daemonic_process_may_start_others() -> None:
    """Refused before, possible after."""
    process = multiprocessing.get_context("fork").Process(target=parent, daemon=True)
    process.start()
    process.join(60)
    assert process.exitcode == 0
