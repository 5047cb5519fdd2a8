"""What a section of the report is: a question, its answer in sentences, a figure, and how we know.

Sentences are put together from tables, so that each number in them stands in a table of the same
report; whatever has to be computed is computed in `sweeper.tables`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

from sweeper.answer.answer import Answer
from sweeper.answer.rows import OWN
from sweeper.study.study import Study
from sweeper.wording import metric_words


@dataclass(frozen=True)
class Evidence:
    """What sections speak about."""

    study: Study
    trials: pd.DataFrame
    """The ``trials`` records."""
    answer: Answer | None
    tables: Mapping[str, pd.DataFrame]
    """Every table of `sweeper.tables.TABLES`, empty ones included."""
    seconds: float | None = None
    """Wall time of the call that wrote the report; ``None`` where it did not train."""
    notes: tuple[str, ...] = ()
    """Sentences about how it was run."""
    unmeasured: str = ""
    """Why layers are not measured; empty where they are."""

    @property
    def metric(self) -> str:
        """What ranks trials, in words; lower is better."""
        return metric_words(self.study.search.objective)


def named(group: str) -> str:
    """An optimizer or activation inside a sentence."""
    return "the model's own activations" if group == OWN else group


def whole(frame: pd.DataFrame) -> pd.DataFrame:
    """The table as it is."""
    return frame


@dataclass(frozen=True)
class Shown:
    """A table on the page, or the part of it that people read."""

    table: str
    """Name in `sweeper.tables.TABLES`, and of the CSV file."""
    caption: str
    view: Callable[[pd.DataFrame], pd.DataFrame] = whole
    """Which rows and columns are shown."""


def always(evidence: Evidence) -> bool:
    """Most sections stand on every page."""
    return True


def _nothing(evidence: Evidence) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True)
class Section:
    """One question of the report."""

    key: str
    """Its anchor, ``#learning-rate``."""
    question: str
    answer: Callable[[Evidence], tuple[str, ...]]
    """Sentences: first the answer, then what qualifies it. Called when the figure's table has rows."""
    figure: str | None = None
    """Name in `sweeper.figures.FIGURES`; its `missing` is the answer when its table is empty."""
    shown: tuple[Shown, ...] = ()
    how: tuple[str, ...] = ()
    """Paragraphs: what was measured, how it was summarised, what it cannot say."""
    unfolded: bool = False
    """Show tables at once, not under "How we know"."""
    applies: Callable[[Evidence], bool] = always
    """Whether the page has the section at all."""
    facts: Callable[[Evidence], Mapping[str, str]] = _nothing
    """Label -> value, shown as a list."""
    sources: Callable[[Evidence], Mapping[str, str]] = _nothing
    """Label -> text of a file, to unfold."""
