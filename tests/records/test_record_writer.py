"""The record writer: groups not too small, delays not too long, errors that are not lost."""

import threading
import time
from typing import Any

import pytest

from sweeper.records.record_writer import RecordWriter


def test_everything_is_kept_once_and_in_order() -> None:
    """However it came, alone or in bursts."""
    kept: list[int] = []
    with RecordWriter(kept.extend, period=0.01) as writer:
        for number in range(300):
            writer.add([number])  # type: ignore[list-item]
            if number % 50 == 0:
                time.sleep(0.02)
    assert kept == list(range(300))


def test_a_result_after_a_pause_is_kept_at_once() -> None:
    """Slow trials do not wait for the next one."""
    kept = threading.Event()
    with RecordWriter(lambda group: kept.set(), period=60) as writer:
        writer.add([object()])  # type: ignore[list-item]
        assert kept.wait(5)


def test_a_burst_is_kept_in_few_groups() -> None:
    """Results that come while others are being written are written together."""
    groups: list[int] = []

    def slow(group: Any) -> None:
        groups.append(len(group))
        time.sleep(0.02)

    with RecordWriter(slow, period=0.2) as writer:
        for _ in range(100):
            writer.add([object()])  # type: ignore[list-item]
            time.sleep(0.001)
    assert sum(groups) == 100
    assert len(groups) <= 5


def test_the_last_result_of_a_burst_does_not_wait_for_another() -> None:
    """It is kept when the period is over, with nothing more coming."""
    kept: list[int] = []
    with RecordWriter(kept.extend, period=0.1) as writer:
        writer.add([1])  # type: ignore[list-item]
        time.sleep(0.02)
        writer.add([2])  # type: ignore[list-item]
        deadline = time.monotonic() + 5
        while len(kept) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
    assert kept == [1, 2]


def test_draining_does_not_wait_for_the_period() -> None:
    """What was added is kept when `drain` returns."""
    kept: list[int] = []
    with RecordWriter(kept.extend, period=60) as writer:
        writer.drain()
        for number in range(3):
            writer.add([number])  # type: ignore[list-item]
            writer.drain()
            assert kept == list(range(number + 1))


def test_what_is_left_is_kept_on_the_way_out() -> None:
    """Also when the block ends by Ctrl-C."""
    kept: list[int] = []
    with pytest.raises(KeyboardInterrupt), RecordWriter(kept.extend, period=60) as writer:  # noqa: PT012
        writer.add([1])  # type: ignore[list-item]
        writer.drain()
        writer.add([2])  # type: ignore[list-item]
        raise KeyboardInterrupt
    assert kept == [1, 2]


@pytest.mark.parametrize("where", ["add", "drain", "exit"])
def test_an_error_reaches_the_one_who_works(where: str) -> None:
    """A disk that is full is told at the next occasion, and nothing more is written."""

    def full(group: Any) -> None:
        raise OSError("full")

    with pytest.raises(OSError, match="full"), RecordWriter(full, period=0.01) as writer:  # noqa: PT012
        writer.add([1])  # type: ignore[list-item]
        if where == "drain":
            writer.drain()
        while where == "add":
            time.sleep(0.01)
            writer.add([2])  # type: ignore[list-item]
