"""Where a search starts: published defaults as far as the space has them, and what is to be tried."""

import pytest
from made_up import MIXED, study

from sweeper.components.optimizers import OPTIMIZERS
from sweeper.errors import StudyError
from sweeper.search.starts import defaults, starts

ALL = {"optimizer": list(OPTIMIZERS), "learning_rate": {"low": 1e-5, "high": 10.0, "log": True}}


def test_every_optimizer_has_a_default_with_its_source() -> None:
    """A rate, options that it takes, and where they are from."""
    for optimizer in OPTIMIZERS.values():
        assert optimizer.citation, optimizer.name
        assert optimizer.published["learning_rate"] > 0
        assert set(optimizer.published) - {"learning_rate"} <= optimizer.options.keys()
    found = defaults(study(ALL).space)
    assert {default.optimizer for default in found} == set(OPTIMIZERS)
    assert not any(default.outside for default in found)


def test_a_default_outside_of_the_space_is_left_out_and_told() -> None:
    """No value is moved into the range; the line names optimizer and value."""
    space = {
        "optimizer": ["adam", "adamw"],
        "learning_rate": {"low": 1e-4, "high": 1.0, "log": True},
        "weight_decay": {"low": 1e-3, "high": 0.1, "log": True},
    }
    adam, adamw = defaults(study(space).space)
    assert (
        adam.line()
        == "no trial has the published default of adam: weight_decay = 0.0 lies outside of the space"
    )
    assert not adamw.outside
    assert [one["optimizer"] for one in starts(study(space))] == ["adamw"]
    assert starts(study(space))[0]["weight_decay"] == 0.01


def test_a_try_is_completed() -> None:
    """What it leaves out is as in the default; what it gives is written as the space writes it."""
    given = {"optimizer": "adam", "betas": [0.8, 0.99], "model": {"depth": 3}, "activation_penalty": 0.01}
    first = starts(study(MIXED, **{"try": [given]}))[0]
    assert first["betas"] == (0.8, 0.99)
    assert (first["model.depth"], first["activation_penalty"], first["learning_rate"]) == (3, 0.01, 0.001)
    assert set(first) == {"optimizer", *study(MIXED).space.active("adam")}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"optimizer": "adan"},
            "search.try[0].optimizer = 'adan': not in the search space; did you mean 'adam'?",
        ),
        (
            {"learning_rate": 20.0},
            "search.try[0].learning_rate = 20.0: not in the search space: allowed: from 0.001",
        ),
        (
            {"model.width": 5},
            "search.try[0].model.width = 5: not in the search space: allowed: from 4 to 64 in steps of 4",
        ),
        ({"betas": [0.9, 0.999]}, "search.try[0].betas"),
        ({"learnig_rate": 0.1}, "did you mean 'learning_rate'?"),
        ({"activation_penalty": -1.0}, "allowed: from 1e-06 to 0.1, or 0"),
    ],
    ids=str,
)
def test_what_cannot_be_tried_is_a_mistake(given: dict[str, object], message: str) -> None:
    """The message names the place, the key, the value and what is allowed."""
    with pytest.raises(StudyError) as caught:
        study(MIXED, **{"try": [given]})
    assert message in str(caught.value)
