"""Every trial as a line across its settings."""

import numpy as np
import pandas as pd
import pytest
from run_data import run_data
from synthetic_records import synthetic_records

from sweeper.questions import FIGURES, TABLES
from sweeper.questions.parallel import positions


def test_every_trial_is_a_line_across_its_settings() -> None:
    """The best is drawn last; numbers that span decades lie by their logarithm, words evenly, 0 below all."""
    made = synthetic_records(60, finalists=5, seeds=10)
    frame = TABLES["parallel"](run_data(made.trials, made.curves, made.layers))
    figure = FIGURES["parallel"].draw(frame)
    lines = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 5]
    assert len(lines) == len(frame)
    assert frame["objective"].iloc[-1] == frame["objective"].min()
    places, ticks = positions(pd.Series([0.0, 1e-4, 1e-2]))
    assert places[0] == 0
    assert places[2] == 1
    assert 0 < places[1] < 0.2
    assert ticks[0] == (0.0, "0")
    assert positions(pd.Series(["b", "a", "c"]))[0].tolist() == [0.5, 0.0, 1.0]


def test_every_searched_setting_is_an_axis() -> None:
    """Those of model and training beside the main four, words and switches too; where a trial lacks one its
    line goes through the foot, below all values, and a setting with one value has no axis."""
    made = synthetic_records(40)
    count = len(made.trials)
    extra = {
        "model.width": [8, 16] * (count // 2) + [8] * (count % 2),
        "weight_decay": np.linspace(0, 0.1, count),
        "penalty_kind": ["l1" if k % 3 else "l2" for k in range(count)],
        "amsgrad": [bool(k % 2) for k in range(count)],
        "alpha": [0.5 + 0.4 * (k % 4 == 1) if k % 2 else np.nan for k in range(count)],
        "rho": [0.9 if k % 2 else np.nan for k in range(count)],
        "nesterov": [bool(k % 4 == 1) if k % 2 else None for k in range(count)],
    }
    space = {
        "optimizer": ["adam", "rmsprop"],
        "learning_rate": {"low": 1e-4, "high": 1.0, "log": True},
        "model.width": [8, 16],
        "weight_decay": {"low": 0.0, "high": 0.1},
        "penalty_kind": ["l1", "l2"],
        "amsgrad": [True, False],
        "alpha": [0.5, 0.9],
        "rho": [0.9, 0.99],
        "nesterov": [True, False],
    }
    run = run_data(made.trials.assign(**extra), made.curves, made.layers, search={"space": space})
    frame = TABLES["parallel"](run)
    assert {"model.width", "weight_decay", "penalty_kind", "amsgrad"} <= set(frame)
    assert "rho" not in frame
    for name, foot in (("alpha", ["–", "0.5", "0.7", "0.9"]), ("nesterov", ["–", "False", "True"])):
        places, ticks = positions(frame[name])
        assert [text for _, text in ticks] == foot
        assert (places[frame[name].isna()] == 0).all()
        assert (places[frame[name].notna()] > 0.1).all()
    lines = FIGURES["parallel"].draw(frame).axes[0].lines
    ends = np.concatenate([line.get_ydata() for line in lines])
    assert -0.07 < ends.min() <= ends.max() < 1.07  # within the axes, two words on one included
    assert len(FIGURES["parallel"].draw(frame).axes[0].texts) > len(frame.columns)
    assert "amsgrad" in FIGURES["parallel"].alt(frame)


def test_a_long_search_says_how_many_of_its_trials_are_lines() -> None:
    """Where not all scored trials are drawn the text says so; where they are it counts them alone."""
    made = synthetic_records(40)
    whole_run = TABLES["parallel"](run_data(made.trials, made.curves, made.layers))
    assert FIGURES["parallel"].alt(whole_run).startswith(f"{len(whole_run)} trials as lines")
    some = whole_run.assign(scored=12_000)
    assert FIGURES["parallel"].alt(some).startswith(f"{len(whole_run)} of 12,000 trials as lines")


def test_the_best_of_a_long_search_is_in_front(monkeypatch: pytest.MonkeyPatch) -> None:
    """However trials are thinned, the best one that completed is drawn last and named, and each trial
    once; pruned ones lie behind."""
    made = synthetic_records(60)
    for most in (7, 12, 30, 1000):
        monkeypatch.setattr("sweeper.questions.parallel.MOST", most)
        frame = TABLES["parallel"](run_data(made.trials, made.curves, made.layers))
        search = made.trials[made.trials["phase"] != "confirm"]
        done = search[search["outcome"] == "completed"]
        assert frame["objective"].iloc[-1] == done["objective"].min()
        assert frame["trial"].is_unique
        early = ~frame["trial"].isin(done["trial"])
        assert early.is_monotonic_decreasing
        assert all(frame.loc[side, "objective"].is_monotonic_decreasing for side in (early, ~early))


@pytest.mark.parametrize(
    ("values", "said"),
    [([1e-5, 2e-5, 3e-5], 3), ([-1e-6, 0.0, 1e-6], 3), ([3.0, 3.0, 3.0], 1), ([1.0, 2.0, 4.0], 3)],
)
def test_ticks_of_an_axis_differ_at_any_scale(values: list[float], said: int) -> None:
    """And an axis on which all values are the same has that one."""
    places, ticks = positions(pd.Series(values))
    assert len({text for _, text in ticks}) == len(ticks) == said
    assert places.min() >= 0
    assert places.max() <= 1
