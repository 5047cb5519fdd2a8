"""What a question of the page is: tables that compute, figures that draw them, and what follows from them.

What follows is said in facts, which are sentences, and in claims, which become sentences once all claims of
the page agree (`sweeper.answer.claims`). Both are put together from tables, so that each number in them
stands in a table of the same report; a figure draws a table as it is. Whatever has to be computed is computed
in a table.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pandas as pd
from matplotlib.figure import Figure

from sweeper.answer.claim_words import Statement
from sweeper.answer.rows import OWN
from sweeper.questions.run_data import RunData

Tables = Mapping[str, pd.DataFrame]
"""Every table of the report by name, empty ones included."""
ANSWER, WHY, SEARCH = "The answer", "Why", "The search"
PAGE_PARTS: Mapping[str, str] = {
    ANSWER: "What fresh seeds say of the finalists.",
    WHY: "What the trainings show of rates, activations, gradients, the penalty and stability.",
    SEARCH: "Exploratory: every trial has one seed, so all of this shows where to look and proves nothing.",
}
"""Parts of the page in its order, each with what its questions have in common."""


@dataclass(frozen=True)
class FigureSpec:
    """One figure of the report."""

    name: str
    """Of the PNG file."""
    table: str
    """Which table it draws."""
    title: str
    caption: str
    """How to read it, in a sentence or two."""
    missing: Callable[[RunData], str] | str
    """What the section says in place of figure and answer where the table is empty: why it is."""
    draw: Callable[[pd.DataFrame], Figure]
    """Frame with at least one row -> Figure."""
    alt: Callable[[pd.DataFrame], str]
    """What is seen, with numbers, for those who do not see it."""
    of_run: Callable[[RunData], str] | None = None
    """The caption in a run, where it depends on that; `caption` holds in any."""

    def why_missing(self, run: RunData) -> str:
        """Why the table of a run is empty."""
        return self.missing if isinstance(self.missing, str) else self.missing(run)


def whole(frame: pd.DataFrame) -> pd.DataFrame:
    """The table as it is."""
    return frame


@dataclass(frozen=True)
class Shown:
    """A table on the page, or the part of it that people read."""

    table: str
    """Its name, which is that of the CSV file."""
    caption: str
    view: Callable[[pd.DataFrame], pd.DataFrame] = whole
    """Which rows and columns are shown."""


def always(run: RunData, tables: Tables) -> bool:
    """Most questions stand on every page."""
    return True


def _nothing(run: RunData, tables: Tables) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True)
class Question:
    """One question of the page."""

    key: str
    """Its anchor, ``#learning-rate``."""
    question: str
    sentences: Callable[[RunData, Tables], tuple[Statement, ...]]
    """Facts and claims: first the answer, then what qualifies it. Called when the figure's table has rows."""
    part: str = SEARCH
    """One of `PAGE_PARTS`."""
    tables: Mapping[str, Callable[[RunData], pd.DataFrame]] = field(default_factory=dict)
    """Name, which is that of the CSV file -> what computes it; an empty frame: the records say nothing."""
    figure: FigureSpec | None = None
    more: tuple[FigureSpec, ...] = ()
    """Further figures, drawn where their tables have rows."""
    shown: tuple[Shown, ...] = ()
    how: tuple[str, ...] = ()
    """Paragraphs: what was measured, how it was summarised, what it cannot say."""
    how_of: Callable[[RunData], tuple[str, ...]] | None = None
    """The paragraphs in a run, where they depend on that; `how` holds in any."""
    unfolded: bool = False
    """Whether it is open when the page is, with its figure; the others show their answer alone."""
    applies: Callable[[RunData, Tables], bool] = always
    """Whether the page has the question at all."""
    facts: Callable[[RunData, Tables], Mapping[str, str]] = _nothing
    """Label -> value, shown as a list."""
    sources: Callable[[RunData, Tables], Mapping[str, str]] = _nothing
    """Label -> text of a file, to unfold."""

    @property
    def figures(self) -> tuple[FigureSpec, ...]:
        """All of its figures, the main one first."""
        return self.more if self.figure is None else (self.figure, *self.more)


def named(group: str) -> str:
    """An optimizer or activation inside a sentence."""
    return "the model's own activations" if group == OWN else group
