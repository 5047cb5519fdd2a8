"""Models of several inputs train in a stack as they train alone."""

from typing import Any

import numpy as np
import pytest
import torch
from equivalence import MIXED, SPACE, assert_engines_agree, refilling, task_of
from torch import Tensor, nn

from sweeper.study.settings import settings
from sweeper.training.preflight import check_configurations
from sweeper.training.setup import initial_model, rows_of
from sweeper.training.shapes import why_not_stackable

ROWS = 60


def arrays() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Numbers, codes, how many of these count, and classes."""
    generator = np.random.default_rng(0)
    lengths = generator.integers(1, 6, ROWS)
    codes = np.where(np.arange(5) < lengths[:, None], generator.integers(1, 7, (ROWS, 5)), 0)
    return generator.normal(2, 3, (ROWS, 3)), codes, lengths, (codes.sum(axis=1) + lengths) % 3


def positional() -> Any:
    """Three inputs in a tuple."""
    numbers, codes, lengths, y = arrays()
    return (numbers, torch.from_numpy(codes), lengths), y


def named() -> Any:
    """The same in a dict, with a mask in the place of lengths, split already."""
    numbers, codes, _, y = arrays()
    inputs = {"numbers": numbers, "codes": codes, "mask": codes > 0}
    parts = {"train": slice(0, 40), "validation": slice(40, 50), "test": slice(50, ROWS)}
    return {
        part: ({name: array[rows] for name, array in inputs.items()}, y[rows]) for part, rows in parts.items()
    }


class Net(nn.Module):
    """Numbers through a layer, codes through the mean of their embeddings."""

    def __init__(self, features: int, out_features: int) -> None:
        super().__init__()
        self.embedding, self.numbers = nn.Embedding(7, 6), nn.Linear(features, 6)
        self.act, self.norm, self.out = nn.Tanh(), nn.BatchNorm1d(6), nn.Linear(6, out_features)

    def both(self, numbers: Tensor, codes: Tensor, counts: Tensor) -> Tensor:
        weights = counts / counts.sum(dim=1, keepdim=True)
        mean = (self.embedding(codes) * weights.unsqueeze(-1)).sum(dim=1)
        out: Tensor = self.out(self.norm(self.act(self.numbers(numbers) + mean)))
        return out


class Positional(Net):
    """Takes three arguments."""

    def forward(self, numbers: Tensor, codes: Tensor, lengths: Tensor) -> Tensor:
        there = torch.arange(codes.shape[-1]) < lengths.unsqueeze(-1)
        return self.both(numbers, codes, there.to(numbers.dtype))


class Named(Net):
    """Takes three arguments by name."""

    def forward(self, mask: Tensor, codes: Tensor, numbers: Tensor) -> Tensor:
        return self.both(numbers, codes, mask.to(numbers.dtype))


class Whole(Net):
    """Takes the dict."""

    def forward(self, batch: Any) -> Tensor:
        return self.both(batch["numbers"], batch["codes"], batch["mask"].to(batch["numbers"].dtype))


class Calls(Net):
    """Takes the dict and calls its activation as a function."""

    def both(self, numbers: Tensor, codes: Tensor, counts: Tensor) -> Tensor:
        weights = counts / counts.sum(dim=1, keepdim=True)
        mean = (self.embedding(codes) * weights.unsqueeze(-1)).sum(dim=1)
        out: Tensor = self.out(self.norm(torch.tanh(self.numbers(numbers) + mean)))
        return out

    def forward(self, batch: Any) -> Tensor:
        return self.both(batch["numbers"], batch["codes"], batch["mask"].to(batch["numbers"].dtype))


CASES = {
    "positional": (positional, lambda in_features, out_features: Positional(in_features[0], out_features)),
    "by name": (named, lambda in_features, out_features: Named(in_features["numbers"], out_features)),
    "as a dict": (named, lambda in_shape, out_features: Whole(in_shape["numbers"][0], out_features)),
    "as a dict, calls": (named, lambda in_shape, out_features: Calls(in_shape["numbers"][0], out_features)),
}


@pytest.mark.parametrize("name", CASES)
def test_engines_agree(name: str) -> None:
    """Curves, layers and parameters equal to 1e-9, on batches and on rows of every replicate."""
    data, model = CASES[name]
    task = task_of(data=data, model=model, space=SPACE, steps=12, evaluations=3, batch_size=8)
    assert check_configurations(task, 0) == [""]
    trials = refilling(MIXED)
    assert why_not_stackable(task, trials[0]) == ""
    assert_engines_agree(task, trials, slots=4, most_chaotic=1)


def test_types_reach_the_model() -> None:
    """Numbers in the study's precision, codes as int64, masks as truth values; layers are found."""
    task = task_of(data=named, model=CASES["by name"][1], space=SPACE)
    (trial, *_) = refilling(MIXED)
    chosen = settings(task.study, trial.parameters)
    rows = rows_of(task, chosen, 0)
    kinds = {name: tensor.dtype for name, tensor in rows.x_train.items()}
    assert kinds == {"numbers": torch.float64, "codes": torch.int64, "mask": torch.bool}
    built = initial_model(task, chosen, 0)
    assert {layer.name for layer in built.layers} == {"embedding", "numbers", "out"}
