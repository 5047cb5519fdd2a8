"""What a sweep says while it runs: a live display in a terminal or notebook, plain lines elsewhere."""

import html
import math
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.table import Table

from sweeper.printable import printable
from sweeper.trial import Outcome, TrialResult, cost, from_cost
from sweeper.wording import about_duration, count, number

Show = Callable[[Sequence[str]], None]
"""Replaces the lines that are shown."""


class Finished(Protocol):
    """A finished trial of the search; its objective is its cost."""

    @property
    def outcome(self) -> Outcome: ...
    @property
    def objective(self) -> float: ...


PERIOD = 5.0
"""Seconds between plain lines."""
IN_PLACE = 0.5
"""Seconds between two states of a notebook's display."""


class Progress:
    """Counts of outcomes, best objective so far, rate and time left, on stderr."""

    def __init__(
        self,
        total: int,
        confirm_total: int,
        quiet: bool,
        console: Console | None = None,
        objective: str = "validation_loss",
    ) -> None:
        """`objective`: what ranks trials, with its direction."""
        self.objective = objective
        self.totals = {"search": total, "confirm": confirm_total}
        self.quiet, self.console = quiet, console or Console(stderr=True, force_jupyter=False)
        self.counts: Counter[str] = Counter()
        self.done: Counter[str] = Counter()
        self.best = math.inf
        """Lowest cost so far"""
        self.name = "start"
        self.search_ends = math.inf
        """When no further trial is started, by ``time.monotonic``."""
        self._blind = False  # whether it was told of a trial that its layers were not measured to the end
        self.spared = 0
        """Trainings that the race of the finalists did not need."""
        self.others = 0
        """Confirmations of finalists of an earlier call, on record and not among those done."""
        self._fresh, self._started, self._spoken = 0, time.monotonic(), 0.0
        self._live: Live | None = None
        self._notebook: Show | None = None
        self._kept: list[str] = []  # lines that stay in the notebook's display

    def __enter__(self) -> "Progress":
        if self.quiet:
            return self
        self._notebook = notebook_display()
        moves = self.console.is_terminal and not self.console.is_dumb_terminal  # which can replace lines
        if self._notebook is None and moves:
            self._live = Live(
                get_renderable=self._table, console=self.console, refresh_per_second=4, transient=True
            )
            self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._live is not None:
            with suppress(OSError):  # of a terminal that has closed
                self._live.stop()
            self._live = None
        self._say()

    def resume(self, finished: Iterable[Finished], others: int = 0) -> None:
        """Trials that an earlier call has finished: counted, but not for the rate; `others`: see there."""
        self.others = others
        for trial in finished:
            self._count("search", trial.outcome, trial.objective)
        done, asked = self.done["search"], self.totals["search"]
        if done:
            all_count = f"; search.trials = {asked} leaves none of them out" if done > asked else ""
            self.note(f"resuming after {count(done, 'finished trial')}{all_count}")

    def add(self, *results: TrialResult) -> None:
        """Trials that have just finished."""
        for result in results:
            part = "confirm" if result.trial.phase == "confirm" else "search"
            self._count(part, result.outcome, cost(self.objective, result.objective))
            if result.outcome == Outcome.COMPLETED and result.reason and not self._blind:
                self._blind = True
                self.note(f"trial {result.trial.number}: {result.reason}")
        self._fresh += len(results)
        period = PERIOD if self._notebook is None else IN_PLACE
        if self._live is None and time.monotonic() - self._spoken > period:
            self._say()

    def phase(self, name: str, done: int = 0, most: int | None = None) -> None:
        """A new phase begins, of which `done` trainings were finished by an earlier call; `most` trainings
        can be paid for, if that is known now."""
        self.done[name] += done
        if most is not None:
            self.others, self.totals[name] = 0, most
        if name != self.name:
            self.name = name
            if self._live is None:
                self._say()

    def race_over(self) -> None:
        """No finalist is trained any more; fewer trainings may have been made than were paid for."""
        if self.done["confirm"] < self.totals["confirm"]:
            self.spared = self.totals["confirm"] - self.done["confirm"]
            self.totals["confirm"] = self.done["confirm"]

    def note(self, text: str) -> None:
        """One line that stays."""
        if not self.quiet:
            self.warn(text)

    def warn(self, text: str) -> None:
        """One line that stays, also where the display is not wanted: something was damaged, say."""
        if self._notebook is not None:
            self._kept.append(text)
            self._notebook([*self._kept, self.line()])
            return
        try:
            self.console.print(text, highlight=False, markup=False, soft_wrap=True)
        except OSError:  # the terminal has closed, or the reader of a pipe has left: the run goes on
            self.quiet = True

    def line(self) -> str:
        """The state in one line."""
        parts = [f"{self.name}: {self._share('search')} trials"]
        if self.done["confirm"]:
            spared = f" ({self.not_needed})" if self.spared else ""
            parts.append(f"{self._share('confirm')} confirmations{spared}")
        parts += [f"{self.counts[o]:,} {o}" for o in Outcome if self.counts[o] and o != Outcome.COMPLETED]
        parts += [best] if (best := self._best()) else []
        parts.append(f"{number(self.rate, 2)} trials/s")
        if self.left is not None:
            parts.append(f"about {about_duration(self.left)} left")
        return ", ".join(parts)

    @property
    def not_needed(self) -> str:
        """What the race spared, in words; empty where that is nothing."""
        return f"{self.spared:,} fewer than planned: the race is over" if self.spared else ""

    @property
    def worked(self) -> bool:
        """Whether this call has finished a training."""
        return self._fresh > 0

    @property
    def rate(self) -> float:
        """Finished trainings per second of this call."""
        return self._fresh / max(time.monotonic() - self._started, 1e-9)

    @property
    def left(self) -> float | None:
        """Seconds to the end at this rate; ``None`` while nothing has finished or all has."""
        missing = {part: max(self.totals[part] - self.done[part], 0) for part in self.totals}
        if not self._fresh or not any(missing.values()):
            return None
        search = min(missing["search"] / self.rate, max(self.search_ends - time.monotonic(), 0.0))
        return search + missing["confirm"] / self.rate

    def _best(self) -> str:
        """The best objective in words; empty where there is none."""
        return f"best {number(from_cost(self.objective, self.best), 4)}" if math.isfinite(self.best) else ""

    def _share(self, part: str) -> str:
        """Done of all; an earlier call that was asked for more may have done more than is asked now."""
        return f"{self.done[part]:,}/{max(self.totals[part], self.done[part]):,}"

    def _count(self, part: str, outcome: Outcome, cost: float) -> None:
        self.done[part] += 1
        self.counts[outcome] += 1
        if part == "search" and outcome == Outcome.COMPLETED:
            self.best = min(self.best, cost)

    def _say(self) -> None:
        self._spoken = time.monotonic()
        if self._notebook is not None:
            self._notebook([*self._kept, self.line()])
        else:
            self.note(self.line())

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        table.add_row("[bold]" + self.name, *(f"{self._share(k)} {k}" for k in self.totals))
        table.add_row("", *(f"{self.counts[outcome]:,} {outcome}" for outcome in Outcome))
        left = f"{about_duration(self.left)} left" if self.left is not None else ""
        table.add_row("", self._best() or "no result yet", f"{number(self.rate, 2)} trials/s", left)
        return table


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
