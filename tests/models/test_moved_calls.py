"""Scripts of models that call activation functions outlive edits of the model's file."""

import contextlib
import importlib
import io
import linecache
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from equivalence import by_reference, numbered, task_of
from printed_curves import curve_in, recorded

from sweeper.errors import UserError
from sweeper.report.script import script

pytestmark = pytest.mark.usefixtures("one_thread")
NET = """import torch
from torch import nn
from torch.nn import functional as F


class Net(nn.Module):
    def __init__(self, in_features, out_features):
        super().__init__()
        self.a, self.b = nn.Linear(in_features, 4), nn.Linear(4, 4)
        self.c, self.out = nn.Linear(4, 4), nn.Linear(4, out_features)

    def act(self, x):
        return F.elu(x)

    def forward(self, x):
        h = F.relu(self.b(F.relu(self.a(x))))
        h = self.act(self.c(h).tanh() + 1)
        return self.out(self.act(h))
"""
Edit = Callable[[str], str]
CURVE = dict[tuple[int, str], float]


def curve_of(text: str) -> CURVE:
    """What a script prints, with the model's file as it is now."""
    sys.modules.pop("moved_net", None)
    importlib.invalidate_caches()
    linecache.checkcache()
    scope: dict[str, Any] = {"__name__": "script"}
    exec(compile(text, "best.py", "exec"), scope)
    with contextlib.redirect_stdout(said := io.StringIO()):
        scope["main"](seed=0, test=False, save=None)
    return curve_in(said.getvalue())


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module of the user's."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.delitem(sys.modules, "moved_net", raising=False)
    (tmp_path / "moved_net.py").write_text(NET)
    return tmp_path / "moved_net.py"


def script_and_curve(**parameters: Any) -> tuple[str, CURVE]:
    """The script of a short training, and what was recorded."""
    space = {"activation": ["tanh", "prelu"], "activation_penalty": {"low": 0.01, "high": 1.0}}
    task = task_of(model={"source": "moved_net:Net"}, space=space, steps=2, evaluations=2, batch_size=8)
    (trial,) = numbered([{"optimizer": "adam", "learning_rate": 0.01, **parameters}])
    text = script(task.study, trial.parameters, trial.seed, data=task.data)
    return text, recorded(by_reference(task, trial).result)


def test_edits_that_leave_the_calls_change_nothing(file: Path) -> None:
    """Lines above, other calls in the method, line breaks in the call, a new method: equal numbers."""
    text, curve = script_and_curve(activation="prelu")
    assert curve_of(text) == curve
    for edit in (
        lambda code: code.replace("class Net", "WIDTH = 4\n\n\nclass Net"),
        lambda code: code.replace(
            "        h = F.relu",
            "        # to features\n        x = x.contiguous().clone()\n        h = F.relu",
        ),
        lambda code: code.replace("F.relu(self.b(F", "F.relu(\n            self.b(F").replace(
            "))))", ")))\n        )"
        ),
        lambda code: code.replace(
            "    def act", "    def other(self, x):\n        return F.relu(x)\n\n    def act"
        ),
        lambda code: code.replace("h)", "k)").replace(" h = ", " k = "),
    ):
        file.write_text(edit(NET))
        assert file.read_text() != NET
        assert curve_of(text) == curve
    file.write_text(NET)
    own, curve = script_and_curve(activation_penalty=0.1)
    file.write_text("\n" + NET)
    assert curve_of(own) == curve


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "h = F.relu(self.b",
            "h = F.gelu(self.b",
            "Net.forward had 2 calls of relu and has 1 now; it calls gelu, relu, tanh",
        ),
        (".tanh()", "", "Net.forward had 1 call of tanh and has none now; it calls relu"),
        (
            "        h = F",
            "        x = F.relu(x)\n        h = F",
            "Net.forward had 2 calls of relu and has 3 now; it calls relu, tanh",
        ),
        ("F.elu", "F.celu", "Net.act had 1 call of elu and has none now; it calls celu"),
        (
            "self.out(self.act(h))",
            "self.out(h)",
            "the call of elu in Net.act is not reached as before, in module 'the model'; it calls elu",
        ),
    ],
)
def test_changed_calls_stop_the_script(file: Path, old: str, new: str, message: str) -> None:
    """The message says which calls of which function there were and are."""
    text, _ = script_and_curve(activation="tanh")
    file.write_text(NET.replace(old, new))
    with pytest.raises(SystemExit) as caught:
        curve_of(text)
    assert str(caught.value) == f"moved_net.py has changed since the sweep: {message}"


def test_functions_that_lines_alone_tell_apart_have_no_script(file: Path) -> None:
    """Two functions without names, called in a loop, are one place."""
    loop = "for f in (lambda x: F.elu(x), lambda x: F.elu(x)):\n            h = self.c(f(h))"
    file.write_text(NET.replace("h = self.act(self.c(h).tanh() + 1)", loop))
    named = re.escape("several functions Net.forward.<locals>.<lambda> call elu at one place")
    with pytest.raises(UserError, match=named):
        script_and_curve(activation="tanh")
