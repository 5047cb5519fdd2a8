"""Built-in data sets: sizes, kinds, and the known numbers of the problems."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from sweeper.data.load import load
from sweeper.data.sources import DATASETS, quadratic, teacher, two_spirals

SIZES = {
    "digits": (1797, 64, 10),
    "breast_cancer": (569, 30, 2),
    "wine": (178, 13, 3),
    "diabetes": (442, 10, None),
    "two_spirals": (400, 2, 2),
    "teacher": (1000, 16, None),
    "quadratic": (300, 100, None),
}
"""rows (all parts together), features, classes"""


@pytest.mark.parametrize("name", DATASETS)
def test_contract(name: str) -> None:
    """A data set gives the same finite rows every time, and loads with its loss."""
    first, again = DATASETS[name](), DATASETS[name]()
    pairs = zip(*(_pairs(found) for found in (first, again)), strict=True)
    for (x, y), (x_again, y_again) in pairs:
        assert len(x) == len(y)
        assert np.isfinite(x).all()
        assert np.isfinite(y).all()
        assert np.array_equal(x, x_again)
        assert np.array_equal(y, y_again)
    rows, features, classes = SIZES[name]
    data = load(name, loss_task="regression" if classes is None else "classification")
    assert data.inputs.shape == (rows, features)
    assert len(data.classes or ()) == (classes or 0)
    assert (data.fixed is not None) == isinstance(first, dict)


def _pairs(found: Any) -> list[tuple[np.ndarray, np.ndarray]]:
    return list(found.values()) if isinstance(found, dict) else [found]


def test_arguments_are_options_of_the_study() -> None:
    """Rows, noise and seed change the data as they say."""
    assert len(two_spirals(rows=50)[0]) == 50
    assert not np.array_equal(two_spirals(seed=1)[0], two_spirals(seed=2)[0])
    radius = np.linalg.norm(two_spirals(noise=0.0)[0], axis=1)
    assert radius.max() <= 1.5 * 2 * np.pi
    assert np.bincount(two_spirals()[1]).tolist() == [200, 200]
    assert teacher(features=5)[0].shape == (1000, 5)


def test_the_teacher_has_unit_variance_before_its_noise() -> None:
    """Targets without noise have mean 0 and variance 1; the noise adds its own."""
    clean, noisy = teacher(noise=0.0)[1], teacher(noise=0.5)[1]
    assert clean.mean() == pytest.approx(0, abs=1e-12)
    assert clean.std() == pytest.approx(1)
    assert (noisy - clean).std() == pytest.approx(0.5, rel=0.1)


def test_the_quadratic_has_the_curvatures_of_deepobs() -> None:
    """The Hessian of linear + mse on it is diag(λ): λmax 53.12902, λmin 0.00552212, the least loss at 1."""
    x, y = (torch.from_numpy(array) for array in quadratic()["train"])
    model = nn.Linear(100, 1, bias=False, dtype=torch.float64)

    def loss(weight: torch.Tensor) -> torch.Tensor:
        return nn.functional.mse_loss(nn.functional.linear(x, weight), y)

    hessian = torch.autograd.functional.hessian(loss, model.weight.detach()).reshape(100, 100)
    assert torch.allclose(hessian, torch.diag(hessian.diagonal()), atol=1e-12)
    eigenvalues = torch.linalg.eigvalsh(hessian)
    assert eigenvalues[-1].item() == pytest.approx(53.12902, abs=1e-5)
    assert eigenvalues[0].item() == pytest.approx(0.00552212, abs=1e-8)
    drawn = np.random.RandomState(42)
    curvature = np.concatenate([drawn.uniform(0, 1, 90), drawn.uniform(30, 60, 10)])
    assert np.allclose(eigenvalues.numpy(), np.sort(curvature))
    theta = torch.linspace(-2, 2, 100, dtype=torch.float64)
    bowl = 0.5 * (torch.from_numpy(curvature) * (theta - 1) ** 2).sum()
    assert loss(theta.reshape(1, -1)).item() == pytest.approx(bowl.item())
