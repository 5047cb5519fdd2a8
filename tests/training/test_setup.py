"""What engines start from: rows, batches, initial weights, losses; all by seed alone."""

from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from sweeper.components.activations import activation_of
from sweeper.components.losses import LOSSES
from sweeper.data.data import Data
from sweeper.data.load import load
from sweeper.study.settings import Settings
from sweeper.study.settings import settings as settings_of
from sweeper.study.study import Study
from sweeper.theory.activation_facts import facts_of
from sweeper.training.setup import (
    Task,
    batch_order,
    initial_model,
    out_features,
    pick_device,
    pick_loss,
    rows_of,
)
from sweeper.training.stacked.kernel import kernel_for

TRIAL = {"optimizer": "adam", "learning_rate": 0.1}


def prepared(source: Any = "wine", folder: Path | None = None, **sections: Any) -> tuple[Task, Settings]:
    """A task and one trial's settings."""
    study = Study(name="s", data=source, folder=folder, **sections)
    loss = LOSSES.get(study.training.loss) if isinstance(study.training.loss, str) else None
    data = load(source, folder=folder, loss_task=loss.task if loss else None)
    return Task(study, data), settings_of(study, TRIAL)


@pytest.mark.parametrize(("rows", "size"), [(10, 3), (12, 4), (7, 1)])
def test_batches_are_permutations_in_full_batches(rows: int, size: int) -> None:
    """Every epoch is a new permutation, cut into full batches; what is left over waits for another epoch."""
    each = rows // size
    generator = torch.Generator().manual_seed(5)
    batches = batch_order(5, rows, size)
    for _ in range(3):
        order = torch.randperm(rows, generator=generator)
        found = torch.cat(list(islice(batches, each)))
        assert torch.equal(found, order[: each * size])


@pytest.mark.parametrize("size", ["full", 10, 11, 10_000])
def test_full_batches(size: Any) -> None:
    """All rows in their order, also where the batch is as large as the data or larger."""
    for batch in islice(batch_order(0, 10, size), 3):
        assert batch.tolist() == list(range(10))


def test_batches_depend_on_the_seed_alone() -> None:
    """Whatever was drawn from torch's own generator before."""
    first = torch.cat(list(islice(batch_order(1, 50, 8), 20)))
    torch.manual_seed(99)
    assert torch.equal(torch.cat(list(islice(batch_order(1, 50, 8), 20))), first)
    assert not torch.equal(torch.cat(list(islice(batch_order(2, 50, 8), 20))), first)


def test_rows_have_the_study_s_precision() -> None:
    """Inputs and real targets as floats of the dtype, classes and tokens as int64."""
    task, settings = prepared(training={"dtype": "float64", "device": "cpu"})
    rows = rows_of(task, settings, 0)
    assert (rows.x_train.dtype, rows.y_train.dtype) == (torch.float64, torch.int64)
    assert [len(rows.x_train), len(rows.x_validation), len(rows.x_test)] == [106, 36, 36]
    tokens = torch.arange(60).reshape(20, 3)
    task, settings = prepared(lambda: (tokens, np.arange(20.0)), training={"loss": "mse", "device": "cpu"})
    rows = rows_of(task, settings, 0)
    assert (rows.x_train.dtype, rows.y_train.dtype, rows.y_train.shape) == (
        torch.int64,
        torch.float32,
        (12, 1),
    )


def test_a_replicate_draws_all_but_the_test_rows() -> None:
    """Seeds change train and validation; the test rows are those of the study's own seed."""
    task, settings = prepared(training={"device": "cpu"})
    unscaled = Task(task.study.model_copy(update={"data": task.study.data.model_copy()}), task.data)
    first, again, other = (rows_of(unscaled, settings, seed) for seed in (1, 1, 2))
    assert torch.equal(first.x_train, again.x_train)
    assert not torch.equal(first.y_validation, other.y_validation)
    assert torch.equal(first.y_test, other.y_test)


def test_initial_weights_depend_on_the_seed_alone() -> None:
    """`torch.manual_seed(seed)`, then the model function: any script draws the same."""
    task, settings = prepared(model={"source": "mlp", "init": "torch", "depth": 1, "width": 5})
    found = initial_model(task, settings, 3).model
    torch.manual_seed(3)
    plain = nn.Sequential(nn.Linear(13, 5), nn.ReLU(), nn.Linear(5, 3))
    assert all(map(torch.equal, found.state_dict().values(), plain.state_dict().values()))
    assert not torch.equal(initial_model(task, settings, 4).model[0].weight, found[0].weight)


def test_float64_models_draw_in_float64() -> None:
    """The default type is that of the study while the model is made, and as before afterwards."""
    task, settings = prepared(training={"dtype": "float64", "device": "cpu"})
    assert initial_model(task, settings, 0).model[0].weight.dtype == torch.float64
    assert torch.get_default_dtype() == torch.float32


def test_models_beside_the_study(tmp_path: Path) -> None:
    """A model function is looked up in the folder of the study file."""
    text = "from torch import nn\ndef net(in_features, out_features): return nn.Linear(in_features, 3)"
    (tmp_path / "setup_models.py").write_text(text, encoding="utf-8")
    task, settings = prepared(folder=tmp_path, model="setup_models:net")
    assert initial_model(task, settings, 0).model.weight.shape == (3, 13)


def own_loss(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """A loss of one's own."""
    return (output - target).abs().mean()


@pytest.mark.parametrize(
    ("loss", "source", "name", "task_name"),
    [
        ("bce", lambda: (np.eye(12), np.arange(12) % 2), "bce", "binary"),
        (own_loss, "wine", "own_loss", "classification"),
        (own_loss, "diabetes", "own_loss", "regression"),
        ("torch.nn.functional:cross_entropy", "wine", "cross_entropy", "classification"),
        ("torch.nn:HuberLoss", "diabetes", "HuberLoss", "regression"),
        (nn.MSELoss(), "diabetes", "MSELoss", "regression"),
    ],
)
def test_losses(loss: Any, source: Any, name: str, task_name: str) -> None:
    """By name, by path, as function, class or module; what they are for follows from the targets."""
    task, settings = prepared(source, training={"loss": loss})
    found = pick_loss(task, settings)
    assert (found.name, found.task) == (name, task_name)
    one = torch.tensor([[0.0, 1.0]])
    target = torch.tensor([1]) if name == "cross_entropy" else one
    assert found.function(one + 1, target).shape == ()


@pytest.mark.parametrize(
    ("targets", "classes", "task", "width"),
    [
        (np.arange(4), ("a", "b", "c", "d"), "classification", 4),
        (np.zeros((4, 3)), None, "regression", 3),
        (np.zeros((4, 1)), None, "binary", 1),
    ],
)
def test_output_widths(targets: np.ndarray, classes: Any, task: str, width: int) -> None:
    """One output a class, else one a target column."""
    loss = next(loss for loss in LOSSES.values() if loss.task == task)
    assert out_features(Data(np.zeros((4, 2)), targets, classes), loss) == width


def test_activations_of_the_same_name_in_two_folders(tmp_path: Path) -> None:
    """Each study has the class of its own folder, in turns too; so has what is known of it by its name."""
    for folder, formula in (("a", "x.abs()"), ("b", "x.sin()")):
        (tmp_path / folder).mkdir()
        text = f"from torch import nn\nclass Act(nn.Module):\n    def forward(self, x): return {formula}\n"
        (tmp_path / folder / "setup_namesake.py").write_text(text)
    x = torch.tensor([-2.0, 1.0])
    for folder, wave in (("a", x.abs()), ("b", x.sin()), ("a", x.abs())):
        task, settings = prepared(folder=tmp_path / folder, model={"source": "mlp", "depth": 1, "width": 2})
        settings = replace(settings, activation="setup_namesake:Act")
        (layer,) = initial_model(task, settings, 0).hidden
        assert torch.equal(layer(x), wave)
        assert facts_of("setup_namesake:Act").odd == (folder == "b")
        kernel, out = kernel_for(activation_of("setup_namesake:Act"), x.dtype), torch.empty(1, 2)
        for run in kernel.forward(x[None], out, []):
            run()
        assert torch.equal(out[0], wave)


def test_devices() -> None:
    """auto is CUDA where there is one, else the CPU."""
    assert pick_device("cpu") == torch.device("cpu")
    assert pick_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
