"""Scores of outputs that are alike on every row: ties do not let the order of the rows speak."""

import numpy as np
import pytest
import torch

from sweeper.study.data import data_of
from sweeper.study.study import Study
from sweeper.training.guessing import guessing
from sweeper.training.setup import Task
from sweeper.training.tied_rows import whatever_order


def found_first(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """How many of the tenth of rows that the model is surest of are of class 1."""
    margin = output[:, 1] - output[:, 0]
    return target[margin.topk(len(margin) // 10).indices].float().mean()


def calm(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """How rarely the class changes from one row to the next: a score of rows in their order."""
    return (target.diff() == output.argmax(1).diff()).float().mean()


def guesses_of_own(score: object, labels: np.ndarray) -> dict:
    """What guessing scores by a score of the user's that ranks trials, of one seed."""
    study = Study(
        name="m", model=lambda in_features, out_features: torch.nn.Linear(in_features, out_features),
        data={"source": lambda: (np.zeros((len(labels), 1)), labels)},
        training={"loss": "cross_entropy", "metrics": [score]},
        search={"objective": f"validation_{score.__name__}", "maximize": True},
    )  # fmt: skip
    return guessing(Task(study, data_of(study)), [0])["scores"][0]


@pytest.mark.parametrize("first", [0, 1])
def test_guessing_by_a_score_that_ranks_rows_does_not_hang_on_their_order(first: int) -> None:
    """A constant ties all rows, so such a score takes arbitrary ones: on average a share of class 1 as
    everywhere, whichever rows come first."""
    labels = np.repeat([first, 1 - first], [120, 120] if first else [216, 24])
    found = guesses_of_own(found_first, np.concatenate([labels] * 5))
    for part in ("train", "validation", "test"):
        assert found[part]["found_first"] == pytest.approx(labels.mean(), abs=0.08)
        assert found["drawn"][part]["found_first"] == found[part]["found_first"]


@pytest.mark.parametrize("first", [0, 1])
def test_a_score_of_rows_in_their_order_is_not_averaged_over_orders(first: int) -> None:
    """Of a series only the order that it has counts; one that no tie and no order changes stays exact."""
    labels, outputs = torch.tensor([first] * 60 + [1 - first] * 40), torch.tensor([[1.0, 0.0]]).expand(100, 2)

    def scores(output: torch.Tensor, target: torch.Tensor) -> dict[str, float]:
        found = {each.__name__: each(output, target).item() for each in (calm, found_first)}
        return {**found, "right": (output.argmax(1) == target).double().mean().item()}

    found = whatever_order(scores, outputs, labels)
    assert (found["calm"], found["right"]) == (pytest.approx(98 / 99), (0.6, 0.4)[first])
    assert found["found_first"] == pytest.approx((0.4, 0.6)[first], abs=0.1)
