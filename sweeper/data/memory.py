"""How large data are, and how much memory they may take."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sweeper.errors import DataError, shown
from sweeper.memory import free_memory
from sweeper.wording import memory_size

SHARE = 0.5
"""Of the free memory that data may take: training needs as much again."""
BUDGET = "SWEEPER_DATA_MEMORY"
"""Environment variable that says how much instead: bytes, ``500 MiB``, ``8GiB``."""
TABLE_GROWTH = 4
"""Times the size of a table as text that it takes in memory, at least."""
UNITS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}
"""Letter -> power of two."""


def allowed() -> int:
    """Bytes that data may take in memory; what takes more is streamed from disk.

    Raises:
        DataError: if the environment variable is no size.
    """
    if not (given := _given()):
        return int(SHARE * free_memory())
    size = re.fullmatch(r"(\d+(?:\.\d+)?) ?([KMGT]?)(i?B)?", given, re.IGNORECASE)
    if size is None:
        raise DataError(f"{BUDGET} = {shown(given)}: must be a number of bytes, or such as 500 MiB or 8 GiB")
    return int(float(size[1]) * 2 ** UNITS[size[2].upper()])


def _given() -> str:
    return os.environ.get(BUDGET, "").strip()


def budget_words() -> str:
    """How much data may take, and why."""
    if _given():
        return f"{BUDGET} allows {memory_size(allowed())}"
    return f"{memory_size(free_memory())} of memory are free, of which data may take half"


def refuse_larger(path: Path) -> None:
    """Refuse a file that is read whole and cannot fit into memory; text takes several times its size there.

    Raises:
        DataError: naming both sizes, and what to do.
    """
    table = path.suffix.lower() == ".csv"
    size = path.stat().st_size * (TABLE_GROWTH if table else 1)
    if size > (allowed() if _given() else free_memory()):
        raise DataError(
            f"{path}: it takes about {memory_size(size)} in memory; {budget_words()}, and files like this "
            "are read whole: give fewer rows, or give a data function that returns a data set, which is "
            "streamed"
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
