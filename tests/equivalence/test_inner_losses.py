"""Losses that the model computes, and outputs by name: in a stack as alone, and in the script."""

import warnings
from typing import Any

import pytest
import stepping_models as models
import torch
from equivalence import by_reference, by_stack, distance, numbered, task_of
from printed_curves import printed, recorded
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from sweeper.components.inner_loss import OwnStep
from sweeper.errors import StudyError
from sweeper.study.settings import settings as settings_of
from sweeper.study.study import Study
from sweeper.training.preflight import check_configurations, step_summary
from sweeper.training.setup import Task, rows_of
from sweeper.user_code.observing import seed_all

CASES: dict[str, tuple[Any, Any, str]] = {
    "an input by name": (models.Net, models.weighted, "dict"),
    "the batch": (models.Net, models.of_all, "tuple"),
    "the model": (models.Net, models.decayed, "pair"),
    "outputs by name": (models.Structured, models.structured, "pair"),
    "its own step": (models.Stepping, "training_step", "pair"),
    "a step of dicts": (models.Named, "training_step", "items"),
}
PENALIZED = [0.0, 0.1]


def task_with(model: Any, loss: Any, kind: str) -> Task:
    """Some steps on rows as they are."""
    space = {"activation": ["relu", "tanh"], "activation_penalty": PENALIZED}
    data = {"source": models.data, "kind": kind, "standardize": False}
    return task_of(data, model, space, loss=loss, steps=4, evaluations=1)


@pytest.mark.parametrize("case", CASES)
def test_stacked_alone_and_in_the_script(case: str) -> None:
    """Both engines agree to 1e-9, and the script prints the recorded curve."""
    task = task_with(*CASES[case])
    assert check_configurations(task, 0) == [""]
    rest = {"optimizer": "sgd", "learning_rate": 0.05}
    trials = numbered(
        [
            {**rest, "activation": a, "activation_penalty": p}
            for a, p in zip(["relu", "tanh"], PENALIZED, strict=True)
        ]
    )
    stacked = by_stack(task, trials, 2)
    alone = by_reference(task, trials[1])
    assert distance(alone, stacked[1, trials[1].seed]) < 1e-9
    curve = {key: value for key, value in recorded(alone.result).items() if key[1][:6] != "train_"}
    shown = {key: value for key, value in printed(task, trials[1]).items() if key[1] != "train_loss"}
    assert shown == curve


def test_a_step_is_the_loss_that_it_holds() -> None:
    """By its own step a model has the loss that is written there, and curves of what it logs."""
    trial = numbered(
        [{"optimizer": "sgd", "learning_rate": 0.05, "activation": "relu", "activation_penalty": 0.0}]
    )[0]
    step = by_reference(task_with(models.Named, "training_step", "items"), trial).result
    plain = by_reference(task_with(models.Net, "mse", "pair"), trial).result
    mine, theirs = ({(s, n): v for s, n, v in each.curves} for each in (step, plain))
    assert mine.keys() == theirs.keys() >= {(0, "validation_loss"), (4, "validation_loss"), (4, "train_loss")}
    assert mine == pytest.approx(theirs, rel=1e-12)
    logged = by_reference(task_with(models.Stepping, "training_step", "pair"), trial).result
    assert {n for _, n, _ in logged.curves} >= {"train_mae", "validation_far", "validation_loss"}


def test_a_class_with_a_step_trains_by_it() -> None:
    """Where the study names no loss; a named one is taken instead, and the plan says what is used."""
    assert Study(name="a", model=models.Stepping).training.loss == "training_step"
    assert Study(name="a", model=models.Stepping, training={"loss": "mse"}).training.loss == "mse"
    assert Study(name="a", model=models.Net).training.loss == "cross_entropy"
    words = "loss of Stepping.training_step and, on validation rows, validation_step"
    assert step_summary(task_with(models.Stepping, "training_step", "pair")) == words
    hooked = step_summary(task_with(models.Hooked, "training_step", "pair"))
    assert hooked == words.replace("Stepping", "Hooked") + (
        "; no effect here: on_before_optimizer_step, on_validation_epoch_end, configure_gradient_clipping"
    )
    with pytest.raises(StudyError, match=r"Net has no method training_step\(batch, batch_idx\)"):
        Study(name="a", model=models.Net, training={"loss": "training_step"})


@pytest.mark.parametrize(
    ("model", "why"),
    {
        models.ByHand: "optimizes by hand (automatic_optimization = False)",
        models.Counting: "its loss depends on batch_idx",
        models.Trained: "its step uses self.trainer.current_epoch (or self.current_epoch)",
        models.Optimizing: "its step calls self.optimizers()",
        models.Silent: "its training_step gives NoneType; it must give the loss, a scalar tensor",
    }.items(),
)
def test_steps_that_need_more_are_refused(model: Any, why: str) -> None:
    """With the reason, and what to do."""
    for problem in check_configurations(task_with(model, "training_step", "pair"), 0):
        assert why in problem
        assert "name training.loss" in problem


def test_a_module_of_lightning() -> None:
    """Its step stacks; hyperparameters, logging and a loss in validation alone are no hindrance."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lightning = pytest.importorskip("lightning", reason="make tools")

    class Lit(lightning.LightningModule):  # type: ignore[name-defined, misc]
        def __init__(self, in_features: int, width: int = 8) -> None:
            super().__init__()
            self.save_hyperparameters()
            self.net = torch.nn.Sequential(torch.nn.Linear(in_features, width), torch.nn.ReLU())
            self.out = torch.nn.Linear(width, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.out(self.net(x))[:, 0]

        def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
            loss = F.mse_loss(self(batch[0]), batch[1])
            self.log("train_loss", loss, prog_bar=True, on_epoch=True)
            return loss

        def validation_step(self, batch: Any, batch_idx: int) -> None:
            self.log_dict({"val_loss": self.training_step(batch, batch_idx), "val_zero": 0.0})

        def configure_optimizers(self) -> Any:
            raise AssertionError("it is not used")

    task = task_with(Lit, "training_step", "pair")
    assert set(check_configurations(task)) == {""}
    assert step_summary(task).endswith("the study searches optimizer and learning rate")
    trial = numbered(
        [{"optimizer": "sgd", "learning_rate": 0.05, "activation": "relu", "activation_penalty": 0.0}]
    )
    stacked = by_stack(task, trial, 1)
    assert distance(by_reference(task, trial[0]), stacked[0, trial[0].seed]) < 1e-9
    trainer_s = _by_trainer(lightning, Lit)
    assert trainer_s == pytest.approx(_by_sweep(Lit), rel=1e-12)


def _by_sweep(module: Any) -> list[float]:
    """Validation losses after each of four steps on all rows."""
    task = task_of(
        {"source": models.data, "standardize": False}, module, steps=4, evaluations=4, batch_size="full"
    )
    assert task.study.training.loss == "training_step"
    curves = by_reference(task, numbered([{"optimizer": "sgd", "learning_rate": 0.05}])[0]).result.curves
    return [value for step, name, value in curves if name == "validation_loss" and step > 0]


def _by_trainer(lightning: Any, module: Any) -> list[float]:
    """The same of Lightning's own trainer."""
    task = task_of({"source": models.data, "standardize": False}, module, batch_size="full")
    settings, losses = settings_of(task.study, {"optimizer": "sgd", "learning_rate": 0.05}), list[float]()
    rows = rows_of(task, settings, 0)
    seed_all(0)
    torch.set_default_dtype(torch.float64)
    try:
        net = type(
            "Trained", (module,), {"configure_optimizers": lambda s: torch.optim.SGD(s.parameters(), 0.05)}
        )(5)
    finally:
        torch.set_default_dtype(torch.float32)

    class Keep(lightning.Callback):  # type: ignore[name-defined, misc]
        def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
            losses.append(trainer.callback_metrics["val_loss"].item())

    quiet = {
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    trainer = lightning.Trainer(
        max_epochs=4,
        num_sanity_val_steps=0,
        accelerator="cpu",
        precision="64-true",
        callbacks=[Keep()],
        **quiet,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        x, y = rows.x_train, rows.x_validation
        loaders = [
            DataLoader(TensorDataset(part["inputs"], part["target"][:, 0]), batch_size=100) for part in (x, y)
        ]
        trainer.fit(net, *loaders)
    return losses


@pytest.mark.parametrize(
    ("step", "index"),
    [
        (lambda batch: (batch, None), None),
        (lambda batch, batch_idx: (batch, batch_idx), 1),
        (lambda batch, batch_idx=7: (batch, batch_idx), 7),
        (lambda batch, **more: (batch, more.get("i")), None),
        (lambda *args: args, 1),
        (lambda batch, *, flag=True: (batch, None), None),
    ],
)
def test_a_step_gets_the_number_of_the_batch_where_it_has_a_place_for_it(
    step: Any, index: int | None
) -> None:
    """Keywords are no place, and a starred argument is."""
    assert OwnStep(models.Stepping(5, 1), ("", ""), None).called(step, "batch") == ("batch", index)


def test_only_what_a_name_begins_with_is_cut() -> None:
    """Names of logged scores may hold "val" or "train" anywhere."""
    step = OwnStep(models.Stepping(5, 1), ("", ""), None)
    for name in ("train_loss", "val/acc", "retrieval_acc", "constrain_term", "my_val_acc", "validation.f1"):
        step.log(name, 1.0)
    assert [*step.logged] == ["loss", "acc", "retrieval_acc", "constrain_term", "my_val_acc", "f1"]
