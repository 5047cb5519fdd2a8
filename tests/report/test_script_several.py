"""The script of the winner with several inputs: what it cannot read."""

from pathlib import Path

import pytest
from script_cases import case, study_of
from several_cases import user, write_several

from sweeper.errors import UserError
from sweeper.report.script import script


@pytest.mark.parametrize("unlike", ["unlike", "lists"])
def test_what_a_script_cannot_read_is_said(tmp_path: Path, unlike: str) -> None:
    """Items that take padding are read by the sweep alone."""
    write_several(tmp_path)
    sections, parameters = case({}, data=user(unlike), model=user("mixed"), loss="mse")
    with pytest.raises(UserError, match="takes more to read than a script holds"):
        script(study_of(sections, tmp_path), parameters, 3)
