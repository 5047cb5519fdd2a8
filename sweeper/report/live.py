"""The page of a run under way: when it may be written. The finished report takes its place.

A refresh comes at the earliest `PERIOD` after the last one, and only if all of them so far, the one at
hand expected to cost what the last one cost, stay under `SHARE` of the time since training began.
It is written between results by the code that handles them, so its wall time is what it delays the run at
most. A run that is interrupted writes it once more.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import pandas as pd

from sweeper.records.atomic import write_atomically
from sweeper.records.store import load_curves, load_trials
from sweeper.report.progress import Progress
from sweeper.study.study import Study
from sweeper.trial import start_metric

if TYPE_CHECKING:
    from sweeper.report.render import RenderedSection

# loaded late: drawing takes a second to load


PERIOD = 20.0
"""Seconds between two refreshes at least; the browser loads the page again as often."""
SHARE = 0.02
"""Most of the time of the run that refreshing may take."""
FIRST_PAGE = 0.5
"""Seconds expected of the first page, imports included; then the last one counts."""
FIRST_FIGURES = 25.0
"""The first figures with the imports, in pages: as often as a page is slow on a busy machine, so are they."""


class LivePage:
    """``index.html`` of the report's folder while the run works. It never makes the run fail."""

    def __init__(
        self,
        study: Study,
        records: Path,
        folder: Path,
        progress: Progress,
        options: Any = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """`options` is the dataclass of the run's options, from which the command that goes on is made."""
        self.study, self.records, self.folder, self.progress = study, records, folder, progress
        self.spent = 0.0
        """Seconds that refreshing has taken so far."""
        self._options, self._clock = options, clock
        self._began: float | None = None
        self._last = 0.0
        self._page_cost, self._pages = FIRST_PAGE, 0
        self._figures_cost: float | None = None
        self._figures: Sequence[RenderedSection] = ()
        self._silent = self._broken = False
        self._seen = self._stamp()

    def __enter__(self) -> "LivePage":
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error_type is not None and issubclass(error_type, KeyboardInterrupt):
            self.stop()

    def begin(self) -> None:
        """Training begins; what came before does not count."""
        if self._began is None:
            self._began = self._last = self._clock()

    def refresh(self) -> None:
        """Write the page if it is time and affordable, with new figures if these are affordable too."""
        start = self._clock()
        if self._broken or self._began is None or start - self._last < PERIOD:
            return
        left = SHARE * (start - self._began) - self.spent
        if self._page_cost > left:
            return
        drawing = 0.0
        try:
            with self._harmless():
                trials = load_trials(self.records)
                if self._page_cost + self._expected_of_figures() <= left:
                    drawing = self._draw(trials)
                self._write(trials)
        finally:
            self._last = self._clock()
            self.spent += self._last - start
            self._page_cost = self._last - start - drawing
            self._pages += 1

    def stop(self) -> None:
        """The run is interrupted: write the page of all that is on record, with the figures drawn last.

        A report that is there stays: that of this call, and that of an earlier one where this call has
        trained nothing. Nothing is written where nothing was trained.
        """
        there = self._stamp()
        if self._broken or there != self._seen or (there is not None and not self.progress.worked):
            return
        with self._harmless():
            trials = load_trials(self.records)
            if len(trials):
                self._write(trials, refresh=0)

    @contextmanager
    def _harmless(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:  # a full disk may be mended while the run goes on
            self._say(f"the live page cannot be written: {error}")
        except Exception as error:  # a mistake in a page must not cost hours of training
            self._broken = True
            self._say(f"the live page stops here: {type(error).__name__}: {error}")

    def _stamp(self) -> tuple[int, int] | None:
        """Tells the file of the page from any other that is written in its place; ``None`` without one."""
        try:
            there = self._file.stat()
        except OSError:
            return None
        return there.st_ino, there.st_mtime_ns

    def _expected_of_figures(self) -> float:
        if self._figures_cost is not None:
            return self._figures_cost
        return FIRST_FIGURES * self.spent / self._pages if self._pages else math.inf

    def _draw(self, trials: pd.DataFrame) -> float:
        """Draw the figures of `trials`; returns the seconds it took, the first time with the imports."""
        start = self._clock()
        from sweeper.report.sections import live_figures

        imported = self._clock()
        curves = load_curves(self.records, start_metric(self.study.objective)).to_pandas()
        self._figures = live_figures(self.study, trials, curves)
        end = self._clock()
        self._figures_cost = end - imported
        return end - start

    def _write(self, trials: pd.DataFrame, refresh: int = round(PERIOD)) -> None:
        from sweeper.report.live_page import live_page

        page = live_page(self.study, trials, self.progress, self._figures, self._resume, refresh)
        self.folder.mkdir(parents=True, exist_ok=True)
        write_atomically(self._file, page)
        self._seen = self._stamp()

    @property
    def _file(self) -> Path:
        return self.folder / "index.html"

    @cached_property
    def _resume(self) -> str:
        from sweeper.report.live_page import resume_command

        return resume_command(self.study, self._options)

    def _say(self, text: str) -> None:
        if not self._silent:
            self.progress.note(text)
        self._silent = True
