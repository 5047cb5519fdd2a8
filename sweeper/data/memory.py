"""How large data are, and whether they fit."""

import os
from collections.abc import Mapping
from typing import Any

from sweeper.errors import DataError

SHARE = 0.5
"""Of the free memory that data may take: training needs as much again."""
GIB = 2**30


def free_memory() -> int | None:
    """Bytes; ``None`` where the system does not tell."""
    try:
        with open("/proc/meminfo") as lines:  # what the system can give back counts too
            known = dict(line.split(":") for line in lines)
        return int(known["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        pass  # no Linux
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def refuse_too_large(size: int, what: str) -> None:
    """Refuse `size` bytes of `what` where the machine has not the memory for them.

    Raises:
        DataError: naming both.
    """
    free = free_memory()
    if free is not None and size > SHARE * free:
        raise DataError(
            f"{what} take {size / GIB:.1f} GiB, and {free / GIB:.1f} GiB of memory are free, of which data "
            "may take half; all rows are kept in memory: give fewer or smaller ones, or float32 or uint8 in "
            "the place of float64"
        )


def bytes_in(value: Any) -> int:
    """Bytes of the arrays in an item, about."""
    if hasattr(value, "getbands"):  # an image of Pillow's
        return int(value.width * value.height * len(value.getbands()))
    if isinstance(value, Mapping):
        return sum(map(bytes_in, value.values()))
    if hasattr(value, "nbytes"):
        return int(value.nbytes)
    if isinstance(value, tuple | list):
        if value and isinstance(value[0], int | float):
            return 8 * len(value)
        return sum(map(bytes_in, value))
    return 8
