"""What a figure is: a title, the table it shows, how it is drawn, and what it says without eyes."""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure


@dataclass(frozen=True)
class FigureSpec:
    """One figure of the report."""

    title: str
    table: str
    """Name in `sweeper.tables.TABLES`."""
    caption: str
    """How to read it, in a sentence or two."""
    missing: str
    """Why it is left out, said in place of the figure when the table is empty."""
    draw: Callable[[pd.DataFrame], Figure]
    """Frame with at least one row -> Figure."""
    alt: Callable[[pd.DataFrame], str]
    """What is seen, with numbers, for those who do not see it."""
