"""What a run has still to do, where it was interrupted: said on the card, and the next step does it."""

import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from quick_runs import without_workers
from whole_runs import run, study

from sweeper.report.card import card
from sweeper.result import Result, load_result

OVER = "the race of the finalists is not over"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A finished run, with two finalists on three fresh seeds each."""
    with without_workers():
        return run(tmp_path_factory.mktemp("whole"), study())


def kept(whole: Result, trials: "pd.Series[bool]") -> str:
    """What is missing where only these trainings are on record."""
    return replace(whole, records=replace(whole.records, trials=whole.trials[trials]))._unfinished()


def test_a_finished_run_has_nothing_to_do(whole: Result) -> None:
    """Neither has a search with a time limit, or over few values, that has fewer trials than asked for."""
    assert whole.answer is not None
    assert (whole._unfinished(), whole.answer.unfinished) == ("", "")
    fewer = whole.trials["trial"] < 10
    for search in (
        {"minutes": 5.0},
        {"space": {"optimizer": ["sgd"], "learning_rate": [0.1, 0.2, 0.3]}},
    ):
        asked = study(search=search)
        limited = replace(whole, study=asked, records=replace(whole.records, trials=whole.trials[fewer]))
        assert "trials of the search" not in limited._unfinished()


def test_what_an_interrupted_run_has_to_do(whole: Result) -> None:
    """The first of: the search, the race, the script."""
    trials, confirm = whole.trials, whole.trials["phase"] == "confirm"
    assert kept(whole, trials["trial"] < 7) == "7 of 12 trials of the search are done"
    assert kept(whole, ~confirm) == "the finalists are not retrained yet"
    for seeds in (1, 2):
        assert kept(whole, ~confirm | (trials["seed"] <= whole.study.search.seed + seeds)) == OVER


def test_the_card_says_so_and_goes_on(whole: Result, tmp_path: Path) -> None:
    """One warning in place of that on test scores; no script is offered that is not there."""
    folder = tmp_path / "runs" / "tiny"
    shutil.copytree(whole.folder, folder)
    (folder / "best.py").unlink()
    (folder / "test.json").unlink()
    found = load_result(whole.study, folder)
    assert found.answer is not None
    assert found.answer.unfinished == "the winner's script is not written yet"
    shown = card(found.study, found.answer, found.trials)
    assert shown.next_step.text.startswith("Finish the run: the winner's script is not written yet")
    assert shown.next_step.command.startswith("sweeper run ")
    (warning,) = [text for text in shown.warnings if "finished" in text or "on record" in text]
    assert warning.startswith("The run is not finished: the winner's script is not written yet.")
    with without_workers():
        again = run(tmp_path, whole.study)
    assert again.answer is not None
    assert again.answer.unfinished == ""
