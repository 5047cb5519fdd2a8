"""One display of a notebook that is written again and again, in place of line after line."""

import html
import sys
from collections.abc import Callable, Sequence

from sweeper.printable import printable

Show = Callable[[Sequence[str]], None]
"""Replaces the lines that are shown."""


def notebook_display() -> Show | None:
    """A new display below the cell that runs; ``None`` where this process is no kernel of a notebook."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    if shell is None or not hasattr(shell, "kernel"):  # IPython in a terminal has none
        return None
    # loaded late: a notebook alone has it
    from IPython.display import HTML, display

    handle = display(HTML(""), display_id=True)

    def show(lines: Sequence[str]) -> None:
        text = "\n".join(html.escape(printable(line)) for line in lines)
        handle.update(HTML(f"<pre>{text}</pre>"))

    return show
