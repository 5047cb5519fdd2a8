"""Units while training goes on."""

import pandas as pd
import pytest
from gradient_runs import line, made
from run_data import run_data, with_records
from synthetic_records import DEPTH, STEPS, SyntheticRecords

from sweeper.questions.run_data import RunData
from sweeper.questions.units_over_time import units_over_time


@pytest.fixture(scope="module")
def source(records: SyntheticRecords) -> RunData:
    """The made-up study."""
    return run_data(records.trials, records.curves, records.layers)


def test_units_over_time_equal_a_plain_loop(source: RunData) -> None:
    """Medians over completed trials by activation, look and layer."""
    table = units_over_time(source)
    assert set(table["step"]) == {0, 1, 10, 100, STEPS}
    search = source.trials[source.trials["phase"] != "confirm"]
    done = search[search["outcome"] == "completed"]
    for row in table[table["layer"].isin([0, DEPTH - 1]) & table["step"].isin([0, STEPS])].to_dict("records"):
        members = done.loc[done["activation"] == row["activation"], "trial"]
        rows = source.layers[
            source.layers["trial"].isin(members) & (source.layers["measure"] == row["measure"])
        ]
        values = rows.loc[(rows["step"] == row["step"]) & (rows["layer"] == row["layer"]), "value"]
        assert (row["median"], row["trials"]) == (pytest.approx(values.median()), len(values))


def test_looks_of_unlike_lengths_are_put_together() -> None:
    """Steps within a quarter decade are one look; a single look is no course of time."""
    source = made({"relu": [line(0.0, 2)] * 2}, dead=[0.0, 0.2])
    layers = source.layers
    later = (layers["trial"] == 1) & (layers["step"] == 9)
    source = with_records(source, layers=layers.assign(step=layers["step"].mask(later, 10)))
    table = units_over_time(source)
    assert table.drop_duplicates("step")["trials"].tolist() == [2, 2]
    assert units_over_time(with_records(source, layers=layers[layers["step"] == 0])).empty


@pytest.mark.parametrize("other", [40, 90])
def test_the_last_look_is_that_of_the_last_step(other: int) -> None:
    """Two looks of one trial that lie close together are not mixed, nor is any trial counted twice."""
    source = made({"relu": [line(0.0, 2)] * 2}, dead=[0.0, 0.2])
    rows = source.layers
    early = rows[rows["step"] == 9].assign(step=24)
    late = rows[rows["step"] == 9].assign(value=lambda frame: frame["value"] + 0.5)
    late = late.assign(step=late["trial"].map(lambda trial: 40 if trial == 0 else other))
    table = units_over_time(with_records(source, layers=pd.concat([rows, early, late], ignore_index=True)))
    assert table["trials"].max() == 2
    last = table[(table["measure"] == "dead") & (table["step"] == table["step"].max())]
    assert (last["median"] >= 0.5).all()
