"""Commands that show what a run has found: `report`, `best`, `status`, `dashboard`."""

from typing import Annotated

import typer

from sweeper.commands.console import open_run, print_answer, say
from sweeper.commands.options import (
    REPORTS,
    RUNS,
    JsonOption,
    NameArgument,
    ReportsOption,
    RunsOption,
    StorageOption,
)
from sweeper.errors import UserError
from sweeper.to_json import to_json

# loaded late: what a command needs, so that the others start without it


def report(name: NameArgument, runs: RunsOption = RUNS, reports: ReportsOption = REPORTS) -> None:
    """Write the report of a run again: page, figures, tables, best.toml and best.py."""
    result = open_run(runs, name)
    result.study.lies_in(reports=reports)
    page = result.report(reports / name)
    say(f"report: {page}")


def best(
    name: NameArgument,
    runs: RunsOption = RUNS,
    as_json: JsonOption = False,
    as_toml: Annotated[
        bool, typer.Option("--toml", help="Print a study file with the winner's values fixed.")
    ] = False,
    as_python: Annotated[
        bool,
        typer.Option("--python", help="Print a PyTorch script that trains the winner without this package."),
    ] = False,
) -> None:
    """Print the winner of a run: settings, confirmed score, ties."""
    if as_json + as_toml + as_python > 1:
        raise UserError("best: give one of --json, --toml and --python")
    result = open_run(runs, name)
    if result.answer is None:
        from sweeper.study.command_line import of_run

        see = of_run(result.study, "status")
        raise UserError(f"run {name!r} has no completed trial, so there is no best one; see: {see}")
    if as_json:
        say(to_json(result.answer.to_dict()))
    elif as_toml:
        from sweeper.report.best_toml import best_toml

        say(best_toml(result.study, result.answer), nl=False)
    elif as_python:
        say(result.script(), nl=False)
    else:
        print_answer(result)


def status(name: NameArgument, runs: RunsOption = RUNS, as_json: JsonOption = False) -> None:
    """Show the progress of a run: trials by phase and outcome."""
    from sweeper.answer.outcomes import counts

    numbers = counts(open_run(runs, name).trials)
    if as_json:
        say(to_json(numbers))
        return
    for phase, outcomes in numbers.items():
        say(f"{phase:8}" + "  ".join(f"{count} {outcome}" for outcome, count in outcomes.items()))


def dashboard(
    name: NameArgument,
    runs: RunsOption = RUNS,
    reports: ReportsOption = REPORTS,
    storage: StorageOption = None,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port on 127.0.0.1.")] = 8080,
) -> None:
    """Open a run in optuna-dashboard, with the answer and the figures."""
    from sweeper.records.run_folder import run_folder
    from sweeper.report.note import note
    from sweeper.search.dashboard import serve

    result = open_run(runs, name)
    figures = sorted((reports / name / "figures").glob("*.png"))
    if not figures:
        figures = sorted((result.report(reports / name).parent / "figures").glob("*.png"))
    folder = run_folder(runs, name)
    markdown = note(result.study, result.answer, result.records)
    serve(result.study.name, storage, folder, markdown, figures, port, say)
