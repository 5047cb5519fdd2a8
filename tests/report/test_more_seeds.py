"""Advice to add fresh seeds: the printed command adds them, however the race ended."""

import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from quick_runs import command, quick, write_study
from quick_runs import run as run_study
from report_inputs import made_input, made_study
from synthetic_records import SyntheticRecords, synthetic_records

from sweeper.commands.compare import next_step, words
from sweeper.commands.compare.comparison import Comparison
from sweeper.commands.compare.page import side_by_side
from sweeper.records.reading import load
from sweeper.report.more_seeds import more_seeds

ENDED = {
    "near tie": ["confirm.seeds=6", "confirm.matters=0.9"],
    "one finalist": ["confirm.finalists=1", "confirm.seeds=3"],
}
"""Ways in which a race ends that whole runs are tried with; a spent budget is told from the records below."""

ALIKE = [
    'search.space.optimizer=["adam"]',
    "search.space.learning_rate=0.001",
]
"""A space in which no finalist falls behind."""


def seeds_of(folder: Path, name: str) -> int:
    """Most fresh seeds that one finalist has in a run."""
    trials = load(folder / "runs" / name / "records").trials
    return int(trials[trials["phase"] == "confirm"].groupby("trial").size().max())


@pytest.mark.parametrize("ended", ENDED)
def test_the_commands_of_a_comparison_add_seeds_to_both(
    ended: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`compare` prints a command for each run; both have the seeds that it asks for afterwards."""
    monkeypatch.setattr(next_step, "FULL_POWER", 7)
    monkeypatch.setattr(next_step, "HARDLY", 0.0)  # such short trainings are alike
    monkeypatch.setattr(Comparison, "hollow", ())  # so few steps learn nothing
    write_study(tmp_path)
    names = {"tiny": "training.timeout=500.0", "other": "training.timeout=600.0"}
    confirm = [word for setting in (*ALIKE, *ENDED[ended]) for word in ("--set", setting)]
    with quick():
        for name, timeout in names.items():
            run_study(tmp_path, "--set", f'name="{name}"', "--set", timeout, *confirm)
            assert seeds_of(tmp_path, name) < 7
        code, out, err = command(tmp_path, "compare", *names)
        assert code == 0, err
        assert "Add fresh seeds to both" in " ".join(out.split())
        printed = [shlex.split(line) for line in out.splitlines() if line.strip().startswith("sweeper run")]
        assert len(printed) == 2
        for each in printed:
            assert command(tmp_path, *each[1:], "--jobs", "1", "--engine", "reference")[0] == 0
    assert min(seeds_of(tmp_path, name) for name in names) >= 7


def raced(*gaps: float) -> pd.DataFrame:
    """Records of finalists on six seeds; each scores the best one's mean and a gap, with little noise."""
    made = synthetic_records(24, finalists=len(gaps), seeds=6)
    trials, rng = made.trials.copy(), np.random.default_rng(0)
    order = list(dict.fromkeys(trials.loc[trials["phase"] == "confirm", "trial"]))
    for gap, number in zip(gaps, order, strict=True):
        rows = (trials["phase"] == "confirm") & (trials["trial"] == number)
        trials.loc[rows, "objective"] = 1 + gap + rng.normal(0, 0.001, int(rows.sum()))
    return trials


def advised(trials: pd.DataFrame, **confirm: float) -> tuple[str, ...]:
    """What adds seeds to the first finalist of `raced`, up to 20."""
    finalists = trials.loc[trials["phase"] == "confirm", "trial"]
    study = made_study(confirm={"finalists": finalists.nunique(), "seeds": 6, **confirm})
    return more_seeds(study, trials, int(finalists.iloc[0]), 20)


def test_no_setting_is_advised_that_adds_no_seed() -> None:
    """More seeds alone where they are what is missing; none where one finalist is left."""
    assert advised(raced(0.0, 0.0), matters=0.0) == ("confirm.seeds=20",)
    assert advised(raced(0.0, 0.0)) == ("confirm.seeds=20", "confirm.matters=0")
    assert advised(raced(0.0, 0.0), budget=12) == ("confirm.budget=40", "confirm.matters=0")
    assert advised(raced(0.0, 0.5)) == ()


def test_a_comparison_says_where_no_more_seeds_can_come_from() -> None:
    """A race with one finalist left gets no more seeds: no command is printed that would add none."""
    made = synthetic_records(24, finalists=2, seeds=6)
    sides = []
    for name, gap in (("one", 0.5), ("other", 0.6)):
        records = SyntheticRecords(raced(0.0, gap), made.curves, made.layers)
        apart = {"timeout": 100 + gap}  # so that they do not train the same settings in the same way
        study = made_study(name=name, training=apart, confirm={"finalists": 2, "seeds": 6})
        sides += [name, made_input(records, study=study, test=False)]
    step = words.card(side_by_side(*sides)).next_step
    left = "one has one finalist left in its race and other has one finalist left in its race"
    assert step.text.startswith(f"No run adds seeds: {left}. ")
    assert step.command == "sweeper best one --python"


@pytest.mark.parametrize(("minutes", "asked"), [(0.05, True), (None, False)])
def test_more_seeds_of_a_search_that_its_clock_ended_search_no_more(
    minutes: float | None, asked: bool
) -> None:
    """A run that goes on would search for what is left of its trials, and find other finalists."""
    trials = raced(0.0, 0.0)
    made = int((trials["phase"] != "confirm").sum())
    study = made_study(confirm={"finalists": 2, "seeds": 6}, search={"trials": made + 9, "minutes": minutes})
    winner = int(trials.loc[trials["phase"] == "confirm", "trial"].iloc[0])
    settings = more_seeds(study, trials, winner, 20)
    assert settings[0] == "confirm.seeds=20"
    assert (f"search.trials={made}" in settings) is asked
