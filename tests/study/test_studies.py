"""The built-in studies: each asks a question, expects a finding by a source, and can decide it."""

import math
import re

import numpy as np
import pytest
from pages import name_in, section, table

from sweeper.components.optimizers import OPTIMIZERS
from sweeper.components.optimizers.sgd import sgd_limit
from sweeper.data.sources import DATASETS
from sweeper.study.expect import Better, DeadShare, Lowers, NearLimit, NoWorse, Slope, Threshold
from sweeper.study.find import builtin_studies
from sweeper.study.space import Choice, Range
from sweeper.study.study import Study
from sweeper.theory.mean_field import propagation

STUDIES = {name: Study.load(file) for name, file in builtin_studies().items()}
PAGE = "docs/studies.md"
every_study = pytest.mark.parametrize("study", STUDIES.values(), ids=STUDIES)


def expected(study: Study) -> tuple[str, str]:
    """Finding and source."""
    assert study.expect.finding
    assert study.expect.source
    return study.expect.finding, study.expect.source


def test_there_is_one_for_each_question() -> None:
    """The ten questions that a newcomer has."""
    assert set(STUDIES) == {
        "gradient_descent",
        "learning_rate",
        "schedules",
        "optimizers",
        "activations",
        "initialization",
        "activation_regularization",
        "dead_relu",
        "digits",
        "regression",
    }


@every_study
def test_a_study_says_what_it_expects(study: Study) -> None:
    """A question, one sentence of expectation, who says so, and a check that decides."""
    assert study.question.endswith("?")
    assert expected(study)[0].endswith(".")
    assert study.expect.arguments is not None


def test_the_page_lists_them_as_they_are() -> None:
    """docs/studies.md repeats question, finding and source of every file."""
    rows = {name_in(row["Study"]): row for row in table(PAGE, "The studies", "Study")}
    assert set(rows) == set(STUDIES)
    for name, study in STUDIES.items():
        told = (rows[name]["Question"], rows[name]["Expected finding"], rows[name]["Source"])
        assert told == (study.question, *expected(study)), name


def test_the_page_tells_what_was_found() -> None:
    """Every study has a verdict and a run time there."""
    rows = {name_in(row["Study"]): row for row in table(PAGE, "What was found", "Study")}
    assert set(rows) == set(STUDIES)
    assert {row["Verdict"] for row in rows.values()} <= {"found", "not found", "contrary"}
    assert all(re.fullmatch(r"\d+ s", row["CPU time"]) for row in rows.values())
    assert "two cores" in section(PAGE, "What was found")


def compared(study: Study) -> tuple[str, tuple[object, ...]]:
    """The parameter of the check and the values that it names; none where it needs no pairs."""
    asked = study.expect.arguments
    if isinstance(asked, Better | NoWorse | DeadShare):
        return asked.parameter, tuple(v for v in (asked.value, asked.than) if v is not None)
    return (asked.parameter, (0,)) if isinstance(asked, Lowers) else ("", ())


@every_study
def test_what_is_compared_is_dealt_evenly_and_confirmed(study: Study) -> None:
    """Compared values are scientific, and each has a place among the finalists whoever wins the search."""
    name, _ = compared(study)
    if name:
        assert name in study.search.scientific
        values = study.space.entries[name].values or ()
        places = study.confirm.finalists
        assert places // 2 >= len(values) - 1 or places >= (study.space.size() or math.inf)
        assert study.confirm.seeds >= 8


def test_the_curvature_is_that_of_the_data() -> None:
    """λmax is the largest eigenvalue of the Hessian 2 XᵀX / n of the mean squared error."""
    asked = STUDIES["gradient_descent"].expect.arguments
    assert isinstance(asked, Threshold)
    inputs = DATASETS["quadratic"]()["train"][0]
    hessian = 2 * inputs.T @ inputs / len(inputs)
    assert asked.curvature == pytest.approx(np.linalg.eigvalsh(hessian).max(), abs=5e-6)


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "nesterov"])
def test_rates_are_dense_around_the_threshold(optimizer: str) -> None:
    """Neighbours lie less than 1 % apart, both sides reach 10 % away, 0.2 % above shows within the steps."""
    study = STUDIES["gradient_descent"]
    asked, rates = study.expect.arguments, study.space.entries[f"learning_rate.{optimizer}"]
    assert isinstance(asked, Threshold)
    assert isinstance(rates, Range)
    assert rates.step
    momentum = OPTIMIZERS[optimizer].defaults.get("momentum", 0.0)
    limit = sgd_limit(momentum, nesterov=optimizer == "nesterov") / asked.curvature
    assert rates.step / limit < asked.tolerance
    assert rates.low < 0.9 * limit < 1.1 * limit < rates.high
    assert study.training.steps
    growth = 1 + 2 * 0.002  # of the error of plain gradient descent, the slowest to diverge
    assert 0.1 * growth ** (2 * study.training.steps) > 1  # the steepest direction holds a tenth of the loss


@pytest.mark.parametrize("name", ["activations", "digits"])
def test_the_slope_of_sigmoid_is_that_of_theory(name: str) -> None:
    """The source quotes ½ log10 χ of sigmoid with Xavier weights; the bound leaves room for finite width."""
    asked = STUDIES[name].expect.arguments
    decades = math.log10(propagation("sigmoid", 1.0).chi) / 2
    assert f"{decades:.2f}".replace("-", "−") in expected(STUDIES[name])[1]
    assert isinstance(asked, Slope)
    assert asked.below is not None
    assert decades < 1.2 * asked.below


def test_depths_are_from_2_to_20() -> None:
    """The study of activations tries shallow and deep networks."""
    assert STUDIES["activations"].space.entries["model.depth"] == Choice((2, 5, 10, 20))


def test_the_factor_of_torch_weights_is_that_of_theory() -> None:
    """χ = 1 for He and 1/6 for torch's default, as the source of the initialization study says."""
    chis = [propagation("relu", variance).chi for variance in (2.0, 1 / 3)]
    assert chis == pytest.approx([1, 1 / 6])
    assert "χ = 1 for He, 1/6" in expected(STUDIES["initialization"])[1]


def test_rates_go_beyond_the_cliff() -> None:
    """The learning-rate study lists rates closely: neighbours are less than the expected factor apart."""
    study = STUDIES["learning_rate"]
    asked, rates = study.expect.arguments, np.array(study.space.entries["learning_rate"].values)
    assert isinstance(asked, NearLimit)
    assert (rates[1:] / rates[:-1]).max() < asked.factor
