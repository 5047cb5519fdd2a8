"""A report goes to folders of its own, never through a link into somebody else's."""

from pathlib import Path

import pytest
from report_inputs import made_input
from synthetic_records import SyntheticRecords

from sweeper.errors import RunFolderError
from sweeper.report.page import write


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
    with pytest.raises(RunFolderError, match="is a symbolic link, and a report replaces and deletes files"):
        write(made_input(records), folder)
    assert {file.read_text(encoding="utf-8") for file in foreign.iterdir()} == {"mine"}
    assert len(list(foreign.iterdir())) == 2
