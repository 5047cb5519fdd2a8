"""What machine code gives of a trial hangs on nobody beside it: scores and curves, bit by bit."""

import importlib.util
from typing import Any

import pytest
import torch
from equivalence import assert_engines_agree, by_stack, numbered, task_of
from torch import Tensor

from sweeper.training.setup import Task
from sweeper.training.stacked import cache, evaluation
from sweeper.training.stacked.native.compiled import Compiled
from sweeper.trial import TrialResult

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("llvmlite") is None, reason="machine code needs llvmlite"
)
SPACE = {"optimizer": ["adam", "sgd"], "activation": ["tanh", "gelu"]}
TRIALS = numbered(
    [
        {"optimizer": optimizer, "learning_rate": rate, "activation": activation}
        for optimizer, rate in (("adam", 0.01), ("sgd", 0.3), ("adam", 0.003))
        for activation in ("tanh", "gelu")
    ],
    seeds=[0, 3],
    test=True,
)


@pytest.fixture(autouse=True)
def _anew() -> None:
    cache._kept.clear()


def margin(output: Tensor, target: Tensor) -> Tensor:
    """A score of the user's own, which like every score is computed without gradients."""
    assert not torch.is_grad_enabled()
    return (output.gather(1, target[:, None])[:, 0] - output.mean(1)).mean()


MLP = {"source": "mlp", "depth": 2, "width": 100}


def some_task(model: dict[str, Any] = MLP, **further: Any) -> Task:
    """In single precision, where the order of a sum shows; there are more test than validation rows."""
    data = {"source": "digits", "split": [0.5, 0.2, 0.3]}
    return task_of(data, model, SPACE, dtype="float32", **further)


def bits(task: Task, slots: int) -> dict[tuple[int, int], tuple[Any, ...]]:
    """All that is known of each trial but the time it took."""

    def known(result: TrialResult) -> tuple[Any, ...]:
        return result.objective, result.curves, result.layers, tuple(sorted(result.test.items()))

    return {key: known(found.result) for key, found in by_stack(task, TRIALS, slots).items()}


@pytest.mark.parametrize("rows_at_once", [evaluation.MAX_ROWS_OF_ALL_TRIALS, 1000])
@pytest.mark.parametrize("metrics", [[], [margin]], ids=["built in", "of the user"])
def test_stacks_of_any_size_give_the_same(
    rows_at_once: int, metrics: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many rows all trials have together, and with metrics of the user."""
    monkeypatch.setattr(evaluation, "MAX_ROWS_OF_ALL_TRIALS", rows_at_once)
    task = some_task(metrics=metrics)
    alone = bits(task, 1)
    assert len(next(iter(alone.values()))[3]) >= 4 + len(metrics)
    assert bits(task, 5) == alone
    assert bits(task, len(TRIALS)) == alone


def test_scores_that_are_not_compiled_hang_on_nobody_either(monkeypatch: pytest.MonkeyPatch) -> None:
    """A metric without a translation: each trial is scored for itself."""
    monkeypatch.setattr(Compiled, "scores", lambda *given: None)
    together, score = set[int](), evaluation.Evaluator._score

    def watched(self: Any, stack: Any, slots: Any, *others: Any) -> Any:
        together.add(len(slots))
        return score(self, stack, slots, *others)

    monkeypatch.setattr(evaluation.Evaluator, "_score", watched)
    task = some_task()
    assert bits(task, 5) == bits(task, len(TRIALS))
    assert together == {1}


def test_layers_that_are_not_measured_by_code_hang_on_nobody_either(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model with something else in evaluation, without a translation: each trial is measured for itself."""
    monkeypatch.setattr(Compiled, "layers", lambda *given: None)
    task = some_task({"source": "cnn", "channels": [4, 4]})
    alone = bits(task, 1)
    assert all(len(found[2]) > 20 for found in alone.values())
    assert bits(task, 5) == bits(task, len(TRIALS)) == alone


def test_more_rows_than_one_pass_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are scored in parts, each trial for itself."""
    for module in (evaluation, importlib.import_module("sweeper.components.tree")):
        monkeypatch.setattr(module, "ROWS_PER_PASS", 100)
    task = some_task()
    assert bits(task, 5) == bits(task, len(TRIALS))


def test_outputs_of_the_right_trial_reach_the_metrics_of_the_user() -> None:
    """Each trial's own, against its own targets, in double precision as alone."""
    task = task_of("digits", {"source": "mlp", "depth": 1, "width": 8}, SPACE, metrics=[margin])
    assert_engines_agree(task, TRIALS[:5], slots=3, compiled=True)


def picky(output: Tensor, target: Tensor) -> Tensor:
    """A score of the user's own that raises once a model has learned something."""
    if float(output.std()) > 1:
        raise ValueError("too sure")
    return output.std()


def test_a_metric_that_raises_later_fails_its_trials_alone() -> None:
    """Its stack trains all the same: comparing it with training alone asks no metric of the user."""
    task = task_of("digits", {"source": "mlp", "depth": 1, "width": 8}, SPACE, metrics=[picky])
    slow = {"optimizer": "sgd", "learning_rate": 1e-6, "activation": "tanh"}
    fast = {"optimizer": "adam", "learning_rate": 0.3, "activation": "tanh"}
    trials = numbered([slow, slow, fast, fast], seeds=[0, 3])
    found = [by_stack(task, trials, 4)[trial.number, trial.seed].result for trial in trials]
    assert {result.engine for result in found} == {"fused"}
    assert [result.outcome for result in found] == ["completed", "completed", "failed", "failed"]
    assert all("too sure" in result.reason for result in found[2:])


def broken(output: Tensor, target: Tensor) -> Tensor:
    """A score of the user's own that always raises."""
    raise ValueError("no score")


def test_a_metric_that_raises_at_once_does_so_in_each_trial() -> None:
    """The comparison with training alone asks no metric of the user, so each trial fails by itself."""
    task = task_of("digits", {"source": "mlp", "depth": 1, "width": 8}, SPACE, metrics=[broken])
    found = [each.result for each in by_stack(task, TRIALS[:4], 4).values()]
    assert [(result.engine, result.outcome) for result in found] == [("fused", "failed")] * 4
    assert all("no score" in result.reason for result in found)


@pytest.mark.parametrize(
    ("data", "training"),
    [
        ("two_spirals", {}),
        ("breast_cancer", {"loss": "bce"}),
        ("digits", {}),
        ("diabetes", {"loss": "mse"}),
        ("diabetes", {"loss": "huber"}),
    ],
)
def test_scores_of_all_tasks_are_machine_code(data: str, training: dict[str, Any]) -> None:
    """Those of two classes too, for which rows are sorted: scored one by one they take most of the time."""
    model = {"source": "mlp", "depth": 1, "width": 8}
    task = task_of(data, model, SPACE, dtype="float32", steps=10, **training)
    by_stack(task, TRIALS[:3], 3)
    ((_, kept),) = cache._kept.items()
    made = {key[0]: program is not None for key, program in kept.compiled._made.items()}
    assert made == {"scores": True, "layers": True}
