"""A study is run from any folder: what it names lies beside it."""

import sys
from pathlib import Path

import pytest
from quick_runs import command
from warm_python import python

OWN = """
data.source = "own_parts:rows"
model.source = "own_parts:model"
training.steps = 30
training.batch_size = 16
training.compile = true
training.loss = "own_parts:loss"
training.metrics = ["own_parts:score"]
"""
BUILT_IN = """
data = {source = "two_spirals", rows = 90}
model = {source = "mlp", width = 8}
training = {steps = 30, batch_size = 16, compile = true}
"""
STUDY = """
name = "elsewhere"
confirm = {finalists = 2, seeds = 2}
PLACES
[search]
trials = 6

[search.space]
optimizer = "sgd"
activation = ["own_parts:Bent", "own_parts:Learned"]
"""
PARTS = """
import numpy as np
import torch
from torch import nn


def rows():
    x = np.random.default_rng(0).normal(size=(90, 3))
    return x.astype("float32"), (x @ [1.0, -2.0, 0.5]).astype("float32")


def model(in_features, activation):
    return nn.Sequential(nn.Linear(in_features, 8), activation(), nn.Linear(8, 1))


def loss(output, target):
    return (output.reshape(target.shape) - target).abs().mean()


def score(output, target):
    return (output.reshape(target.shape) - target).abs().median()


class Bent(nn.Module):
    def forward(self, x):
        return torch.tanh(x) + 0.1 * x


class Learned(nn.Module):
    def __init__(self):
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(0.2))

    def forward(self, x):
        return torch.relu(x) + self.slope * x
"""


def written(places: str, module: str, folder: Path) -> Path:
    """The study in `folder`; no other test has a module of that name: what is looked up is kept by name."""
    folder.mkdir()
    (folder / f"{module}.py").write_text(PARTS, encoding="utf-8")
    study = folder / "elsewhere.toml"
    study.write_text(STUDY.replace("PLACES", places).replace("own_parts", module), encoding="utf-8")
    return study


@pytest.mark.parametrize(("places", "module"), [(OWN, "own_parts"), (BUILT_IN, "own_activations")])
def test_all_that_is_the_users_lies_beside_the_study(
    places: str, module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Data, model, loss, metric and activations: no stage of a run, its report or advice asks the folder in
    which the command was given."""
    study, elsewhere = written(places, module, tmp_path / "study"), tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert module not in sys.modules
    monkeypatch.setattr(sys, "path", [*sys.path])  # a run leaves the folder of its study there
    code, _, told = command(elsewhere, "run", str(study), "--jobs", "1", "--engine", "fused")
    assert code == 0, told[-800:]
    assert "could not be made" not in told
    if places == OWN:
        done = python(["-m", "sweeper", "advise", study], elsewhere)
        assert done.returncode == 0, done.stderr[-800:]
        assert "could not be made" not in done.stderr
