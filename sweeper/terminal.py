"""Tables on a terminal, and in a pipe."""

from typing import Any

from rich.console import Console

WIDE = 200
"""Columns of a pipe, where nothing folds."""


def plain_console(narrowest: int = 0) -> Console:
    """Prints text as it is, without marks or colours; a terminal has at least `narrowest` columns."""
    plain: dict[str, Any] = {"markup": False, "highlight": False}
    console = Console(**plain)
    if not console.is_terminal:
        return Console(width=WIDE, soft_wrap=True, **plain)
    return Console(width=max(console.width, narrowest), **plain) if narrowest else console
