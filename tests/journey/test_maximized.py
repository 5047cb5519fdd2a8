"""A run that ranks by a score: everything that shows or takes over its trials knows that higher is better."""

import html
from pathlib import Path
from unittest import mock

import optuna
import pandas as pd
import pytest
from quick_runs import quick, without_workers
from whole_runs import copied_to_optuna, run, study

from sweeper.commands.export.optuna import OPTUNA
from sweeper.journey import earlier_trials
from sweeper.report import page as page_module
from sweeper.report.card import card
from sweeper.result import Result

HIGHER = study(search={"objective": "validation_accuracy"})


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """Twelve trials ranked by their accuracy."""
    with without_workers():
        return run(tmp_path_factory.mktemp("higher"), HIGHER)


def objectives(result: Result) -> list[float]:
    """Of the trials of the search, by number."""
    search = result.trials[result.trials["phase"] != "confirm"].sort_values("trial")
    return [float(value) for value in search["objective"]]


def test_the_highest_are_confirmed(result: Result) -> None:
    """The records hold the score itself; the finalists are those that scored most."""
    found = objectives(result)
    assert 0 < max(found) <= 1
    assert result.answer is not None
    confirmed = set(result.trials.query("phase == 'confirm'")["trial"])
    search = result.trials[result.trials["phase"] != "confirm"].set_index("trial")["objective"]
    assert max(float(search[trial]) for trial in confirmed) == max(found)


def test_studies_of_optuna_are_maximised(result: Result, tmp_path: Path) -> None:
    """The journal, `Result.optuna_study` and an export hold the recorded scores, higher being better."""
    copied_to_optuna(result)
    address = f"sqlite:///{tmp_path / 'out.db'}"
    OPTUNA.write(result, address, lambda line: None)
    for made in (result.optuna_study, optuna.load_study(study_name="tiny", storage=address)):
        assert made.direction == optuna.study.StudyDirection.MAXIMIZE
        assert [trial.value for trial in made.trials] == pytest.approx(objectives(result), nan_ok=True)


def test_page_and_terminal_say_the_same(result: Result, tmp_path: Path) -> None:
    """The card on the page is made of the records, in which nothing is turned round."""
    with quick(), mock.patch.object(page_module, "card", wraps=card) as asked:
        text = html.unescape(result.report(tmp_path).read_text(encoding="utf-8"))
    page = " ".join(text.split())  # also spaces at which no line breaks
    pd.testing.assert_frame_equal(asked.call_args.args[2], result.trials)
    told = card(result.study, result.answer, result.trials)
    assert "highest" in told.lead
    assert " ".join(told.lead.split()) in page
    for fact in told.facts:
        assert " ".join(fact.meaning.split()) in page


def test_what_is_taken_over_is_ranked_alike(result: Result, tmp_path: Path) -> None:
    """Another study that learns from the run sees the shortfall from 1, lower being better."""
    taken = earlier_trials(HIGHER, tmp_path, str(result.folder), fresh=False)
    assert taken is not None
    assert [trial.objective for trial in taken.trials] == pytest.approx(
        [1 - value for value in objectives(result)], nan_ok=True
    )
