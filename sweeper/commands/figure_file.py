"""The figure of a command, as a file."""

from collections.abc import Callable
from pathlib import Path

from matplotlib.figure import Figure

from sweeper.drawing.png import png_bytes
from sweeper.records.atomic import refuse_links, write_atomically, writing
from sweeper.report.attempts import NotMade, attempt


def save_figure(folder: Path, name: str, draw: Callable[[], Figure]) -> Path | None:
    """Write ``name.png`` to `folder`; returns its path, or ``None`` if it cannot be drawn: stderr says why.

    Raises:
        RunFolderError: if `folder` cannot be written.
    """
    drawn = attempt(f"figure {name!r}", lambda: png_bytes(draw()))
    if isinstance(drawn, NotMade):
        return None
    refuse_links(folder)
    with writing("the figure", folder):
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / f"{name}.png", drawn)
    return folder / f"{name}.png"
