"""The phases of one run: what is trained, in which order, and what is kept of it."""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from sweeper.answer.answer import Answer, answer
from sweeper.answer.rows import trained_alone
from sweeper.beside import UnderWay
from sweeper.options import Options
from sweeper.records.atomic import set_aside
from sweeper.records.damage import Damage, lines
from sweeper.records.record_writer import RecordWriter
from sweeper.records.restore import confirmed_scores, search_results
from sweeper.records.rules import rules_of
from sweeper.records.run_files import BASELINES, EARLIER, PLAN, TEST, write_test
from sweeper.records.schema import parameter_columns
from sweeper.records.script_file import keep_script
from sweeper.records.store import Store, load_curves, load_trials
from sweeper.report.live import LivePage
from sweeper.report.progress import Progress
from sweeper.report.winners_script import script_or_reason
from sweeper.search.driver import Search
from sweeper.search.earlier import Earlier
from sweeper.search.finalists import again, budget, examined, keeps_its_place, leader, next_trials, racers
from sweeper.search.forecast import Forecast
from sweeper.search.occupancy import Outgrown
from sweeper.search.starts import unheld
from sweeper.search.storage import StudyStorage, delete_study
from sweeper.search.trial_summary import summarize
from sweeper.training.ahead import Ahead
from sweeper.training.calls import begin_user_code
from sweeper.training.cohort import Cohort
from sweeper.training.data_lines import data_lines
from sweeper.training.dispatch import retrain_and_measure, takes_all_cores, train_all
from sweeper.training.durations import Durations
from sweeper.training.in_workers import baselines_of, prepared_search, refuse_changed
from sweeper.training.plan import Plan
from sweeper.training.planning import cohorts_of, steps_of
from sweeper.training.pool.interface import Pool, Shared, WorkerDied
from sweeper.training.setup import Task
from sweeper.trial import SharpnessResult, Trial, TrialResult, objective_metric
from sweeper.user_code.calls import call_back


class Sweep:
    """The phases of one run; holds the records, the search and the progress display while they work."""

    def __init__(
        self,
        home: Pool,
        pool: Pool,
        shared: Shared[Task],
        folder: Path,
        options: Options,
        earlier: Earlier | None = None,
    ) -> None:
        self.home, self.pool, self.shared, self.task, self.folder = home, pool, shared, shared.value, folder
        self.jobs, self.on_result = pool.width, options.on_result
        study, self.earlier = self.task.study, earlier
        if options.fresh and options.storage:
            delete_study(study.name, options.storage)
        self.rules = rules_of(study)
        self.store = Store(folder / "records", parameter_columns(study.space), self.rules)
        trials = self._trials(alone=True)
        if earlier is not None:
            EARLIER.write(folder, earlier.to_dict())
        self.resumed = bool(len(trials))
        results = search_results(folder / "records", trials, study.space, objective_metric(study.objective))
        self.search = Search(study, results, earlier.trials if earlier else ())
        journal, url, known = folder / "journal.log", options.storage, self.search.known
        self.storage = StudyStorage(study.name, study.space, url, journal, known, study.objective)
        self.guessed: set[int] = set()  # seeds whose baselines are kept
        self.confirmed = confirmed_scores(trials)
        self.writer = RecordWriter(self._keep)
        total, most = self.search.total, study.confirm
        confirm = most.trainings(min(most.finalists, total))
        self.progress = Progress(total, confirm, options.quiet, objective=study.objective)
        self.live = LivePage(study, self.store.folder, options.reports / study.name, self.progress, options)
        self.columns = data_lines(self.task)
        self.plan = self._planned(options.engine)
        self.scores: dict[tuple[int, int], Mapping[str, float]] = {}  # on test rows, by number and seed
        self.durations, self._ahead = Durations(self.task), Ahead(pool, shared)
        self._outgrown = Outgrown(study.search, self.plan.engine != "reference")
        self._open = ExitStack()

    def __enter__(self) -> "Sweep":
        self._open.enter_context(self.live)  # left when all is on record
        self._open.enter_context(self.progress)
        self._open.enter_context(self.writer)
        for damage in (*lines(self.store.findings), *self.storage.notes):
            self.progress.warn(damage)
        notes = unheld(self.task.study.space)
        notes += [self.earlier.line()] if self.earlier else []
        for note in (*notes, *self.columns, f"plan: {self.plan.line()}"):
            self.progress.note(note)
        return self

    def __exit__(self, *error: Any) -> None:
        self._open.__exit__(*error)

    def _trials(self, *, alone: bool = False) -> pd.DataFrame:
        """What is on record; `alone`: see `load_trials`."""
        return load_trials(self.folder / "records", self.rules, alone=alone)

    def _answered(self) -> tuple[pd.DataFrame, Answer | None]:
        """What is on record, and the answer that it gives: its number and parameters."""
        trials = self._trials()
        return trials, answer(trials, None, objective=self.task.study.objective)

    def _sound(self, read: tuple[dict[str, Any] | None, Damage | None]) -> dict[str, Any] | None:
        """A small file's content; a damaged one is put aside and made anew."""
        content, finding = read
        if finding is not None:
            self.progress.warn(f"{finding.file}: {finding.problem}; kept as {set_aside(finding.file).name}")
        return content

    def _planned(self, engine: str) -> Plan:
        """The plan of the run's earlier call, if it was made for the same, else a new one."""
        kept, asked = self._sound(PLAN.read(self.folder)), {"engine": engine, "jobs": self.jobs}
        if kept and self.resumed:
            refuse_changed(self.pool, self.shared, kept, self.folder)
        if kept and kept["asked"] == asked:
            return Plan.from_dict(kept)
        seeds = self._unguessed()
        found = prepared_search(self.pool, self.shared, jobs=self.jobs, engine=engine, seeds=seeds)
        known = {"asked": asked, "columns": self.columns, "made": found.made, "code": found.code}
        PLAN.write(self.folder, {**found.plan.to_dict(), **known})
        self._keep_baselines(seeds, found.baselines)
        return found.plan

    def _unguessed(self) -> list[int]:
        """Seeds of the run, if what guessing scores on the rows of all of them is not on record yet."""
        study = self.task.study
        seeds = {study.search.seed + k for k in range(study.confirm.seeds + 1)}
        seeds |= {seed for _, seed in self.confirmed}
        return [] if seeds <= self.guessed else sorted(seeds)

    def _keep_baselines(self, seeds: Sequence[int], baselines: dict[str, Any] | None) -> None:
        self.guessed = set(seeds)
        if baselines is not None:
            BASELINES.write(self.folder, baselines)

    def keep_baselines(self) -> None:
        """Record what guessing scores on the rows of every seed, so that no report needs the data."""
        if seeds := self._unguessed():
            self._keep_baselines(seeds, baselines_of(self.pool, self.shared, seeds))

    def search_all(self, started: float) -> None:
        """Generation after generation, until all trials are done or the clock has run out."""
        minutes = self.task.study.search.minutes
        ends = self.progress.search_ends = started + 60 * minutes if minutes else math.inf
        search, confirm = self.search, self.progress.totals["confirm"]
        self.progress.resume(search.known.values(), len(self.confirmed))
        before = len(search.known)
        forecast = Forecast(ends, confirm, search.total, before, self._seconds, self.progress.note)

        def late() -> bool:
            return bool(search.known) and time.monotonic() > ends

        def more(needed: bool) -> list[Cohort]:
            if line := self._outgrown.told(self.pool.width):
                self.progress.note(line)
            trials = forecast.next_of(search, wait=needed)
            self.progress.phase(trials[0].phase if trials else self.progress.name)
            return self._cohorts(trials)

        for result in self._trained((), late, more):
            search.learn(result)
            search.look_ahead()

    def _seconds(self, trial: Trial) -> float:
        """Wall time of a training with all workers at work, as planned."""
        return self.plan.seconds_a_step * steps_of(self.task, trial) / self.jobs

    def confirm_all(self) -> None:
        """The finalists on fresh seeds, round by round; those that fell behind drop out.

        Beside them trains by the reference engine what leads, as the winner must, see `_to_retrain`.
        """
        study = self.task.study
        chosen = racers(study, self.search.known, self.confirmed)
        self.progress.phase("confirm", len(self.confirmed), most=study.confirm.trainings(len(chosen)))
        while trials := next_trials(study, chosen, self.confirmed):
            first = leader(chosen, self.confirmed, study.objective)
            if first is not None and self.pool is self.home:
                self._ahead.begin(again(study, self.search.known[first]), self.plan)
            for result in self._trained(trials):
                key = (result.trial.number, result.trial.seed)
                self.confirmed[key] = result.objective
                self.scores[key] = result.tested
        self.progress.race_over()
        self.writer.drain()

    def test_winner(self) -> None:
        """Keep what the winner, and it alone, scored on the test rows on the same fresh seeds.

        Every finalist is scored there while it trains, which is cheaper than training the winner again;
        nobody sees the others' scores. Confirmations of an earlier call are trained again.
        """
        study = self.task.study
        _, best = self._answered()
        if best is None or (study.data.split[2] == 0 and self.task.data.fixed is None):
            return
        winner = self.search.known[best.trial]
        seeds = sorted(seed for number, seed in self.confirmed if number == winner.number)
        phase = "confirm" if seeds else winner.phase
        seeds = seeds or [study.search.seed]
        trials = [Trial(winner.number, phase, seed, winner.parameters, test=True) for seed in seeds]
        known = self._sound(TEST.read(self.folder))
        if known and (known["trial"], known["seeds"]) == (winner.number, seeds):
            return
        if any((winner.number, seed) not in self.scores for seed in seeds):
            self.progress.phase("test")
            for results in train_all(self.pool, self.shared, cohorts_of(self.plan, self.task, trials)):
                self.scores |= {(r.trial.number, r.trial.seed): r.tested for r in results}
        write_test(self.folder, winner.number, {seed: self.scores[winner.number, seed] for seed in seeds})

    def begin_script(self) -> Callable[[], None]:
        """Make the winner's script: now, as its model and data have just been trusted to train. What this
        returns waits for it and keeps it.

        Whatever the user's functions raise when they are called once more is told and kept as the reason.
        """
        (trials, best), study = self._answered(), self.task.study
        if best is None:
            return lambda: None
        parameters, recorded = self.search.known[best.trial].parameters, trained_alone(trials, best.trial)
        given = (study, parameters, study.search.seed, self.task.data, recorded)
        here = partial(script_or_reason, *given)
        ask = begin_user_code(self.home, script_or_reason, *given) if study.names_code else here

        def keep() -> None:
            try:
                text, reason = ask()
            except WorkerDied as end:
                text, reason = "", str(end)
            if reason:
                self.progress.note(f"no script can be written for this run: {reason}")
            keep_script(self.folder, best.trial, best.parameters, text, reason)

        return keep

    def retrain_and_measure(
        self, meanwhile: Callable[[], UnderWay], idle: Callable[[], object] | None = None
    ) -> UnderWay | None:
        """Retrain the winner, and measure how sharp the loss was for some finalists and diverged trials.

        Before, guess on the rows of seeds that finalists have had beyond those planned, if there are some.
        Returns what `meanwhile` begins: it is called once all is on record but the sharpness, while that is
        measured; ``None`` where none is. Measurements that are short leave it a core. `idle` is called first
        where a worker is left without work.
        """
        (trials, best), seeds, objective = self._answered(), self._unguessed(), self.task.study.objective
        winner, others = self._to_retrain(trials, best), self._to_measure(trials, best)
        if others:
            self.progress.phase("sharpness")
        measured, before = list[SharpnessResult](), (winner is not None) + bool(seeds)
        if idle is not None and not others and 0 < before < self.pool.width:
            idle()
        begun = meanwhile() if others and not before else None
        longest = max((steps for _, steps in others), default=0) * self.plan.one_by_one
        shared = self.pool is self.home and takes_all_cores(self.pool, longest)

        def spare() -> int:
            return int(shared and begun is not None and not begun.done())

        ahead = self._ahead.take(winner)
        for result in retrain_and_measure(self.pool, self.shared, winner, others, seeds, spare, ahead):
            if isinstance(result, SharpnessResult):
                measured += [] if result.reason else [result]
                continue
            if isinstance(result, dict):
                self._keep_baselines(seeds, result)
            elif result is not None and keeps_its_place(self.search.known, summarize(result, objective)):
                self.store.replace(result)
            before -= 1
            begun = meanwhile() if others and not before else None
        self.store.append_curves(measured)
        return begun

    def _to_retrain(self, trials: pd.DataFrame, best: Answer | None) -> Trial | None:
        """The winner's trial of the search, to be trained by the reference engine and kept in its stead.

        Stacks give its numbers up to rounding, which grows over a training; a script is to print the curve
        on record to the last bit. What ends otherwise stays as it was, see `keeps_its_place`.
        """
        if best is None or trained_alone(trials, best.trial) is not None:
            return None
        return again(self.task.study, self.search.known[best.trial])

    def _to_measure(self, trials: pd.DataFrame, best: Answer | None) -> list[tuple[Trial, int]]:
        """As many as are cheap; none where nothing has completed."""
        if best is None:
            return []
        done = set(load_curves(self.folder / "records", "sharpness")["trial"].to_pylist())
        steps = budget(int(trials["steps"].sum()), self.plan.speedup)
        retrained = set(trials.loc[trials["phase"] == "confirm", "trial"].tolist())
        return examined(self.task.study, self.search.known.values(), done, steps, retrained, best.trial)

    def _cohorts(self, trials: Sequence[Trial]) -> list[Cohort]:
        """For as many workers as there are now: some may have come since the plan was made."""
        if not trials:
            return []
        plan = replace(self.plan, processes=self.pool.width)
        return self.durations.longest_first(cohorts_of(plan, self.task, trials))

    def _trained(
        self,
        trials: Sequence[Trial],
        stop: Callable[[], bool] = lambda: False,
        more: Callable[[bool], Sequence[Cohort]] = lambda needed: (),
    ) -> Iterator[TrialResult]:
        """Train `trials`, and `more`; every result is on its way to the disk when it is yielded."""
        self.live.begin()
        for results in train_all(self.pool, self.shared, self._cohorts(trials), stop, more, self._ahead.end):
            self.writer.add(results)
            self.durations.learn(results)
            self.progress.add(*results)
            self._keep_broken(results)
            call_back(self.on_result, results, self.progress.warn)
            yield from results
            self.live.refresh()

    def _keep_broken(self, results: Sequence[TrialResult]) -> None:
        """Stacks that failed are told once, and kept with the plan, so that the page claims none of them."""
        plan = self.plan.with_broken(results)
        if plan == self.plan:
            return
        for line in plan.told_first(self.plan):
            self.progress.warn(line)
        self.plan = plan
        PLAN.write(self.folder, {**(PLAN.read(self.folder)[0] or {}), **plan.to_dict()})

    def _keep(self, results: Sequence[TrialResult]) -> None:
        """Records first, Optuna second: what is in its storage is always on record."""
        self.store.append(results)
        objective = self.task.study.objective
        self.storage.add(summarize(r, objective) for r in results if r.trial.phase != "confirm")
