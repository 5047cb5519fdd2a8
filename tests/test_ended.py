"""Sentences that end with what somebody wrote, and numbers that say no more than there is."""

from typing import ClassVar

import pandas as pd
import pytest

from sweeper.answer.placing import at_worst
from sweeper.answer.ranked import Ranked
from sweeper.questions import history
from sweeper.questions.checks.verdict import FOUND
from sweeper.questions.finding import sentences
from sweeper.report.advice import rates
from sweeper.study.space import Range
from sweeper.wording import ended


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("A hunch", "A hunch."),
        ("A hunch. ", "A hunch."),
        ("Does it?", "Does it?"),
        ("It does!", "It does!"),
        ("Smith et al.", "Smith et al."),
        ("and so on…", "and so on…"),
        ("He said “no.”", "He said “no.”"),
        ("Smith (2020)", "Smith (2020)."),
        ("as follows:", "as follows."),
    ],
)
def test_a_sentence_has_one_full_stop(text: str, said: str) -> None:
    """Whatever a user's text ends with."""
    assert ended(text) == said
    assert ended(said) == said


@pytest.mark.parametrize("end", ["", ".", "?", "!"])
def test_the_finding_and_its_source_end_once(end: str) -> None:
    """Both are the study's own words."""
    row = {
        "verdict": FOUND,
        "basis": "fresh seeds",
        "expected": f"A sine carries it{end}",
        "expected_by": f"A hunch{end}",
    }
    frame = pd.DataFrame([{**row, "sentence": "It is 3."}])
    first, _, source = sentences(None, {"finding": frame})  # type: ignore[arg-type]
    assert first == f"Found: A sine carries it{end or '.'}"
    assert source == f"Source: A hunch{end or '.'}"


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ([985223.0, 985223.0], "so far stayed at 985,223, that of trial 0."),
        ([985223.2, 985222.9], "so far stayed at 985,223, to these digits; reached at trial 1."),
        ([2.0, 1.0], "so far went from 2 to 1, reached at trial 1."),
    ],
)
def test_a_best_that_stayed_went_nowhere(scores: list[float], said: str) -> None:
    """No change is told from a number to itself."""
    frame = pd.DataFrame({"trial": [0, 1], "outcome": "completed", "best_so_far": scores})
    assert history.alt(frame.assign(metric="validation_loss")).endswith(said)


@pytest.mark.parametrize("highest", [False, True])
@pytest.mark.parametrize(
    ("middle", "low", "high", "said"),
    [
        (0.002379, 0.000084, 0.006970, "0.00697"),
        (0.000063, -0.001038, 0.001030, "0.00103"),
        (0.001526, 0.000052, 0.002999, "0.003"),
        (0.0123, -0.1183, 0.3415, "0.342"),
        (0.0036, -0.0149, 0.02601, "0.0260"),
    ],
)
def test_a_number_alone_has_no_decimals_of_those_beside_it(
    middle: float, low: float, high: float, said: str, highest: bool
) -> None:
    """How much worse a tied finalist may be has three digits at most, and no more than its interval."""
    ends = (-high, -low) if highest else (low, high)
    row = {"difference": middle, "difference_low": ends[0], "difference_high": ends[1], "cut": "", "mean": 1}
    ranked = Ranked("validation_accuracy (higher is better)" if highest else "validation_loss")
    assert at_worst(row, ranked).split(" worse")[0] == f"may be up to {said}"


@pytest.mark.parametrize("wanted", [(1e-5, 0.1), (1e-4, 0.1)])
def test_a_range_is_told_once(wanted: tuple[float, float], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the study has what is advised, that is said, and not the same numbers again."""
    (advice,) = _advised(wanted, monkeypatch)
    if wanted[0] == 1e-5:
        assert advice.what == "radam: keep 1e-5 to 0.1."
    else:
        assert advice.what == "radam: keep 1e-5 to 0.1; rates from 1e-4 to 0.1 would do, too."


def _advised(wanted: tuple[float, float], monkeypatch: pytest.MonkeyPatch) -> list[rates.Advice]:
    class Space:
        entries: ClassVar = {"optimizer": type("Values", (), {"values": ("radam",)})}

        def active(self, optimizer: str) -> dict[str, tuple[str, Range]]:
            return {"learning_rate": ("learning_rate", Range(1e-5, 0.1, log=True))}

    monkeypatch.setattr(rates, "_range", lambda facts, optimizer: (wanted, ()))
    facts = type("Facts", (), {"study": type("Study", (), {"space": Space()})})
    return list(rates.advise_rates(facts))  # type: ignore[arg-type]


@pytest.mark.parametrize("highest", [False, True])
def test_a_finalist_whose_whole_interval_is_better_is_not_called_worse(highest: bool) -> None:
    """It may have lost a seed, or left the race early, and so not come first."""
    ends = (0.101, 0.111) if highest else (-0.111, -0.101)
    row = {"difference": sum(ends) / 2, "difference_low": ends[0], "difference_high": ends[1], "cut": ""}
    ranked = Ranked("validation_accuracy (higher is better)" if highest else "validation_loss")
    assert at_worst({**row, "mean": 1}, ranked) == "at least 0.101 better where both completed"
