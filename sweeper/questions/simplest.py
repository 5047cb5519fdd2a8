"""The simplest of the finalists that are tied, and the price of it."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from sweeper.answer.bounds import CUT_OFF, in_words, stricter
from sweeper.answer.comparison import Verdict
from sweeper.answer.placing import apart, same_scores
from sweeper.answer.ranked import Ranked
from sweeper.questions.run_data import RunData
from sweeper.wording import some_of


def interval_words(row: Mapping[Any, Any]) -> tuple[str, str, str]:
    """The difference of a finalist to the winner and the ends of its interval."""
    return in_words(*apart(row), mark=CUT_OFF)


def difference_words(row: Mapping[Any, Any], metric: str) -> str:
    """Finalist minus winner, as in the table."""
    middle, low, high = interval_words(row)
    return f"{metric} minus that of the winner {middle} (interval {low} to {high})"


def guess_of(run: RunData) -> float:
    """What guessing scores by the objective; NaN where that is not known."""
    own = run.answer.baseline.objective if run.answer is not None and run.answer.baseline else None
    return own.guess if own is not None else math.nan


def _is_worse(row: Mapping[Any, Any], guess: float) -> bool:
    ranked = Ranked(str(row["metric"]))
    return bool(ranked.cost(row["mean"]) > ranked.cost(guess))


def simplest(frame: pd.DataFrame, metric: str, guess: float = math.nan) -> tuple[str, ...]:
    """The simplest of the winner and those tied with it, and its price; nothing where none is tied.

    That it does worse than a `guess` is said.
    """
    if not (frame["verdict"] == Verdict.TIED).any():
        return ()
    alike = frame[frame["simplest"]]
    if alike.empty:
        return ("Which of those tied is the simplest is not told: how large their models are is not known.",)
    row = alike.iloc[0].to_dict()
    if row["rank"] == 1:
        tied = frame[frame["verdict"] == Verdict.TIED]
        fewer = tied[tied["extras"] < row["extras"]]["label"].tolist()
        if not fewer:
            return ("No tied finalist is simpler than the winner.",)
        have = "has" if len(fewer) == 1 else "have"
        parts = "parts beyond plain gradient descent on ReLU layers"
        return (
            f"No tied finalist has a model as small as the winner's; {some_of(fewer)} {have} fewer {parts}.",
        )
    said, named_last = f"The simplest of those tied is {row['label']}", True
    if len(alike) > 1:
        names = some_of(alike["label"].tolist())
        equally = "one as simple as the other" if len(alike) == 2 else "all equally simple"
        said = f"The simplest of those tied are {names}, {equally}"
        named_last = bool(row["mean"] != alike["mean"].iloc[1])
        said += f"; of them, {row['label']} has the best mean" if named_last else ""
    if same_scores(row):
        return (f"{said}.",)
    remark = stricter(*apart(row)[1:3])
    beside = f", which {remark}" if remark else ""
    whose = "Its price" if named_last else f"The price of {row['label']}"
    price = (
        f" {whose}: {difference_words(row, metric)}{beside}." if math.isfinite(row["difference_low"]) else ""
    )
    poor = math.isfinite(guess) and _is_worse(row, guess)
    return (f"{said}.{price}{' That is worse than guessing.' if poor else ''}",)
