"""The numbers of the tutorial, computed again."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pages import files_of, name_in, prose, table

from sweeper.components.activations import ACTIVATIONS
from sweeper.data.sources import quadratic
from sweeper.report.script import load_data
from sweeper.study.settings import settings
from sweeper.study.study import Study
from sweeper.training.capture import layers_of
from sweeper.training.reference import train
from sweeper.training.setup import Task, initial_model, pick_loss, rows_of
from sweeper.trial import Outcome, Trial

TUTORIAL = "docs/tutorial.md"
BETA = 0.9
SGD: dict[str, dict[str, Any]] = {
    "gradient descent": {},
    "momentum (heavy ball)": {"momentum": BETA},
    "Nesterov": {"momentum": BETA, "nesterov": True},
    "momentum with dampening = β": {"momentum": BETA, "dampening": BETA},
}
"""Methods of the table of limits -> options of torch.optim.SGD."""


def distance(rate: float, options: dict[str, Any]) -> float:
    """|w| after 2,000 steps of torch.optim.SGD on w²/2 from w = 1, or as soon as it passes a million."""
    w = torch.ones(1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=rate, **options)
    for _ in range(2000):
        w.grad = w.detach().clone()
        optimizer.step()
        if abs(w.item()) > 1e6:
            break
    return abs(w.item())


@pytest.mark.parametrize(
    "row", table(TUTORIAL, "2. Gradient descent", "Method"), ids=lambda row: row["Method"]
)
def test_step_size_limits(row: dict[str, str]) -> None:
    """One percent below its limit a method converges on a curvature of 1, one percent above it does not."""
    limit = float(row["With β = 0.9"])
    below, above = (distance(share * limit, SGD[row["Method"]]) for share in (0.99, 1.01))
    assert below < 1e-3
    assert above > 1e3


def test_limits_of_the_quadratic_data() -> None:
    """The rates above which methods diverge on `quadratic` are the limits over its largest curvature."""
    inputs, _ = quadratic()["train"]
    steepest = float(np.linalg.eigvalsh(2 * inputs.T @ inputs / len(inputs)).max())
    assert f"λmax = {steepest:.2f}" in prose(TUTORIAL)
    for limit in (2.0, 2 * (1 + BETA), 2 * (1 + BETA) / (1 + 2 * BETA)):
        assert f"{limit / steepest:.5f}" in prose(TUTORIAL)


def test_quadratic_outcomes(tmp_path: Path) -> None:
    """In the quadratic study each method diverges between the two rates that the text names for it."""
    study = Study.load(files_of(TUTORIAL, tmp_path)["quadratic.toml"], ("training.steps=400",))
    task, text = Task(study, load_data(study)), " ".join(prose(TUTORIAL).split())
    for optimizer, low, high in (
        ("sgd", 0.037, 0.038),
        ("momentum", 0.071, 0.072),
        ("nesterov", 0.025, 0.026),
    ):
        assert f"between {low} and {high} for {optimizer}" in text
        trials = [
            Trial(0, "explore", 0, {"optimizer": optimizer, "learning_rate": rate}) for rate in (low, high)
        ]
        assert [train(task, t).outcome for t in trials] == [Outcome.COMPLETED, Outcome.DIVERGED]


@pytest.mark.parametrize(
    "row",
    table(TUTORIAL, "4. Choosing an activation function", "Name"),
    ids=lambda row: name_in(row["Name"]),
)
def test_activation_facts(row: dict[str, str]) -> None:
    """Range, steepest slope and kinks of an activation are what a fine grid shows."""
    module = ACTIVATIONS[name_in(row["Name"])].make().double()
    z = torch.linspace(-40, 40, 800_001, dtype=torch.float64, requires_grad=True)
    values = module(z)
    (slope,) = torch.autograd.grad(values.sum(), z)
    ends = [end.strip("[]() ").replace("−", "-") for end in row["Range"].split(",")]
    for told, at in zip(ends, (z[0], z[-1]), strict=True):
        found = values.min() if told is ends[0] else values.max()
        if "∞" in told:  # still moving at the end of the grid
            assert abs(module(2 * at) - module(at)) > 0.1
        else:
            assert float(told) == pytest.approx(found.item(), abs=1e-3)
    assert float(row["Steepest slope"]) == pytest.approx(slope.abs().max().item(), abs=1e-4)
    kinked = (slope[1:] - slope[:-1]).abs().max().item() > 0.1
    assert (row["Kinks"] == "at 0") is kinked


def factor(activation: str, init: str) -> float:
    """By how much the backpropagated signal changes a layer, over ten layers of digits before training."""
    study = Study(name="s", model={"depth": 10, "init": init}, search={"space": {"activation": activation}})
    task = Task(study, load_data(study))
    chosen = settings(study, {"optimizer": "adam", "learning_rate": 0.01, "activation": activation})
    rows, loss = rows_of(task, chosen, 0), pick_loss(task, chosen)
    built = initial_model(task, chosen, 0)
    layers = layers_of(built, loss.function, rows.x_validation, rows.y_validation, None)
    first, last = (torch.linalg.vector_norm(layers[k].activation_gradient).item() for k in (0, 9))
    return (first / last) ** (1 / 9)


def test_vanishing_gradients() -> None:
    """With suiting weights sigmoid falls about fourfold a layer and tanh and ReLU stay nearly level."""
    assert 1 / 5 < factor("sigmoid", "auto") < 1 / 3.5
    assert 0.8 < factor("tanh", "auto") < 1.1
    assert 0.8 < factor("relu", "auto") < 1.25


def test_torch_weights_vanish() -> None:
    """With torch's default weights all three activations fall."""
    assert max(factor(name, "torch") for name in ("sigmoid", "tanh", "relu")) < 0.65
