"""run(study): every stage once, top to bottom.

study file -> Study -> trials -> training -> records -> questions -> report
"""

import math
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from sweeper.answer.outcomes import all_failed
from sweeper.asked import load_data
from sweeper.beside import in_thread
from sweeper.errors import RunFailed, UserError
from sweeper.loading import load_ahead
from sweeper.options import Options
from sweeper.records.atomic import refuse_links, refuse_no_folder
from sweeper.records.run_files import EARLIER, keep_wall_time
from sweeper.records.run_folder import (
    as_begun,
    open_run,
    preparing,
    refuse_others,
    reporting,
    staying,
    writing,
)
from sweeper.records.store import load_trials
from sweeper.result import BegunReport, Result, load_measured, load_result, result_of, with_script
from sweeper.search.earlier import Earlier, from_dict, taken_over
from sweeper.search.optuna_studies import from_optuna, is_storage, label
from sweeper.search.storage_url import open_url
from sweeper.study.study import Study
from sweeper.sweep import Sweep
from sweeper.training.calls import parallel_map
from sweeper.training.in_workers import preflight_in_workers, share_task
from sweeper.training.initialize import initialize_worker
from sweeper.training.pool.interface import Call, Pool
from sweeper.training.pool.local import core_count, local_pool, pool_here
from sweeper.training.pool.registry import check_place, open_pool
from sweeper.training.preflight import require_trainable
from sweeper.training.setup import task_of
from sweeper.trial import Outcome

PAGE, SCRIPT = "sweeper.report.page", "sweeper.report.script"
"""What draws, and what makes the winner's script; a worker makes that of a study that names code."""
IMPORTS = 1.5
"""Seconds that a worker takes to import what draws."""


def run(study: Study, options: Options | None = None, pool: Pool | None = None) -> Result:
    """Search, confirm, test and report; resumes what is there. Without a `pool`, in processes of its own.

    Raises:
        UserError: if data, model, storage or run folder do not fit; nothing was written then.
        RunFailed: if nothing can be written any more, or every single trial failed.
    """
    options = options or Options()
    check_place(options.pool, options.jobs)
    with ExitStack() as opened:
        local = options.pool == "local"
        jobs, device = options.jobs, study.training.device
        here = pool_here(jobs, initialize_worker, device) if local else local_pool(1, initialize_worker)
        home = pool or opened.enter_context(here)
        elsewhere = open_pool(options.pool, jobs or core_count(), options.tell)
        trained = home if local else opened.enter_context(elsewhere)
        return _run(study, options, home, trained)


def _run(study: Study, options: Options, home: Pool, pool: Pool) -> Result:
    """Trains in `pool`; what reads and writes files of the user is done at `home`."""
    started = time.monotonic()
    study = as_begun(study, options.runs, fresh=options.fresh)
    study.lies_in(options.runs, options.reports)
    refuse_others(study, options.runs, fresh=options.fresh)
    refuse_no_folder(options.reports / study.name)
    earlier = earlier_trials(study, options.runs, options.earlier, fresh=options.fresh)
    if options.storage is not None:
        open_url(options.storage)
    task = share_task(pool, task_of(study, load_data(home, study)))
    require_trainable(preflight_in_workers(pool, task))
    with open_run(study, options.runs, fresh=options.fresh) as folder:
        with preparing(folder):
            report = options.reports / study.name
            refuse_links(report, report / "figures", report / "tables")
            if options.fresh:
                _erase(report)
            report.mkdir(parents=True, exist_ok=True)
            sweep = Sweep(home, pool, task, folder, options, earlier)
        with staying(folder), writing(folder), sweep:
            sweep.keep_baselines()
            sweep.search_all(started)
            needed = (PAGE,) if study.names_code else (PAGE, SCRIPT)
            in_thread(partial(load_ahead, *needed), "sweeper-imports")  # while workers train
            sweep.confirm_all()
            sweep.test_winner()
            page = PageInWorker(home)
            begun = sweep.retrain_and_measure(lambda: BegunInThread(load_result(study, folder)), page.load)
            if begun is None or not begun.done():
                page.load()  # in a worker, which helps to draw what is left
            if begun:
                begun.stop_in(IMPORTS)
            keep_script = sweep.begin_script()
            measured = load_measured(study, folder)
            made = begun.report if begun else partial(BegunReport, measured.importances())
            keep_script()
    result = with_script(measured)
    if result.trials["outcome"].eq(Outcome.FAILED).all():  # of none, too
        raise RunFailed(all_failed(result.trials))
    with writing(folder), reporting(), sweep.live:
        seconds = None if sweep.resumed else time.monotonic() - started
        if seconds is not None:
            keep_wall_time(folder, seconds, len(result.trials))
        each = partial(parallel_map, home, after=page.loaded)
        result.report(report, seconds=seconds, each=each, begun=made())
    return result


def _erase(report: Path) -> None:
    """Delete the report of trials that are deleted, also where the run that starts over comes to none of its
    own. Other files in its folder stay, a transfer among them."""
    for files in ("index.html", "best.*", "figures/*.png", "tables/*.csv"):
        for file in report.glob(files):
            file.unlink()


class PageInWorker:
    """What draws, imported by one of the workers at `home`."""

    def __init__(self, home: Pool) -> None:
        self._home = home
        self.loaded: Call | None = None
        """The call that imports it."""

    def load(self) -> None:
        """Begin, unless it has begun; does not wait for the end."""
        if self.loaded is None:
            self.loaded = self._home.submit(load_ahead, PAGE)


class BegunInThread:
    """The report of a run, begun in a thread while workers measure what is measured last."""

    def __init__(self, result: Result) -> None:
        self._ends = math.inf
        self._report = in_thread(partial(result.begin_report, self._is_over), "sweeper-page")

    def _is_over(self) -> bool:
        return time.monotonic() > self._ends

    def done(self) -> bool:
        """Whether all is made that can be."""
        return self._report.done()

    def stop_in(self, seconds: float) -> None:
        """Begin no figure any more after so many seconds: a worker helps to draw then."""
        self._ends = time.monotonic() + seconds

    def report(self) -> BegunReport:
        """What has been made; waits for what is under way."""
        return self._report.result()


def earlier_trials(study: Study, runs: Path, asked: str | None, *, fresh: bool) -> Earlier | None:
    """What the run took over when it began, or takes over now from the run that is asked for.

    Raises:
        UserError: if the run cannot take over anything, or took over something else.
    """
    folder = runs / study.name
    kept, _ = (None, None) if fresh else EARLIER.read(folder)
    if kept is not None and (asked is None or label(asked) == kept["run"]):
        return from_dict(study.space, kept)
    if asked is None:
        return None
    if not fresh and len(load_trials(folder / "records")):
        took = f"what it took over from {kept['run']!r}" if kept else "nothing taken over"
        raise UserError(f"--from {label(asked)!r}: {folder} has begun with {took}; start over with --fresh")
    if study.search.sampler != "auto":
        raise UserError(
            f"--from {label(asked)!r}: search.sampler = {study.search.sampler!r} cannot be informed by "
            "another run; allowed: auto"
        )
    if is_storage(asked):
        return from_optuna(study.space, asked)
    return taken_over(study.space, asked, result_of(asked, runs).summaries.values())
