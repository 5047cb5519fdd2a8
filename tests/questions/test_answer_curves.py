"""How the trainings of the answer ended, over its seeds; and advice where nothing was learned."""

import numpy as np
import pytest
from report_inputs import made_input, sentences_of
from synthetic_records import SyntheticRecords

from sweeper.answer.answer import Answer
from sweeper.questions import TABLES
from sweeper.questions.answer_curves import ended
from sweeper.statistics import curve_class as shapes

T = np.linspace(0, 1, 21)
TRAIN = np.where(T > 0, np.exp(-4 * T), np.nan)


def test_the_noise_of_one_curve_does_not_hide_what_all_seeds_show() -> None:
    """13 noisy curves that end a fifth above their lowest overfit; as many about a floor do not."""
    rng = np.random.default_rng(0)
    counts = {}
    for name, rise in (("overfitting", 0.3), ("saturated", 0.0)):
        courses = np.exp(-8 * T) + 0.3 + rise * 0.3 * np.clip(T - 0.4, 0, None) / 0.6
        curves = [(40 * T, courses * (1 + 0.06 * rng.normal(size=21)), TRAIN) for _ in range(13)]
        alone = [shapes.shape(*curve).name for curve in curves]
        counts[name] = sum(each.name == "overfitting" for each in shapes.over_seeds(curves))
        assert alone.count("overfitting") <= 6
    assert counts["overfitting"] > 11
    assert counts["saturated"] <= 1


def test_a_rise_that_is_nothing_beside_the_fall_is_none() -> None:
    """From 0.7 to 1e-3 and back to 2e-3: the loss doubled, and nobody would call that overfitting."""
    assert shapes.shape(40 * T, 1e-3 + 0.7 * np.exp(-20 * T) + 1e-3 * T, TRAIN).name != "overfitting"


def test_nothing_has_levelled_off_that_ends_above_its_lowest() -> None:
    """A saturated curve with an end some percent above its lowest is told as that."""
    for end in (0.333, 0.259):
        assert ended("saturated", 0.249, end) == "ended above its lowest loss (not shown to overfit)"
    assert ended("saturated", 0.249, 0.25) == "had levelled off when it ended"
    assert ended("overfitting", 0.249, 0.333) == "overfitted"


def test_no_table_advises_where_nothing_is_advised(
    records: SyntheticRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Columns of advice and of suggestions are empty in every table of a run whose answer is a guess."""
    names = ("curve_classes", "gradient_verdicts", "range_edges")
    given = {name: TABLES[name](made_input(records)) for name in names}
    monkeypatch.setattr(Answer, "why_nothing_is_advised", "it is a guess")
    run = made_input(records)
    told = 0
    for name, table in TABLES.items():
        for column in {"advice", "suggestion"} & set(frame := table(run)):
            assert set(frame[column]) <= {""}, name
            told += bool(set(given[name][column]) - {""})
    assert told >= 2, "these tables advise where something was learned"


def test_no_section_advises_where_nothing_is_advised(
    records: SyntheticRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No sentence of a section holds an option or asks for a change in a run whose answer is a guess."""
    asked = ("--set", "What to change", "Try ", "try ", "would do", "train longer", "regularize")
    given = " ".join(sentences_of(made_input(records)).values())
    assert sum(words in given for words in asked) >= 3, "these sections advise where something was learned"
    monkeypatch.setattr(Answer, "why_nothing_is_advised", "it is a guess")
    for key, told in sentences_of(made_input(records)).items():
        assert not [words for words in asked if words in told], key
