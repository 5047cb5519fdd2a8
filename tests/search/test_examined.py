"""Whose sharpness is measured."""

import math

import pytest
from made_up import known, study

from sweeper.search.finalists import budget, examined

SPACE = {"optimizer": ["sgd", "adam"], "learning_rate": {"low": 1e-4, "high": 10.0, "log": True}}
ASKED = study(SPACE, seed=4, confirm={"finalists": 5, "seeds": 1})


def trial(number: int, optimizer: str, rate: float, value: float) -> object:
    """A finished trial; an infinite value diverged."""
    return known(number, {"optimizer": optimizer, "learning_rate": rate}, value)


def test_the_best_and_those_that_diverged_at_the_lowest_rates() -> None:
    """Three finalists, then diverged trials, each optimizer in turn, lowest rates first, with their steps."""
    done = [trial(k, "sgd", 0.1, 0.5 + k) for k in range(5)]
    done += [trial(10 + k, "sgd", 1.0 + k, math.inf) for k in range(4)]
    done += [trial(20, "adam", 5.0, math.inf), trial(21, "adam", 4.0, math.inf)]
    found = examined(ASKED, done)
    assert [t.number for t, _ in found] == [0, 1, 2, 10, 21, 11]
    assert [steps for _, steps in found] == [100, 100, 100, 7, 7, 7]
    assert {t.seed for t, _ in found} == {4}


def test_the_answer_is_always_among_them() -> None:
    """Fresh seeds may have chosen the fifth best of the search, or one from before it went on."""
    done = [trial(k, "sgd", 0.1, 0.5 + k) for k in range(9)]
    for winner in (4, 8):
        assert [t.number for t, _ in examined(ASKED, done, winner=winner)] == [winner, 0, 1]


def test_what_is_on_record_is_not_measured_again() -> None:
    """Those already done are left out, and not replaced by others."""
    done = [trial(k, "sgd", 0.1, 0.5 + k) for k in range(5)]
    assert [t.number for t, _ in examined(ASKED, done, {1, 2})] == [0]
    assert examined(ASKED, []) == []


def test_as_many_are_measured_as_their_steps_allow() -> None:
    """One and a half times those of a training, in their order; what is on record counts."""
    done = [trial(k, "sgd", 0.1, 0.5 + k) for k in range(5)]
    assert [t.number for t, _ in examined(ASKED, done, (), 300.0)] == [0, 1]
    assert [t.number for t, _ in examined(ASKED, done, {0}, 300.0)] == [1]
    assert examined(ASKED, done, (), 149.0) == []


@pytest.mark.parametrize(
    ("trained", "speedup", "steps"),
    [
        (144, None, 72),
        (40_000, None, 4000),
        (40_000, 8.0, 4000),
        (1_000_000, None, 50_000),
        (1_000_000, 3.7, 12_500),
        (1_000_000, 4.3, 12_500),
    ],
)
def test_the_budget_is_counted_in_steps(trained: int, speedup: float | None, steps: float) -> None:
    """Small runs may take half as many again, others 4,000 or a twentieth; stacks make single steps dear."""
    assert budget(trained, speedup) == steps
