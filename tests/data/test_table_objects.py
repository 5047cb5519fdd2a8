"""Tables from data functions and from Python: each is read as a CSV file of the same content."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow
import pytest

from sweeper.data.data import Data
from sweeper.data.keys import Keys
from sweeper.data.load import load
from sweeper.data.splits import rows_of_parts, split
from sweeper.data.tables import read_frame
from sweeper.errors import DataError
from sweeper.study.data import data_of
from sweeper.study.study import Study

N = 60
DRAW = np.random.default_rng(0)
X = pd.DataFrame(
    {
        "city": DRAW.choice(["Bonn, Süd", "Graz", "Zug"], N),
        "age": np.where(DRAW.random(N) < 0.2, np.nan, DRAW.normal(40, 9, N).round(1)),
        "sold": pd.to_datetime("2024-01-01") + pd.to_timedelta(DRAW.integers(0, 300, N), unit="D"),
        "member": DRAW.choice(["yes", "no"], N),
        "house": np.arange(N) // 3,
    }
)
Y = pd.Series(DRAW.choice(["a", "b"], N), name="y")
FRAME = X.assign(y=Y)
COLUMNS = {name: FRAME[name].to_numpy() for name in FRAME}


def polars(frame: pd.DataFrame) -> Any:
    """A frame of polars."""
    return pytest.importorskip("polars").DataFrame({name: frame[name].tolist() for name in frame})


def hugging_face(frame: pd.DataFrame) -> Any:
    """A data set of Hugging Face with names of classes as an input."""
    hub = pytest.importorskip("datasets")
    found = hub.Dataset.from_pandas(frame)
    return found.cast_column("city", hub.ClassLabel(names=sorted(set(frame["city"]))))


KINDS: dict[str, Callable[[], Any]] = {
    "frame": lambda: FRAME,
    "frame and name": lambda: (FRAME, "y"),
    "frame and column": lambda: (X, Y),
    "frame and list": lambda: (X, Y.tolist()),
    "frame and frame": lambda: (X, Y.to_frame()),
    "categories, nullable numbers": lambda: FRAME.astype(
        {"city": "category", "house": "Int64", "age": "Float32"}
    ),
    "arrow": lambda: pyarrow.Table.from_pandas(FRAME),
    "arrow and name": lambda: (pyarrow.Table.from_pandas(FRAME), "y"),
    "polars": lambda: polars(FRAME),
    "polars and column": lambda: (polars(X).lazy(), Y.to_numpy()),
    "Hugging Face": lambda: hugging_face(FRAME),
    "columns": lambda: COLUMNS,
    "columns as lists": lambda: {name: FRAME[name].tolist() for name in FRAME},
    "columns and targets": lambda: ({name: COLUMNS[name] for name in X}, COLUMNS["y"]),
    "records": lambda: FRAME.to_dict("records"),
    "record array": lambda: FRAME.assign(sold=FRAME["sold"].astype(str)).to_records(index=False),
}


@pytest.fixture(scope="module")
def as_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The CSV file of the same content."""
    file = tmp_path_factory.mktemp("table") / "table.csv"
    FRAME.to_csv(file, index=False)
    return file


def check_same(data: Data, wanted: Data) -> None:
    """The same names, rows, codes and targets in every part."""
    assert data.feature_names == wanted.feature_names
    assert (data.classes, data.targets.tolist()) == (wanted.classes, wanted.targets.tolist())
    pairs = [
        vars(split(one, (0.6, 0.2, 0.2), seed=1, test_seed=0, standardize=True)) for one in (data, wanted)
    ]
    for name in pairs[0]:
        np.testing.assert_allclose(pairs[0][name], pairs[1][name], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("keys", [{}, {"group": "house", "drop": ("member",)}])
def test_every_table_is_read_as_a_file(kind: str, keys: dict[str, Any], as_file: Path) -> None:
    """From a data function; with a group and a dropped column, too."""
    given = KINDS[kind]()
    named = isinstance(given, tuple) and not isinstance(given[1], str)
    wanted = load(str(as_file), target="y", loss_task="classification", keys=Keys(**keys))
    data = load(lambda: given, target=None if named else "y", loss_task="classification", keys=Keys(**keys))
    check_same(data, wanted)


@pytest.mark.parametrize("kind", ["frame and name", "frame and column", "columns"])
def test_a_study_takes_them(kind: str, as_file: Path) -> None:
    """As `data`, and as `source` beside other keys."""
    wanted = data_of(Study(name="a", data={"source": str(as_file), "target": "y"}))
    section = {"source": KINDS[kind](), **({"target": "y"} if kind == "columns" else {})}
    check_same(data_of(Study(name="a", data=section)), wanted)
    if kind != "columns":
        check_same(data_of(Study(name="a", data=KINDS[kind]())), wanted)


@pytest.mark.parametrize(
    "parts",
    [
        {"train": FRAME[:40], "validation": FRAME[40:50], "test": FRAME[50:]},
        {"train": (X[:40], Y[:40]), "validation": (X[40:50], Y[40:50]), "test": (X[50:], Y[50:])},
    ],
)
def test_tables_by_part_keep_their_split(parts: dict[str, Any], as_file: Path) -> None:
    """Their rows are read as one table, and stay in their part whatever the seed."""
    data = load(lambda: parts, target="y", loss_task="classification")
    rows = rows_of_parts(data, (0.6, 0.2, 0.2), seed=5, test_seed=0)
    assert [part.tolist() for part in rows] == [[*range(40)], [*range(40, 50)], [*range(50, N)]]
    assert data.feature_names == load(str(as_file), target="y", loss_task="classification").feature_names


def test_numbers_alone_stay_arrays_beside_targets() -> None:
    """A frame or a dict of numbers with targets beside keeps its meaning: one input, or one for each name."""
    numbers = X[["house"]].assign(n=1.5)
    assert load(lambda: (numbers, Y), loss_task="classification").columns == ()
    named = load(lambda: ({"a": np.arange(N), "b": np.ones(N)}, Y.to_numpy()), loss_task="classification")
    assert list(named.inputs) == ["a", "b"]


TWICE = FRAME[["age", "sold", "y"]].set_axis([1, "1", "y"], axis=1)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((X, Y[:50]), "60 rows of inputs and 50 of targets; they must be equal"),
        ({"a": [1, 2], "b": ["x"]}, "columns of unlike length: a 2, b 1; a row has one value of each"),
        ((FRAME, "z"), "data.target = 'z': no such column; columns: city, age, sold, member, house, y"),
        ({"train": FRAME, "validation": X}, "part 'validation' has other columns than part 'train': y"),
        ({"train": FRAME, "validation": FRAME[:0]}, "part 'validation' has no rows"),
        (
            {"train": FRAME, "validation": (np.ones((5, 2)), np.ones(5))},
            "part 'validation' is no table, as train is",
        ),
        (
            {"train": TWICE, "validation": TWICE},
            "column '1' is there twice; every column needs its own name",
        ),
        (
            [{"city": "Bonn", "spans": [[1], [2, 3]], "y": 0}, {"city": "Zug", "spans": [[1]], "y": 1}] * 5,
            "item 0: 'city' holds text; turn it into numbers and leave it out",
        ),
    ],
)
def test_what_does_not_fit(given: Any, message: str) -> None:
    """The message says what is there and what is allowed."""
    with pytest.raises(DataError) as caught:
        load(lambda: given, target="z" if "z" in message else "y", loss_task="classification")
    assert message in str(caught.value)


def test_a_cell_is_found_in_its_part() -> None:
    """Rows are counted within the part that they came in."""
    later = FRAME.assign(age=FRAME["age"].astype(object))[40:]
    later.iloc[3, 1] = "old"
    with pytest.raises(
        DataError, match=r"part 'validation', row 3 \(counted from 0\), column 'age': 'old' is"
    ):
        load(lambda: {"train": FRAME[:40], "validation": later}, target="y", loss_task="classification")


def test_parts_are_split_already() -> None:
    """A key that splits rows has nothing to do, and says so."""
    parts = {"train": FRAME[:40], "validation": FRAME[40:]}
    with pytest.raises(DataError, match=r"data\.group = 'house': the data came split into parts already"):
        load(lambda: parts, target="y", loss_task="classification", keys=Keys(group="house"))


@pytest.mark.parametrize(
    ("words", "task", "truth"),
    [
        (["no", "yes"], "binary", ("no", "yes")),
        (["yes", "no"], "binary", ("no", "yes")),
        (["off", "on"], "regression", ("off", "on")),
        (["no", "yes", "Yes"], "binary", None),
        (["0", "1"], "binary", None),
        (["no", "yes"], "classification", None),
    ],
)
def test_words_for_0_and_1_are_known(words: list[str], task: str, truth: tuple[str, str] | None) -> None:
    """What a target calls them, where it is read as truth values and has one word for each."""
    frame = pd.DataFrame({"a": np.arange(60.0), "b": (words * 60)[:60]})
    assert read_frame(frame, "b", Keys(), task, "it").truth == truth
