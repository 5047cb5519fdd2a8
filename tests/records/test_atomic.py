"""Files that are whole or as they were; temporary files that nobody can use against us."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sweeper.records import atomic
from sweeper.records.atomic import beside, is_temporary, set_aside, write_atomically


def test_content_takes_the_place_of_what_was_there(tmp_path: Path) -> None:
    """Bytes as they are, text as UTF-8 with plain newlines; nothing else is left."""
    for content, bytes_ in (("é\n", b"\xc3\xa9\n"), (b"\x00\r\n", b"\x00\r\n")):
        write_atomically(tmp_path / "file", content)
        assert (tmp_path / "file").read_bytes() == bytes_
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("what", ["open", "write", "fsync", "replace"])
def test_a_failure_leaves_the_old_content_and_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """At each step; no temporary file stays."""
    file = tmp_path / "file"
    file.write_text("old", encoding="utf-8")

    def full(*arguments: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, what, full)
        with pytest.raises(OSError, match="No space left on device") as caught:
            write_atomically(file, "new")
    assert caught.value.filename == str(file)
    assert file.read_text(encoding="utf-8") == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_what_the_system_takes_in_pieces_is_written_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write may be short."""
    original = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, content: original(descriptor, content[:3]))
    write_atomically(tmp_path / "file", b"0123456789")
    assert (tmp_path / "file").read_bytes() == b"0123456789"


KILLED = """
import os, sys
from pathlib import Path
from sweeper.records import atomic
os.fsync = lambda descriptor: os._exit(9)
atomic.write_atomically(Path(sys.argv[1]), "half")
"""


def test_what_a_killed_process_left_goes_with_the_next_write(tmp_path: Path) -> None:
    """Of any file of the folder; files of other names stay."""
    (tmp_path / "notes.tmp").touch()
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "a")], check=False, timeout=120)
    left = [name for name in os.listdir(tmp_path) if is_temporary(name)]
    assert len(left) == 1
    write_atomically(tmp_path / "b", "content")
    assert sorted(os.listdir(tmp_path)) == ["b", "notes.tmp"]


@pytest.mark.skipif(os.name != "posix", reason="Windows keeps open files by itself")
def test_what_a_living_process_writes_stays(tmp_path: Path) -> None:
    """Another write, or another process, leaves it alone."""
    path, descriptor = atomic._create(tmp_path / "a")
    write_atomically(tmp_path / "b", "content")
    assert os.path.exists(path)
    os.close(descriptor)
    write_atomically(tmp_path / "b", "content")
    assert not os.path.exists(path)


@pytest.mark.skipif(os.name != "posix", reason="links")
def test_links_are_neither_followed_nor_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One in the place of the file is replaced; one under a temporary file's name harms nothing."""
    victim = tmp_path / "victim"
    victim.write_text("mine", encoding="utf-8")
    (tmp_path / "file").symlink_to(victim)
    (tmp_path / f"file.{'0' * 16}.tmp").symlink_to(victim)
    words = iter(["0" * 16, "1" * 16])
    monkeypatch.setattr(atomic.secrets, "token_hex", lambda count: next(words))
    with pytest.raises(FileExistsError):
        write_atomically(tmp_path / "file", "new")
    write_atomically(tmp_path / "file", "new")
    assert (tmp_path / "file").read_text(encoding="utf-8") == "new"
    assert not (tmp_path / "file").is_symlink()
    assert victim.read_text(encoding="utf-8") == "mine"


def test_names_beside_are_free(tmp_path: Path) -> None:
    """Also where many are taken in one second, and where links lead nowhere."""
    taken = {beside(tmp_path / "file", "aside").name for _ in range(3)}
    for _ in range(5):
        (tmp_path / "file").touch()
        taken.add(set_aside(tmp_path / "file").name)
    assert len(os.listdir(tmp_path)) == 5
    (beside(tmp_path / "file", "aside")).symlink_to("nowhere")
    assert not os.path.lexists(beside(tmp_path / "file", "aside"))
