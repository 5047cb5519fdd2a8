"""Rows that stay on disk train as rows in memory: the same bits in the reference engine, the same stacks."""

from pathlib import Path

import numpy as np
import pytest

from sweeper.study.data import data_of
from sweeper.study.study import Study
from sweeper.training.pool.messages import SharedFolder
from sweeper.training.reference import train
from sweeper.training.setup import Task, task_of
from sweeper.training.stacked.engine import train_stack
from sweeper.trial import Trial, TrialResult

DRAW = np.random.default_rng(0)
X = DRAW.normal(3, 5, (500, 90))
Y = X[:, 0] * X[:, 1] > 9


def results(task: Task) -> list[list[TrialResult]]:
    """Of the reference engine, and of one stack, two of whose slots have the same batches."""
    parameters = [{"optimizer": "adam", "activation": "tanh"}, {"optimizer": "sgd", "activation": "relu"}]
    trials = [
        Trial(k, "explore", seed, {**parameters[k % 2], "learning_rate": 0.01}, test=True)
        for k, seed in enumerate([0, 0, 1])
    ]
    stacked = sorted(train_stack(task, trials, 3), key=lambda result: result.trial.number)
    return [[train(task, trial) for trial in trials], stacked]


@pytest.mark.parametrize("batch_size", [16, "full"])
def test_rows_on_disk_train_alike(
    batch_size: int | str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Every loss and score of training, validation and test, also after a journey to another process."""
    monkeypatch.setenv("SWEEPER_CACHE", str(tmp_path))
    training = {"steps": 6, "batch_size": batch_size, "evaluations": 2, "dtype": "float64"}
    space = {"optimizer": ["adam", "sgd"], "activation": ["tanh", "relu"]}
    sections = {"training": training, "search": {"space": space}, "model": {"source": "mlp", "depth": 1}}
    study = Study(name="disk", data=(X, Y.astype(int)), **sections)
    held = task_of(study, data_of(study))
    monkeypatch.setenv("SWEEPER_DATA_MEMORY", "1 KiB")
    task = task_of(study, data_of(study))
    assert task.data.is_streamed
    (tmp_path / "shared").mkdir()
    there = SharedFolder(tmp_path / "shared").share(task).load()
    assert sum(file.stat().st_size for file in (tmp_path / "shared").iterdir()) < X.nbytes / 2
    plain, stacked = results(held)
    on_disk, on_disk_stacked = results(there)
    for one, other in zip(plain, on_disk, strict=True):
        assert (one.curves, one.test, one.objective) == (other.curves, other.test, other.objective)
    (compiled,) = train_stack(there, [plain[0].trial], 1, compiled=True)  # by the stack that is not
    assert compiled.objective == pytest.approx(plain[0].objective, rel=1e-9)
    for one, other in zip(stacked, on_disk_stacked, strict=True):
        assert other.engine == "fused"
        assert other.objective == pytest.approx(one.objective, rel=1e-9)
        assert dict(other.test) == pytest.approx(dict(one.test), rel=1e-9)
