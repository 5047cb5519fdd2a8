"""The command line of a transfer."""

from typing import Annotated

import typer

from sweeper.commands.options import (
    REPORTS,
    RUNS,
    JobsOption,
    JsonOption,
    ReportsOption,
    RunsOption,
    SetOption,
    StudyArgument,
)
from sweeper.printable import printable
from sweeper.to_json import to_json

# loaded late: what the command needs, so that help and other commands start without it


def transfer(
    study: StudyArgument,
    over: Annotated[
        str, typer.Option("--over", help="Key and sizes that are trained: model.width=32,64,128.")
    ],
    to: Annotated[float, typer.Option("--to", help="Size whose best learning rate is predicted.")],
    check: Annotated[
        float | None, typer.Option("--check", help="A size that is predicted from the others and trained.")
    ] = None,
    runs: RunsOption = RUNS,
    reports: ReportsOption = REPORTS,
    assignments: SetOption = None,
    jobs: JobsOption = None,
    rates: Annotated[int, typer.Option("--rates", min=7, help="Learning rates at each size.")] = 24,
    seeds: Annotated[int, typer.Option("--seeds", min=3, help="Trainings at each rate.")] = 5,
    penalties: Annotated[
        int | None,
        typer.Option(
            "--penalties",
            min=0,
            help="Activation penalties at each size, beside none [default: 8 if the study searches it, or 0]",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Predict the best learning rate and penalty at a size too large to sweep, from smaller ones."""
    from sweeper.asked import load_study
    from sweeper.commands.transfer.held import OF_THE_RUN, unlike_the_run, winner_of
    from sweeper.commands.transfer.journey import transfer as train
    from sweeper.commands.transfer.table import to_dict
    from sweeper.commands.transfer.trials import parsed
    from sweeper.commands.transfer.words import print_transfer
    from sweeper.study.command_line import of_run
    from sweeper.study.find import written_device
    from sweeper.training.initialize import initialize_worker
    from sweeper.training.pool.local import pool_here

    wanted = parsed(over, to, check)
    with pool_here(jobs, initialize_worker, written_device(study, assignments or ())) as pool:
        asked = load_study(pool, study, tuple(assignments or ()))
        asked.lies_in(runs, reports)
        winner = winner_of(asked, runs)
        done = train(
            pool,
            asked,
            wanted,
            held=winner,
            held_from=OF_THE_RUN,
            unlike=unlike_the_run(asked, runs, over),
            rates=rates,
            seeds=seeds,
            penalties=penalties,
            announce=lambda line: typer.echo(printable(line), err=True),
        )
    figure = done.save(reports / asked.name)
    if as_json:
        typer.echo(printable(to_json(to_dict(done.found, done.conditions, figure))))
        return
    print_transfer(done.found, done.conditions)
    if figure is not None:
        typer.echo(printable(f"figure: {figure}"))
    if (reports / asked.name / "index.html").is_file():
        typer.echo(printable(f"To add it to the page of the run: {of_run(asked, 'report')}"))
