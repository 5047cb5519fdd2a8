"""A function's print is another one where what it computes may have changed, and only there."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from sweeper.user_code.code_print import code_print

NET = '''"""A model."""
import torch
from torch import nn

WIDTH = 8
RATES = (0.1, 0.2)
SEEN = []
DEVICE, FILE = "cpu", "/data/x.pt"
calls = 0


def scaled(x):
    """Twice as much."""
    return x * 2


class Part(nn.Module):
    slope = 0.1

    def forward(self, x):
        return scaled(x) * self.slope + RATES[0]


class Net(nn.Module):
    def __init__(self, out, width=WIDTH):
        super().__init__()
        self.part = Part()
        self.last = nn.Linear(width, out)

    def forward(self, x):
        global calls
        calls += 1
        SEEN.append(1)
        return self.last(self.part(torch.relu(x)).to(DEVICE)), FILE


def other():
    return 1
'''


def print_of(text: str, name: str = "Net") -> str:
    """The print of a name in a module of this text."""
    module = ModuleType("net")
    module.__file__ = "/somewhere/net.py"
    code = compile(text, module.__file__, "exec")
    sys.modules["net"] = module
    exec(code, module.__dict__)
    return code_print(vars(module)[name])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("torch.relu(x)", "torch.tanh(x)"),
        ("x * 2", "x * 3"),
        ("slope = 0.1", "slope = 0.2"),
        ("RATES = (0.1, 0.2)", "RATES = (0.3, 0.2)"),
        ("width=WIDTH", "width=4"),
        ("WIDTH = 8", "WIDTH = 16"),
        ("self.part = Part()", "self.part = nn.Tanh()"),
        ("class Part(nn.Module)", "class Part(nn.Identity)"),
    ],
)
def test_what_is_computed_counts(old: str, new: str) -> None:
    """Instructions, constants, defaults, attributes, base classes, and what all of these name."""
    assert NET.replace(old, new) != NET
    assert print_of(NET.replace(old, new)) != print_of(NET)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""A model."""', "# a model\n\n\n"),
        ('"""Twice as much."""', '"""Two times."""'),
        ("return 1", "return 2"),
        ("calls = 0", "calls = 7"),
        ("SEEN = []", "SEEN = [1, 2]"),
        ('DEVICE, FILE = "cpu", "/data/x.pt"', 'DEVICE, FILE = "cuda:0", "D:\\\\x.pt"'),
    ],
)
def test_what_changes_no_number_does_not_count(old: str, new: str) -> None:
    """Comments, lines, docstrings, functions that nobody calls, state that a run changes, and names of files
    and devices, which are others on another machine."""
    assert NET.replace(old, new) != NET
    assert print_of(NET.replace(old, new)) == print_of(NET)


def test_another_process_finds_the_same(tmp_path: Path) -> None:
    """Whatever its order of sets."""
    more = "KINDS = frozenset({'a', 'b', 'c'})\n\ndef pick(x):\n    return x in {'p', 'q', 'r'}, KINDS\n"
    (tmp_path / "net.py").write_text(NET + more, encoding="utf-8")
    ask = (
        "from sweeper.user_code.code_print import code_print as c; import net; print(c(net.Net), c(net.pick))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", ask],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[2]}"},
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(found) == 1


@pytest.mark.parametrize("thing", [len, print, object(), 3, None, [1], {"a": 1}, int], ids=range(8))
def test_whatever_is_given_has_one(thing: Any) -> None:
    """Built-in functions, values and objects too."""
    assert len(code_print(thing)) == 12
