"""The command `run`."""

from typing import Annotated

import typer

from sweeper.commands.console import print_answer, say
from sweeper.commands.options import (
    REPORTS,
    RUNS,
    FreshOption,
    JobsOption,
    PoolOption,
    ReportsOption,
    RunsOption,
    SetOption,
    StorageOption,
    StudyArgument,
    one_of,
)
from sweeper.errors import UserError
from sweeper.loading import loading

# loaded late: what a command needs, so that the others start without it


def run(
    study: StudyArgument,
    runs: RunsOption = RUNS,
    reports: ReportsOption = REPORTS,
    assignments: SetOption = None,
    jobs: JobsOption = None,
    engine: Annotated[str, typer.Option("--engine", help="auto, fused or reference.")] = "auto",
    compiled: Annotated[
        bool | None,
        typer.Option("--compile/--no-compile", help="Run stacks as machine code [default: if it pays]"),
    ] = None,
    backend: Annotated[str | None, typer.Option("--backend", hidden=True)] = None,
    pool: PoolOption = "local",
    storage: StorageOption = None,
    fresh: FreshOption = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but the path of the report.")] = False,
    earlier: Annotated[
        str | None,
        typer.Option("--from", metavar="RUN", help="A run, or Optuna's STORAGE#NAME, to learn from."),
    ] = None,
) -> None:
    """Search, confirm on fresh seeds, test and report. Resumes an earlier call."""
    one_of("--engine", engine, ("auto", "fused", "reference"))
    if backend is not None:
        raise UserError(f"--backend {backend!r}: there is no such option; did you mean --pool?")
    from sweeper.study.find import written_device
    from sweeper.training.initialize import initialize_worker
    from sweeper.training.pool.local import local_pool, pool_here
    from sweeper.training.pool.registry import check_place

    check_place(pool, jobs)  # a typo is told before anything heavy is loaded
    device = written_device(study, assignments or ())
    here = pool_here(jobs, initialize_worker, device) if pool == "local" else local_pool(1, initialize_worker)
    with here as home:  # its workers import while this process does
        with loading():
            from sweeper.asked import load_study

            chosen = () if compiled is None else (f"training.compile={str(compiled).lower()}",)
            asked = load_study(home, study, (*(assignments or ()), *chosen), meanwhile="sweeper.journey")
            from sweeper.journey import run as journey
            from sweeper.options import Options
        options = Options(runs, reports, jobs, storage, fresh, quiet, engine, earlier, pool)
        result = journey(asked, options, home)
    if not quiet:
        print_answer(result)
    say(f"{'' if quiet else 'report: '}{reports / asked.name / 'index.html'}")
