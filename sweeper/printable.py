"""Text that others wrote, made safe to show: nothing in it moves a cursor, reorders lines or hides.

File names, reasons, names of layers and all else that a run folder holds may have been written by anybody.
"""

import os
import re

# Control characters but tab and newline; what sets the direction, ends a line or has no width; halves of
# characters; invisible tags.
HIDDEN = re.compile(
    "[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f"
    "\\u061c\\u200b\\u200e\\u200f\\u2028-\\u202e\\u2060\\u2066-\\u2069\\ufeff"
    "\\ud800-\\udfff\\U000e0000-\\U000e007f]"
)
"""Characters that are not shown as they are; a tab and a newline are."""

RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
"""Names of devices on Windows, whatever follows a dot."""
LONGEST_NAME = 200
"""Bytes; file systems take 255, and names are put together."""


def printable(text: str) -> str:
    """`text` with each of `HIDDEN` as the escape that Python writes for it: ``\\x1b``."""
    return HIDDEN.sub(lambda match: escape(match[0]), text)


def one_line(text: str) -> str:
    """`printable` text on one line."""
    return printable(" ".join(text.split()))


def escape(character: str) -> str:
    """``\\x1b``, ``\\u202e`` or ``\\U000e0041``"""
    number = ord(character)
    width, letter = (2, "x") if number < 0x100 else (4, "u") if number < 0x10000 else (8, "U")
    return f"\\{letter}{number:0{width}x}"


def is_folder_name(name: str) -> bool:
    """Whether `name` is that of one folder on every system, and leads nowhere else."""
    plain = printable(name) == name and not set(name) & set('/\\:*?"<>|\t\n')
    ends_well = name.strip() == name and not name.endswith(".")
    return plain and ends_well and 0 < len(os.fsencode(name)) <= LONGEST_NAME and not RESERVED.fullmatch(name)
