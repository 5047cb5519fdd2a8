"""Imports without the garbage collector, which never looks again at what they leave."""

import gc
import subprocess
import sys
from importlib import import_module

import pytest

from sweeper.loading import loading

AHEAD = """
import gc, sys
from sweeper.loading import load_ahead, loading

load_ahead("colorsys")
print("colorsys" in sys.modules, gc.get_freeze_count())
with loading():
    pass
before = gc.get_freeze_count()
load_ahead("mailbox")
print(gc.get_freeze_count() > before > 0, gc.isenabled())
"""


def test_the_collector_rests_while_modules_load() -> None:
    """It is as it was afterwards, also where loading fails, and what is there is frozen."""
    try:
        with pytest.raises(ModuleNotFoundError), loading():
            import_module("sweeper.no_such_module")
        assert gc.isenabled()
        assert gc.get_freeze_count() > 0
        gc.disable()
        with loading():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
        gc.unfreeze()


def test_nothing_is_frozen_in_a_process_of_somebody_else() -> None:
    """A module that is loaded ahead is frozen where others were, and nowhere else."""
    done = subprocess.run([sys.executable, "-c", AHEAD], capture_output=True, text=True, timeout=60)
    assert done.stdout == "True 0\nTrue True\n", done.stderr
