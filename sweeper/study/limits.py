"""What no study needs, refused before anything else looks at it.

Tables in tables without end, integers beyond 64 bits, text that is no Unicode, values by the ten thousand.
"""

from collections.abc import Mapping
from typing import Any

from sweeper.errors import Mistake

MAX_DEPTH = 32
"""Lists and tables inside each other."""
MAX_KEYS = 1000
"""Keys of a section, or of [search.space]."""
MAX_VALUES = 10_000
"""Values of a list in [search]."""
INT64 = range(-(2**63), 2**63)


def beyond_limits(values: Mapping[str, Any]) -> list[Mistake]:
    """What is too deep, too much or no TOML value at all; nothing that is nested deeper is looked into."""
    mistakes: list[Mistake] = []
    stack: list[tuple[tuple[str, ...], Any, int]] = [((), values, 0)]
    while stack:
        path, value, depth = stack.pop()
        if depth > MAX_DEPTH:
            return [Mistake(".".join(path[:3]), f"more than {MAX_DEPTH} lists or tables inside each other")]
        problem = _problem(path, value)
        if problem:
            shown = None if isinstance(value, Mapping | list | tuple) else value
            mistakes.append(Mistake(".".join(path) or "study", problem, shown))
        elif isinstance(value, Mapping):
            wrong = [key for key in value if isinstance(key, str) and not _is_unicode(key)]
            mistakes += [
                Mistake(".".join((*path, ascii(key))), "a key must be Unicode text") for key in wrong
            ]
            stack += [((*path, str(key)), inner, depth + 1) for key, inner in reversed(list(value.items()))]
        elif isinstance(value, list | tuple):
            stack += [(path, inner, depth + 1) for inner in reversed(value)]
    return mistakes


def _problem(path: tuple[str, ...], value: Any) -> str:
    if isinstance(value, Mapping):
        sections = len(path) < 2 or path == ("search", "space")
        if sections and len(value) > MAX_KEYS:
            return f"{len(value)} keys; at most {MAX_KEYS} are allowed in a section"
    elif isinstance(value, list | tuple):
        if path[:1] == ("search",) and len(value) > MAX_VALUES:
            return f"{len(value)} values; at most {MAX_VALUES} are allowed; a range has low and high"
    elif isinstance(value, int):
        return "" if value in INT64 else "an integer has at most 64 bits"
    elif isinstance(value, str) and not _is_unicode(value):
        return "must be Unicode text"
    return ""


def _is_unicode(text: str) -> bool:
    """Whether it can be written to a file; names that a terminal gave in another encoding cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
