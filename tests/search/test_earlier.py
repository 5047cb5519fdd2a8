"""What is taken over from an earlier run."""

import json
import math

import pytest
from made_up import MIXED, bowl, known, search_through, study

from sweeper.search import explore
from sweeper.search.driver import Search
from sweeper.search.earlier import agreeing, from_dict, taken_over
from sweeper.search.trial_summary import TrialSummary
from sweeper.trial import Outcome

SPACE = study(MIXED).space
RATE = {"low": 0.001, "high": 0.1}


def trials(count: int) -> list[TrialSummary]:
    """Random trials of `bowl`."""
    return [known(n, p, bowl(p)) for n, p in enumerate(explore.points(SPACE, (), count, 3, "random"))]


def test_a_configuration_agrees_when_the_space_holds_it() -> None:
    """The same parameters with values of the space; no penalty is weight 0, if the space has it."""
    given = {"optimizer": "adam", "learning_rate": 0.01, "activation": "relu"}
    space = {
        "optimizer": ["sgd", "adam"],
        "activation": ["relu"],
        "learning_rate": RATE,
    }
    assert agreeing(study(space).space, given) == given
    assert agreeing(study(space).space, {**given, "activation_penalty": 0.0}) == given
    assert agreeing(study(space).space, {**given, "activation_penalty": 0.1}) is None
    assert agreeing(study(space).space, {**given, "learning_rate": 0.2}) is None
    assert agreeing(study(space).space, {**given, "optimizer": "lion"}) is None
    assert agreeing(study(space).space, {**given, "model.depth": 2}) is None
    off = {**space, "activation_penalty": {"low": 0.1, "high": 1.0, "zero": 0.5}}
    assert agreeing(study(off).space, given) == {**given, "activation_penalty": 0.0}


def test_what_was_taken_over_survives_a_file() -> None:
    """Through JSON and back: same trials, pairs as pairs, NaN as NaN; the line counts what was left out."""
    failed = known(12, trials(1)[0].parameters, 1.0, Outcome.FAILED)
    found = taken_over(SPACE, "before", [*trials(12), failed])
    again = from_dict(SPACE, json.loads(json.dumps(found.to_dict())))
    assert [t.parameters for t in again.trials] == [t.parameters for t in found.trials]
    for one, other in zip(again.trials, found.trials, strict=True):
        assert one.outcome == other.outcome
        assert one.objective == pytest.approx(other.objective, nan_ok=True)
    assert found.line() == again.line()
    assert found.line() == "taken over from before: 12 of 13 trials inform the sampler; left out: 1 failed"


def test_why_trials_were_left_out_is_told() -> None:
    """Failed ones and those outside of the space are counted apart; a file of before does not know."""
    failed = known(12, trials(1)[0].parameters, 1.0, Outcome.FAILED)
    outside = [known(13 + k, {**trials(1)[0].parameters, "learning_rate": 1e9}, 1.0) for k in range(2)]
    found = taken_over(SPACE, "before", [*trials(3), failed, *outside])
    assert found.line().endswith("left out: 1 failed and 2 lie outside of this study's space")
    raw = {key: value for key, value in found.to_dict().items() if key != "failed"}
    assert from_dict(SPACE, raw).line().endswith("left out: 3 failed or lie outside of this study's space")


def test_a_search_that_knows_an_earlier_run_begins_where_it_ended() -> None:
    """After the defaults the model proposes at once, from the earlier trials, and does better."""
    asked = study(MIXED, trials=16)
    first = Search(asked, (), trials(60)).next_generation()
    assert [t.phase for t in first[:3]] == ["explore"] * 3
    assert "exploit" in {t.phase for t in first}
    with_it = search_through(Search(asked, (), trials(60)))
    values = [bowl(t.parameters) for t in with_it if t.phase == "exploit"]
    without = [bowl(t.parameters) for t in Search(asked).next_generation()]
    assert sorted(values)[len(values) // 2] < sorted(without)[len(without) // 2]
    assert math.isfinite(min(values))
