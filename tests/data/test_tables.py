"""Tables of text, categories, dates and gaps: inputs as scikit-learn makes them, from training rows."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from sweeper.data.column_words import column_lines, drop_lines
from sweeper.data.data import Data, Parts
from sweeper.data.facts import input_facts
from sweeper.data.keys import Keys
from sweeper.data.load import load
from sweeper.data.splits import rows_of_parts, split
from sweeper.data.tables import read_frame
from sweeper.errors import DataError

SHARES = (0.6, 0.2, 0.2)
ROWS = 200
DRAWN = np.random.default_rng(0)
AGE = np.where(DRAWN.random(ROWS) < 0.1, np.nan, DRAWN.normal(40, 10, ROWS))
CITY = DRAWN.choice(["Bonn", "Graz", "Zug"], ROWS)
SHOP = DRAWN.choice([f"shop {k}" for k in range(30)], ROWS)
SOLD = pd.date_range("2020-01-01", periods=ROWS, freq="D")
FRAME = pd.DataFrame({"age": AGE, "city": CITY, "shop": SHOP, "sold": SOLD, "y": np.arange(ROWS) % 2})


def parts_of(data: Data, seed: int = 0, standardize: bool = False) -> Parts:
    """The parts of one replicate."""
    return split(data, SHARES, seed=seed, test_seed=0, standardize=standardize)


def read(table: Mapping[str, Any], target: Any = "y", **keys: Any) -> Data:
    """Data of a DataFrame, for classes."""
    return read_frame(pd.DataFrame(table), target, Keys(**keys), "classification")


def refusal(table: Mapping[str, Any], target: Any = "y", **keys: Any) -> str:
    """The message, without what messages call the frame."""
    with pytest.raises(DataError) as caught:
        read(table, target, **keys)
    return str(caught.value).removeprefix("the DataFrame: ")


@pytest.mark.parametrize("seed", [0, 1])
def test_inputs_are_those_of_scikit_learn(seed: int) -> None:
    """The same rows and the same codes as a ColumnTransformer of it, fitted on this seed's training rows."""
    data = read(FRAME, embeds=True)
    rows = rows_of_parts(data, SHARES, seed=seed, test_seed=0)
    days = (FRAME["sold"] - pd.Timestamp("1970-01-01")).dt.days
    clock = FRAME["sold"].dt
    parts = {"y_": clock.year, "m_": clock.month, "d_": clock.day, "w_": clock.day_of_week, "days": days}
    table = FRAME.assign(**parts)
    encoder = ColumnTransformer(
        [
            ("numbers", SimpleImputer(strategy="median"), ["age", *parts]),
            ("gaps", "passthrough", ["gap"]),
            ("city", OneHotEncoder(sparse_output=False), ["city"]),
            ("shop", OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), ["shop"]),
        ]
    )
    table = table.assign(gap=table["age"].isna().astype(float))
    train, validation, test = (table.iloc[part] for part in rows)
    expected = encoder.fit_transform(train), encoder.transform(validation), encoder.transform(test)
    found = parts_of(data, seed)
    for x, wanted in zip((found.x_train, found.x_validation, found.x_test), expected, strict=True):
        wanted[:, -1] += 1  # 0 stands for what no training row has
        np.testing.assert_array_equal(x, wanted)
    assert data.code_sizes == (31,)
    assert data.feature_names[:2] == ("age", "sold year")
    assert data.feature_names[-4:] == ("city=Bonn", "city=Graz", "city=Zug", "shop")


def test_numbers_alone_are_standardized() -> None:
    """Numbers and parts of dates get mean 0 and deviation 1 on training rows; flags and codes stay."""
    data = read(FRAME, embeds=True)
    plain, scaled = parts_of(data).x_train, parts_of(data, standardize=True).x_train
    np.testing.assert_allclose(scaled[:, [0, 2, 5]].std(axis=0), 1)
    np.testing.assert_array_equal(scaled[:, 6:], plain[:, 6:])


def test_a_table_of_numbers_alone_stays_as_it_is() -> None:
    """Without gaps and text the inputs are the columns in their order, as from an array."""
    data = read({"b": AGE[~np.isnan(AGE)], "a": True, "y": np.arange((~np.isnan(AGE)).sum()) % 2})
    assert data.encoding is None
    np.testing.assert_array_equal(data.inputs[:, 0], AGE[~np.isnan(AGE)])
    assert data.feature_names == ("b", "a")


def test_what_no_training_row_has_is_ignored() -> None:
    """A value of validation or test rows alone is no column that is 1, and its code is 0."""
    place = np.array(["a", "b"] * 50, dtype=object)
    place[:10] = [f"only {k}" for k in range(10)]
    data = read({"p": place, "n": np.arange(100.0), "y": np.arange(100) % 2}, columns={"p": "one_hot"})
    found = parts_of(data)
    assert not found.x_train[:, 1:].sum(axis=0).all()
    unseen = ~found.x_train[:, 1:].any(axis=0)
    assert unseen.any()
    for x in (found.x_validation, found.x_test):
        assert not x[:, 1:][:, unseen].any()
    coded = read({"p": place, "n": np.arange(100.0), "y": np.arange(100) % 2}, columns={"p": "codes"})
    codes = parts_of(coded)
    assert codes.x_train[:, -1].min() == 1
    assert 0 in [*codes.x_validation[:, -1], *codes.x_test[:, -1]]


def test_frequencies_are_those_of_training_rows() -> None:
    """A category of many values is the share of training rows with it, where the model takes no codes."""
    data = read({"s": SHOP, "y": np.arange(ROWS) % 2})
    rows = rows_of_parts(data, SHARES, seed=0, test_seed=0)
    shares = pd.Series(SHOP[rows[0]]).value_counts(normalize=True)
    wanted = [shares.get(shop, 0.0) for shop in SHOP[rows[1]]]
    np.testing.assert_allclose(parts_of(data).x_validation[:, 0], wanted)


@pytest.mark.parametrize(
    ("column", "kind", "gaps"),
    [
        (pd.Categorical(["u", "v", None] * 4), "one_hot", 4),
        (pd.Categorical([1, 2, 3] * 4), "one_hot", 0),
        (pd.array([1, None, 5] * 4, dtype="Int64"), "number", 4),
        (pd.array([True, None, False] * 4, dtype="boolean"), "boolean", 4),
        (["yes", "No", None] * 4, "boolean", 4),
        (["Yes", "n", "FALSE", "1"] * 3, "boolean", 0),
        (["1.5", "#N/A", "-2"] * 4, "number", 4),
        (["1", "0", "0"] * 4, "boolean", 0),
        (["t", "f", "t"] * 4, "boolean", 0),
        (pd.date_range("2024", periods=12), "date", 0),
        (pd.date_range("2024", periods=12, freq="h", tz="Europe/Berlin"), "datetime", 0),
        (["2024-02-29", "2024-03-01", ""] * 4, "date", 4),
        (["29.02.2024 10:30", "1.3.2024 8:05", "nan"] * 4, "datetime", 4),
        (["12/31/2024", "01/02/2024", "?"] * 4, "date", 4),
        ([1, "a", None] * 4, "one_hot", 4),
        (pd.array(["a", None, "b"] * 4, dtype="string"), "one_hot", 4),
        ([None] * 12, "number", 12),
        (pd.timedelta_range("1D", periods=12), "number", 0),
        ([True, False, None] * 4, "boolean", 4),
        ([f"{k}.{k}" for k in range(10)] + ["?", "NA"], "number", 2),
    ],
)
def test_what_a_column_is(column: Any, kind: str, gaps: int) -> None:
    """Types of pandas and texts are seen for what they are; gaps are counted, and flagged."""
    data = read({"c": column, "y": np.arange(12) % 2})
    assert [(c.kind, c.gaps) for c in data.columns] == [(kind, gaps)]
    assert np.isfinite(parts_of(data).x_train).all()
    if kind != "one_hot" and gaps:
        assert data.feature_names[-1] == "c missing"


@pytest.mark.parametrize(
    ("columns", "keys", "message"),
    [
        (
            {"c": ["a", "b"] * 10},
            {"columns": {"d": "date", "c": "categroy"}, "drop": ["C"], "group": "cc"},
            "4 mistakes\n  data.columns.d = 'date': no such column; columns: c, y\n",
        ),
        (
            {"c": ["2024-01-01"] * 19 + ["2024-02-30"]},
            {},
            "row 19 (counted from 0), column 'c': '2024-02-30' is",
        ),
        (
            {"c": ["x"] * 20},
            {"columns": {"c": "number"}},
            "row 0 (counted from 0), column 'c': 'x' is not a number",
        ),
        (
            {"c": ["maybe", "yes"] * 10},
            {"columns": {"c": "boolean"}},
            "row 0 (counted from 0), column 'c': 'maybe' is no truth value; allowed: true and false, yes and "
            "no, 1 and 0 (9 more like it in this column)",
        ),
        ({"c": range(20)}, {"drop": ["c"]}, "data.drop = ['c']: no column is left for the inputs"),
        (
            {"c": range(20)},
            {"columns": {"c": "number"}, "drop": ["c"]},
            "data.drop = 'c': is 'number' in data.columns",
        ),
        (
            {"c": ["a"] * 20, "d": 1},
            {"group": "c"},
            "data.group = 'c': 1 different in all; 3 parts need 3 at least",
        ),
        (
            {"c": [1.0, None] * 10, "d": 1},
            {"time": "c"},
            "row 1 (counted from 0), column 'c': a value is missing, and",
        ),
        (
            {"c": ["a", "b"] * 10, "d": 1},
            {"time": "c"},
            "row 0 (counted from 0), column 'c': 'a' is neither a number",
        ),
        (
            {"c": ["a"] * 19 + ["b"]},
            {"stratify": "c"},
            "data.stratify = 'c': every value must occur in 3 rows at least",
        ),
        ({"c": range(20)}, {"group": "c", "time": "c"}, "data.group = 'c': cannot go with data.time"),
        (
            {"c": [f"v{k}" for k in range(2000)]},
            {"columns": {"c": "one_hot"}},
            "column 'c': 2,000 different values; one_hot takes at most 1,000. Say",
        ),
    ],
)
def test_mistakes(columns: dict[str, Any], keys: dict[str, Any], message: str) -> None:
    """Each says where it is, what is there and what is allowed."""
    rows = len(columns["c"])
    assert refusal({**columns, "y": np.arange(rows) % 2}, **keys).startswith(message)


def test_twenty_mistakes_are_listed() -> None:
    """All are counted; the first twenty are told."""
    columns = {f"c{k}": [1.5] * 19 + ["x"] for k in range(30)}
    message = refusal({**columns, "y": np.arange(20) % 2})
    assert message.startswith("the DataFrame: 30 mistakes\n") or message.startswith("30 mistakes\n")
    assert len(message.splitlines()) == 22
    assert message.endswith("… and 10 more")


def test_groups_stay_together() -> None:
    """No group is in two parts, for any seed; test groups never move; the column is no input."""
    data = read({"n": AGE, "house": np.arange(ROWS) // 5, "y": np.arange(ROWS) % 2}, group="house")
    house, tests = np.arange(ROWS) // 5, []
    for seed in range(3):
        rows = rows_of_parts(data, SHARES, seed=seed, test_seed=0)
        groups = [set(house[part]) for part in rows]
        assert sum(map(len, groups)) == 40
        assert sorted(np.concatenate(rows)) == list(range(ROWS))
        tests.append(groups[2])
    assert tests[0] == tests[1] == tests[2]
    assert [column.name for column in data.columns] == ["n"]


def test_time_splits_in_order() -> None:
    """Every part lies before the next, rows of one moment stay together, and seeds change nothing."""
    order = DRAWN.permutation(ROWS) // 3
    data = read({"n": AGE, "t": order, "y": np.arange(ROWS) % 2}, time="t")
    parts = [rows_of_parts(data, SHARES, seed=seed, test_seed=seed) for seed in (0, 1)]
    train, validation, test = parts[0]
    assert order[train].max() < order[validation].min()
    assert order[validation].max() < order[test].min()
    assert abs(len(train) - 120) <= 3
    assert all(np.array_equal(a, b) for a, b in zip(*parts, strict=True))


def test_strata_have_their_share_in_every_part() -> None:
    """A column named by `stratify` has about the same shares everywhere; false leaves it to chance."""
    rare = np.where(np.arange(ROWS) % 10 == 0, "rare", "usual")
    data = read({"n": AGE, "s": rare, "y": DRAWN.integers(0, 2, ROWS)}, stratify="s")
    for part in rows_of_parts(data, SHARES, seed=0, test_seed=0):
        assert np.mean(rare[part] == "rare") == pytest.approx(0.1, abs=0.01)
    labels = np.arange(ROWS) % 2
    drawn = read({"n": AGE, "y": labels}, stratify=False)
    train = rows_of_parts(drawn, SHARES, seed=0, test_seed=0)[0]
    assert drawn.stratified is False
    assert np.mean(labels[train]) != 0.5


def test_several_targets() -> None:
    """Each named column is one to predict, in this order."""
    frame = pd.DataFrame({"n": range(20), "a": np.linspace(0, 1, 20), "b": ["yes", "no"] * 10})
    data = read_frame(frame, ["b", "a"], Keys(), "regression")
    assert data.targets.shape == (20, 2)
    np.testing.assert_array_equal(data.targets[:, 1], np.linspace(0, 1, 20))
    np.testing.assert_array_equal(data.targets[:4, 0], [1, 0, 1, 0])


def test_more_classes_than_occur() -> None:
    """`classes` says how many there are; labels beyond are told."""
    data = read({"n": range(20), "y": [0, 3] * 10}, classes=5)
    assert data.classes == ("0", "1", "2", "3", "4")
    assert set(data.targets) == {0, 3}
    assert "has the class 3 (10 of 20 rows), but data.classes = 3" in refusal(
        {"n": range(20), "y": [0, 3] * 10}, classes=3
    )


def test_columns_are_told_in_words() -> None:
    """What each column is and becomes, what looks useless, and what no training row has."""
    place = np.array(["a", "b"] * 100, dtype=object)
    place[:20] = [f"only {k}" for k in range(20)]
    table = {"id": range(ROWS), "age": AGE, "p": place, "one": "x", "sold": SOLD, "y": np.arange(ROWS) % 2}
    data = read(table, embeds=True)
    lines = column_lines(data, SHARES, 0)
    gaps = int(np.isnan(AGE).sum())
    assert lines[0].split("; ") == [
        f"columns: numbers: id and age ({gaps} gaps, filled with the median, flagged)",
        "dates as year, month, day, weekday and days: sold",
        "categories as codes for an embedding: p (22 values)",
        "the same value in every row: one",
    ]
    assert "column 'id': an id: 200 different whole numbers in 200 rows" in lines
    assert "column 'one': the same value in every row, 'x'" in lines
    assert drop_lines(data, ["old"]) == ['to leave such columns out: data.drop = ["old", "id", "one"]']
    assert [column.name for column in data.columns if column.useless] == ["id", "one"]
    assert [column.name for column in data.columns if column.is_constant] == ["one"]
    train, validation, test = rows_of_parts(data, SHARES, seed=0, test_seed=0)
    new = [int((~np.isin(place[part], place[train])).sum()) for part in (validation, test)]
    assert lines[-1].startswith(f"column 'p': {new[0]} validation row")
    assert input_facts(data).shape == (10,)


def test_decimal_commas_and_thousands(tmp_path: Path) -> None:
    """In a file that semicolons separate, 1.234,5 is a number."""
    file = tmp_path / "d.csv"
    rows = "".join(f"1.2{k % 10}4,5;{k},25;{k % 2}\n" for k in range(20))
    file.write_text("a;b;y\n" + rows, encoding="utf-8")
    data = load(str(file), target="y", loss_task="classification")
    np.testing.assert_array_equal(data.inputs[:2], [[1204.5, 0.25], [1214.5, 1.25]])


@pytest.mark.parametrize(
    ("cells", "note"),
    [
        (
            ["Graz", "GRAZ", "Zug"] * 4,
            "read as different values: 'GRAZ' and 'Graz'; write them alike if they are",
        ),
        (["Bad  Ischl", "Bad Ischl"] * 6, "read as different values: 'Bad  Ischl' and 'Bad Ischl'; write"),
        (["2024-01-01", "02.01.2024"] * 6, "read as text: dates in several formats; write all in one"),
        (
            ["00501", "10001", "90210"] * 4,
            "read as numbers, '00501' as 501; if these are codes, say \"category\"",
        ),
    ],
)
def test_what_is_easily_taken_wrongly_is_noted(cells: list[str], note: str) -> None:
    """What people would write otherwise is said before training; nobody is told to drop such columns."""
    data = read({"c": cells, "y": np.arange(12) % 2})
    assert data.columns[0].note.startswith(note)
    assert drop_lines(data) == []
