"""What advice says of models with recurrent layers is true of them."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from sweeper.report.advice import Advice, advise
from sweeper.study.study import Study
from sweeper.training.initial_profile import profile_network


class Reads(nn.Module):
    """A recurrent layer and a hidden layer after it."""

    def __init__(self, in_features: int, out_features: int, activation: Any, layer: str) -> None:
        super().__init__()
        self.layer = getattr(nn, layer)(in_features, 4)
        self.head = nn.Sequential(nn.Linear(4, 4), activation(), nn.Linear(4, out_features))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        states = self.layer(x.unsqueeze(0) if isinstance(self.layer, nn.RNNBase) else x)
        found: torch.Tensor = self.head(
            states[0].reshape(len(x), -1) if isinstance(states, tuple) else states
        )
        return found


def model(in_features: int, out_features: int, activation: Any, layer: str) -> nn.Module:
    """A model function."""
    return Reads(in_features, out_features, activation, layer)


def said(one: Advice) -> str:
    """All reasons of one piece of advice."""
    return " ".join(reason.text for reason in one.reasons)


@pytest.mark.parametrize(("layer", "gated"), [("LSTM", True), ("GRUCell", True), ("RNN", False)])
def test_recurrent_layers_of_ones_own_are_told_of(layer: str, gated: bool) -> None:
    """Mean-field theory is not about them, their activations stay, and gradients may vanish over time."""
    study = Study(name="asked", data="wine", model={"source": model, "layer": layer}, training={"steps": 10})
    advice = {one.key: one for one in advise(study, profile_network)}
    kind = layer.removesuffix("Cell")
    words = said(advice["gates"])
    assert f"not about {kind} layers" in words
    assert ("gated networks" in words) is gated
    assert f"over time, inside the {kind}, it still can" in said(advice["hidden"])


@pytest.mark.parametrize("over_time", [True, False])
def test_the_temporal_penalty_needs_activations_over_time(over_time: bool) -> None:
    """It is not proposed to a model whose activations come after the last time."""

    def made(in_features: int, out_features: int, activation: Any) -> nn.Module:
        return OverTime(in_features, out_features, activation, over_time)

    rng = np.random.default_rng(0)
    data = (rng.normal(size=(40, 6, 2)).astype("float32"), np.arange(40) % 2)
    study = Study(name="asked", data=data, model=made, training={"steps": 10})
    keys = {one.key for one in advise(study, profile_network)}
    assert "penalty" in keys
    assert ("temporal" in keys) is over_time


class OverTime(nn.Module):
    """An activation of every time, or of the last one."""

    def __init__(self, in_features: int, out_features: int, activation: Any, over_time: bool) -> None:
        super().__init__()
        self.layer, self.hidden, self.act = nn.GRU(2, 4, batch_first=True), nn.Linear(4, 4), activation()
        self.out, self.over_time = nn.Linear(4, out_features), over_time

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        states = self.layer(x)[0]
        found: torch.Tensor = self.act(self.hidden(states if self.over_time else states[:, -1]))
        found = self.out(found[:, -1] if self.over_time else found)
        return found
