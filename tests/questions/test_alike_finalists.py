"""What is said of finalists that are as simple as each other, or have the same scores as the winner."""

import pytest
from report_inputs import Asked, spoken, with_columns

from sweeper.questions import comparison, confirmation


def test_those_as_simple_as_the_simplest_are_named(asked: Asked) -> None:
    """None is called the simplest where another one is as simple; the price is that of the better mean."""
    tied = with_columns(asked, "comparison", verdict=["winner", "tied", "tied"], simplest=[False, True, True])
    first, second = tied[1]["comparison"]["label"].iloc[1:]
    said = " ".join(spoken(comparison.sentences(*tied)))
    assert f"The simplest of those tied are {first} and {second}, one as simple as the other" in said
    assert f"; of them, {first} has the best mean. Its price: " in said


@pytest.mark.parametrize("tied", [2, 1])
def test_scores_that_are_the_same_are_told_once_and_of_all(asked: Asked, tied: int) -> None:
    """Of a few by name, with those beyond the finalists that are spelled out; where all tied have them, the
    sentence on the winner says it and no other does."""
    zero = [0.0] * (1 + tied) + [0.5] * (2 - tied)
    same = with_columns(
        asked,
        "comparison",
        verdict=["winner", "tied", "tied"],
        simplest=[False, True, False],
        difference=zero,
        difference_low=zero,
        difference_high=[2 * each for each in zero],
    )
    _, *others = same[1]["comparison"]["label"]
    text = " ".join(spoken(confirmation.sentences(*same)))
    of_all = f"It has the same score as {others[0]} and {others[1]} on every seed."
    of_one = f"{others[0]} has the scores of the winner on every seed."
    assert (of_all in text, of_one in text) == (tied == 2, tied == 1)
    assert text.count("on every seed") == 1
    assert "Its price" not in text
