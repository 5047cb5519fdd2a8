"""Results as rows of the records."""

from made_up import result, study

from sweeper.records.schema import parameter_columns, trial_rows
from sweeper.search import explore
from sweeper.trial import Trial

SPACE = {
    "optimizer": ["sgd", "adam"],
    "learning_rate": [1, 0.5],
    "momentum": [0, 0.9],
    "betas": [[0.9, 0.999], [0.8, 0.99]],
}


def test_columns_hold_nothing_that_the_trial_did_not_have() -> None:
    """A penalty that is not searched is 0 in its column, an option that an optimizer lacks is null."""
    asked = study(SPACE)
    points = explore.points(asked.space, (), 30, 0, "random")
    table = trial_rows(
        [result(Trial(n, "explore", 0, p), 1.0) for n, p in enumerate(points)], parameter_columns(asked.space)
    ).to_pandas()
    assert (table["activation_penalty"] == 0).all()
    assert (table["momentum"].isna() == (table["optimizer"] == "adam")).all()
    assert (table["betas"].isna() == (table["optimizer"] == "sgd")).all()
