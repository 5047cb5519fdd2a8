"""Whether anything was learned, and whether the winner beats guessing: from made-up curves and scores."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from sweeper.answer.baseline import baseline, by_seed
from sweeper.answer.learning import _best, _beyond_luck, learning
from sweeper.statistics.standing import intervals

RNG = np.random.default_rng(0)
SEEDS = list(range(1, 11))


def curves(values: np.ndarray, metric: str = "validation_loss", first: int = 0) -> pd.DataFrame:
    """Of trial 3: a row of `values` for each seed, a column for each evaluation point."""
    rows = [
        (3, seed, 10 * step, metric, value)
        for seed, line in enumerate(values, 1)
        for step, value in enumerate(line, first)
    ]
    return pd.DataFrame(rows, columns=["trial", "seed", "step", "metric", "value"])


def learned(values: np.ndarray, objective: str = "validation_loss", metric: str = "validation_loss") -> bool:
    """Of trial 3 on all seeds."""
    found = learning(curves(values, metric), 3, SEEDS, objective)
    assert found is not None
    return found.learned


STARTS = 2.3 + 0.02 * RNG.normal(size=(10, 1))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (STARTS * np.linspace(1, 0.1, 8), True),
        (STARTS * np.linspace(1, 1.5, 8), False),  # it only rises
        (STARTS - 1e-7 * np.arange(8), False),  # a rate near 0: falls on every seed, by nothing
        (STARTS + 0.0 * np.arange(8), False),
        (STARTS * np.array([1, 0.8, 1.1, 1.4]), True),  # falls at first, then overfits
        (STARTS - 0.02 * np.arange(8), True),  # less than the starts differ, but on every seed
    ],
)
def test_learning_is_a_fall_below_the_value_before_training(values: np.ndarray, expected: bool) -> None:
    """More than a thousandth, paired by seed; it need not last."""
    assert learned(values) == expected


@pytest.mark.parametrize(
    ("values", "unclear"),
    [
        (STARTS * np.linspace(1, 1.5, 8), False),  # it rises on every seed
        (STARTS + 0.0 * np.arange(8), False),
        (np.array([[2.3, 5.0, 3.0], [2.3, 0.1, 9.0], [2.3, 9.0, 0.2]]), True),  # unstable, higher on average
    ],
)
def test_nothing_learned_takes_falls_that_are_shown_to_be_none(values: np.ndarray, unclear: bool) -> None:
    """A fall whose interval reaches above noise is unclear, whatever its mean."""
    found = learning(curves(values), 3, SEEDS, "validation_loss")
    assert found is not None
    assert (found.learned, found.unclear) == (False, unclear)


def test_evaluations_are_told_apart_by_their_turn() -> None:
    """Seeds with more rows make more steps: the k-th evaluation of one is held against that of another."""
    values = STARTS * np.linspace(1, 0.5, 6)
    alike, stretched = curves(values), curves(values)
    stretched["step"] = stretched["step"] * stretched["seed"]
    one, other = (learning(frame, 3, SEEDS, "validation_loss") for frame in (alike, stretched))
    assert one == other
    assert one is not None
    assert one.evaluations == "6 evaluations, the one before training included"


def test_the_lowest_of_noisy_points_is_no_learning() -> None:
    """Pure noise around the start has a minimum below it on every seed; in most runs nothing was learned."""
    called = [learned(2.3 + 0.1 * RNG.normal(size=(10, 20))) for _ in range(40)]
    assert sum(called) <= 6


@pytest.mark.parametrize("seeds", [3, 10])
def test_a_best_step_that_differs_between_seeds_is_learning(seeds: int) -> None:
    """Unstable curves, each near 0 at another step: far lower than the lowest of as many noisy points."""
    values = np.full((seeds, 6), 2.3)
    values[:, 1:] = 3 + RNG.normal(size=(seeds, 5)) ** 2
    values[np.arange(seeds), 1 + np.arange(seeds) % 5] = 0.05 * RNG.random(seeds)
    found = learning(curves(values), 3, SEEDS, "validation_loss")
    assert found is not None
    assert found.learned
    assert found.fell < 0.1
    assert found.at_best > 2.2


@pytest.mark.parametrize(("seeds", "points"), [(3, 5), (5, 5), (10, 20)])
@pytest.mark.parametrize("step", [0.0, 1 / 48])
def test_the_best_points_of_noise_are_no_learning(seeds: int, points: int, step: float) -> None:
    """The best point of each seed hardly adds to the calls, where all start alike and scores have steps."""
    added = 0
    for _ in range(60):
        later = 2.3 + 0.06 * RNG.normal(size=(seeds, points))
        later = step * np.round(later / step) if step else later
        added += _beyond_luck(2.3 - later.min(axis=1), later)
    assert added <= 6


@pytest.mark.parametrize("falling", [3, 2, 0])
def test_scores_that_beat_guessing_are_learning(falling: int) -> None:
    """What curves do not show, if most seeds fall at all: what beat guessing before owes nothing to training.
    The largest fall is that of any trial, each from its own start."""
    up_and_down = np.where(np.arange(10) % 5 < falling, -0.05, 0.05)[:, None] * [[0, 1, 1, 1]]
    flat, other = curves(STARTS + up_and_down), curves(STARTS[:1] * [[1, 0.5, 2, 3]])
    both = pd.concat([flat, other.assign(trial=4)])
    for beaten in (True, False):
        tested = {seed: {"loss": 0.1 if beaten else 0.7} for seed in SEEDS}
        guess = baseline(recorded(0.6, 0.75), "validation_loss", dict.fromkeys(SEEDS, 0.1), tested)
        found = learning(both, 3, SEEDS, "validation_loss", guess)
        assert found is not None
        assert found.learned is (beaten and falling == 3)
        assert found.furthest == pytest.approx(0.5 * STARTS[0, 0])


@pytest.mark.parametrize(
    ("own", "tested", "beaten"),
    [(0.1, 0.1, True), (0.1, 0.7, False), (0.7, 0.1, False), (0.1, None, False)],
)
def test_guessing_is_beaten_on_test_rows_too(own: float, tested: float | None, beaten: bool) -> None:
    """By the objective and by the same score on the test rows."""
    on_test = {} if tested is None else {seed: {"loss": tested} for seed in SEEDS}
    found = baseline(recorded(0.6, 0.75), "validation_loss", dict.fromkeys(SEEDS, own), on_test)
    assert found.beaten is beaten


def test_the_value_at_the_end_is_the_mean_of_the_last_ones() -> None:
    """Beside the best of each seed, which flatters it."""
    later = STARTS + np.linspace(-1, 0.5, 10)[:, None] * [[0, 1, 0.2, 0.7]]
    found = learning(curves(later), 3, SEEDS, "validation_loss")
    assert found is not None
    assert found.at_end == pytest.approx(later[:, -1].mean())


@pytest.mark.parametrize(("rows", "right", "shown"), [(30, 0.99, True), (30, 0.6, False), (500, 0.6, True)])
def test_accuracy_far_above_blind_labels_is_learning(rows: int, right: float, shown: bool) -> None:
    """A loss that is high on few rows hides nothing where so many labels are right that luck with the test
    rows, √(p (1 − p) / rows) of a share p, does not explain them."""
    tested = {seed: {"loss": 0.9 + seed, "accuracy": right + 0.001 * seed} for seed in SEEDS}
    counted = recorded(0.6, 0.4) | {"rows": {"train": 90, "validation": 30, "test": rows}}
    found = baseline(counted, "validation_loss", dict.fromkeys(SEEDS, 0.1), tested)
    assert not found.beaten
    error = math.sqrt(0.4 * 0.6 / rows)
    assert bool(found.beyond_rows) is shown is bool(right - 0.4 > 4 * error)
    up_and_down = np.where(np.arange(10) % 5 < 3, -0.05, 0.05)[:, None] * [[0, 1, 1, 1]]
    learnt = learning(curves(STARTS + up_and_down), 3, SEEDS, "validation_loss", found)
    assert learnt is not None
    assert learnt.learned is shown


def test_errors_and_training_losses_have_their_own_start() -> None:
    """An error falls as the accuracy rises; a training loss is held against the validation loss at step 0."""
    rng = np.random.default_rng(1)
    rising = np.tile(np.linspace(0.1, 0.9, 5), (10, 1))
    assert learned(rising, "validation_error", "validation_accuracy")
    assert not learned(rising[:, ::-1], "validation_error", "validation_accuracy")
    start = curves(STARTS)
    for scale, expected in ((0.2, True), (1.0, False)):
        after = curves(scale * (2.3 + 0.02 * rng.normal(size=(10, 6))), "train_loss", first=1)
        found = learning(pd.concat([start, after]), 3, SEEDS, "train_loss")
        assert found is not None
        assert found.learned == expected
    falling = curves(STARTS * np.linspace(1.0, 0.7, 7))
    found = learning(pd.concat([falling, after]), 3, SEEDS, "train_loss")
    assert found is not None
    assert found.learned, "its validation loss falls on every seed"


def test_without_a_value_before_training_nothing_is_said() -> None:
    """No claim on curves that lack step 0, or have nothing else; one seed has no interval."""
    flat = STARTS + 0.0 * np.arange(4)
    assert learning(curves(flat, first=1), 3, SEEDS, "validation_loss") is None
    assert learning(curves(flat[:, :1]), 3, SEEDS, "validation_loss") is None
    found = learning(curves(flat[:1] * [1, 0.5, 0.6, 0.7]), 3, [1], "validation_loss")
    assert found is not None
    assert (found.seeds, found.learned) == (1, True)
    assert np.isnan(found.low)


def recorded(loss: float, accuracy: float) -> dict:
    """Guesses of all seeds alike."""
    part = {"loss": loss, "accuracy": accuracy}
    return {
        "guess": "it",
        "why": "",
        "scores": [{"seed": s, "validation": part, "test": part} for s in SEEDS],
    }


@pytest.mark.parametrize(
    ("objective", "mean", "better"),
    [
        ("validation_loss", 0.3, True),
        ("validation_loss", 0.6, False),
        ("validation_loss", 0.69, False),
        ("validation_error", 0.1, True),
        ("validation_error", 0.25, False),
    ],
)
def test_the_winner_is_better_only_outside_of_the_interval(objective: str, mean: float, better: bool) -> None:
    """Loss against the guess's loss, error against the rarer classes' share, both lower for better."""
    found = {seed: mean + 0.05 * np.sin(3 * seed) * (mean < 0.65) for seed in SEEDS}
    against = baseline(recorded(0.6, 0.75), objective, found, {}).objective
    assert against is not None
    assert against.better == better
    assert against.guess == pytest.approx(0.6 if objective == "validation_loss" else 0.25)


def test_test_scores_are_paired_with_the_seeds_that_completed() -> None:
    """Accuracy counts upwards; a guess that is equal everywhere is not beaten; unlike counts are left out."""
    scores = [{"loss": 0.1, "accuracy": 0.75}] * 9
    assert by_seed(scores, SEEDS) == {}
    tested = by_seed(scores, SEEDS[1:])
    found = baseline(recorded(0.6, 0.75), "validation_loss", dict.fromkeys(SEEDS[1:], 0.1), tested)
    assert {each.score: (each.better, each.seeds) for each in found.test} == {
        "loss": (True, 9),
        "accuracy": (False, 9),
    }


@pytest.mark.parametrize(
    ("winner", "drawn", "better", "worse"),
    [(0.2, 0.33, False, True), (0.5, 0.33, True, False), (0.2, 0.1, True, False), (0.33, 0.33, False, False)],
)
def test_labels_drawn_at_random_are_to_be_beaten_too(
    winner: float, drawn: float, better: bool, worse: bool
) -> None:
    """An F1 above that of one constant is no gain where labels at random have it too, on all rows."""
    guesses = recorded(0.6, 0.75)
    for each in guesses["scores"]:
        each |= {part: {**each[part], "f1_macro": 0.17} for part in ("validation", "test")}
        noise = 0.01 * np.sin(3 * each["seed"])
        each["drawn"] = {part: {"f1_macro": drawn + noise} for part in ("validation", "test")}
    own = {seed: winner + 0.01 * np.cos(seed) for seed in SEEDS}
    tested = {seed: {"f1_macro": score} for seed, score in own.items()}
    found = baseline(guesses, "validation_f1_macro (higher is better)", own, tested)
    for each in (found.objective, *found.test):
        assert each is not None
        assert (each.better, each.worse, each.to_dict()["better"]) == (better, worse, better)
        assert each.chance == pytest.approx(max(0.17, drawn), abs=0.01)


@pytest.mark.parametrize("won", [SEEDS[1:], SEEDS[1:2]])
def test_blind_labels_are_scored_on_the_seeds_of_the_winner(won: Sequence[int]) -> None:
    """The seed of the search, and seeds that the winner lost, have other rows: neither their scores nor
    whether labels beat the constant there counts."""
    score, guesses = "f1", recorded(0.6, 0.75)
    for each in guesses["scores"]:
        own = each["seed"] in won
        each |= {part: {score: 0.7} for part in ("validation", "test")}
        each["drawn"] = {part: {score: 0.75 if own else 0.1} for part in ("validation", "test")}
    found = baseline(
        guesses, "validation_f1 (higher is better)", dict.fromkeys(won, 0.72), {s: {score: 0.72} for s in won}
    )
    for each in (found.objective, *found.test):
        assert each is not None
        assert (each.drawn, each.beyond) == (pytest.approx(0.75), pytest.approx(0.05))
        assert not each.better


def test_draws_that_beat_the_constant_by_luck_do_not_count() -> None:
    """Labels at random have an AUC of 0.5 like a constant, and on some seeds a little more."""
    guesses = recorded(0.6, 0.75)
    for each in guesses["scores"]:
        each["test"] = {"auc": 0.5}
        each["drawn"] = {"test": {"auc": 0.503 + 0.02 * np.sin(3 * each["seed"])}}
    found = baseline(guesses, "validation_loss", {}, {seed: {"auc": 0.51} for seed in SEEDS}).test[0]
    assert (found.chance, found.over_chance[0]) == (0.5, pytest.approx(0.01))


def test_a_score_without_meaning_is_left_out() -> None:
    """R² of rows whose targets are all alike is −∞ but for rounding: no comparison, and no overflow."""
    tested = {seed: {"loss": 0.2, "r2": -2.6e307, "accuracy": None} for seed in SEEDS}
    found = baseline(recorded(0.6, 0.75), "validation_loss", {}, tested)
    assert [each.score for each in found.test] == ["loss"]


def test_a_score_that_some_seeds_lack_is_compared_on_none() -> None:
    """It may be no number where it would have been best, so the other seeds do not speak for all."""
    tested = {seed: {"loss": 0.2, "accuracy": None if seed == SEEDS[0] else 0.9} for seed in SEEDS}
    found = baseline(recorded(0.6, 0.75), "validation_loss", {}, tested)
    assert [each.score for each in found.test] == ["loss"]


def test_no_guess_on_record_is_no_comparison() -> None:
    """A loss without a known constant has words and nothing else."""
    none = {"guess": None, "why": "ValueError: no", "scores": []}
    found = baseline(none, "validation_loss", {1: 0.5}, {1: {"loss": 0.2}})
    assert (found.objective, found.test, found.why) == (None, (), "ValueError: no")
    assert found.to_dict() == {"guess": None, "objective": None, "test": {}}


@pytest.mark.parametrize("objective", ["validation_loss", "validation_auc (higher is better)"])
def test_the_gain_of_a_winner_that_was_picked_allows_for_it(objective: str) -> None:
    """Of five finalists that guess, the best one beats guessing in fewer races than without the allowance."""
    rng, races, sign = np.random.default_rng(5), 150, -1.0 if "higher" in objective else 1.0
    guess = {"guess": "", "why": "", "scores": [{"seed": s, "validation": {"loss": 0.5}} for s in SEEDS]}
    for each in guess["scores"]:
        each["validation"]["auc"] = 0.5
    fair = picked = 0
    for _ in range(races):
        scores = 0.5 + 0.05 * rng.normal(size=(5, len(SEEDS)))
        scores = scores[np.argsort(sign * scores.mean(axis=1))]
        own, *tied = [dict(zip(SEEDS, row.tolist(), strict=True)) for row in scores]
        found = [baseline(guess, objective, own, {}, tied=rivals).objective for rivals in (tied, ())]
        assert found[0] is not None
        assert found[1] is not None
        fair, picked = fair + found[0].better, picked + found[1].better
        ends = intervals(sign * scores, np.ones(5, dtype=bool))[0]
        assert (found[0].low, found[0].high) == pytest.approx((sign * 0.5 - ends[1], sign * 0.5 - ends[0]))
    assert fair < min(picked, 0.06 * races)


@pytest.mark.parametrize(("seeds", "better"), [(1, None), (8, True)])
def test_better_in_json_is_of_an_interval(seeds: int, better: bool | None) -> None:
    """One seed has no interval, so programs read none, as of its ends."""
    scores = [{"seed": seed, "validation": {"loss": 2.3}} for seed in range(seeds)]
    own = {seed: 0.1 + 0.01 * seed for seed in range(seeds)}
    found = baseline({"guess": "", "why": "", "scores": scores}, "validation_loss", own, {}).to_dict()
    assert found["objective"]["better"] is better
    assert (found["objective"]["low"] is None) == (better is None)


def test_rounding_picks_no_evaluation_among_equal_ones() -> None:
    """Means of the other seeds that are equal but for the last bit: the first of them counts."""
    values = np.array([[0.5, 0.1, 0.3], [0.5, 0.1 + 0.2, 0.3], [0.5, 0.3, 0.1 + 0.2]])
    others = np.delete(values, 0, axis=0).mean(axis=0)
    assert others[1] == pytest.approx(others[2], rel=1e-15)
    swapped = np.array([[0.5, 0.1, 0.3], [0.5, 0.3, 0.1 + 0.2], [0.5, 0.1 + 0.2, 0.3]])
    assert _best(values)[0] == _best(swapped)[0] == 0.1
    uneven = np.array([[0.5, 0.1, 0.3], [0.5, 0.3 + 1e-16, 0.3], [0.5, 0.3 + 1e-16, 0.3]])
    assert uneven[1, 1] > uneven[1, 2], "the example"
    assert _best(uneven)[0] == 0.1
