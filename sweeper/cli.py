"""The commands. Parses, calls, prints; everything else is imported when a command needs it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sweeper.command_line import command_line
from sweeper.commands.console import open_run, say
from sweeper.commands.doctor import doctor
from sweeper.commands.export.command import export
from sweeper.commands.options import (
    REPORTS,
    RUNS,
    FirstArgument,
    FreshOption,
    JobsOption,
    JsonOption,
    NameArgument,
    PoolOption,
    ReportsOption,
    RunsOption,
    SecondArgument,
    SetOption,
    StorageOption,
    StudyArgument,
    one_of,
)
from sweeper.commands.transfer.command import transfer
from sweeper.commands.worker import worker
from sweeper.errors import UserError
from sweeper.exits import exit_code, interruptible
from sweeper.loading import loading
from sweeper.to_json import to_json
from sweeper.version import __version__

if TYPE_CHECKING:
    from sweeper.result import Result

# loaded late: what a command needs, so that the others start without it


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sweeper {__version__}")
        raise typer.Exit


app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Find the learning rate, optimizer, activation and activation penalty that suit your model and data."""


@app.command()
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
        _print_answer(result)
    say(f"{'' if quiet else 'report: '}{reports / asked.name / 'index.html'}")


app.command()(worker)
app.command()(transfer)


@app.command()
def report(name: NameArgument, runs: RunsOption = RUNS, reports: ReportsOption = REPORTS) -> None:
    """Write the report of a run again: page, figures, tables, best.toml and best.py."""
    result = open_run(runs, name)
    result.study.lies_in(reports=reports)
    page = result.report(reports / name)
    say(f"report: {page}")


@app.command()
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
        _print_answer(result)


@app.command()
def status(name: NameArgument, runs: RunsOption = RUNS, as_json: JsonOption = False) -> None:
    """Show the progress of a run: trials by phase and outcome."""
    from sweeper.answer.outcomes import counts

    numbers = counts(open_run(runs, name).trials)
    if as_json:
        say(to_json(numbers))
        return
    for phase, outcomes in numbers.items():
        say(f"{phase:8}" + "  ".join(f"{count} {outcome}" for outcome, count in outcomes.items()))


app.command()(export)


@app.command("lr-range")
def lr_range(
    study: StudyArgument,
    reports: ReportsOption = REPORTS,
    assignments: SetOption = None,
    jobs: JobsOption = None,
    steps: Annotated[int, typer.Option("--steps", min=1, help="Optimizer steps of each training.")] = 40,
    rates: Annotated[int, typer.Option("--rates", min=5, help="Learning rates for each combination.")] = 64,
    as_json: JsonOption = False,
) -> None:
    """Find learning rates worth searching with many short trainings."""
    from sweeper.study.find import written_device
    from sweeper.training.initialize import initialize_worker
    from sweeper.training.pool.local import pool_here

    with pool_here(jobs, initialize_worker, written_device(study, assignments or ())) as pool:
        with loading():
            from sweeper.asked import load_study
            from sweeper.commands.lr_range.journey import lr_range as test
            from sweeper.commands.lr_range.words import print_lr_range, to_dict
        asked = load_study(pool, study, tuple(assignments or ()))
        range_test = test(pool, asked, steps=steps, rates=rates)
    figure = range_test.save(reports / asked.name)
    if as_json:
        about = {**range_test.about, "figure": figure}
        say(to_json(to_dict(range_test.suggestions, about)))
        return
    print_lr_range(range_test.suggestions, range_test.about)
    if figure is not None:
        say(f"figure: {figure}")


@app.command()
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


@app.command()
def activations(
    as_json: JsonOption = False,
    positive: Annotated[
        bool | None, typer.Option("--positive/--not-positive", help="Output never negative.")
    ] = None,
    bounded: Annotated[
        bool | None, typer.Option("--bounded/--unbounded", help="Range bounded on both sides.")
    ] = None,
    smooth: Annotated[bool | None, typer.Option("--smooth/--not-smooth", help="No kink and no jump.")] = None,
    monotone: Annotated[bool | None, typer.Option("--monotone/--not-monotone", help="Never falls.")] = None,
    zero_centred: Annotated[
        bool | None,
        typer.Option("--zero-centred/--not-zero-centred", help="Inputs about 0 give outputs about 0."),
    ] = None,
) -> None:
    """List activation functions with range, Lipschitz constant and smoothness."""
    from sweeper.report.catalogue import print_catalogue, to_dicts
    from sweeper.theory.activation_facts import catalogue, without_facts

    facts = catalogue(
        positive=positive, bounded=bounded, smooth=smooth, monotone=monotone, zero_centred=zero_centred
    )
    asked = (positive, bounded, smooth, monotone, zero_centred)
    unknown = without_facts() if set(asked) == {None} else {}
    if as_json:
        say(to_json(to_dicts(facts, unknown)))
    else:
        print_catalogue(facts, unknown)


@app.command()
def advise(study: StudyArgument, assignments: SetOption = None, as_json: JsonOption = False) -> None:
    """Advise what to search and why, before any training, from theory, data and model."""
    from sweeper.asked import advice_on, load_study
    from sweeper.report.advice import Asked
    from sweeper.report.advice.facts import looked_at
    from sweeper.report.advice.show import text, to_dict
    from sweeper.training.initialize import initialize_worker
    from sweeper.training.pool.local import local_pool

    given = tuple(assignments or ())
    with local_pool(1, initialize_worker) as pool:
        asked = load_study(pool, study, given)
        advice = (advice_on(pool, asked), Asked(study, given), asked.name, looked_at(asked))
    say(to_json(to_dict(*advice)) if as_json else text(*advice, asked.search.objective))


@app.command()
def compare(
    a: FirstArgument,
    b: SecondArgument,
    runs: RunsOption = RUNS,
    reports: ReportsOption = REPORTS,
    as_json: JsonOption = False,
) -> None:
    """Compare two runs: which winner is better, how sure that is, what differs."""
    from sweeper.commands.compare.page import side_by_side, to_dict, write
    from sweeper.commands.compare.words import text

    opened = open_run(runs, a), open_run(runs, b)
    for each in opened:
        each.study.lies_in(reports=reports)
    side = side_by_side(a, opened[0], b, opened[1])
    page = write(side, reports / f"{a}-vs-{b}")
    plain = f"{text(side)}\ncomparison: {page}"
    say(to_json(to_dict(side)) if as_json else plain)


@app.command()
def init(path: Annotated[Path, typer.Argument(metavar="PATH", help="The study file to write.")]) -> None:
    """Write a study file with comments as a starting point."""
    from sweeper.study.template import write_template

    file = write_template(path)
    say(f"wrote {file}; run it with: {command_line(['sweeper', 'run', str(file)])}")


@app.command()
def schema() -> None:
    """Print a JSON Schema of study files, for editors."""
    from sweeper.study.schema import study_schema

    say(to_json(study_schema()))


app.command()(doctor)


def _print_answer(result: "Result") -> None:
    from sweeper.report.note import plain_answer

    say(plain_answer(result.study, result.answer, result.records))


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; errors of the user become one message and an exit code."""
    with interruptible():
        raise SystemExit(exit_code(lambda: app(arguments)))
