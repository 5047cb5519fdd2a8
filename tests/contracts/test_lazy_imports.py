"""The command line answers before torch has loaded."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["sweeper.cli", "sweeper.study.study", "sweeper.records.store"])
def test_torch_is_imported_when_it_is_needed(module: str) -> None:
    """Commands that only read a run or print help do not wait for torch."""
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=120).returncode == 0
