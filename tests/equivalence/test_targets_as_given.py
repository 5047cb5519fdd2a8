"""A loss of one's own gets targets as its loader gives them: held against a plain loop over that loader."""

from typing import Any

import loader_targets as given
import numpy as np
import pytest
import torch
from equivalence import by_reference, by_stack, distance, numbered, task_of
from printed_curves import printed, recorded
from torch.utils.data import DataLoader, Subset

from sweeper.components.outputs import mapped
from sweeper.data.column_words import item_lines
from sweeper.data.load import load
from sweeper.data.splits import rows_of_parts
from sweeper.errors import DataError, UserError
from sweeper.report.script.data import data_text
from sweeper.study.data import data_of
from sweeper.study.settings import settings as settings_of
from sweeper.study.study import Study
from sweeper.training import setup
from sweeper.training.preflight import check_configurations
from sweeper.training.row_broadcast import refuse_row_broadcast
from sweeper.training.setup import Task, batch_order, initial_model
from sweeper.trial import Trial

STEPS = 4


def task_with(form: str, loss: object, **training: object) -> Task:
    """A few steps on rows as they are."""
    data = {"source": given.loader, "form": form, "standardize": False, "split": (0.5, 0.3, 0.2)}
    return task_of(data, given.Net, loss=loss, steps=STEPS, evaluations=1, **training)


def task_of_several(kind: str, model: object, loss: object, **training: object) -> Task:
    """The same with two targets in an item."""
    target = ("price", "class") if kind == "keys" else None
    section = {
        "source": given.several(kind),
        "standardize": False,
        "split": (0.5, 0.3, 0.2),
        "target": target,
    }
    training = {
        "loss": loss,
        "steps": STEPS,
        "batch_size": 16,
        "evaluations": 1,
        "dtype": "float64",
        **training,
    }
    study = Study(name="a", data=section, model=model, training=training)
    return setup.task_of(study, data_of(study))


def by_a_plain_loop(task: Task, own: DataLoader, loss: Any, trial: Trial) -> float:
    """The validation loss after `STEPS` steps of a loop over the loader's own batches."""
    shares = task.study.data.split
    train, validation, _ = (
        Subset(own.dataset, rows.tolist()) for rows in rows_of_parts(task.data, shares, seed=0, test_seed=0)
    )
    model = initial_model(task, settings_of(task.study, trial.parameters), trial.seed).model
    vars(model).pop("forward", None)  # the model's own again, without the loss in it
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    order = batch_order(trial.seed, len(train), 16)
    batches = DataLoader(train, batch_sampler=[next(order).tolist() for _ in range(STEPS)])
    for batch in batches:
        optimizer.zero_grad()
        loss(model, as_double(batch)).backward()
        optimizer.step()
    (batch,) = DataLoader(validation, batch_size=len(validation))
    model.eval()
    return loss(model, as_double(batch)).item()


def as_double(batch: Any) -> Any:
    """Real numbers in the precision of the study; whole numbers and truth values as they are."""
    return mapped(lambda leaf: leaf.double() if leaf.is_floating_point() else leaf, batch)


@pytest.mark.parametrize("form", given.LOSSES)
def test_as_in_a_plain_loop(form: str) -> None:
    """Both engines and the script train on the shape, type and numbers that the loader gives."""
    loss = given.LOSSES[form]
    task, trials = task_with(form, loss), numbered([{}, {}])
    alone = by_reference(task, trials[0])
    assert distance(alone, by_stack(task, trials, 2)[0, 0]) < 1e-9
    curve = recorded(alone.result)
    plain = by_a_plain_loop(
        task, given.loader(form), lambda net, batch: loss(net(batch[0]), batch[1]), trials[0]
    )
    assert curve[STEPS, "validation_loss"] == pytest.approx(plain, rel=1e-9)
    assert printed(task, trials[0]) == curve


def test_scores_and_the_batch() -> None:
    """A score beside such a loss, and a loss that asks for the batch, get targets as loaders give them."""
    task = task_with("numbers", given.asking, metrics=[given.distance])
    trials = numbered([{}, {}])
    alone = by_reference(task, trials[0])
    assert distance(alone, by_stack(task, trials, 2)[0, 0]) < 1e-9
    same = by_reference(task_with("numbers", given.numbers), trials[0])
    curve = recorded(alone.result)
    assert curve[STEPS, "validation_loss"] == pytest.approx(recorded(same.result)[STEPS, "validation_loss"])
    assert printed(task, trials[0]) == curve


@pytest.mark.parametrize("kind", ["keys", "dict", "tuple"])
@pytest.mark.parametrize(
    ("model", "loss"),
    [(given.Net, given.both), (given.Net, given.from_batch), (given.Stepping, "training_step")],
)
def test_several_targets(kind: str, model: Any, loss: Any) -> None:
    """Items with two targets train as in a plain loop, both engines alike: no target is an input."""
    task, trials = task_of_several(kind, model, loss), numbered([{}, {}])
    assert check_configurations(task, 0) == [""]
    alone = by_reference(task, trials[0])
    assert distance(alone, by_stack(task, trials, 2)[0, 0]) < 1e-9

    def own(net: Any, batch: Any) -> Any:
        return given.from_batch(net(batch["x"] if kind == "keys" else batch[0]), batch)[0]

    plain = by_a_plain_loop(task, given.several(kind), own, trials[0])
    assert recorded(alone.result)[STEPS, "validation_loss"] == pytest.approx(plain, rel=1e-9)


def test_said_before_training() -> None:
    """What is an input of items that are dicts, and that it is standardized, is said; targets never are."""
    items = [{"x": x, "price": p, "y": p} for x, p in zip(given.X, given.PRICE, strict=True)]
    one = load(lambda: items, loss_task="regression")
    words = (
        "items: x and price are inputs (x and price standardized on training rows), y predicted; to predict"
    )
    assert item_lines(one, True)[0].startswith(words)
    assert item_lines(one, False)[0].startswith("items: x and price are inputs, y predicted; to predict")
    both = load(lambda: items, target=("y", "price"))
    assert item_lines(both, True) == []
    assert list(both.several) == ["y", "price"]
    assert isinstance(both.inputs, np.ndarray)


@pytest.mark.parametrize("kind", ["keys", "tuple"])
def test_scores_and_sizes_of_several_targets(kind: str) -> None:
    """A score gets all targets; a model is told how many outputs each of them needs."""
    task, trials = task_of_several(kind, given.sizes, given.both, metrics=[given.hits]), numbered([{}, {}])
    assert check_configurations(task, 0) == [""]
    refuse_row_broadcast(task, trials[:1])
    alone = by_reference(task, trials[0])
    assert distance(alone, by_stack(task, trials, 2)[0, 0]) < 1e-9
    assert {"validation_hits", "validation_of_class"} <= {name for _, name in recorded(alone.result)}


def test_several_targets_that_cannot_be() -> None:
    """Named losses take one target; names that are not there, and scripts are refused."""
    with pytest.raises(
        DataError, match=r"an item has 2 targets, and training.loss takes one; a loss of your own"
    ):
        task_of_several("tuple", given.Net, "mse")
    section = {"source": given.several("keys"), "target": ("price", "klass")}
    study = Study(name="a", data=section, model=given.Net, training={"loss": given.both})
    with pytest.raises(DataError, match=r"has no 'klass' \(data.target\); did you mean 'class'"):
        data_of(study)
    section = {"source": given.several("tuple"), "target": ("price", "class")}
    study = Study(name="a", data=section, model=given.Net, training={"loss": given.both})
    with pytest.raises(
        DataError, match=r"is no dict, and data.target = \['price', 'class'\] names keys of dicts"
    ):
        data_of(study)
    with pytest.raises(UserError, match="items have several targets, and a script reads one"):
        data_text(
            task_of_several("keys", given.Net, given.both).study,
            task_of_several("keys", given.Net, given.both).data,
        )


def test_arrays_keep_their_columns() -> None:
    """Arrays have no loader: a loss gets their numbers as (n, columns), as documented."""
    data = {"source": lambda: (given.X, given.X.sum(1)), "standardize": False}
    task = task_of(data, given.Net, loss=given.column, steps=STEPS, evaluations=1)
    assert by_reference(task, numbered([{}])[0]).result.reason == ""
