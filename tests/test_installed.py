"""What is installed, as far as a process may see."""

import sys
from types import ModuleType
from typing import Any

import pytest

from sweeper.loading import is_installed


class Forbids:
    """A hook that lets nobody have a module."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name == "forbidden":
            raise ImportError("not here")


def test_a_module_that_cannot_be_had_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing, forbidden by a hook, or set aside: none of these may end a run that can do without it."""
    monkeypatch.setattr(sys, "meta_path", [Forbids(), *sys.meta_path])
    monkeypatch.setitem(sys.modules, "bare", ModuleType("bare"))
    sys.modules["bare"].__spec__ = None
    assert is_installed("json")
    assert not any(map(is_installed, ("no_such_module_here", "forbidden", "bare")))
