"""Whose sharpness is measured."""

import math

from made_up import known, study

from sweeper.search.finalists import examined

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


def test_what_is_on_record_is_not_measured_again() -> None:
    """Those already done are left out, and not replaced by others."""
    done = [trial(k, "sgd", 0.1, 0.5 + k) for k in range(5)]
    assert [t.number for t, _ in examined(ASKED, done, {1, 2})] == [0]
    assert examined(ASKED, []) == []
