"""What the range test says of the ranges that it proposes."""

import numpy as np
import pandas as pd
import pytest

from sweeper.commands.lr_range.table import RangeVerdict
from sweeper.commands.lr_range.trials import VALIDATION, Conditions
from sweeper.commands.lr_range.words import lower, origins, print_lr_range
from sweeper.study.rates import search_rates

WIDENED = (
    "the default range, widened by powers of ten to leave half a decade around each suggestion: nothing "
    "diverged"
)
MOVED = "the default range, moved by powers of ten to end where most rates diverged"
HOLDS = "and widened to hold the range of each setting, half a decade below each suggestion included"


def conditions(trainings: int, lowest_rates: dict[str, float]) -> Conditions:
    """Of a test of 64 rates."""
    return Conditions(
        "made", trainings, 64, 40, VALIDATION, lowest_rates, "one by one", None, None, seed=0, held={}
    )


def suggestions(*rows: tuple[str, float, float]) -> pd.DataFrame:
    """Rows of (optimizer, suggestion, boundary), with the range that is proposed for each."""
    frame = pd.DataFrame(rows, columns=["optimizer", "suggestion", "boundary"])
    ends = [
        search_rates(name, good=[good], too_high=None if np.isnan(beyond) else beyond)
        for name, good, beyond in rows
    ]
    low, high = zip(*ends, strict=True)
    return frame.assign(
        group="all", verdict="found", best_loss=0.1, best_rate=0.1, start=1.0, low=low, high=high
    )


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([("adam", 1e-3, np.nan)], "the default range"),
        ([("adam", 0.1, np.nan)], WIDENED),
        ([("adam", 0.1, 0.5)], MOVED),
        ([("momentum", 0.1, 0.5), ("momentum", 0.1, 1.7)], f"{MOVED}, {HOLDS}"),
        ([("adam", 0.1, 3.0), ("adam", 0.01, np.nan)], f"{MOVED} (with some settings nothing did), {HOLDS}"),
    ],
)
def test_what_was_done_to_a_range_is_said(rows: list[tuple[str, float, float]], said: str) -> None:
    """A range is called moved only where something diverged, and widened where it is."""
    assert origins(suggestions(*rows)) == [f"with {rows[0][0]}, {said}."]


def test_optimizers_of_one_kind_share_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """One line each for what was moved, widened and kept; the terminal has them, and claims nothing more."""
    frame = suggestions(("momentum", 0.1, 1.7), ("adam", 0.1, np.nan), ("lion", 0.02, np.nan))
    print_lr_range(frame, conditions(3, {}))
    told = capsys.readouterr().out
    assert f"with adam and lion, {WIDENED}." in told
    assert f"with momentum, {MOVED}." in told
    assert told.count("moved by powers of ten") == 1


def test_where_every_rate_diverged_lower_ones_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    """Three decades below those tested, of optimizers that diverged with every setting."""
    frame = suggestions(("sgd", 0.1, np.nan), ("adam", 0.1, np.nan), *[("lion", 0.1, np.nan)] * 2)
    diverged = RangeVerdict.DIVERGED
    verdicts = [diverged, RangeVerdict.FOUND, diverged, RangeVerdict.FLAT]
    frame["verdict"] = [str(each) for each in verdicts]
    frame["suggestion"] = frame["suggestion"].where(frame["verdict"] == RangeVerdict.FOUND)
    assert lower(frame, {"sgd": 1e-4, "adam": 1e-5, "lion": 1e-6}) == [
        "search.space.learning_rate.sgd={low = 1e-7, high = 0.0001, log = true}"
    ]
    print_lr_range(frame, conditions(4, {"sgd": 1e-4}))
    told = capsys.readouterr().out
    assert "every rate diverged: test lower ones" in told
    assert "lower rates to test next:\n  --set 'search.space.learning_rate.sgd={low = 1e-7" in told
