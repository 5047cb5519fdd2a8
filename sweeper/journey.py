"""run(study): every stage once, top to bottom.

study file -> Study -> trials -> training -> records -> tables -> figures -> report
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import pandas as pd

from sweeper.answer.answer import answer
from sweeper.answer.outcomes import all_failed
from sweeper.asked import load_data
from sweeper.earlier import earlier_trials
from sweeper.errors import RunFailed, RunFolderError, StateKept
from sweeper.records.atomic import refuse_links, set_aside
from sweeper.records.baseline_file import write_baselines
from sweeper.records.earlier_file import write_earlier
from sweeper.records.finding import Finding, lines
from sweeper.records.keeper import Keeper
from sweeper.records.plan_file import read_plan, write_plan
from sweeper.records.restore import confirmed_scores, search_results
from sweeper.records.rules import rules_of
from sweeper.records.run_folder import open_run, preparing, refuse_others, staying, writing
from sweeper.records.schema import parameter_columns
from sweeper.records.scores import read_test, write_test
from sweeper.records.script_file import keep_script
from sweeper.records.store import Store, load_curves, load_trials
from sweeper.report.live import LivePage
from sweeper.report.progress import Progress
from sweeper.report.script import script_or_reason
from sweeper.result import Result, load_result
from sweeper.search.driver import Search
from sweeper.search.earlier import Earlier
from sweeper.search.examined import examined
from sweeper.search.finalists import finalists
from sweeper.search.forecast import Forecast
from sweeper.search.race import next_trials
from sweeper.search.starts import defaults
from sweeper.search.storage import StudyStorage, delete_study, open_url
from sweeper.search.trial_summary import summarize
from sweeper.study.study import Study
from sweeper.training import closer_look, workers
from sweeper.training.cohort import Cohort
from sweeper.training.planning import Plan, cohorts_of, steps_of
from sweeper.training.planning import from_dict as plan_of
from sweeper.training.preflight import judge
from sweeper.training.setup import Task
from sweeper.trial import Outcome, SharpnessResult, Trial, TrialResult, objective_metric

CHEAP, SHARE = 2.0, 0.05
"""Seconds that looks at the sharpness may always take, and share of the time of the run so far."""


@dataclass(frozen=True)
class Options:
    """How to run, as opposed to what: nothing here changes a number."""

    runs: Path = Path("runs")
    reports: Path = Path("reports")
    jobs: int | None = None
    """Worker processes; ``None``: one per core."""
    storage: str | None = field(default=None, repr=False)
    """Optuna storage URL; ``None``: the journal file of the run folder."""
    fresh: bool = False
    quiet: bool = False
    engine: str = "auto"
    """auto | fused | reference"""
    earlier: str | None = None
    """A run, by name or folder, whose trials inform the sampler; this alone changes numbers."""


def run(study: Study, options: Options | None = None) -> Result:
    """Search, confirm, test and report; resumes what is there.

    Raises:
        UserError: if data, model, storage or run folder do not fit; nothing was written then.
        RunFailed: if nothing can be written any more, or every single trial failed.
    """
    options, started = options or Options(), time.monotonic()
    refuse_others(study, options.runs, fresh=options.fresh)
    earlier = earlier_trials(study, options.runs, options.earlier, fresh=options.fresh)
    if options.storage is not None:
        open_url(options.storage)
    with workers.processes(options.jobs or workers.core_count()):
        task = Task(study, load_data(study))
        judge(workers.rehearse_apart(task))
        with open_run(study, options.runs, fresh=options.fresh) as folder:
            with preparing(folder):
                refuse_links(options.reports / study.name)
                (options.reports / study.name).mkdir(parents=True, exist_ok=True)
                sweep = Sweep(task, folder, options, earlier)
            with staying(folder), writing(folder), sweep:
                sweep.keep_baselines()
                sweep.search_all(started)
                sweep.confirm_all()
                sweep.look_closer(started)
                sweep.test_winner()
                sweep.keep_script()
        result = load_result(study, folder)
        if result.trials["outcome"].eq(Outcome.FAILED).all():  # of none, too
            raise RunFailed(all_failed(result.trials))
        with writing(folder), _report_kept_apart():
            result.report(
                options.reports / study.name,
                seconds=time.monotonic() - started,
                each=workers.side_by_side,
            )
    return result


@contextmanager
def _report_kept_apart() -> Iterator[None]:
    """A report that cannot be written is no mistake in the input once everything is trained."""
    try:
        yield
    except RunFolderError as error:
        raise StateKept(f"{error}. All trials are kept; the same command writes it") from error


class Sweep:
    """The phases of one run; holds the records, the search and the progress display while they work."""

    def __init__(self, task: Task, folder: Path, options: Options, earlier: Earlier | None = None) -> None:
        self.task, self.folder = task, folder
        self.jobs = options.jobs or workers.core_count()
        study = task.study
        if options.fresh and options.storage:
            delete_study(study.name, options.storage)
        self.rules = rules_of(study)
        self.store = Store(folder / "records", parameter_columns(study.space), self.rules)
        trials = self._trials(alone=True)
        self.earlier = earlier
        if earlier is not None:
            write_earlier(folder, earlier.to_dict())
        metric = objective_metric(study.search.objective)
        results = search_results(folder / "records", trials, study.space, metric)
        self.search = Search(study, results, earlier.trials if earlier else ())
        self.storage = StudyStorage(
            study.name, study.space, options.storage, folder / "journal.log", self.search.known
        )
        self.guessed: set[int] = set()  # seeds whose baselines are kept
        self.confirmed = confirmed_scores(trials)
        self.keeper = Keeper(self._keep)
        confirm = study.confirm.trainings(min(study.confirm.finalists, self.search.total))
        self.progress = Progress(self.search.total, confirm, options.quiet)
        self.live = LivePage(study, self.store.folder, options.reports / study.name, self.progress, options)
        self.plan = self._planned(options.engine)
        self.scores: dict[tuple[int, int], Mapping[str, float]] = {}  # on test rows, by number and seed
        self.seconds_alone = math.inf  # of one training, once the winner is known
        self._open = ExitStack()

    def __enter__(self) -> "Sweep":
        self._open.enter_context(self.progress)
        self._open.enter_context(self.keeper)
        for damage in (*lines(self.store.findings), *self.storage.notes):
            self.progress.warn(damage)
        outside = [default.line() for default in defaults(self.task.study.space) if default.outside]
        outside += [self.earlier.line()] if self.earlier else []
        for note in (*outside, f"plan: {self.plan.line()}"):
            self.progress.note(note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, trace)

    def _trials(self, *, alone: bool = False) -> pd.DataFrame:
        """What is on record; `alone`: see `load_trials`."""
        return load_trials(self.folder / "records", self.rules, alone=alone)

    def _sound(self, found: tuple[dict[str, Any] | None, Finding | None]) -> dict[str, Any] | None:
        """A small file's content; a damaged one is put aside and made anew."""
        content, finding = found
        if finding is not None:
            kept = set_aside(finding.file).name
            self.progress.warn(f"{finding.file}: {finding.problem}; kept as {kept}")
        return content

    def _planned(self, engine: str) -> Plan:
        """The plan of the run's earlier call, if it was made for the same, else a new one."""
        kept, asked = self._sound(read_plan(self.folder)), {"engine": engine, "jobs": self.jobs}
        if kept and kept["asked"] == asked:
            return plan_of(kept)
        search = self.task.study.search
        share = -(-max(search.generation_at(search.trials), 40) // self.jobs)  # confirmations come by 50
        plan = workers.plan_apart(self.task, jobs=self.jobs, engine=engine, share=share)
        plan = replace(plan, **(workers.in_a_worker("layer_notes", self.task) or {}))
        write_plan(self.folder, {**plan.to_dict(), "asked": asked})
        return plan

    def keep_baselines(self) -> None:
        """Record what guessing scores on the rows of every seed, so that no report needs the data."""
        study = self.task.study
        seeds = {study.search.seed + k for k in range(study.confirm.seeds + 1)}
        seeds |= {seed for _, seed in self.confirmed}
        if seeds <= self.guessed:
            return
        self.guessed, found = seeds, workers.in_a_worker("guess", self.task, sorted(seeds))
        if found is not None:
            write_baselines(self.folder, found)

    def search_all(self, started: float) -> None:
        """Generation after generation, until all trials are done or the clock has run out."""
        minutes = self.task.study.search.minutes
        ends = self.progress.search_ends = started + 60 * minutes if minutes else math.inf

        def late() -> bool:
            return bool(self.search.known) and time.monotonic() > ends

        self.progress.resume(self.search.known.values())
        known, confirm = self.search.known, self.progress.totals["confirm"]
        forecast = Forecast(ends, confirm, self.search.total, len(known), self._seconds, self.progress.note)
        while not late() and (trials := forecast.those_that_fit(self.search.next_generation(), len(known))):
            self.progress.phase(trials[0].phase)
            for result in self._trained(trials, late):
                self.search.learn(result)

    def _seconds(self, trial: Trial) -> float:
        """Wall time of a training with all workers at work, as planned."""
        return self.plan.seconds_a_step * steps_of(self.task, trial) / self.jobs

    def confirm_all(self) -> None:
        """The finalists on fresh seeds, round by round; those that fell behind drop out."""
        study = self.task.study
        chosen = finalists(study, self.search.known.values())
        numbers = {each.number for each in chosen}
        self.progress.phase("confirm", done=sum(number in numbers for number, _ in self.confirmed))
        while trials := next_trials(study, chosen, self.confirmed):
            for result in self._trained(trials):
                key = (result.trial.number, result.trial.seed)
                self.confirmed[key] = result.objective
                self.scores[key] = result.tested
        self.keeper.drain()
        self.keep_baselines()  # those that lasted may have had more seeds

    def test_winner(self) -> None:
        """Keep what the winner, and it alone, scored on the test rows on the same fresh seeds.

        Every finalist is scored there while it trains, which is cheaper than training the winner again;
        nobody sees the others' scores. Confirmations of an earlier call are trained again.
        """
        study = self.task.study
        found = answer(self._trials(), None)
        if found is None or (study.data.split[2] == 0 and self.task.data.fixed is None):
            return
        winner = self.search.known[found.trial]
        seeds = sorted(seed for number, seed in self.confirmed if number == winner.number)
        phase = "confirm" if seeds else winner.phase
        seeds = seeds or [study.search.seed]
        trials = [Trial(winner.number, phase, seed, winner.parameters, test=True) for seed in seeds]
        known = self._sound(read_test(self.folder))
        if known and (known["trial"], known["seeds"]) == (winner.number, seeds):
            return
        if any((winner.number, seed) not in self.scores for seed in seeds):
            self.progress.phase("test")
            for results in workers.train_all(self.task, self._cohorts(trials), jobs=self.jobs):
                self.scores |= {(r.trial.number, r.trial.seed): r.tested for r in results}
        write_test(self.folder, winner.number, {seed: self.scores[winner.number, seed] for seed in seeds})

    def keep_script(self) -> None:
        """Write the winner as a script: now, as its model and data have just been trusted to train.

        Whatever the user's functions raise when they are called once more is told and kept as the reason.
        """
        found = answer(self._trials(), None)
        if found is None:
            return
        study, parameters = self.task.study, self.search.known[found.trial].parameters
        given = (study, parameters, study.search.seed, self.task.data)
        try:
            if study.names_code:
                text, reason = workers.call(script_or_reason, *given)
            else:
                text, reason = script_or_reason(*given)
        except workers.WorkerDied as end:
            text, reason = "", str(end)
        if reason:
            self.progress.note(f"no script can be written for this run: {reason}")
        keep_script(self.folder, found.trial, found.parameters, text, reason)

    def look_closer(self, started: float) -> None:
        """Retrace the winner, and measure how sharp the loss was for some finalists and diverged trials."""
        again, asked = self._to_retrace(), self._to_examine(started)
        if asked:
            self.progress.phase("sharpness")
        measured = list[SharpnessResult]()
        for result in closer_look.look_closer(self.task, again, asked, jobs=self.jobs):
            if isinstance(result, SharpnessResult):
                measured += [] if result.reason else [result]
            elif result.outcome == Outcome.COMPLETED:
                self.store.replace(result)
        self.store.append_curves(measured)

    def _to_retrace(self) -> Trial | None:
        """The winner's trial of the search, to be trained by the reference engine and kept in its stead.

        Stacks give its numbers up to rounding, which grows over a training; a script is to print the curve
        on record to the last bit. A training so unstable that it ends otherwise stays as it was.
        """
        trials = self._trials()
        found = answer(trials, None)
        if found is None:
            return None
        winner = self.search.known[found.trial]
        own = trials[(trials["trial"] == winner.number) & (trials["phase"] != "confirm")].iloc[0]
        alone = (self.plan.speedup or 1.0) * self.plan.seconds_a_step * winner.steps
        self.seconds_alone = max(alone, float(own["seconds"]))
        if own["engine"] == "reference":
            return None
        return Trial(winner.number, winner.phase, self.task.study.search.seed, winner.parameters)

    def _to_examine(self, started: float) -> list[tuple[Trial, int]]:
        """As many as are cheap: each is a training, one by one, and half as long again for eigenvalues."""
        done = set(load_curves(self.folder / "records", "sharpness")["trial"].to_pylist())
        budget = max(CHEAP, SHARE * (time.monotonic() - started)) * self.jobs
        affordable = int(budget / max(1.5 * self.seconds_alone, 1e-3))
        return examined(self.task.study, self.search.known.values(), done)[:affordable]

    def _trained(
        self, trials: Sequence[Trial], stop: Callable[[], bool] = lambda: False
    ) -> Iterator[TrialResult]:
        """Train `trials`; every result is on its way to the disk when it is yielded."""
        self.live.begin()
        for results in workers.train_all(self.task, self._cohorts(trials), jobs=self.jobs, stop=stop):
            self.keeper.add(results)
            self.progress.add(*results)
            yield from results
            self.live.refresh()

    def _cohorts(self, trials: Sequence[Trial]) -> list[Cohort]:
        return cohorts_of(self.plan, self.task, trials)

    def _keep(self, results: Sequence[TrialResult]) -> None:
        """Records first, Optuna second: what is in its storage is always on record."""
        self.store.append(results)
        objective = self.task.study.search.objective
        self.storage.add(summarize(r, objective) for r in results if r.trial.phase != "confirm")
