"""The one thing to do next, as a command."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from sweeper.answer.answer import Answer
from sweeper.answer.edges import edges
from sweeper.answer.learning import NOISE, Learning
from sweeper.report.commands import PLACEHOLDER, run_again
from sweeper.report.doubts import doubt
from sweeper.study.study import Study
from sweeper.wording import count, number

HIGHEST, LOWEST = 1.0, 1e-4
"""Learning rates up to which, and down to which, a search that learned nothing is to look."""


@dataclass(frozen=True)
class NextStep:
    """What to do, and the command that does it."""

    text: str
    command: str


def next_step(study: Study, answer: Answer | None, trials: pd.DataFrame, folder: Path | None) -> NextStep:
    """The most useful of: begin, mend what fails, confirm, widen the range, use the answer.

    `folder` is that of the report, where ``best.py`` lies; ``None`` if there is no report.
    """
    if answer is None:
        step = _no_answer(study, trials)
    elif answer.learning is not None and not answer.learning.learned:
        step = _unlearned(study, answer.learning, trials)
    elif answer.confirmed is None:
        step = _unconfirmed(study, trials)
    elif (doubted := doubt(study, answer)) is not None:
        step = _check_the_data(study, doubted.standing)
    else:
        step = _at_an_edge(study, answer, trials) or _use(study, folder)
    if PLACEHOLDER in step.command.split():
        return NextStep(f"{step.text[:-1]} ({PLACEHOLDER} stands for your study file):", step.command)
    return step


def _no_answer(study: Study, trials: pd.DataFrame) -> NextStep:
    if trials.empty:
        return NextStep("Start the search.", run_again(study))
    outcomes = set(trials["outcome"])
    if outcomes == {"failed"}:
        return NextStep(
            "Every training failed with an error. Mend its reason, then:", f"{run_again(study)} --fresh"
        )
    diverged = trials[trials["outcome"] == "diverged"]
    if len(diverged) >= len(trials) / 2:
        lowest = float(trials["learning_rate"].min())
        high = 10 ** math.floor(math.log10(lowest)) if lowest > 0 else 1e-4
        text = f"Training diverged even at the lowest rate tried, {number(lowest)}: search much lower ones."
        return NextStep(text, _with_rates(study, high / 1e4, high))
    return NextStep("Go on with the search: no trial has come to its end so far.", run_again(study))


def _with_rates(study: Study, low: float, high: float) -> str:
    keys = [key for key in study.space.entries if study.space.base(key) == "learning_rate"]
    change = [f"search.space.{key}={{low = {low:g}, high = {high:g}, log = true}}" for key in keys]
    return f"{run_again(study, *change)} --fresh"


def _unlearned(study: Study, found: Learning, trials: pd.DataFrame) -> NextStep:
    """Rates far above all tried where nothing moved, far below where it only rose."""
    rates = trials["learning_rate"]
    lowest, highest = float(rates.min()), float(rates.max())
    if abs(found.fell) <= NOISE * abs(found.before) and highest < HIGHEST:
        low = 10.0 ** math.ceil(math.log10(highest))
        text = f"Training changed next to nothing at rates up to {number(highest)}: search higher ones."
        return NextStep(text, _with_rates(study, low, max(HIGHEST, 100 * low)))
    if lowest > LOWEST:
        high = 10.0 ** math.floor(math.log10(lowest))
        text = f"Training did not lower it at rates down to {number(lowest)}: search lower ones."
        return NextStep(text, _with_rates(study, min(LOWEST, high / 100), high))
    return _check_the_data(study, "unlearned")


def _check_the_data(study: Study, standing: str) -> NextStep:
    what = "learned nothing" if standing == "unlearned" else "is not shown to beat guessing"
    text = f"The winner {what}: check that targets belong to their rows, and see what theory advises:"
    return NextStep(text, run_again(study).replace("sweeper run", "sweeper advise", 1))


def _unconfirmed(study: Study, trials: pd.DataFrame) -> NextStep:
    if (trials["phase"] == "confirm").any():
        return NextStep(
            "No finalist completed a fresh seed, so the settings found are unstable. Try more finalists:",
            run_again(study, f"confirm.finalists={2 * study.confirm.finalists}"),
        )
    if study.confirm.finalists and study.confirm.seeds:
        return NextStep("Finish the run: the finalists are not retrained yet.", run_again(study))
    return NextStep(
        "Retrain the best on fresh seeds; what the search found goes on counting.",
        run_again(study, "confirm.finalists=5", "confirm.seeds=10"),
    )


def _at_an_edge(study: Study, answer: Answer, trials: pd.DataFrame) -> NextStep | None:
    found = edges(study.space, answer.parameters)
    if not found:
        return None
    edge, searched = found[0], int((trials["phase"] != "confirm").sum())
    name = edge.parameter.replace("_", " ")
    text = (
        f"The winner's {name} lies at the {edge.side} end of what was searched ({number(edge.bound)}), so a "
    )
    text += "better value may lie outside. "
    written = study.search.space.get(edge.key)
    if not (isinstance(written, Mapping) and all(isinstance(written[k], float) for k in ("low", "high"))):
        low, high = (edge.wider, edge.other) if edge.side == "low" else (edge.other, edge.wider)
        change = f"search.space.{edge.key}={{low = {low!r}, high = {high!r}, log = true}}"
        return NextStep(f"{text}Search a wider range:", f"{run_again(study, change)} --fresh")
    more = max(searched // 2, 20)
    settings = (f"search.space.{edge.key}.{edge.side}={edge.wider!r}", f"search.trials={searched + more}")
    return NextStep(
        f"{text}Widen the range and go on for {count(more, 'more trial')}:", run_again(study, *settings)
    )


def _use(study: Study, folder: Path | None) -> NextStep:
    if folder is None:
        return NextStep(
            "Get a plain PyTorch script that trains these settings:", f"sweeper best {study.name} --python"
        )
    return NextStep("Train these settings with a plain PyTorch script:", f"python {folder / 'best.py'}")
