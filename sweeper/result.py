"""`Result`: a run read back from its folder, with its answer and its report."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from sweeper.answer.answer import Answer, answer
from sweeper.answer.bounds import loss_floor
from sweeper.answer.outcomes import often_failed
from sweeper.answer.outcomes import unmeasured as not_measured
from sweeper.answer.rows import as_costs, drawn
from sweeper.errors import RunFolderError, UserError
from sweeper.loading import uncollected
from sweeper.records.atomic import write_atomically
from sweeper.records.damage import Damage, lines
from sweeper.records.restore import confirmed_scores, search_results
from sweeper.records.rules import rules_of
from sweeper.records.run_files import BASELINES, EARLIER, PLAN, TEST, lost_records, wall_time
from sweeper.records.run_folder import read_source_folder, read_study, run_folder
from sweeper.records.script_file import KeptScript, load_script, no_script
from sweeper.records.store import Records
from sweeper.records.store import load as load_records
from sweeper.search.as_written import journal_findings
from sweeper.search.earlier import from_dict
from sweeper.search.finalists import next_trials, racers
from sweeper.search.plan import unlearned
from sweeper.search.starts import published, starts, unheld
from sweeper.search.trial_summary import TrialSummary, summarize
from sweeper.study.study import Study
from sweeper.trial import objective_metric
from sweeper.wording import capital, count

if TYPE_CHECKING:
    from sweeper.questions.run_data import RunData
    from sweeper.report.figures import Figures
    from sweeper.report.page import Begun, Each
    from sweeper.search.optuna_studies import OptunaStudy

# loaded late: reading a run needs no report


@dataclass(frozen=True)
class BegunReport:
    """Parts of a report that were made before the last measurements were done."""

    importances: pd.DataFrame
    page: "Begun | None" = None


@dataclass(frozen=True)
class Result:
    """A run: its records as frames, and the answer they give."""

    study: Study
    folder: Path
    records: Records
    answer: Answer | None
    """``None`` while no trial has completed."""
    findings: tuple[Damage, ...] = ()
    """What was damaged in the run folder, and left out."""

    @property
    def trials(self) -> pd.DataFrame:
        """One row per training; columns as in `sweeper.records.schema`."""
        return self.records.trials

    @property
    def curves(self) -> pd.DataFrame:
        """One row per evaluation point and metric."""
        return self.records.curves

    @property
    def layers(self) -> pd.DataFrame:
        """One row per measured step, layer and measure."""
        return self.records.layers

    @property
    def split(self) -> str:
        """How rows were split, see ``baselines.json``; empty where that is not on record."""
        return str(self._baselines.get("split") or "")  # earlier releases do not say

    @cached_property
    def _baselines(self) -> Mapping[str, Any]:
        """The content of ``baselines.json``; empty where there is none."""
        return BASELINES.read(self.folder)[0] or {}

    @property
    def best(self) -> pd.DataFrame:
        """The winner's rows of `trials`: its search, then its fresh seeds; empty if nothing completed."""
        return self.trials[self.trials["trial"] == (self.answer.trial if self.answer else -1)]

    @cached_property
    def summaries(self) -> dict[int, TrialSummary]:
        """number -> what search and storage need of each trial of the search."""
        objective = self.study.objective
        metric, space = objective_metric(objective), self.study.space
        results = search_results(self.folder / "records", self.trials, space, metric)
        return {result.trial.number: summarize(result, objective) for result in results}

    @cached_property
    def optuna_study(self) -> "OptunaStudy":
        """The trials of the search as an Optuna study in memory, for its visualisations and importances.

        A diverged trial is a completed one of infinite objective there. User attributes hold the phase, the
        outcome, the parameters under their names in the study file, and the objectives on fresh seeds.
        """
        from sweeper.search.optuna_studies import as_study

        winner = None if self.answer is None else self.answer.trial
        return as_study(self.study, self.summaries, self.trials, winner)

    def report(
        self,
        folder: str | Path,
        *,
        seconds: float | None = None,
        each: "Each" = map,
        begun: "BegunReport | None" = None,
    ) -> Path:
        """Write page, figures, tables, ``best.toml`` and ``best.py`` to `folder`; returns the page.

        Args:
            folder: is made if it is not there.
            seconds: wall time of the run, where one call trained all of it.
            each: ``map``, or what does the same faster; it draws the figures.
            begun: what `begin_report` has made of this run.
        """
        from sweeper.report.page import write

        with uncollected():
            shares, page = (begun.importances, begun.page) if begun else (None, None)
            written = write(self._run_data(seconds, shares), Path(folder), each, page)
        if self.answer is not None:
            kept = self._kept_script()
            text = kept.text if kept else no_script(self._how_to_get_it())
            write_atomically(Path(folder) / "best.py", text)
        return written

    def begin_report(self, stop: Callable[[], bool]) -> "BegunReport":
        """What a report needs no sharpness for, made while that is measured and all else is on record.

        `stop` is asked before each figure; those that are not drawn are left to `report`.
        """
        from sweeper.report.page import begin

        run = replace(self._run_data(), measuring=True)
        return BegunReport(run.importances, begin(run, stop))

    @cached_property
    def figures(self) -> "Figures":
        """The figures of the page by name; a notebook shows them: ``result.figures["history"]``."""
        from sweeper.report.figures import figures_of

        return figures_of(self._run_data())

    def _run_data(self, seconds: float | None = None, importances: pd.DataFrame | None = None) -> "RunData":
        """What the page is made from; `importances` if they are known."""
        shares = self.importances() if importances is None else importances
        from sweeper.questions.run_data import RunData

        plan, _ = PLAN.read(self.folder)
        seconds = wall_time(plan, len(self.trials)) if seconds is None else seconds
        unmeasured = str((plan or {}).get("unmeasured") or "")  # plans of earlier releases do not say
        notes = self._notes(plan)
        rows = {part: int(n) for part, n in self._baselines.get("rows", {}).items()}
        first = unlearned(self.study, informed=self._earlier is not None)
        blind = drawn(self.trials, first, starts(self.study))
        known = published(self.study.space)
        return RunData(
            self.study,
            self.records,
            self.answer,
            shares,
            seconds,
            notes,
            known,
            blind,
            rows,
            unmeasured,
            self.split,
        )

    def importances(self) -> pd.DataFrame:
        """Of the parameters; empty where they cannot be computed, which is told."""
        from sweeper.report.attempts import NotMade, attempt
        from sweeper.search.importances import COLUMNS, importances

        trials = as_costs(self.trials, self.study.objective)
        found = attempt("the importances", lambda: importances(trials, list(self.study.space.parameters)))
        return pd.DataFrame(columns=COLUMNS) if isinstance(found, NotMade) else found

    @cached_property
    def _earlier(self) -> Mapping[str, Any] | None:
        """What was taken over from an earlier run."""
        return EARLIER.read(self.folder)[0]

    def _notes(self, plan: Mapping[str, Any] | None) -> tuple[str, ...]:
        """How it was run: the plan, defaults that no trial has, what was taken over from an earlier run."""
        notes = [f"{self._ran(plan)} {plan['line']}."] if plan else []
        notes += [f"{capital(str(line))}." for line in (plan or {}).get("columns", ())]
        notes += [f"{capital(line)}." for line in unheld(self.study.space)]
        notes += [unmeasured] if (unmeasured := not_measured(self.trials)) else []
        if self._earlier is not None:
            notes.append(f"{capital(from_dict(self.study.space, self._earlier).line())}.")
        return tuple(notes)

    def _ran(self, plan: Mapping[str, Any]) -> str:
        """What begins the line of the plan: its stacks are the largest there may be, and none may be on
        record."""
        if plan["engine"] == "reference":
            return "Trained"
        alone = self.trials["engine"] == "reference"
        return "Planned, while every training ran one by one:" if alone.all() else "Planned: up to"

    def _repr_html_(self) -> str:
        """The answer, the best trials and the figures of the page, where a notebook shows the result."""
        from sweeper.report.notebook import answer_html

        return f"{answer_html(self)}\n{self.figures._repr_html_()}"

    def script(self) -> str:
        """A PyTorch script without this package that trains the winner and prints the recorded curve.

        The run made it and keeps it as text: nothing of the user's is imported here.

        Raises:
            UserError: if there is none, saying why or how to get it.
        """
        if self.answer is None:
            raise UserError(f"run {self.folder.name!r} has no completed trial, so there is no script")
        kept = self._kept_script()
        if kept is None:
            raise UserError(self._how_to_get_it())
        if kept.reason:
            raise UserError(f"no script can be written for this run: {kept.reason}")
        return kept.text

    def _kept_script(self) -> KeptScript | None:
        """That of the present winner."""
        kept, winner = load_script(self.folder), self.answer
        return kept if kept and winner and kept.is_for(winner.trial, winner.parameters) else None

    def _unfinished(self) -> str:
        """What the run has still to do, in words; empty where nothing is known to be missing.

        A search over countable values, or with a time limit, may rightly have fewer trials than asked for.
        """
        search, confirm = self.study.search, self.study.confirm
        searched, scores = int((self.trials["phase"] != "confirm").sum()), confirmed_scores(self.trials)
        countable = search.sampler == "grid" or self.study.space.size() is not None
        if searched < search.trials and not countable and search.minutes is None:
            verb = "is" if searched == 1 else "are"
            return f"{searched:,} of {count(search.trials, 'trial')} of the search {verb} done"
        if confirm.seeds and next_trials(self.study, racers(self.study, self.summaries, scores), scores):
            return (
                "the race of the finalists is not over" if scores else "the finalists are not retrained yet"
            )
        return "" if self._kept_script() else "the winner's script is not written yet"

    def _how_to_get_it(self) -> str:
        from sweeper.study.command_line import run_again

        assert self.answer is not None
        return (
            f"run {self.folder.name!r} keeps no script of its winner, trial {self.answer.trial}: it was "
            "interrupted before it made one, or an earlier version ran it. This makes it, and trains nothing "
            f"that is on record again: {run_again(self.study)}"
        )


def load_result(study: Study, folder: Path) -> Result:
    """The run in `folder`, as far as it got; what is damaged is left out, and named in the findings."""
    return with_script(load_measured(study, folder))


def load_measured(study: Study, folder: Path) -> Result:
    """The run in `folder`, and what its answer does not owe to the winner's script: see `with_script`."""
    records = load_records(folder / "records", rules_of(study))
    tested, of_test = TEST.read(folder)
    baselines, of_baselines = BASELINES.read(folder)
    found = (of_test, of_baselines, PLAN.read(folder)[1], EARLIER.read(folder)[1])
    others = [finding for finding in found if finding is not None]
    others += journal_findings(folder / "journal.log")
    if (gone := lost_records(folder, any_left=not records.trials.empty)) and not records.findings:
        records = replace(records, findings=(gone,))
    objective, known_defaults = study.objective, published(study.space)
    floor = loss_floor(study, records.curves)
    winner = answer(records.trials, tested, records.curves, baselines, objective, known_defaults, floor)
    plan, _ = PLAN.read(folder)
    if winner is not None and plan is not None:  # plans of earlier releases do not say
        winner = replace(winner, made={str(k): str(v) for k, v in dict(plan.get("made") or {}).items() if v})
    return Result(study, folder, records, winner, (*records.findings, *others))


def with_script(result: Result) -> Result:
    """The run with what its answer says of the winner's script, of what is left to do, and of doubts."""
    from sweeper.report.doubts import with_warnings

    study, winner, (tested, _) = result.study, result.answer, TEST.read(result.folder)
    if winner is None:
        return result
    is_tested = tested is not None and tested["trial"] == winner.trial
    broken = str((PLAN.read(result.folder)[0] or {}).get("broken_line") or "")
    kept, failed = result._kept_script(), often_failed(result.trials)
    winner = replace(winner, unfinished=result._unfinished(), scriptless=kept.reason if kept else "")
    said = with_warnings(
        study, winner, result._baselines or None, tested=is_tested, broken=broken, failed=failed
    )
    return replace(result, answer=said)


def open_result(runs: Path, name: str) -> Result:
    """The run called `name` in `runs`.

    Raises:
        RunFolderError: if there is none, or nothing sound is left of it.
        StudyError: if its study file is none.
    """
    folder = run_folder(runs, name)
    raw = read_study(folder)
    source_folder, problem = read_source_folder(folder)
    if reserved := {"file", "folder", "trusted"} & raw.keys():
        raise RunFolderError(f"{folder / 'study.toml'}: unknown key {', '.join(sorted(reserved))}")
    study = Study(file=str(folder / "study.toml"), folder=source_folder, trusted=True, **raw)
    study.lies_in(runs)
    result = load_result(study, folder)
    if result.records.findings and result.trials.empty:
        named = "\n".join(f"  {line}" for line in lines(result.records.findings))
        raise RunFolderError(f"{folder}: nothing sound is left of its records\n{named}")
    return replace(result, findings=(*result.findings, *([problem] if problem else [])))


def result_of(run: str | Path, runs: str | Path) -> Result:
    """The run in the folder `run`, or else the one called so in `runs`.

    Raises:
        RunFolderError: as `open_result`.
    """
    folder = Path(run)
    inside = (folder / "study.toml").is_file()
    return open_result(folder.parent, folder.name) if inside else open_result(Path(runs), str(run))
