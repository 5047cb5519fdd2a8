"""Seeds that draw whole groups of rows have unlike numbers of them: no stack mixes these."""

from dataclasses import replace

import numpy as np
import pytest
from equivalence import by_reference, by_stack, distance, numbered, task_of

from sweeper.training.setup import Task, part_sizes
from sweeper.training.shapes import shapes, stack_differences, why_not_stackable
from sweeper.training.stacked.refusal import NotStackable

pytestmark = pytest.mark.usefixtures("one_thread")

SEEDS = tuple(range(8))


@pytest.fixture(scope="module")
def task() -> Task:
    """Groups of very unlike sizes."""
    plain = task_of(steps=None, epochs=6)
    sizes = np.array([2, 3, 5, 8, 13, 21, 34, 55, 200])
    groups = np.repeat(np.arange(len(sizes)), sizes)[: plain.data.rows]
    return Task(plain.study, replace(plain.data, groups=groups))


def test_each_seed_trains_on_its_own_rows_in_any_stack(task: Task) -> None:
    """As each alone, to 1e-9, step counts that follow from the rows included; by operations and by code."""
    trials = numbered([{"optimizer": "momentum", "activation": "tanh"}] * 16, seeds=SEEDS)
    groups = shapes(task, trials)
    assert 1 < len(groups) == len({part_sizes(task, seed) for seed in SEEDS})
    alone = [by_reference(task, trial) for trial in trials[: len(SEEDS)]]
    for compiled in (False, True):
        found = {key: one for group in groups for key, one in by_stack(task, group, 4, compiled).items()}
        assert len(found) == len(trials)
        for trial, one in zip(trials, alone, strict=False):
            assert distance(one, found[trial.number, trial.seed]) < 1e-9
    steps = {one.result.steps for one in found.values()}
    assert len(steps) > 1, "seeds with more rows make more steps"


@pytest.mark.parametrize("batch_size", ["full", 8])
def test_parts_of_nearly_the_same_size_share_no_memory(batch_size: int | str) -> None:
    """What was made for the rows of some seeds is not used for others that have a row more or less."""
    plain = task_of(steps=6, batch_size=batch_size)
    kept = np.arange(90)
    data = replace(plain.data, inputs=plain.data.inputs[kept], targets=plain.data.targets[kept])
    task = Task(plain.study, replace(data, groups=np.repeat(np.arange(45), 2 + np.arange(45) % 3)[:90]))
    trials = numbered([{"optimizer": "momentum", "activation": "tanh"}] * 16, seeds=range(16))
    groups = shapes(task, trials)
    assert len(groups) > 2
    alone = [by_reference(task, group[0]) for group in groups]
    for compiled in (False, True):
        for group, one in zip(groups, alone, strict=True):
            found = by_stack(task, group[:2], 2, compiled)
            assert distance(one, found[group[0].number, group[0].seed]) < 1e-9


def test_a_stack_of_unlike_seeds_is_refused(task: Task) -> None:
    """Whoever builds one gets a reason, and no wrong rows; the model may be stacked all the same."""
    trials = numbered([{"activation": "tanh"}] * 8, seeds=SEEDS)
    with pytest.raises(NotStackable, match="unlike numbers of rows"):
        by_stack(task, trials, 8)
    assert why_not_stackable(task, trials[0]) == ""
    assert stack_differences(task, trials[:1], penalized=True) == {}
