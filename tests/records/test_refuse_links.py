"""A report goes to folders of its own, never through a link into somebody else's."""

from pathlib import Path

import pytest
from report_inputs import made_input
from synthetic_records import SyntheticRecords

from sweeper.errors import RunFolderError
from sweeper.records.atomic import refuse_no_folder
from sweeper.records.run_folder import open_run
from sweeper.report.page import write
from sweeper.search.storage import StudyStorage
from sweeper.study.study import Study


@pytest.mark.parametrize("link", ["", "figures", "tables"])
def test_no_report_is_written_through_a_link(link: str, records: SyntheticRecords, tmp_path: Path) -> None:
    """The folder and its parts are refused as links, and what they lead to stays as it was."""
    foreign, folder = tmp_path / "foreign", tmp_path / "report"
    foreign.mkdir()
    (foreign / "history.png").write_text("mine", encoding="utf-8")
    (foreign / "index.html").write_text("mine", encoding="utf-8")
    if link:
        folder.mkdir()
    (folder / link if link else folder).symlink_to(foreign)
    with pytest.raises(RunFolderError, match="is a symbolic link, and files are replaced and deleted there"):
        write(made_input(records), folder)
    assert {file.read_text(encoding="utf-8") for file in foreign.iterdir()} == {"mine"}
    assert len(list(foreign.iterdir())) == 2


@pytest.mark.parametrize("name", ["lock", "records"])
def test_a_run_takes_no_link_for_its_own(name: str, tmp_path: Path) -> None:
    """A lock or records that somebody made a link; what it leads to stays as it was."""
    foreign, study = tmp_path / "foreign", Study(name="linked")
    foreign.mkdir()
    with open_run(study, tmp_path, fresh=False) as folder:
        pass
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(foreign / "lock" if name == "lock" else foreign)
    with (
        pytest.raises(RunFolderError, match=f"{name} is a symbolic link"),
        open_run(study, tmp_path, fresh=False),
    ):
        pass
    assert list(foreign.iterdir()) == []


def test_a_journal_that_is_a_link_is_written_anew(tmp_path: Path) -> None:
    """The link is put aside, and what it leads to is neither cut nor appended to."""
    (tmp_path / "foreign").write_text("mine", encoding="utf-8")
    (tmp_path / "journal.log").symlink_to("foreign")
    StudyStorage("linked", Study(name="linked").space, None, tmp_path / "journal.log", {}, "validation_loss")
    assert (tmp_path / "foreign").read_text(encoding="utf-8") == "mine"
    assert not (tmp_path / "journal.log").is_symlink()


def test_a_file_in_the_way_of_a_report_is_found_first(tmp_path: Path) -> None:
    """At its place or above it; a folder that is not there yet can be made."""
    (tmp_path / "file").touch()
    for place in ("file", "file/report", "file/below/report"):
        with pytest.raises(
            RunFolderError, match=r"file is no folder, so no report can be written to .*--reports"
        ):
            refuse_no_folder(tmp_path / place)
    refuse_no_folder(tmp_path / "new" / "report")
    refuse_no_folder(tmp_path)
