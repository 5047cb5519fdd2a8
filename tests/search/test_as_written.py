"""A changed digit in Optuna's journal is valid JSON: it is noticed, and changes no number of a run."""

import json
import math
from pathlib import Path

import pytest
from made_up import MIXED, bowl, known, study

from sweeper.search import explore
from sweeper.search.as_written import CHECKSUM, checksum, journal_findings
from sweeper.search.journal import open_journal
from sweeper.search.storage import StudyStorage
from sweeper.search.trial_summary import TrialSummary
from sweeper.trial import Outcome

SPACE = study(MIXED).space


@pytest.fixture
def trials() -> dict[int, TrialSummary]:
    """Six, one of them diverged and one pruned."""
    points = explore.points(SPACE, (), 6, 0, "random")
    values = {n: math.inf if n == 2 else bowl(point) for n, point in enumerate(points)}
    return {n: known(n, p, values[n], {3: Outcome.PRUNED}.get(n)) for n, p in enumerate(points)}


@pytest.fixture
def journal(tmp_path: Path, trials: dict[int, TrialSummary]) -> Path:
    """The journal of these trials."""
    StudyStorage("made-up", SPACE, None, tmp_path / "journal.log", {}, "validation_loss").add(trials.values())
    return tmp_path / "journal.log"


def changed(journal: Path, number: int, **values: object) -> None:
    """Other values in the line of a trial."""
    lines = journal.read_text("utf-8").splitlines()
    lines[number + 1] = json.dumps({**json.loads(lines[number + 1]), **values})
    journal.write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_a_sound_journal_has_no_findings(journal: Path) -> None:
    """Nor one that is not there, that was torn a moment ago, or whose trials have no checksums."""
    assert journal_findings(journal) == ()
    assert journal_findings(journal.with_name("other")) == ()
    text = journal.read_text("utf-8")
    journal.write_text(text + '{"op_code":4,"val', encoding="utf-8")
    assert journal_findings(journal) == ()
    journal.write_text(text.replace(f'"{CHECKSUM}"', '"other"'), encoding="utf-8")
    changed(journal, 0, value=3.0)
    assert journal_findings(journal) == ()


def test_a_change_in_a_journal_of_an_earlier_release_is_mended_too(
    journal: Path, trials: dict[int, TrialSummary]
) -> None:
    """It has no checksums and still opens; the next run compares it with the records and writes it anew."""
    journal.write_text(journal.read_text("utf-8").replace(f'"{CHECKSUM}"', '"other"'), encoding="utf-8")
    assert StudyStorage("made-up", SPACE, None, journal, trials, "validation_loss").notes == []
    changed(journal, 0, value=3.0)
    (note,) = StudyStorage("made-up", SPACE, None, journal, trials, "validation_loss").notes
    assert "did not fit the records; written anew" in note
    assert open_journal(journal).get_all_trials(0)[0].value == trials[0].objective


@pytest.mark.parametrize(
    ("number", "values"),
    [(0, {"value": 0.125}), (2, {"value": 1.0}), (3, {"state": 1}), (4, {"intermediate_values": {"0": 1.0}})],
)
def test_a_changed_number_is_named_and_written_anew(
    journal: Path, trials: dict[int, TrialSummary], number: int, values: dict[str, object]
) -> None:
    """From the records; what was there is kept beside."""
    changed(journal, number, **values)
    (found,) = journal_findings(journal)
    done = "the records count; the next run writes it anew from them"
    assert str(found) == f"{journal}: trial {number} is not as written; {done}"
    storage = StudyStorage("made-up", SPACE, None, journal, trials, "validation_loss")
    (note,) = storage.notes
    assert note.startswith(f"{journal}: {found.problem}; written anew, kept as journal.log.aside-")
    assert journal_findings(journal) == ()
    assert len(open_journal(journal).get_all_trials(0)) == 6


def test_many_are_counted_and_strange_lines_are_named(journal: Path) -> None:
    """One message in either case."""
    for number in range(6):
        changed(journal, number, value=3.0)
    assert journal_findings(journal)[0].problem == "trials 0, 1, 2, 3, 4 and 1 more are not as written"
    journal.write_text(journal.read_text("utf-8") + "{}\n", encoding="utf-8")
    assert journal_findings(journal)[0].problem == "line 8 was not written by Optuna"


def test_numbers_count_to_twelve_digits() -> None:
    """As databases keep them; infinity and nothing are told apart."""
    said = [checksum(1, value, {}, {}) for value in (0.1, 0.1 + 1e-15, 0.1 + 1e-9, math.inf, None)]
    assert said[0] == said[1]
    assert len(set(said)) == 4
