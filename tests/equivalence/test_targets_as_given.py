"""A loss of one's own gets targets as its loader gives them: held against a plain loop over that loader."""

import loader_targets as given
import pytest
import torch
from equivalence import by_reference, by_stack, distance, numbered, task_of
from printed_curves import printed, recorded
from torch.utils.data import DataLoader, Subset

from sweeper.data.splits import rows_of_parts
from sweeper.study.settings import settings as settings_of
from sweeper.training.setup import Task, batch_order, initial_model
from sweeper.trial import Trial

STEPS = 4


def task_with(form: str, loss: object, **training: object) -> Task:
    """A few steps on rows as they are."""
    data = {"source": given.loader, "form": form, "standardize": False, "split": (0.5, 0.3, 0.2)}
    return task_of(data, given.Net, loss=loss, steps=STEPS, evaluations=1, **training)


def by_a_plain_loop(task: Task, form: str, loss: object, trial: Trial) -> float:
    """The validation loss after `STEPS` steps of a loop over the loader's own batches."""
    own, shares = given.loader(form), task.study.data.split
    train, validation, _ = (
        Subset(own.dataset, rows.tolist()) for rows in rows_of_parts(task.data, shares, seed=0, test_seed=0)
    )
    model = initial_model(task, settings_of(task.study, trial.parameters), trial.seed).model
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    order = batch_order(trial.seed, len(train), 16)
    batches = DataLoader(train, batch_sampler=[next(order).tolist() for _ in range(STEPS)])
    for x, y in batches:
        optimizer.zero_grad()
        loss(model(x.double()), as_double(y)).backward()
        optimizer.step()
    ((x, y),) = DataLoader(validation, batch_size=len(validation))
    model.eval()
    return loss(model(x.double()), as_double(y)).item()


def as_double(y: torch.Tensor) -> torch.Tensor:
    """Real numbers in the precision of the study; whole numbers and truth values as they are."""
    return y.double() if y.is_floating_point() else y


@pytest.mark.parametrize("form", given.LOSSES)
def test_as_in_a_plain_loop(form: str) -> None:
    """Both engines and the script train on the shape, type and numbers that the loader gives."""
    loss = given.LOSSES[form]
    task, trials = task_with(form, loss), numbered([{}, {}])
    alone = by_reference(task, trials[0])
    assert distance(alone, by_stack(task, trials, 2)[0, 0]) < 1e-9
    curve = recorded(alone.result)
    assert curve[STEPS, "validation_loss"] == pytest.approx(
        by_a_plain_loop(task, form, loss, trials[0]), rel=1e-9
    )
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


def test_arrays_keep_their_columns() -> None:
    """Arrays have no loader: a loss gets their numbers as (n, columns), as documented."""
    data = {"source": lambda: (given.X, given.X.sum(1)), "standardize": False}
    task = task_of(data, given.Net, loss=given.column, steps=STEPS, evaluations=1)
    assert by_reference(task, numbered([{}])[0]).result.reason == ""
