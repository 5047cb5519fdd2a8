"""Code that tests of machine code compile is kept in a folder of each test."""

from pathlib import Path

import pytest

from sweeper.data import disk


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(disk.PLACE, str(tmp_path))
