"""What a search trains before it has learned, and which of it was drawn blindly."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import pytest
from made_up import search_through, study

from sweeper.answer.rows import drawn
from sweeper.search.driver import Search
from sweeper.search.plan import planned, unlearned
from sweeper.search.starts import starts
from sweeper.study.study import Study
from sweeper.trial import Trial

WIDE = {
    "optimizer": ["adam"],
    "activation": ["relu", "tanh"],
    "learning_rate.adam": {"low": 1e-5, "high": 4e-3},
}
NARROW = {**WIDE, "learning_rate.adam": {"low": 1.6e-3, "high": 4e-3}}
"""Without the published rate of adam, 1e-3."""


def blind(asked: Study, trials: Sequence[Trial], *, informed: bool = False) -> frozenset[int]:
    """What a report of these records takes as drawn."""
    rows = [{"trial": t.number, "phase": t.phase, **t.parameters} for t in trials]
    return drawn(pd.DataFrame(rows), unlearned(asked, informed=informed), starts(asked))


@pytest.mark.parametrize(("space", "chosen"), [(NARROW, 0), (WIDE, 1)])
def test_drawn_trials_stay_so_in_a_wider_range(space: dict[str, Any], chosen: int) -> None:
    """Which trials were drawn follows from their own settings: a default that a range has since come to hold
    takes none of them away, nor does a larger total add any."""
    given: dict[str, Any] = {"generation": 10, "scientific": ["activation"]}
    begun = study(space, trials=30, **given)
    trials = search_through(Search(begun))
    assert blind(begun, trials) == set(range(chosen, 10))
    assert blind(study(WIDE, trials=50, **given), trials) == set(range(chosen, 10))


def test_what_was_chosen_or_learned_is_not_drawn() -> None:
    """Neither a configuration to try, nor a default, nor what is explored where an earlier run taught the
    search."""
    tried = {"optimizer": "adam", "learning_rate": 2e-3, "activation": "tanh"}
    for sampler in ("auto", "random"):
        asked = study(WIDE, sampler=sampler, trials=20, generation=8, **{"try": [tried]})
        trials = search_through(Search(asked))
        assert blind(asked, trials) == set(range(2, 8 if sampler == "auto" else 20))
        assert len(blind(asked, trials, informed=True)) == (0 if sampler == "auto" else 18)


@pytest.mark.parametrize("sampler", ["auto", "tpe", "random", "qmc"])
def test_as_many_are_unlearned_as_are_planned(sampler: str) -> None:
    """The count needs no design to be drawn, and agrees with it."""
    for trials, generation, lag in ((30, 8, 0), (30, 8, 1), (5, 8, 0)):
        asked = study(WIDE, sampler=sampler, trials=trials, generation=generation, lag=lag)
        assert len(planned(asked, informed=False).configurations) == min(
            trials, unlearned(asked, informed=False)
        )


@pytest.mark.parametrize("sampler", ["grid", "random"])
def test_what_is_to_be_tried_comes_first(sampler: str) -> None:
    """Also of a grid, which it may be no part of, and of a space that is trained whole."""
    tried = {"optimizer": "adam", "learning_rate": 0.0021, "activation": "tanh"}
    asked = study(WIDE, sampler=sampler, trials=9, **{"try": [tried]})
    first, *others = planned(asked, informed=False).configurations
    assert first == {**first, **tried}
    assert len(others) == 8
    assert first not in others
    listed = {**WIDE, "learning_rate.adam": [1e-3, 1e-2]}
    tried = {"optimizer": "adam", "learning_rate": 1e-2, "activation": "tanh"}
    whole = planned(study(listed, sampler=sampler, trials=9, **{"try": [tried]}), informed=False)
    assert len(whole.configurations) == 4
    assert whole.configurations[0] == {**whole.configurations[0], **tried}
