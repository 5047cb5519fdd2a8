"""A study is run from any folder: what it names lies beside it."""

from pathlib import Path

import pytest
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


@pytest.mark.parametrize("places", [OWN, BUILT_IN], ids=["all", "activations"])
def test_all_that_is_the_users_lies_beside_the_study(places: str, tmp_path: Path) -> None:
    """Data, model, loss, metric and activations: no stage of a run, its report or advice asks the folder in
    which the command was given."""
    beside, elsewhere = tmp_path / "study", tmp_path / "elsewhere"
    beside.mkdir()
    elsewhere.mkdir()
    (beside / "own_parts.py").write_text(PARTS, encoding="utf-8")
    study = beside / "elsewhere.toml"
    study.write_text(STUDY.replace("PLACES", places), encoding="utf-8")
    run = ["run", study, "--jobs", "1", "--engine", "fused"]
    for call in [run, ["advise", study]] if places == OWN else [run]:
        done = python(["-m", "sweeper", *call], elsewhere)
        assert done.returncode == 0, (call, done.stderr[-800:])
        assert "could not be made" not in done.stderr
