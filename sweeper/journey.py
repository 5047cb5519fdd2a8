"""run(study): every stage once, top to bottom.

study file -> Study -> trials -> training -> records -> tables -> figures -> report
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from sweeper.components.data import Data
from sweeper.components.load import load
from sweeper.components.losses import LOSSES
from sweeper.errors import RunFailed
from sweeper.records.restore import finished, search_results
from sweeper.records.run_folder import load_test, open_run, write_test
from sweeper.records.schema import parameter_columns
from sweeper.records.store import Records, Store
from sweeper.records.store import load as load_records
from sweeper.report.progress import Progress
from sweeper.result import Result, load_result
from sweeper.search.driver import Search
from sweeper.search.finalists import confirmations, finalists
from sweeper.search.storage import StudyStorage, delete_study
from sweeper.search.trial import Trial
from sweeper.study.study import Study
from sweeper.tables.answer import answer
from sweeper.training import workers
from sweeper.training.rehearsal import judge
from sweeper.training.result import Outcome, TrialResult
from sweeper.training.setup import Task

RESTORED = ["validation_loss", "validation_accuracy", "train_loss"]
"""Metrics that can be the objective; an interrupted search needs their curves."""


@dataclass(frozen=True)
class Options:
    """How to run, as opposed to what: nothing here changes a number."""

    runs: Path = Path("runs")
    reports: Path = Path("reports")
    jobs: int | None = None
    """Worker processes; ``None``: one per core."""
    backend: str = "loky"
    storage: str | None = None
    """Optuna storage URL; ``None``: the journal file of the run folder."""
    fresh: bool = False
    quiet: bool = False


def run(study: Study, options: Options | None = None) -> Result:
    """Search, confirm, test and report; resumes what is there.

    Raises:
        UserError: if data, model or run folder do not fit; nothing was written then.
        RunFailed: if every single trial failed.
    """
    options, started = options or Options(), time.monotonic()
    task = Task(study, load_data(study))
    with workers.backend(options.backend, options.jobs or workers.core_count()):
        judge(workers.rehearse_apart(task))
        with open_run(study, options.runs, fresh=options.fresh) as folder, Sweep(task, folder, options) as sweep:
            sweep.search_all(started)
            sweep.confirm_all()
            sweep.test_winner()
    result = load_result(study, folder)
    if len(result.trials) and result.trials["outcome"].eq(Outcome.FAILED).all():
        raise RunFailed(_all_failed(result.records))
    result.report(options.reports / study.name, data=task.data, seconds=time.monotonic() - started)
    return result


def load_data(study: Study) -> Data:
    """The study's data, checked against its loss."""
    loss = LOSSES.get(study.training.loss) if isinstance(study.training.loss, str) else None
    return load(
        study.data.source,
        target=study.data.target,
        folder=study.folder,
        options=study.data.options,
        loss_task=loss.task if loss else None,
    )


class Sweep:
    """The phases of one run; holds the store, the search and the progress display while they work."""

    def __init__(self, task: Task, folder: Path, options: Options) -> None:
        self.task, self.folder, self.options = task, folder, options
        self.jobs = options.jobs or workers.core_count()
        study = task.study
        if options.fresh and options.storage:
            delete_study(study.name, options.storage)
        self.store = Store(folder / "records", parameter_columns(study.space))
        before = load_records(folder / "records")
        self.done = finished(before)
        storage = StudyStorage(study.name, options.storage, folder / "journal.log")
        self.search = Search(study, storage, search_results(before, RESTORED))
        confirm = min(study.confirm.finalists, self.search.total) * study.confirm.seeds
        self.progress = Progress(self.search.total, confirm, options.quiet)
        self._open = ExitStack()

    def __enter__(self) -> "Sweep":
        self._open.callback(self.search.close)
        self._open.enter_context(self.progress)
        return self

    def __exit__(self, *error: object) -> None:
        self._open.close()

    def search_all(self, started: float) -> None:
        """Generation after generation, until all trials are done or the clock has run out."""
        minutes = self.task.study.search.minutes
        late = (lambda: time.monotonic() - started > 60 * minutes) if minutes else (lambda: False)
        self.progress.resume(list(self.search.results.values()))
        while not late() and (trials := self.search.next_generation()):
            self.progress.phase(trials[0].phase)
            for results in self._kept(trials, late):
                self.search.tell(results)

    def confirm_all(self) -> None:
        """The finalists on fresh seeds."""
        chosen = finalists(self.task.study, list(self.search.results.values()))
        trials = confirmations(self.task.study, chosen)
        self.progress.phase("confirm")
        for _ in self._kept([t for t in trials if (t.number, t.seed) not in self.done]):
            pass

    def test_winner(self) -> None:
        """Score the winner, and it alone, on the test rows: retrained on the same fresh seeds."""
        study, records = self.task.study, load_records(self.folder / "records")
        found = answer(records.trials, None)
        known = load_test(self.folder)
        if found is None or study.data.split[2] == 0 and self.task.data.fixed is None:
            return
        winner = self.search.results[found.trial].trial
        trials = confirmations(study, [winner], test=True) if found.confirmed else []
        trials = trials or [Trial(winner.number, winner.phase, winner.seed, winner.parameters, test=True)]
        seeds = [trial.seed for trial in trials]
        if known and (known["trial"], known["seeds"]) == (winner.number, seeds):
            return
        self.progress.phase("test")
        scores = {r.trial.seed: dict(r.test) for r in workers.train_all(self.task, trials, jobs=self.jobs)}
        write_test(self.folder, winner.number, {seed: scores[seed] for seed in seeds})

    def _kept(
        self, trials: Sequence[Trial], stop: Callable[[], bool] = lambda: False
    ) -> Iterator[list[TrialResult]]:
        """Train `trials`; yield results once they are on the disk."""
        stream = workers.train_all(
            self.task, trials, jobs=self.jobs, local=self.options.backend == "loky", stop=stop
        )
        for result in stream:
            self.store.append([result])
            self.progress.add(result)
            yield [result]


def _all_failed(records: Records) -> str:
    reasons = records.trials["reason"].value_counts()
    return f"all {len(records.trials)} trials failed; the reason of {reasons.iloc[0]}: {reasons.index[0]}"
