"""What an interrupted run goes on from: results as they were."""

import math
from pathlib import Path

import pyarrow as pa
import pytest
from made_up import MIXED, bowl, result, study
from torch import nn

from sweeper.records.restore import confirmed_scores, search_results
from sweeper.records.schema import decode, encode, parameter_columns, restore
from sweeper.records.store import Store, load_trials
from sweeper.search import explore
from sweeper.search.driver import key
from sweeper.search.trial_summary import summarize
from sweeper.study.study import Study
from sweeper.trial import Outcome, Trial

ODD = {
    "optimizer": ["sgd", "adam"],
    "learning_rate": [1, 0.5],
    "momentum": [0, 0.9],
    "nesterov": False,
    "betas": [[0.9, 0.999], [0.8, 0.99]],
    "model.depth": [1, 2],
    "model.width": {"low": 4, "high": 64},
    "training.batch_size": [32, "full"],
}
"""Values that their columns would change: whole numbers among floats, numbers among words, pairs."""


@pytest.mark.parametrize("space", [MIXED, ODD], ids=["mixed", "odd"])
def test_results_come_back_as_they_were(tmp_path: Path, space: dict[str, object]) -> None:
    """Parameters with their types, outcome, objective and curve; so the search goes on with equal numbers."""
    asked = study(space)
    points = explore.points(asked.space, (), 40, 0, "random")
    outcomes = {3: Outcome.FAILED, 5: Outcome.PRUNED}
    results = [
        result(
            Trial(n, "explore", 0, p),
            bowl(p) if n % 9 and n != 5 else 0.1,
            outcomes.get(n),
        )
        for n, p in enumerate(points)
    ]
    results[7] = result(Trial(7, "explore", 0, points[7]), math.inf)
    store = Store(tmp_path, parameter_columns(asked.space))
    store.append(results[20:])
    store.append(results[:20])
    back = list(search_results(tmp_path, load_trials(tmp_path), asked.space, "validation_loss"))
    assert [trial.trial.number for trial in back] == list(range(40))
    for mine, theirs in zip(back, results, strict=True):
        assert list(map(repr, mine.trial.parameters.items())) == list(
            map(repr, theirs.trial.parameters.items())
        )
        assert key(mine.trial.parameters) == key(theirs.trial.parameters)
        now, before = summarize(mine, "validation_loss"), summarize(theirs, "validation_loss")
        assert repr(now) == repr(before)


def patterned(pattern: object = "x") -> nn.Module:
    """A model with an argument that may be anything."""
    return nn.Sequential(nn.Linear(64, 4), nn.Tanh(), nn.Linear(4, 10))


def test_confirmations_are_told_apart_from_the_search(tmp_path: Path) -> None:
    """The search learns from its own trials only; confirmations that are done are known by trial and seed."""
    asked = study(MIXED)
    point = explore.points(asked.space, (), 1, 0, "random")[0]
    store = Store(tmp_path, parameter_columns(asked.space))
    store.append(
        [
            result(Trial(0, phase, seed, point), 1.0)
            for phase, seed in (("explore", 0), ("confirm", 1), ("confirm", 2))
        ]
    )
    trials = load_trials(tmp_path)
    assert confirmed_scores(trials).keys() == {(0, 1), (0, 2)}
    assert [r.trial.phase for r in search_results(tmp_path, trials, asked.space, "validation_loss")] == [
        "explore"
    ]


@pytest.mark.parametrize(
    "value", ["[a-z]+", "[1, 2]", "1", 1, 1.5, True, (0.9, 0.999), "true", '"', "tanh", None]
)
def test_a_value_of_a_column_of_texts_comes_back(value: object) -> None:
    """Text that looks like JSON stays text; numbers and pairs among texts stay what they are."""
    back = decode(encode(value, pa.string()))
    assert (type(back), back) == (type(value), value)


def test_texts_of_earlier_versions_are_read() -> None:
    """They stand as they are, whatever they look like."""
    space = {"optimizer": "sgd", "model.pattern": ["[a-z]+", "1", 1, "[1, 2]"]}
    asked = Study(name="texts", model={"source": patterned}, search={"space": space})
    columns = parameter_columns(asked.space)
    for text in ("[a-z]+", "[1, 2]"):
        row = {"optimizer": "sgd", "learning_rate": 0.1, "model.pattern": text}
        assert restore(asked.space, row, columns)["model.pattern"] == text
    for value in space["model.pattern"]:
        stored = encode(value, columns.field("model.pattern").type)
        row = {"optimizer": "sgd", "learning_rate": 0.1, "model.pattern": stored}
        assert repr(restore(asked.space, row, columns)["model.pattern"]) == repr(value)
    assert decode("[a-z]+") == "[a-z]+"
