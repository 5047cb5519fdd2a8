"""Commands name the folders of runs and reports where these are not the usual ones."""

from pathlib import Path

import pytest

from sweeper.study.command_line import of_run, run_again
from sweeper.study.study import Study


@pytest.mark.parametrize(
    ("command", "runs", "reports"),
    [("run", True, True), ("transfer", True, True), ("advise", True, True), ("lr-range", False, False)],
)
def test_a_command_names_the_folders_that_it_takes(command: str, runs: bool, reports: bool) -> None:
    """``--runs`` and ``--reports`` as they were given, quoted for the shell; not the usual ones."""
    study = Study.load("digits")
    study.lies_in(Path("my runs"), Path("out"))
    said = run_again(study, "search.trials=9", command=command)
    assert said.startswith(f"sweeper {command} digits --set search.trials=9")
    assert (" --runs 'my runs'" in said, " --reports out" in said) == (runs, reports)
    study.lies_in(Path("runs"), Path("reports"))
    assert run_again(study, command=command) == f"sweeper {command} digits"


def test_commands_on_a_run() -> None:
    """The run's name, and where it lies."""
    study = Study.load("digits")
    study.lies_in(runs=Path("elsewhere"))
    assert of_run(study, "best", "--python") == "sweeper best digits --python --runs elsewhere"
    assert of_run(study, "report") == "sweeper report digits --runs elsewhere"
    study.lies_in(reports=Path("pages"))
    assert of_run(study, "best") == "sweeper best digits --runs elsewhere"
    assert of_run(study, "compare", "other").endswith("other --runs elsewhere --reports pages")
