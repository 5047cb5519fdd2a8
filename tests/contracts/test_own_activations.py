"""Activations that learn, and classes of the user's own: in both engines, in studies and in scripts."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from equivalence import assert_engines_agree, by_reference, numbered, task_of
from printed_curves import printed, recorded

from sweeper.components.activations import ACTIVATIONS
from sweeper.errors import StudyError, UserError
from sweeper.report.script import script
from sweeper.study.study import Study
from sweeper.theory.activation_facts import facts_of
from sweeper.training.stacked.engine import without_code

OWN = '''
import torch
from torch import nn


class Bent(nn.Module):
    """Fixed: a bent identity."""

    def forward(self, x):
        return x + (torch.sqrt(x * x + 1) - 1) / 2


class PerUnit(nn.Module):
    """A slope for each of eight units."""

    def __init__(self):
        super().__init__()
        self.slope = nn.Parameter(torch.linspace(0.1, 0.4, 8))

    def forward(self, x):
        return torch.where(x > 0, x, self.slope * x)


class TwoSwish(nn.Module):
    """a·x·σ(b·x), both learned, one a number without an axis."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Parameter(torch.tensor(1.1)), nn.Parameter(torch.ones(1))

    def forward(self, x):
        return self.a * x * torch.sigmoid(self.b * x)


class Warped(nn.Module):
    """x·σ(b·x), b learned: one of the names that TwoSwish has, which comes before it in a queue."""

    def __init__(self):
        super().__init__()
        self.b = nn.Parameter(torch.ones(1))

    def forward(self, x):
        return x * torch.sigmoid(self.b * x)


class Spline(nn.Module):
    """Piecewise linear with learned heights at nine knots, which are a buffer."""

    def __init__(self):
        super().__init__()
        self.register_buffer("knots", torch.linspace(-4, 4, 9))
        self.heights = nn.Parameter(torch.linspace(-4, 4, 9).tanh())

    def forward(self, x):
        hats = torch.relu(1 - (x.unsqueeze(-1) - self.knots).abs())
        return (hats * self.heights).sum(-1) + 0.1 * x


class Refuses(nn.Module):
    def forward(self, x):
        assert x.dtype == torch.float32
        return x


class Asks(nn.Module):
    def __init__(self, size):
        super().__init__()


def function(x):
    return x
'''
CLASSES = ["Bent", "PerUnit", "TwoSwish", "Warped", "Spline"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where a user keeps activations."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "my_activations.py").write_text(OWN, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield folder


def mixture(names: list[str]) -> list[dict[str, object]]:
    """Each in a trial with and one without a penalty, between trials of others."""
    return [
        {"optimizer": optimizer, "learning_rate": rate, "activation": name, "activation_penalty": penalty}
        for name in names
        for optimizer, rate, penalty in (("sgd", 0.05, 0.1), ("adam", 0.01, 0.0))
    ]


SPACE = {"optimizer": ["sgd", "adam"], "activation_penalty": {"low": 0.01, "high": 1.0}}


def test_learned_and_own_activations_in_one_study(folder: Path) -> None:
    """Whatever their parameters' shapes: the stack equals the reference engine to 1e-9, layers included."""
    learned = [name for name, entry in ACTIVATIONS.items() if entry.learns]
    names = [*learned, "tanh", *(f"my_activations:{name}" for name in CLASSES)]
    task = task_of(space={**SPACE, "activation": names}, steps=14, evaluations=3)
    trials = numbered(mixture(names), seeds=[0, 3])
    assert_engines_agree(task, trials, slots=5, translated=False)  # arrays that learn have no code


def test_what_learns_arrays_does_not_cost_others_their_machine_code(folder: Path) -> None:
    """The plan names it as the one that cannot be compiled; what learns single numbers can."""
    names = ["relu", "prelu", *(f"my_activations:{name}" for name in CLASSES)]
    arrays = {"my_activations:PerUnit", "my_activations:Spline"}
    assert set(without_code([], names)) & arrays == arrays
    assert not {"relu", "prelu"} & set(without_code([], names))


@pytest.mark.parametrize("name", ["my_activations:TwoSwish", "my_activations:Spline", "swish_learned"])
def test_scripts_print_the_same_curves(folder: Path, name: str) -> None:
    """A script prints the recorded curve; it imports the user's class and copies ours."""
    task = task_of(space={**SPACE, "activation": name}, steps=4, evaluations=2)
    (trial,) = numbered(
        [{"optimizer": "adam", "learning_rate": 0.01, "activation": name, "activation_penalty": 0.1}]
    )
    assert printed(task, trial) == recorded(by_reference(task, trial).result)
    text = script(task.study, trial.parameters, 0, data=task.data)
    assert re.findall(r"^\s*(?:from|import) sweeper", text, re.M) == []
    assert ("from my_activations import" in text) is (":" in name)


def test_facts_are_computed_for_them_too(folder: Path) -> None:
    """The user's class has the facts of the function that it is; what is no such function has none."""
    bent = facts_of("my_activations:Bent")
    assert bent.lipschitz == pytest.approx(1.5)
    assert (bent.smooth, bent.monotone, bent.zero_centred, bent.saturates) == (True, True, False, "no")
    assert facts_of("my_activations:TwoSwish").note.endswith("shown with their initial values, 1.1, 1")
    for name in ("PerUnit", "Refuses"):
        with pytest.raises(UserError, match=name):
            facts_of(f"my_activations:{name}")


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("my_activations:function", "must be a class of torch.nn.Module"),
        ("my_activations:Asks", "must be made without arguments; it needs size"),
        ("my_activations:Absent", "has no 'Absent'"),
    ],
)
def test_what_is_no_activation_is_refused(folder: Path, name: str, problem: str) -> None:
    """A message with the key, the value and what is wrong."""
    search = {"space": {"activation": ["relu", name]}}
    with pytest.raises(StudyError, match=problem):
        Study(name="s", data="wine", model="mlp", search=search)
