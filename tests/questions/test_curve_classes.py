"""Curves of known shape are called what they are, with and without noise."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from report_inputs import sentences_of
from run_data import run_data, with_records
from synthetic_records import SyntheticRecords

from sweeper.answer.rows import best_trials
from sweeper.components.schedules import SCHEDULES
from sweeper.questions.convergence import SHOWN
from sweeper.questions.curve_advice import Ended, advice
from sweeper.questions.curve_classes import COLUMNS, curve_classes, curve_summary
from sweeper.questions.run_data import RunData
from sweeper.statistics.curve_class import CLASSES, IMPROVING, SATURATED, shape

STEPS = np.arange(0, 401, 20)
DONE = STEPS / 400
"""Share of the training that is over, 0 to 1."""
Curve = Callable[[np.ndarray], np.ndarray]


def fast(t: np.ndarray) -> np.ndarray:
    """At its floor of 0.1 after a third of the training."""
    return 0.1 + 2.2 * np.exp(-20 * t)


def slow(t: np.ndarray) -> np.ndarray:
    """Still falling at the end."""
    return 0.1 + 2.2 * np.exp(-2.5 * t)


def turning(t: np.ndarray) -> np.ndarray:
    """Down to 0.3 at 30 %, then up again."""
    return 0.3 + 2 * np.exp(-20 * t) + 0.5 * np.maximum(t - 0.3, 0)


def swinging(t: np.ndarray) -> np.ndarray:
    """Falls, but jumps up and down by a third of its fall."""
    return 0.6 + 1.7 * np.exp(-10 * t) + 0.35 * np.where(np.arange(len(t)) % 2, 1, -1) * (t > 0.2)


def flat(t: np.ndarray) -> np.ndarray:
    """log 10, as before training."""
    return 2.3 - 0.01 * t


def jagged(t: np.ndarray) -> np.ndarray:
    """Hardly falls, and jumps up and down by more than that."""
    return 2.3 - 0.05 * t + 0.15 * np.where(np.arange(len(t)) % 2, 1, -1) * (t > 0)


def blown(t: np.ndarray) -> np.ndarray:
    """Above its start from the first steps on."""
    return 2.3 * np.exp(3 * t)


CURVES = {
    "saturated": fast,
    "still improving": slow,
    "overfitting": turning,
    "unstable": swinging,
    "flat": flat,
    "noisy": jagged,
    "rose": blown,
}
TRAIN = {"rose": blown, "noisy": jagged, "flat": flat}
"""Train losses of those that would be called something else if these fell."""


def called(curve: np.ndarray, train: np.ndarray | None = None) -> str:
    """Class of a validation curve; the train loss falls all the way unless given."""
    return shape(STEPS, curve, 2 * np.exp(-4 * DONE) if train is None else train).name


def train_of(name: str) -> np.ndarray | None:
    """The train loss that belongs to a curve of `CURVES`."""
    return TRAIN[name](DONE) if name in TRAIN else None


@pytest.mark.parametrize("name", CURVES)
def test_shapes(name: str) -> None:
    """Each curve has its class."""
    assert called(CURVES[name](DONE), train_of(name)) == name


@pytest.mark.parametrize("name", CURVES)
def test_shapes_with_noise(name: str) -> None:
    """With noise of 2 % at least 90 % of 300 curves keep their class; one in 20 may end higher."""
    rng, curve = np.random.default_rng(0), CURVES[name](DONE)
    noisy = [curve * (1 + 0.02 * rng.normal(size=len(curve))) for _ in range(300)]
    names = [called(values, train_of(name)) for values in noisy]
    assert names.count(name) >= 270
    assert names.count("ending higher") <= 15


SMOOTH: dict[str, Curve] = {
    "linear": lambda t: t,
    "late": lambda t: t**3,
    "early": np.sqrt,
    "exponential": lambda t: 1 - np.exp(-5 * t),
    "sudden": lambda t: 1 / (1 + np.exp(-25 * (t - 0.6))),
}
"""Share of the way that is behind a smooth curve, 0 to 1."""
FELL, ROSE = {"still improving", "saturated"}, {"rose"}


@pytest.mark.parametrize("way", SMOOTH)
@pytest.mark.parametrize("size", [0.1, 1.0, 2.29])
def test_a_smooth_fall_of_both_losses_is_nothing_else(way: str, size: float) -> None:
    """From a fall by 4 % of the start to one of nearly all of it, whatever its course, nothing is broken."""
    curve = 2.3 - size * SMOOTH[way](DONE)
    assert called(curve, curve) in (FELL if size >= 0.2 else {"flat"})


@pytest.mark.parametrize("way", SMOOTH)
@pytest.mark.parametrize("size", [0.5, 5.0, 1e3, 1e12])
def test_a_smooth_rise_of_both_losses_blew_up(way: str, size: float) -> None:
    """A curve that ends above its start blew up: no higher rate is advised, and no regularization."""
    curve = 2.3 + size * SMOOTH[way](DONE)
    assert called(curve, curve) in ROSE
    early = 2.3 + size * np.where(DONE > 0, 1.0, 0.0) * (1 - 0.3 * DONE)  # it blew up and comes down again
    assert called(early, early) == "rose"


@pytest.mark.parametrize("way", SMOOTH)
@pytest.mark.parametrize("back", [0.3, 0.9, 3.0])
def test_a_rise_of_both_losses_after_a_fall_is_no_overfitting(way: str, back: float) -> None:
    """Both losses fall, then rise: the training went wrong; where the train loss falls on, it overfits."""
    curve = 2.3 - 2 * np.minimum(DONE / 0.4, 1) + 2 * back * SMOOTH[way](np.maximum(DONE - 0.4, 0) / 0.6)
    assert called(curve, curve) == "rising again"
    assert called(curve) == "overfitting"


@pytest.mark.parametrize("noise", [0.0, 0.01, 0.02])
def test_what_is_learned_of_the_training_rows_alone(noise: float) -> None:
    """Where the train loss falls and the validation loss does not, no higher rate is advised."""
    curve = flat(DONE) * (1 + noise * np.random.default_rng(2).normal(size=len(DONE)))
    for floor in (0.0, 1.5):
        assert called(curve, floor + (2.3 - floor) * np.exp(-4 * DONE)) == "not generalising"
    assert called(2.3 + DONE, 2.3 * np.exp(-4 * DONE)) == "overfitting"
    assert called(curve, np.full(len(DONE), np.nan)) == "flat"


@pytest.mark.parametrize("size", [0.12, 0.2, 0.5])
def test_noise_that_hides_the_fall_is_called_noise(size: float) -> None:
    """Of 100 curves that jump about their start, at least 90 are noisy; none is told to learn faster."""
    rng = np.random.default_rng(3)
    made = [np.r_[2.3, 2.3 * (1 + size * rng.normal(size=len(DONE) - 1))] for _ in range(100)]
    names = [called(curve, np.full(len(DONE), 2.3)) for curve in made]
    assert names.count("noisy") + names.count("unstable") + names.count("rose") >= 90
    assert names.count("flat") <= 3


def test_noise_about_a_floor_is_not_overfitting() -> None:
    """One of many noisy values lies below the last ones; at most 5 % of 200 such curves are taken for it."""
    rng = np.random.default_rng(1)
    names = [called(fast(DONE) * (1 + 0.08 * rng.normal(size=len(DONE)))) for _ in range(200)]
    assert names.count("overfitting") <= 10


def test_overfitting_needs_a_falling_train_loss_unless_that_is_not_known() -> None:
    """Where the train loss rises too, the model does not overfit: it forgets."""
    assert called(turning(DONE), turning(DONE)) == "rising again"
    assert called(turning(DONE), np.full(len(DONE), np.nan)) == "overfitting"


def test_numbers_of_a_shape() -> None:
    """Best step, lowest loss and first step within 2 % of it are those of the curve."""
    found = shape(STEPS, turning(DONE), 2 * np.exp(-4 * DONE))
    curve = turning(DONE)
    assert found.best_step == STEPS[curve.argmin()]
    assert found.lowest == curve.min()
    assert found.end == np.median(curve[-3:])
    assert found.settled_step == STEPS[np.argmax(curve <= curve.min() + max(0.02 * curve.min(), found.noise))]


def test_losses_below_zero_and_scales_do_not_matter() -> None:
    """A curve times 1,000 has the same class; one around 0 does not fail."""
    for name, curve in CURVES.items():
        train = train_of(name)
        assert called(1000 * curve(DONE), 1000 * (np.exp(-DONE) if train is None else train)) == name
    assert called(fast(DONE) - 0.5) in CLASSES


def test_short_curves_are_not_judged() -> None:
    """Five points or fewer say nothing; one point does not fail."""
    for points in (1, 2, 3, 5):
        steps, curve = STEPS[:points], fast(DONE)[:points]
        assert shape(steps, curve, curve).name == "too few points"


def study(outcomes: dict[int, str], curve: Curve = fast) -> RunData:
    """Trials with one curve."""
    trials = pd.DataFrame({"trial": list(outcomes), "outcome": list(outcomes.values())})
    base = {"phase": "explore", "seed": 0, "steps": 400, "optimizer": "sgd", "activation": "relu"}
    trials = trials.assign(objective=0.1 + 0.01 * trials["trial"], learning_rate=0.1, **base)
    rows = [
        (trial, 0, step, metric, value)
        for trial in outcomes
        for step, value in zip(STEPS.tolist(), curve(DONE).tolist(), strict=True)
        for metric in ("validation_loss", "train_loss")
        if step or metric == "validation_loss"
    ]
    curves = pd.DataFrame(rows, columns=["trial", "seed", "step", "metric", "value"])
    layers = pd.DataFrame(columns=["trial", "seed", "step", "layer", "measure", "value"])
    return run_data(trials, curves, layers)


def test_outcomes_go_before_shapes() -> None:
    """Diverged is diverged, pruned is cut short, failed is left out, whatever the curve looks like."""
    table = curve_classes(study({0: "completed", 1: "diverged", 2: "pruned", 3: "failed"})).set_index("trial")
    assert table["class"].to_dict() == {0: "saturated", 1: "diverged", 2: "cut short"}


def test_best_and_rest(records: SyntheticRecords) -> None:
    """The best trials stand apart, every evaluated search trial is there once, shares sum to 1."""
    source = run_data(records.trials, records.curves, records.layers)
    table = curve_classes(source)
    assert list(table.columns) == COLUMNS
    assert table["trial"].is_unique
    best = set(best_trials(source.trials, SHOWN)["trial"])
    assert set(table.loc[table["group"] == "best", "trial"]) == best
    summary = curve_summary(source)
    assert summary.groupby("group")["share"].sum().tolist() == pytest.approx([1, 1])
    assert summary["trials"].sum() == len(table)
    assert summary["group"].drop_duplicates().tolist() == ["best", "rest"]


@pytest.mark.parametrize(
    ("name", "steps", "said"),
    [
        ("still improving", 400, "--set training.steps=800"),
        ("saturated", 400, "--set training.steps=200"),
        ("overfitting", 400, "weight_decay"),
        ("unstable", 400, "--set search.space.schedule=cosine"),
        ("flat", 400, "higher learning rate"),
        ("rising again", 400, "--set search.space.schedule=cosine"),
        ("noisy", 400, "--set search.space.schedule=cosine"),
        ("not generalising", 400, "weight_decay"),
        ("rose", 10, "warmup_cosine"),
        ("diverged", 10, "warmup_cosine"),
        ("diverged", 300, "lower learning rate (a warm-up would be over by then)"),
        ("cut short", 100, ""),
    ],
)
def test_each_class_has_its_advice(name: str, steps: int, said: str) -> None:
    """Longer, shorter, regularize, lower rate, warm up: with a ready option where there is one."""
    curve = fast(DONE)
    text = advice(Ended(name, steps, 400, shape(STEPS, curve, curve)))
    assert said in text
    assert bool(text) is bool(said)
    assert ("warmup" in text) is (steps == 10)


def test_every_class_that_went_wrong_has_advice_of_its_own() -> None:
    """Only a curve that is neither flat nor wrong may be left without advice, and one that rose is never
    told to learn faster."""
    found = shape(STEPS, fast(DONE), fast(DONE))
    texts = {name: advice(Ended(name, 400, 400, found)) for name in CLASSES}
    assert {name for name, text in texts.items() if not text} == {"cut short", "too few points"}
    assert [name for name, text in texts.items() if "higher" in text] == ["flat"]
    assert "higher" not in advice(Ended("flat", 400, 400, found, too_high=True))
    assert "before training" in advice(Ended("overfitting", 400, 400, shape(STEPS, 2.3 + DONE, 2.3 - DONE)))


def test_a_flat_curve_above_the_best_rate_is_not_told_to_go_higher() -> None:
    """Where a lower rate of the same optimizer did best, a higher one is no advice."""
    run = study({0: "completed", 1: "completed"}, flat)
    trials = run.records.trials.assign(learning_rate=[0.1, 10.0])
    texts = curve_classes(with_records(run, trials=trials)).set_index("trial")["advice"]
    assert texts[0].startswith("higher")
    assert texts[1].startswith("lower")


def answered(endings: list[str], steps: int = 400) -> RunData:
    """A run whose answer ended in these ways on its fresh seeds; the best trial of the search is another."""
    levels = {SATURATED: (1.0, 0.5, *[0.2] * 19), IMPROVING: tuple(np.linspace(1.0, 0.1, 21))}
    base = {
        "steps": steps,
        "outcome": "completed",
        "optimizer": "sgd",
        "activation": "relu",
        "learning_rate": 0.1,
    }
    rows = [
        {"trial": trial, "phase": "explore", "seed": 0, "objective": 0.1 + trial, **base} for trial in (0, 1)
    ]
    rows += [
        {"trial": 1, "phase": "confirm", "seed": seed, "objective": 0.1, **base}
        for seed in range(1, len(endings) + 1)
    ]
    curves = [
        (row["trial"], row["seed"], int(step), "validation_loss", value)
        for row, ending in zip(rows, [SATURATED, IMPROVING, *endings], strict=True)
        for step, value in zip(np.linspace(0, steps, 21), levels[ending], strict=True)
    ]
    layers = pd.DataFrame(columns=["trial", "seed", "step", "layer", "measure", "value"])
    frame = pd.DataFrame(curves, columns=["trial", "seed", "step", "metric", "value"])
    return run_data(pd.DataFrame(rows), frame, layers)


@pytest.mark.parametrize(
    ("endings", "said"),
    [
        ([IMPROVING] * 7 + [SATURATED], "still improving when it ended on 7 of 8 fresh seeds: train longer"),
        ([IMPROVING] * 4 + [SATURATED], "ended differently on its 5 fresh seeds: 4 still improving and 1"),
        ([SATURATED] * 5, "had levelled off when it ended on 5 of 5 fresh seeds: fewer steps may do"),
        (
            [SATURATED] * 2 + [IMPROVING] * 2,
            "ended differently on its 4 fresh seeds: 2 saturated and 2 still",
        ),
    ],
)
def test_steps_are_advised_by_the_curves_of_the_answer(endings: list[str], said: str) -> None:
    """Its own trainings on fresh seeds decide, not the best trial of the search, which levelled off early; a
    majority that half of all seeds might give advises nothing."""
    run = answered(endings)
    text = sentences_of(run, "curves")["curves"]
    assert f"The answer, trial #1, {said}" in text.replace("was still", "still")
    advised = {"train longer": "longer" in said, "fewer steps may do": "fewer" in said}
    assert {words: words in text for words in advised} == advised


@pytest.mark.parametrize("optimizer", ["sgd", "rprop"])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_curve_that_its_schedule_levels_off_advises_no_steps(schedule: str, optimizer: str) -> None:
    """Steps are not seen to be enough where the rate falls to the end; on rprop no schedule has an effect."""
    run, steps_advised = answered([SATURATED] * 5), schedule == "constant" or optimizer == "rprop"
    run = with_records(run, trials=run.trials.assign(schedule=schedule, optimizer=optimizer))
    text = sentences_of(run, "curves")["curves"]
    assert "had levelled off when it ended on 5 of 5 fresh seeds" in text
    assert ("fewer steps may do" in text) == steps_advised
    assert ("so more steps may still help" in text) != steps_advised
    assert curve_classes(run)["advice"].str.contains("fewer steps").any() == steps_advised


@pytest.mark.parametrize("tied", [1, 2])
def test_trials_that_tie_as_the_best_are_counted(tied: int) -> None:
    """Which of them comes first says nothing: curves and history say of how many it is the first."""
    run = answered([SATURATED] * 5)
    scores = run.trials["objective"].where(run.trials["phase"] == "confirm", 0.1 if tied > 1 else None)
    run = with_records(run, trials=run.trials.assign(objective=scores.fillna(run.trials["objective"])))
    said = {key: sentences_of(run, key)[key] for key in ("curves", "history")}
    assert ("the first of 2 that tie as the best of the search" in said["curves"]) == (tied > 1)
    assert ("the first of 2 that score so" in said["history"]) == (tied > 1)
