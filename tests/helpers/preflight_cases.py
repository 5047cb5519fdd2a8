"""Small studies that are tried before a run: data, models, and why they are refused."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from sweeper.components.losses import LOSSES
from sweeper.data.load import load
from sweeper.errors import ModelError
from sweeper.study.study import Study
from sweeper.training.preflight import check_configurations, require_trainable
from sweeper.training.setup import Task

N = 40
R = np.random.default_rng(0)
X, TOKENS = R.normal(size=(N, 4)), torch.arange(N * 5).reshape(N, 5) % 30
LABELS, BINARY = np.arange(N) % 3, (np.arange(N) % 2).astype(float)
POSITIVE, SIGNED = R.uniform(0.1, 0.9, (N, 1)), R.normal(size=(N, 2))


def problems(
    model: Any,
    x: Any = X,
    y: Any = LABELS,
    space: dict | None = None,
    search: dict | None = None,
    **training: Any,
) -> list[str]:
    """What is wrong with each configuration of a study of these data."""
    study = Study(
        name="r",
        data=lambda: (x, y),
        model=model,
        training={"device": "cpu", **training},
        search={"space": space or {}, **(search or {})},
    )
    loss = LOSSES.get(study.training.loss) if isinstance(study.training.loss, str) else None
    return check_configurations(Task(study, load(study.data.source, loss_task=loss.task if loss else None)))


def refused(*args: Any, **kwargs: Any) -> str:
    """Why the study is refused."""
    with pytest.raises(ModelError) as caught:
        require_trainable(problems(*args, **kwargs))
    return str(caught.value)


def ending(*last: Any) -> Callable[..., nn.Module]:
    """A small net with these modules, or functions, at its end."""

    class Net(nn.Module):
        def __init__(self, inputs: int, outputs: int) -> None:
            super().__init__()
            self.net = nn.Sequential(nn.Linear(inputs, 8), nn.ReLU(), nn.Linear(8, outputs))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.net(x)
            for function in last:
                x = function(x)
            return x

    def model(in_features: int, out_features: int) -> nn.Module:
        return Net(in_features, out_features)

    return model


def linear(in_features: int, out_features: int) -> nn.Module:
    """One layer."""
    return nn.Linear(in_features, out_features)
