"""Scores on test rows beyond what luck with these rows explains: held against blind predictions."""

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, matthews_corrcoef, r2_score, roc_auc_score

from sweeper.answer.baseline import Against, Baseline, baseline
from sweeper.trial import HIGHER

ROWS, DRAWS = 60, 400


def against(score: str, value: float, guess: float) -> Against:
    """A score that every seed has: its interval is narrow, whatever the rows."""
    gain = value - guess
    return Against("test", score, value, guess, gain, gain - 1e-4, gain + 1e-4, 10, higher=True)


def labels(rng: np.random.Generator, signal: float) -> dict[str, float]:
    """Scores of a logit that follows one label in five by `signal` standard deviations."""
    target = (np.arange(ROWS) % 5 == 0).astype(int)
    logit = rng.standard_normal(ROWS) + signal * target
    chosen = (logit > np.quantile(logit, 0.8)).astype(int)
    scores = {"accuracy": accuracy_score(target, chosen), "mcc": matthews_corrcoef(target, chosen)}
    return scores | {"auc": roc_auc_score(target, logit), "f1": 0.0}


def amounts(rng: np.random.Generator, signal: float) -> dict[str, float]:
    """R² of the best multiple of a prediction that follows its target by `signal`."""
    target = rng.standard_normal(ROWS)
    seen = rng.standard_normal(ROWS) + signal * target
    fitted = np.polyval(np.polyfit(seen, target, 1), seen)
    return {"r2": r2_score(target, fitted)}


GUESSES = {"accuracy": 0.8, "mcc": 0.0, "auc": 0.5, "f1": 0.0, "r2": 0.0}


@pytest.mark.parametrize(("draw", "scores"), [(labels, {"mcc", "auc", "accuracy"}), (amounts, {"r2"})])
@pytest.mark.parametrize("signal", [0.0, 6.0])
def test_luck_with_the_rows_is_not_taken_for_learning(
    draw: Callable[[np.random.Generator, float], dict[str, float]], scores: set[str], signal: float
) -> None:
    """Blind predictions pass in fewer than one draw of 100, good ones by most scores in most."""
    rng, passed = np.random.default_rng(0), []
    for _ in range(DRAWS):
        test = tuple(against(name, value, GUESSES[name]) for name, value in draw(rng, signal).items())
        passed.append(set(Baseline("it", "", None, test, test_rows=ROWS).beyond_rows))
    assert all(each <= scores for each in passed)
    share = float(np.mean([bool(each) for each in passed]))
    assert share > 0.95 if signal else share < 0.01


def test_several_classes_have_no_rule_for_their_auc() -> None:
    """Without F1, which is of two classes, the spread of a mean AUC is not known."""
    both = (against("accuracy", 0.81, 0.8), against("auc", 0.99, 0.5))
    assert Baseline("it", "", None, both, test_rows=ROWS).beyond_rows == ()
    assert Baseline("it", "", None, (*both, against("f1", 0.1, 0.0)), test_rows=ROWS).beyond_rows == ("auc",)


@pytest.mark.parametrize("signal", [0.0, 6.0])
def test_an_interval_over_seeds_is_not_enough_to_beat_guessing(signal: float) -> None:
    """Blind predictions whose interval lies above guessing pass on few test parts, good ones on all."""
    rng, passed = np.random.default_rng(1), {name: list[bool]() for name in ("accuracy", "auc")}
    for _ in range(DRAWS // 2):
        found = labels(rng, signal)
        recorded = [{"seed": seed, "test": {name: GUESSES[name] for name in found}} for seed in range(5)]
        tested = {seed: {n: v + 1e-5 * (seed % 2) for n, v in found.items()} for seed in range(5)}
        made = baseline(
            {"guess": "it", "why": "", "scores": recorded, "rows": {"test": ROWS}},
            "validation_auc" + HIGHER,
            {},
            tested,
        )
        for name, each in passed.items():
            each.append(next(one for one in made.test if one.score == name).better)
    assert all((np.mean(each) == 1) if signal else (np.mean(each) < 0.04) for each in passed.values())
