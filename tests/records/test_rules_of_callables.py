"""Studies from Python, whose models, losses and scores are objects: records that commands read again."""

import tomllib
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from quick_runs import quick
from torch import Tensor, nn
from torch.nn import functional as F

import sweeper
from sweeper.options import Options
from sweeper.records.rules import fingerprint
from sweeper.study.study import Study

SPACE = {"optimizer": ["adam"], "learning_rate": [0.1]}


class Net(nn.Module):
    """One layer."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        self.layer = nn.Linear(in_features, out_features, bias)

    def forward(self, rows: Tensor) -> Tensor:
        """Plain."""
        return self.layer(rows)  # type: ignore[no-any-return]


class Halved:
    """A loss, and a score, that is an object."""

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        """Half the cross-entropy."""
        return F.cross_entropy(output, target) / 2


def scaled(output: Tensor, target: Tensor, by: float = 1.0) -> Tensor:
    """A loss with an argument of its own."""
    return by * F.cross_entropy(output, target)


GIVEN: dict[str, dict[str, Any]] = {
    "class": {"model": Net},
    "instance": {"model": Net(30, 2)},
    "own sequence": {"model": nn.Sequential(nn.Linear(30, 2))},
    "partial": {"model": partial(Net, bias=False)},
    "called object": {"training": {"loss": Halved(), "steps": 2}},
    "partial loss": {"training": {"loss": partial(scaled, by=2.0), "steps": 2}},
    "module": {"training": {"loss": nn.CrossEntropyLoss(label_smoothing=0.1), "steps": 2}},
    "scores": {"training": {"metrics": [Halved(), partial(scaled, by=2.0)], "steps": 2}},
}


def made(**given: Any) -> Study:
    """A study of two trials."""
    search, training = {"space": SPACE, "trials": 2}, given.pop("training", {"steps": 2})
    return Study(
        name="objects",
        data="breast_cancer",
        search=search,
        training=training,
        confirm={"finalists": 0},
        **given,
    )


@pytest.mark.parametrize("kind", GIVEN)
def test_records_are_those_of_the_study_that_the_run_folder_has(kind: str) -> None:
    """Whatever can be called: what is written beside the records names it as the records do."""
    study = made(**GIVEN[kind])
    assert fingerprint(Study(trusted=True, **tomllib.loads(study.to_toml()))) == fingerprint(study)


@pytest.mark.parametrize("kind", GIVEN)
def test_objects_of_python_are_run_read_back_and_gone_on_with(kind: str, tmp_path: Path) -> None:
    """From a script, as the README begins: nothing asks an object for what only classes have."""
    study, options = (
        made(**GIVEN[kind]),
        Options(quiet=True, runs=tmp_path / "runs", reports=tmp_path / "out"),
    )
    with quick():
        first = sweeper.run(study, options)
        again = sweeper.load_result("objects", runs=tmp_path / "runs")
        assert first.trials["outcome"].eq("completed").all()
        assert len(sweeper.run(study, options).trials) == len(again.trials) == len(first.trials) > 0
