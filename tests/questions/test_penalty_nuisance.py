"""Effects of the penalty hold every other searched setting equal, or name those that they do not."""

import numpy as np
import pandas as pd
import pytest
from run_data import run_data
from synthetic_records import SyntheticRecords

from sweeper.questions.penalty_effects import QUESTION, _of_quantity, alt, penalty_data
from sweeper.questions.penalty_nuisance import SETTING
from sweeper.questions.penalty_words import _not_held
from sweeper.records.schema import TRIALS
from sweeper.statistics.regression import FEWEST

SETTINGS = {
    "schedule": lambda u: np.where(u > 0.5, "cosine", "constant"),
    "model.dropout": lambda u: np.round(2 * u) / 2,
    "momentum": lambda u: 0.5 + 0.49 * u,
    "weight_decay": lambda u: np.where(u < 0.3, 0.0, 10 ** (5 * u - 6)),
    "betas": lambda u: np.where(u < 0.3, np.nan, 0.5 + 0.49 * u),
    "training.class_weight": lambda u: np.where(u < 0.5, "balanced", '{"tuple": [1.0, 2.0]}'),
}
"""Setting -> its values at places from 0 to 1."""


def trials_of(rows: int, **settings: np.ndarray) -> pd.DataFrame:
    """Columns of `penalty_data` that effects need; the loss rises with nothing."""
    rng = np.random.default_rng(0)
    weight = np.where(np.arange(rows) % 3 == 0, 0.0, 10 ** rng.uniform(-5, -1, rows))
    frame = {
        "trial": np.arange(rows),
        "optimizer": "adam",
        "activation": "relu",
        "learning_rate": 10 ** rng.uniform(-4, -2, rows),
        "weight": weight,
        "kind": "l2",
        "validation_loss": np.exp(0.05 * rng.normal(size=rows)),
    }
    return pd.DataFrame(frame).assign(**{SETTING + name: values for name, values in settings.items()})


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_that_goes_with_the_weight_is_not_taken_for_it(name: str) -> None:
    """Where a setting of any kind moves the loss and happens to go with the weight, no effect is found."""
    data, rng = trials_of(150), np.random.default_rng(1)
    place = np.clip(0.15 + 0.7 * (data["weight"] > 1e-3) + rng.uniform(-0.15, 0.85, 150), 0, 1).to_numpy()
    values = pd.Series(SETTINGS[name](place))
    codes = pd.Series(pd.factorize(values, sort=True)[0] / max(values.nunique() - 1, 1))
    data["validation_loss"] *= np.exp(codes)
    found = {
        held: any(
            not low <= 0 <= high for _, _, _, _, _, _, low, high, *_ in _of_quantity(rows, "validation_loss")
        )
        for held, rows in ((False, data), (True, data.assign(**{SETTING + name: values})))
    }
    assert found == {False: True, True: False}


def test_settings_for_which_trials_are_too_few_are_named(records: SyntheticRecords) -> None:
    """All that leave enough degrees of freedom are held, the others told, beside the figure too."""
    rows = FEWEST + 17
    own = {"model.kind": np.arange(rows).astype(str), "momentum": np.linspace(0.5, 0.99, rows)}
    effects = _of_quantity(trials_of(rows, **own), "validation_loss")
    told = {row[10] for row in effects if row[1] == "vs zero"}
    assert told == {"model.kind"}
    run = run_data(records.trials, records.curves, records.layers)
    tables = {name: table(run) for name, table in QUESTION.tables.items()}
    frame = tables["penalty_effects"].assign(not_held="model.kind and momentum")
    said = [str(each) for each in QUESTION.sentences(run, {**tables, "penalty_effects": frame})]
    assert any(
        "Too few trials to hold model.kind and momentum equal throughout: some effects on v" in each
        for each in said
    )
    assert "(in part not model.kind and momentum)" in alt(frame)
    pair = frame.assign(contrast="l1 vs l2", not_held="momentum")
    both = [str(each) for each in _not_held(pd.concat([frame, pair]))]
    assert [text.split(":")[0].split("throughout ")[1] for text in both] == [
        "where weights are compared",
        "where kinds are compared",
    ]
    said = [str(each) for each in QUESTION.sentences(run, tables)]
    assert not any("Too few trials to hold" in each for each in said)


def test_settings_are_the_parameters_of_trials_and_nothing_else(records: SyntheticRecords) -> None:
    """What was measured, the weight under another name among it, is no setting."""
    trials = records.trials.assign(**{"model.width": 32})
    data = penalty_data(run_data(trials, records.curves, records.layers))
    names = {name.removeprefix(SETTING) for name in data if name.startswith(SETTING)}
    own = {"optimizer", "activation", "learning_rate", "activation_penalty"}
    assert names == set(trials.columns) - set(TRIALS.names) - own
