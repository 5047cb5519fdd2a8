"""How many trials fit into the time that a study allows."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sweeper.search.driver import Search
from sweeper.trial import Trial
from sweeper.wording import count, number


def fitting(left: float, each: float, confirm: int, done: int, total: int) -> int:
    """Trials of the search in all, so that they and `confirm` more trainings end in `left` seconds.

    Args:
        left: seconds from now.
        each: seconds a training, with all workers at work; one trial is as long as a confirmation.
        confirm: trainings that follow the search.
        done: trials that are finished.
        total: trials that the study asks for.
    """
    if not math.isfinite(left) or each <= 0:
        return total
    return max(done, min(total, done + math.floor(left / each) - confirm))


@dataclass
class Forecast:
    """What fits before `ends`, by ``time.monotonic``, with time left to `confirm` the finalists."""

    ends: float
    confirm: int
    total: int
    known: int
    """Trials that an earlier call has finished"""
    planned: Callable[[Trial], float]
    """Seconds of a training, as the plan says"""
    tell: Callable[[str], None]
    begun: float = field(default_factory=lambda: time.monotonic())
    _told: bool = False

    def next_of(self, search: Search, *, wait: bool = True) -> list[Trial]:
        """Propose the next trials that fit, and mark them as begun. `wait` is as in `next_generation`."""
        proposed = search.next_generation(wait=wait)
        trials = self.those_that_fit(proposed, len(search.known), search.under_way)
        search.begin(trials)
        return trials

    def those_that_fit(self, trials: Sequence[Trial], done: int, ahead: int = 0) -> list[Trial]:
        """The first of the next generation, `done` trials being finished; tells once if not all fit.

        `ahead` trials were handed out before them and are not finished.

        A training takes as long as those of this call did on average; before them, as planned. One trial
        is trained however late it is, so that there is an answer.
        """
        if not trials:
            return []
        now, fresh = time.monotonic(), done - self.known
        each = (now - self.begun) / fresh if fresh else self.planned(trials[0])
        fits = fitting(self.ends - now, each, self.confirm, done, self.total)
        if fits < self.total and not self._told:
            self._told = True
            most = "" if fresh else "at most "  # the plan knows neither proposals nor evaluation
            enough = f"{most}{count(fits, 'trial')} and {count(self.confirm, 'confirmation')} fit"
            none = "no further trial fits" if done else "not one trial fits, and one is trained all the same"
            self.tell(f"{enough if fits > done else none}, at {number(each, 2)} s a training")
        return list(trials[: max(0, max(1, fits) - done - ahead)])
