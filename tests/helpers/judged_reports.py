"""Reports with baselines and test scores, and curves that learn, or do not, in some way."""

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from report_inputs import made_input
from synthetic_records import SyntheticRecords

from sweeper.answer.answer import answer
from sweeper.questions.run_data import RunData
from sweeper.report.doubts import with_warnings
from sweeper.report.note import note, plain_answer
from sweeper.report.notebook import answer_html

Curve = Callable[[int, int, int], float]
"""(trial, seed, number of the evaluation) -> validation loss"""
ROWS = {"rows": {"train": 600, "validation": 200, "test": 200}, "few": [], "labels": 0}
PART = {"loss": 2.3, "accuracy": 0.1}
GOOD = {"guess": "the class frequencies of the training rows", "why": "", **ROWS}
GOOD["scores"] = [{"seed": s, "train": PART, "validation": PART, "test": PART} for s in range(6)]


def judged(
    records: SyntheticRecords, baselines: dict | None = GOOD, accuracy: float = 0.97, loss: float = 0.11
) -> RunData:
    """A report whose answer knows curves and baselines, and was tested on each of its seeds."""
    report = made_input(records)
    assert report.answer is not None
    scores = [{"loss": loss, "accuracy": accuracy}] * report.answer.confirmed.seeds
    test = {"trial": report.answer.trial, "scores": scores}
    found = answer(records.trials, test, records.curves, baselines)
    return replace(report, answer=with_warnings(report.study, found, baselines))


def flat(records: SyntheticRecords) -> SyntheticRecords:
    """No curve ever leaves the value that it had before training."""
    value = records.curves["value"].mask(records.curves["metric"] == "validation_loss", 2.3)
    scores = records.trials["objective"].mask(records.trials["objective"].notna(), 2.3)
    trials = records.trials.assign(objective=scores)
    return SyntheticRecords(trials, records.curves.assign(value=value), records.layers)


def with_curves(records: SyntheticRecords, change: Curve) -> SyntheticRecords:
    """Validation losses are `change` of (trial, seed, evaluation), scores the lowest of them."""
    curves, trials = records.curves.copy(), records.trials.set_index(["trial", "seed"])
    own = curves["metric"] == "validation_loss"
    places = curves[own].groupby(["trial", "seed"])["step"].rank().astype(int) - 1
    keys = zip(curves.loc[own, "trial"], curves.loc[own, "seed"], places, strict=True)
    curves.loc[own, "value"] = [change(*key) for key in keys]
    lowest = curves[own].groupby(["trial", "seed"])["value"].min()
    scores = lowest.reindex(trials.index).where(trials["objective"].notna())
    trials = trials.assign(objective=scores).reset_index()[records.trials.columns]
    return SyntheticRecords(trials, curves, records.layers)


def unstable(trial: int, seed: int, place: int) -> float:
    """Near 0 at a step that differs between seeds, far above the start elsewhere."""
    low = 1 + seed % 4
    return 2.3 if place == 0 else (0.05 + 0.01 * (seed % 3) if place == low else 4.0 + trial % 7 / 100)


def noisy(trial: int, seed: int, place: int) -> float:
    """Around the value before training."""
    return 2.3 + 0.1 * float(np.random.default_rng((trial, seed, place)).normal()) * (place > 0)


def slow(trial: int, seed: int, place: int) -> float:
    """A hundredth at each evaluation, less than the starts of seeds differ."""
    return 2.3 + 0.1 * (seed % 3) - 0.01 * place + trial * 1e-5


def rising(trial: int, seed: int, place: int) -> float:
    """Up from the start at every rate."""
    return 2.3 + 0.3 * place + 0.1 * (seed % 3) + trial * 1e-5


def everywhere(report: RunData) -> dict[str, str]:
    """Name of a rendering -> its text, without line ends and escapes."""
    texts = {
        "plain": plain_answer(report.study, report.answer, report.records),
        "note": note(report.study, report.answer, report.records),
        "notebook": answer_html(report),
        "json": json.dumps(report.answer.to_dict(), allow_nan=False),
    }
    return {name: " ".join(text.replace("\\", "").split()) for name, text in texts.items()}
