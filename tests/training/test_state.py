"""The state of a trial: the rules that both engines share, told by numbers alone."""

import math
from dataclasses import replace
from typing import Any

import pytest

from sweeper.study.settings import settings as settings_of
from sweeper.study.study import Study
from sweeper.training.state import TrialState, evaluation_steps, measured_steps
from sweeper.trial import Outcome, PruningRule, Trial

TRIAL = Trial(0, "explore", 0, {"optimizer": "sgd", "learning_rate": 0.1})


def started(trial: Trial = TRIAL, objective: str = "validation_loss", **training: Any) -> TrialState:
    """A training of ten steps, evaluated after every second one."""
    study = Study(
        name="state",
        data={"source": "wine"},
        model={"source": "mlp"},
        training={"steps": 10, "evaluations": 5, **training},
        search={"space": {"optimizer": "sgd", "learning_rate": 0.1}, "scientific": ["optimizer"]},
    )
    return TrialState.start(trial, settings_of(study, trial.parameters), 100, objective)


def train(state: TrialState, *losses: float) -> None:
    """One update a loss, without a penalty, at rate 0.1."""
    state.record_batches(list(losses), [0.0] * len(losses), list(losses), 0.1)


def test_evaluation_points() -> None:
    """Before training, then evenly spaced, the last at the last step; no more than there are steps."""
    assert evaluation_steps(100, 5) == [0, 20, 40, 60, 80, 100]
    assert evaluation_steps(3, 20) == [0, 1, 2, 3]
    assert evaluation_steps(7, 3) == [0, 2, 5, 7]


def test_measured_points() -> None:
    """0 and 1, then four a decade, and the last."""
    assert measured_steps(1) == [0, 1]
    assert measured_steps(100) == [0, 1, 2, 3, 6, 10, 18, 32, 56, 100]
    assert measured_steps(37)[-1] == 37


def test_points_are_evaluations_measurements_and_the_end() -> None:
    """A training is stopped where something is due, and nowhere else."""
    state = started(replace(TRIAL, measured=False))
    assert (state.steps, state.measured, state.next_point) == (10, frozenset(), 2)
    state.step = 8
    assert state.next_point == 10
    assert started().next_point == 1  # layers are measured there
    assert [state.is_point(step) for step in (1, 2, 10, 11)] == [False, True, True, True]


def test_an_evaluation_point_is_kept_as_curves_and_objective() -> None:
    """Rows of the point, means of the batches since the last one, and the rate of the last update."""
    state = started()
    state.record_scores({"loss": 2.0, "accuracy": 0.25})
    state.record_batches([1.0, 3.0], [0.5, 0.1], [1.5, 3.1], 0.05)
    state.record_scores({"loss": 1.5, "accuracy": 0.5})
    assert state.curves == [
        (0, "validation_loss", 2.0),
        (0, "validation_accuracy", 0.25),
        (2, "learning_rate", 0.05),
        (2, "validation_loss", 1.5),
        (2, "validation_accuracy", 0.5),
        (2, "train_loss", 2.0),
        (2, "penalty", 0.3),
    ]
    assert state.objectives == {0: 2.0, 2: 1.5}
    train(state, 5.0, 7.0)
    state.record_scores({"loss": 1.5, "accuracy": 0.5})
    assert (4, "train_loss", 6.0) in state.curves


@pytest.mark.parametrize(
    ("objective", "expected"),
    [
        ("validation_loss", {0: 2.0, 2: 1.5}),
        ("validation_error", {0: 0.75, 2: 0.5}),
        ("train_loss", {2: 4.0}),
    ],
)
def test_every_objective_comes_from_its_metric(objective: str, expected: dict[int, float]) -> None:
    """Lower is better; before the first batch there is no training loss."""
    state = started(objective=objective)
    state.record_scores({"loss": 2.0, "accuracy": 0.25})
    train(state, 3.0, 5.0)
    state.record_scores({"loss": 1.5, "accuracy": 0.5})
    assert state.objectives == expected


def test_test_rows_are_scored_at_the_best_point_alone() -> None:
    """Asked for at the first point and wherever the objective falls, of a trial that wants test scores."""
    state, asked = started(replace(TRIAL, test=True)), []
    for state.step, loss in {0: 2.0, 2: 3.0, 4: 2.0, 6: 1.0}.items():
        asked.append(state.record_scores({"loss": loss}))
    assert asked == [True, False, False, True]
    assert not started().record_scores({"loss": 2.0})


@pytest.mark.parametrize(
    ("losses", "steps", "reason"),
    [
        ([1.0, math.nan, 1.0], 1, "training loss nan at step 1"),
        ([1.0, 1.0, math.inf], 2, "training loss inf at step 2"),
        ([1.0, 9999.0, 10001.0], 2, "training loss 10001 at step 2"),
        ([1e-9, 9e-5, 2e-4], 2, "training loss 2e-4 at step 2"),
        ([0.0, 0.3, 1.1], 2, "training loss 1.1 at step 2"),
        ([math.nan], 0, "training loss nan at step 0"),
    ],
)
def test_divergence_ends_at_the_first_bad_batch(losses: list[float], steps: int, reason: str) -> None:
    """A loss that is not finite, or above ten thousand times the first one (or 1e-8 where that is less)."""
    state = started()
    train(state, *losses)
    assert (state.outcome, state.step, state.reason) == (Outcome.DIVERGED, steps, reason)
    assert math.isnan(state.result("reference").objective)
    assert not state.batches


def test_finite_losses_whose_sum_is_not_are_no_divergence() -> None:
    """Only single batches count."""
    state = started()
    train(state, 1e308, 1e308, 1e308)
    assert (state.outcome, state.step) == (None, 3)


def test_a_validation_loss_that_is_not_finite_is_divergence() -> None:
    """The rest of the point is kept, its objective is not."""
    state = started()
    assert not state.record_scores({"loss": math.nan, "accuracy": 0.5})
    assert (state.outcome, state.reason) == (Outcome.DIVERGED, "validation loss not finite at step 0")
    assert (state.curves, state.objectives) == ([(0, "validation_accuracy", 0.5)], {})


def test_pruning_follows_the_rule_before_the_last_step() -> None:
    """A pruned trial keeps its best objective; at the last step there is nothing to prune."""
    rule = PruningRule(limits={2: 1.0, 10: 1.0})
    state = started(replace(TRIAL, pruning=rule))
    state.record_scores({"loss": 1.5})
    assert state.outcome is None
    train(state, 1.0, 1.0)
    state.record_scores({"loss": 1.25})
    result = state.result("fused")
    assert (result.outcome, result.reason) == (Outcome.PRUNED, "behind other trials at step 2")
    assert (result.objective, result.steps, result.engine) == (1.25, 2, "fused")
    last = started(replace(TRIAL, pruning=rule))
    last.step = 10
    last.record_scores({"loss": 2.0})
    assert last.outcome is None


def test_the_last_step_comes_before_the_last_second() -> None:
    """A trial is over after its last step, or when it takes too long; how it ended stays."""
    state = started(timeout=3)
    state.end_if_over()
    assert state.outcome is None
    state.seconds = 3.5
    state.end_if_over()
    assert (state.outcome, state.reason) == (Outcome.FAILED, "timeout: more than 3 s at step 0")
    assert math.isnan(state.result("reference").objective)
    late = started(timeout=3)
    late.step, late.seconds = 10, 3.5
    late.end_if_over()
    late.seconds = 9.0
    late.end_if_over()
    assert late.outcome == Outcome.COMPLETED


def test_an_objective_that_is_not_finite_is_divergence() -> None:
    """Whatever engine and loss make of it: no trial completes without a number."""
    state = started(objective="train_loss")
    train(state, 1e308, 1e308)
    state.record_scores({"loss": 1.0})
    state.end(Outcome.COMPLETED)
    result = state.result("reference")
    assert (result.outcome, result.reason) == (Outcome.DIVERGED, "objective inf at step 2")
    assert math.isnan(result.objective)


def test_finite_layer_rows_are_kept_with_the_names_of_the_layers() -> None:
    """Rows belong to the step of their measurement, which may lie before the present one."""
    state = started()
    state.layer_names = ("hidden.0",)
    state.record_layers(1, [0, 0], ["dead", "saturated"], [0.5, math.nan])
    state.record_scores({"loss": 1.0})
    state.end(Outcome.COMPLETED)
    assert state.layers == [(1, 0, "dead", 0.5)]
    assert state.result("reference").layer_names == ("hidden.0",)


@pytest.mark.parametrize(
    ("step", "kept", "note"),
    [
        (1, 0, ""),
        (2, 1, "layers are not measured from step 2 on: no second pass"),
    ],
)
def test_layers_without_a_confirmed_measurement_are_dropped(step: int, kept: int, note: str) -> None:
    """What was measured before the first step counts only if it could be measured after one, too."""
    state = started()
    state.record_layers(0, [0], ["dead"], [0.5])
    state.step = step
    state.stop_measuring("no second pass", state.step)
    assert (len(state.layers), state.note, state.measured) == (kept, note, frozenset())


@pytest.mark.parametrize(("score", "of_classes"), [("auc", True), ("mine", False), ("r2", False)])
def test_a_score_that_is_no_number_blames_missing_classes_only_where_it_has_some(
    score: str, of_classes: bool
) -> None:
    """Of amounts, and of the user's own, nobody knows why."""
    state = started(objective=f"validation_{score} (higher is better)")
    state.record_scores({"loss": 0.5, score: math.nan})
    assert state.outcome == Outcome.FAILED
    assert f"validation_{score} is not a number at step 0" in state.reason
    assert ("needs rows of each of them" in state.reason) is of_classes


@pytest.mark.parametrize("losses", [[-0.05, -0.02, 0.01, -0.8], [-3.0, -2.0, 40.0, -5.0]])
def test_losses_may_be_negative(losses: list[float]) -> None:
    """A cosine similarity or a likelihood begins below 0; how far it may rise goes by its size."""
    state = started(steps=len(losses), evaluations=1)
    train(state, *losses)
    assert state.outcome is None
    assert state.highest_loss == 1e4 * abs(losses[0])
