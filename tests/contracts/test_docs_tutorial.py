"""The numbers of the tutorial, computed again."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from equivalence import one_thread
from pages import files_of, name_in, prose, table
from soak import SOAK, patient

from sweeper.components.activations import ACTIVATIONS
from sweeper.data.sources import quadratic
from sweeper.statistics.intervals import interval
from sweeper.study.data import data_of
from sweeper.study.settings import settings
from sweeper.study.study import Study
from sweeper.training.capture import layers_of
from sweeper.training.reference import train
from sweeper.training.setup import Task, initial_model, pick_loss, rows_of
from sweeper.training.stacked.engine import train_stack
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
    task, text = Task(study, data_of(study)), " ".join(prose(TUTORIAL).split())
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


SEEDS = range(10) if SOAK else range(3)
"""Those of the pages' numbers are ten."""


@cache
def digits() -> Any:
    """The data, read once."""
    return data_of(Study(name="s"))


def fall(activation: str, init: str) -> tuple[float, float, float]:
    """By which factor the backpropagated signal falls a layer, over ten layers of digits before training: the
    geometric mean over `SEEDS` and the ends of its interval."""
    study = Study(name="s", model={"depth": 10, "init": init}, search={"space": {"activation": activation}})
    task, falls = Task(study, digits()), []
    chosen = settings(study, {"optimizer": "adam", "learning_rate": 0.01, "activation": activation})
    loss = pick_loss(task, chosen)
    for seed in SEEDS:
        rows, built = rows_of(task, chosen, seed), initial_model(task, chosen, seed)
        layers = layers_of(built, loss.function, rows.x_validation, rows.y_validation, None)
        first, last = (torch.linalg.vector_norm(layers[k].activation_gradient).item() for k in (0, 9))
        falls.append(np.log(last / first) / 9)
    low, high = interval(np.array(falls))
    return float(np.exp(np.mean(falls))), float(np.exp(low)), float(np.exp(high))


@pytest.mark.parametrize(
    "row",
    table(TUTORIAL, "1. Backpropagation and the loop", "Falls a layer by a factor of"),
    ids=lambda row: name_in(row["Falls a layer by a factor of"]),
)
def test_gradients_fall_by_the_factors_of_the_table(row: dict[str, str]) -> None:
    """Those with suiting and with torch's weights, each with its interval."""
    name = name_in(row["Falls a layer by a factor of"])
    for column, init in (("Suiting weights", "auto"), ("torch's default weights", "torch")):
        numbers = [float(text) for text in re.findall(r"[\d.]+", row[column])]
        found = fall(name, init)
        assert (
            numbers == pytest.approx(found, abs=0.011)
            if SOAK
            else numbers[0] == pytest.approx(found[0], 0.03)
        )


@patient
def test_the_penalty_lowers_and_raises_the_loss_as_told() -> None:
    """On each seed; the means and intervals, of all ten, in the soak, and one seed here."""
    seeds = SEEDS if SOAK else (4,)
    study = Study(
        name="s",
        training={"device": "cpu", "steps": 340},
        search={"space": {"optimizer": "adam", "activation": "relu", "activation_penalty": [0.0, 0.01, 1.0]}},
    )
    common = {"optimizer": "adam", "learning_rate": 0.002, "activation": "relu"}
    trials = [
        Trial(0, "explore", seed, {**common, "activation_penalty": weight}, measured=False)
        for weight in (0.0, 0.01, 1.0)
        for seed in seeds
    ]
    with one_thread():
        found = {
            (result.trial.parameters["activation_penalty"], result.trial.seed): result.objective
            for result in train_stack(Task(study, digits()), trials, len(trials))
        }
    none, small, large = (np.array([found[weight, seed] for seed in seeds]) for weight in (0.0, 0.01, 1.0))
    assert (small < none).all()
    assert (large > none).all()
    text = " ".join(prose(TUTORIAL).split())
    told = re.search(
        r"from ([\d.]+) to ([\d.]+) on average; .* is (\S+) \(95 % interval (\S+) to (\S+)\)", text
    )
    more = re.search(r"on each of them, by ([\d.]+) \(([\d.]+) to ([\d.]+)\)", text)
    assert told is not None
    assert more is not None
    if SOAK:
        numbers = [float(each.replace("−", "-")) for each in (*told.groups(), *more.groups())]
        change, rise = small - none, large - none
        made = [none.mean(), small.mean(), change.mean(), *interval(change), rise.mean(), *interval(rise)]
        assert numbers == pytest.approx(made, abs=2e-3)
