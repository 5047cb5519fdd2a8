"""What pages of many kinds of runs say is computed once for all processes."""

import os

import pytest
import run_kinds


@pytest.fixture(scope="session", autouse=True)
def _kinds_are_shared(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Each process finds what another one has computed."""
    root = tmp_path_factory.getbasetemp()
    folder = (root.parent if "PYTEST_XDIST_WORKER" in os.environ else root) / "run-kinds"
    folder.mkdir(exist_ok=True)
    run_kinds.SHARED[:] = [folder]
