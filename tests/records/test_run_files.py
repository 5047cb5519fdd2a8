"""Plan and test scores: what was written is read, and what is no such thing is named."""

from pathlib import Path

import pytest

from sweeper.records.run_files import PLAN, TEST, lost_records, read_json, write_json, write_test

A_PLAN = {"engine": "reference", "slots": 1, "processes": 2, "line": "one by one", "asked": {"jobs": 2}}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """The checksum is no part of it; nothing is wrong with a file that is not there."""
    assert PLAN.read(tmp_path) == TEST.read(tmp_path) == (None, None)
    PLAN.write(tmp_path, A_PLAN)
    assert PLAN.read(tmp_path)[0] == A_PLAN
    write_test(tmp_path, 3, {4: {"loss": 0.5}})
    assert TEST.read(tmp_path)[0] == {"trial": 3, "seeds": [4], "scores": [{"loss": 0.5}]}


def test_a_changed_digit_is_noticed(tmp_path: Path) -> None:
    """Though the file is sound JSON of the right shape."""
    file = tmp_path / "test.json"
    write_test(tmp_path, 3, {4: {"loss": 0.5}})
    file.write_text(file.read_text(encoding="utf-8").replace("0.5", "0.1"), encoding="utf-8")
    found, finding = TEST.read(tmp_path)
    assert found is None
    assert str(finding) == f"{file}: has changed since it was written; left out"


def test_records_that_are_gone_are_told_from_those_that_have_not_begun(tmp_path: Path) -> None:
    """An empty folder beside the scores of a winner, or none beside a journal; a new run has an empty one."""
    assert lost_records(tmp_path, any_left=False) is None
    (tmp_path / "journal.log").touch()
    assert str(lost_records(tmp_path, any_left=False)).startswith(f"{tmp_path / 'records'}: is missing")
    (tmp_path / "records").mkdir()
    assert lost_records(tmp_path, any_left=False) is None
    write_test(tmp_path, 3, {4: {"loss": 0.5}})
    assert "is empty, though the run has a winner" in str(lost_records(tmp_path, any_left=False))
    assert lost_records(tmp_path, any_left=True) is None


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is incomplete or not JSON"),
        (b'{"trial": 3, "se', "is incomplete or not JSON"),
        (b"\xff\xfe\x00", "is incomplete or not JSON"),
        (b"[" * 100_000, "is incomplete or not JSON"),
        (b"[]", "holds something else"),
        (b"{}", "holds something else"),
        (b'{"trial": "3", "seeds": [4], "scores": []}', "holds something else"),
        (b'{"trial": 3, "seeds": 4, "scores": []}', "holds something else"),
        (b'{"trial": 3, "seeds": [4], "scores": [{"loss": "low"}]}', "holds something else"),
        (b'{"trial": 3, "seeds": [4], "scores": [{"loss": NaN}]}', "holds something else"),
        (b'{"trial": 3, "seeds": [4], "scores": [{}, {}]}', "holds something else"),
    ],
)
def test_damage_is_named(tmp_path: Path, content: bytes, problem: str) -> None:
    """Torn, empty, of another type, of another shape."""
    (tmp_path / "test.json").write_bytes(content)
    found, finding = TEST.read(tmp_path)
    assert found is None
    assert finding is not None
    assert finding.problem == problem


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    """A folder, a link to itself, a link that leads nowhere."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "nowhere").symlink_to("gone")
    problems = [read_json(tmp_path / name, lambda _: True)[1] for name in ("folder", "loop", "nowhere")]
    assert [p.problem for p in problems if p is not None] == [
        "cannot be read: Is a directory",
        "cannot be read: Too many levels of symbolic links",
        "leads nowhere",
    ]


def test_files_of_earlier_releases_are_read(tmp_path: Path) -> None:
    """They have no checksum."""
    (tmp_path / "plan.json").write_text(
        '{"engine": "fused", "slots": 8, "processes": 1, "line": "", "asked": {}}', encoding="utf-8"
    )
    assert (PLAN.read(tmp_path)[0] or {})["slots"] == 8
    write_json(tmp_path / "plan.json", {**A_PLAN, "slots": "8"})
    assert PLAN.read(tmp_path)[0] is None
