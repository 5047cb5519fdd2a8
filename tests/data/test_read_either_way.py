"""Numbers of a table whose points may stand between thousands or before decimals."""

from pathlib import Path

import pytest

from sweeper.data.load import load
from sweeper.errors import DataError


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (
            ["7.730", "1.139", "814"] * 4,
            "read with decimal points, '7.730' as 7.73; if the points stand between",
        ),
        (
            ["7,730", "1.139", "4.780"] * 4,
            "read with decimal commas, '1.139' as 1139; if the points stand before",
        ),
        (
            ["7,730", "1,139", "814"] * 4,
            "read with decimal commas, '7,730' as 7.73; if the commas stand between",
        ),
        (["7,730", "1,139", "4,780"] * 4, ""),
        (["7,73", "1,139", "814"] * 4, ""),
        (["0,730", "1,139", "814"] * 4, ""),
        (["7.730,5", "1.139", "4.780"] * 4, ""),
        (["0.730", "1.139", "4.780"] * 4, ""),
        (["7.73", "1.139", "814"] * 4, ""),
    ],
)
def test_points_that_can_be_read_either_way_are_told(tmp_path: Path, cells: list[str], said: str) -> None:
    """In a file with decimal commas: as thousands the numbers are others; of a target it is a mistake."""
    file = tmp_path / "t.csv"
    rows = "\n".join(f"{cell};{k},5;{k % 2}" for k, cell in enumerate(cells))
    file.write_text(f"a;b;y\n{rows}\n", encoding="utf-8")
    column = load(str(file), target="y").columns[0]
    assert column.note.startswith(said)
    assert bool(column.note) == bool(said)
    if not said:
        return
    file.write_text(f"a;b;y\n{rows}\n".replace("a;b;y", "y;b;a"), encoding="utf-8")
    with pytest.raises(DataError, match="write a comma before decimals, nothing between thousands"):
        load(str(file), target="y", loss_task="regression")
