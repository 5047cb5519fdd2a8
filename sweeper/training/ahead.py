"""A training by the reference engine that is begun before it is known to be needed."""

from dataclasses import dataclass

from sweeper.training import work
from sweeper.training.cohort import Cohort
from sweeper.training.plan import Plan
from sweeper.training.pool.interface import Call, Pool, Shared
from sweeper.training.setup import Task
from sweeper.trial import Trial


@dataclass
class Ahead:
    """At most one training, in a worker that others would leave without work at the end.

    It is the same training whenever it is begun, so its result is taken where it is asked for; nobody sees it
    else.
    """

    pool: Pool
    task: Shared[Task]
    _trial: Trial | None = None
    _call: Call | None = None

    def begin(self, trial: Trial, plan: Plan) -> None:
        """Hand `trial` to the next worker that is free; not where one was begun before, where it trained so
        already, or where there is one worker only."""
        if self._trial is None and self.pool.width > 1 and not plan.is_alone(trial):
            self._trial = trial
            self._call = self.pool.submit(work.train_cohort, self.task, Cohort((trial,)))

    def take(self, trial: Trial | None) -> Call | None:
        """The training under way, or done, if it is of this `trial`; any other is ended."""
        if trial != self._trial:
            self.end()
        call, self._call = self._call, None
        return call

    def end(self) -> None:
        """End it, if it was begun; no other is begun then."""
        call, self._call = self._call, None
        if call is not None:
            self.pool.cancel(call)
