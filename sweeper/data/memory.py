"""How large data are, and whether they fit."""

from collections.abc import Mapping
from typing import Any

from sweeper.errors import DataError
from sweeper.memory import free_memory

SHARE = 0.5
"""Of the free memory that data may take: training needs as much again."""
GIB = 2**30


def refuse_too_large(size: int, what: str) -> None:
    """Refuse `size` bytes of `what` where the machine has not the memory for them.

    Raises:
        DataError: naming both.
    """
    free = free_memory()
    if size > SHARE * free:
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
