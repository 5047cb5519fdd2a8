"""Commands that help to write a study: `activations`, `advise`, `init`, `schema`."""

from pathlib import Path
from typing import Annotated

import typer

from sweeper.command_line import command_line
from sweeper.commands.console import say
from sweeper.commands.options import (
    REPORTS,
    RUNS,
    JsonOption,
    ReportsOption,
    RunsOption,
    SetOption,
    StudyArgument,
)
from sweeper.to_json import to_json

# loaded late: what a command needs, so that the others start without it


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


def advise(
    study: StudyArgument,
    runs: RunsOption = RUNS,
    reports: ReportsOption = REPORTS,
    assignments: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Advise what to search and why, before any training, from theory, data and model.

    Folders are named in the commands that it prints.
    """
    from sweeper.asked import advice_on, load_study
    from sweeper.report.advice import Asked
    from sweeper.report.advice.facts import looked_at
    from sweeper.report.advice.show import text, to_dict
    from sweeper.study.command_line import places
    from sweeper.training.initialize import initialize_worker
    from sweeper.training.pool.local import local_pool

    given = tuple(assignments or ())
    with local_pool(1, initialize_worker) as pool:
        asked = load_study(pool, study, given)
        asked.lies_in(runs, reports)
        how = Asked(study, given, tuple(places(asked, "run")))
        advice = (advice_on(pool, asked), how, asked.name, looked_at(asked))
    say(to_json(to_dict(*advice)) if as_json else text(*advice, asked.search.objective))


def init(path: Annotated[Path, typer.Argument(metavar="PATH", help="The study file to write.")]) -> None:
    """Write a study file with comments as a starting point."""
    from sweeper.study.template import write_template

    file = write_template(path)
    say(f"wrote {file}; run it with: {command_line(['sweeper', 'run', str(file)])}")


def schema() -> None:
    """Print a JSON Schema of study files, for editors."""
    from sweeper.study.schema import study_schema

    say(to_json(study_schema()))
