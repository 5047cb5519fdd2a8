"""Where and on what a run trains."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from sweeper.data.data import Data
from sweeper.training import provenance
from sweeper.training.pool.machine import processor
from sweeper.training.provenance import commit, data_hash
from sweeper.version import versions


def test_the_hash_of_data_is_that_of_its_values() -> None:
    """Equal rows have equal hashes; one other value, order or type changes it."""
    x, y = np.arange(6.0).reshape(3, 2), np.array([0, 1, 0])
    known = data_hash(Data(x, y, ("a", "b")))
    assert known == data_hash(Data(x.copy(), y.copy(), ("a", "b")))
    others = [(x[::-1], y), (x, y[::-1] + 1), (x.astype("float32"), y)]
    assert len({known, *(data_hash(Data(a, b, None)) for a, b in others)}) == 4
    assert len(known) == 12


def test_data_whose_padding_stays_are_others_than_before_it_did() -> None:
    """A run that was begun when padding was standardized does not go on; the sum of others is as it was."""
    x, y = np.zeros((6, 4, 2)), np.arange(6)
    x[:, :2] = 1.5

    def plain_sum(*arrays: np.ndarray) -> str:
        digest = hashlib.sha256()
        for array in (*arrays, y):
            digest.update(f"{array.dtype} {array.shape}".encode() + array.tobytes())
        return digest.hexdigest()[:12]

    for beside, other in ((np.full(6, 2), True), (np.full(6, 4), False), (np.arange(6.0), False)):
        found = data_hash(Data((x, beside), y, ("a", "b")))
        assert (found != plain_sum(x, beside)) is other


def test_the_processor_is_named_where_the_system_tells(tmp_path: Path) -> None:
    """From the list of processors; else what Python knows."""
    file = tmp_path / "cpuinfo"
    file.write_text("processor : 0\nmodel name\t: Zen 5\nmodel name : Zen 5\n")
    assert processor(file) == "Zen 5"
    assert isinstance(processor(tmp_path / "none"), str)
    assert versions().startswith("Python 3")


def test_a_folder_without_git_has_no_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No repository, or no git at all: nothing is said, and nothing raises."""
    assert commit(tmp_path) == ""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commit(tmp_path) == ""


def test_changes_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tree with changed files is said to have them."""
    answers = {"rev-parse": "3f2a91c", "status": " M a.py"}
    monkeypatch.setattr(provenance, "_git", lambda folder, word, *rest: answers[word])
    assert commit(Path()) == "3f2a91c and changes"
    answers["status"] = ""
    assert commit(Path()) == "3f2a91c"
