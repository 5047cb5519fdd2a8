"""Values as a study file and ``--set`` have them: TOML in one line."""

import re
from collections.abc import Mapping
from typing import Any

import tomli_w

WORD = re.compile(r"(?!(?:true|false|inf|nan)$)[A-Za-z_][\w./:-]*")
"""What ``--set`` takes for text without quotes, and nobody could take for anything else."""
BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def in_toml(value: Any) -> str:
    """A value as it stands behind ``key =`` in a study file; tables and lists in one line, too.

    >>> in_toml({"low": 1e-05, "high": 0.1})
    '{low = 1e-5, high = 0.1}'
    """
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(key)} = {in_toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(in_toml, value))}]"
    text = tomli_w.dumps({"v": value}).partition("=")[2].strip()
    return text.replace("e-0", "e-") if isinstance(value, float) else text


def for_set(value: Any) -> str:
    """A value as people write it behind ``--set key=``: plain words bare, anything else as TOML."""
    return value if isinstance(value, str) and WORD.fullmatch(value) else in_toml(value)


def _key(key: str) -> str:
    return key if BARE_KEY.fullmatch(key) else in_toml(key)
