"""Tables: every fault is named with its file, its line or row, its column and its value."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sweeper.data.keys import Keys, key_problems
from sweeper.data.table_files import column_names, read_file
from sweeper.data.tables import read_rows
from sweeper.errors import DataError

GOOD = "".join(f"{k * 0.5},{k % 7},{k % 2}\n" for k in range(20))


LONG = "line 1: field larger than field limit (131072); is a quotation mark not closed?"
SIGNED = 'is a number with a sign or blanks in it; write the number alone, or say "category" in data.columns'
NO_NUMBER = (
    'is not a number, as most of this column are; correct it, leave it empty, or say "category" in '
    "data.columns"
)


def written(folder: Path, content: str | bytes) -> Path:
    """The content as a CSV file."""
    file = folder / "data.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def read(file: Path, target: str | None = "y", numeric: bool = False) -> Any:
    """Features, target and names."""
    read = read_rows(read_file(file), target, Keys(), numeric)
    return read.raw, read.labels, tuple(column.name for column in read.columns)


def fault(file: Path, **options: Any) -> str:
    """The message, without the file that it starts with."""
    with pytest.raises(DataError) as caught:
        read(file, **options)
    assert str(caught.value).startswith(f"{file}: ")
    return str(caught.value).removeprefix(f"{file}: ")


@pytest.mark.parametrize(
    "content",
    [
        "a,b,y\n" + GOOD,
        "a;b;y\n" + GOOD.replace(",", ";"),
        "a\tb\ty\n" + GOOD.replace(",", "\t"),
        ("a,b,y\n" + GOOD).replace("\n", "\r\n"),
        "\ufeff" + "a,b,y\n" + GOOD,
        ' a , "b", y \n' + GOOD.replace(",", " , "),
        "a,b,y\n" + GOOD + "\n  \n\n",
        '"a",b,"y"\n' + "".join(f'"{k * 0.5}",{k % 7},"{k % 2}"\n' for k in range(20)),
        "y,b,a\n" + "".join(f"{k % 2},{k % 7},{k * 0.5}\n" for k in range(20)),
    ],
)
def test_what_is_a_table(content: str, tmp_path: Path) -> None:
    """Commas, semicolons or tabs, quotes, a byte order mark, any line ends, blank lines at the end."""
    x, y, names = read(written(tmp_path, content))
    order = [names.index("a"), names.index("b")]
    assert x.dtype == np.float64
    assert x[:, order].tolist() == [[k * 0.5, k % 7] for k in range(20)]
    assert (y.dtype, y.tolist()) == (np.int64, [k % 2 for k in range(20)])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file is empty"),
        ("\n \n", "the file is empty"),
        ("a,b,y\n", "there is a header but not one row of data"),
        ("\na,b,y\n" + GOOD, "line 1 is blank; it must hold the names of the columns"),
        (
            'a,b,y\n1,x,0\n1,2\n\n,nan,0\n2,"3,5",0\n,y,\n3,z,1\n' + 30 * "1,2,0\n" + '1,"2,0\n',
            "6 mistakes\n  line 3 has 2 fields, the header has 3\n  line 4 is blank; remove it\n"
            "  line 39: a quotation mark is not closed\n"
            f"  line 2, column 'b': 'x' {NO_NUMBER} (2 more like it in this column)\n"
            "  line 6, column 'b': '3,5' has a decimal comma; write a point\n"
            "  line 7, column 'y': the target is missing; fill it in or drop the row",
        ),
        ("a,b,y\n1,2,0\n1,2\n", "line 3 has 2 fields, the header has 3"),
        ("a,b,y\n1,2,0\n1\n", "line 3 has 1 field, the header has 3"),
        ("a,b,y\n1,2,0,9\n", "line 2 has 4 fields, the header has 3"),
        ("a,b,y\n1,2,0\n\n1,2,0\n", "line 3 is blank; remove it"),
        ('a,b,y\n"1\n\n",2,0\n1,2\n', "line 5 has 2 fields, the header has 3"),
        ("a,b,y\n1,2,0\nx,2,0\n" + GOOD, f"line 3, column 'a': 'x' {NO_NUMBER}"),
        (
            "a,b,y\n1,-inf,0\n",
            "line 2, column 'b': '-inf' is not finite; every value must be a finite number",
        ),
        ('a,b,y\n1,"2,5",0\n', "line 2, column 'b': '2,5' has a decimal comma; write a point"),
        ("a,b,y\n1,5%,0\n", f"line 2, column 'b': '5%' {SIGNED}"),
        ('a,b,y\n1,"$1,200.50",0\n', f"line 2, column 'b': '$1,200.50' {SIGNED}"),
        ("a,b,y\n1,1 200,0\n", f"line 2, column 'b': '1 200' {SIGNED}"),
        ("a;b;y\n1;2,5;0\n1;x;0\n" + 20 * "1;2,5;0\n", f"line 3, column 'b': 'x' {NO_NUMBER}"),
        ("a,b,y\n1_000,2,0\n", f"line 2, column 'a': '1_000' {NO_NUMBER}"),
        (
            'a,b,y\n1,"2\n3",0\n1,2,0\n1,"x\ny",0\n' + GOOD,
            f"line 2, column 'b': '2\\n3' {NO_NUMBER} (1 more like it in this column)",
        ),
        ('a,b,y\n"1\n",2,0\n1,2,0\n1,"x\ny",0\n' + GOOD, f"line 5, column 'b': 'x\\ny' {NO_NUMBER}"),
        ("a,b,y\n1,2,0\n1,2,\n", "line 3, column 'y': the target is missing; fill it in or drop the row"),
        ("a,b,y\n1,2,0\n1,2,nan\n", "line 3, column 'y': the target is missing; fill it in or drop the row"),
        ('a,b,y\n1,2,0\n1,"2,0\n' + GOOD, "line 3: a quotation mark is not closed"),
        ('a,b,y\n1,2,0\n1,"2"3,0\n', "line 3: ',' expected after '\"'"),
        ("a,a,y\n" + GOOD, "column 'a' is there twice; every column needs its own name"),
        (
            GOOD,
            "column '0' is there twice; every column needs its own name; the first line must hold the names "
            "of the columns",
        ),
        (
            ",b,y\n" + GOOD,
            "column 1 has no name in line 1; name it, or remove it if it is a row index or comes "
            "from a separator at the end of the lines",
        ),
        (
            "1.5,2,0\n" + GOOD,
            "data.target = 'y': no such column; columns: 1.5, 2, 0. The first line must hold the "
            "names of the columns",
        ),
        (
            "a|b|y\n1|2|0\n",
            "data.target = 'y': no such column; columns: a|b|y. One column only: fields must be "
            "separated by comma, semicolon or tab",
        ),
        ("y\n1\n2\n", "data.target = 'y': the only column; inputs are needed beside it"),
        (b"a,b,y\n\xe9,1,2\n", "not a UTF-8 text file (byte 6); save it as CSV in UTF-8"),
        (b"PK\x03\x04" + bytes(200), "not a text file (it has control characters); save it as CSV in UTF-8"),
        (bytes(range(1, 128)) * 2000, "not a text file (it has control characters); save it as CSV in UTF-8"),
        ("é" * 400_000, LONG),
        ('"' + "x" * 400_000, LONG),
    ],
)
def test_faults_of_a_table(content: str | bytes, message: str, tmp_path: Path) -> None:
    """One clear message; lines are counted in the file, also where quoted fields span several."""
    assert fault(written(tmp_path, content)) == message


def test_a_target_is_needed(tmp_path: Path) -> None:
    """The columns are listed, at most 20 of them; the closest is suggested."""
    file = written(tmp_path, "height,weight,y\n" + GOOD)
    columns = "columns: height, weight, y"
    assert fault(file, target=None) == f"data.target: missing; name the column to predict; {columns}"
    assert fault(file, target="heigth") == (
        f"data.target = 'heigth': no such column; did you mean 'height'? {columns}"
    )
    names = [f"c{k}" for k in range(30)]
    file = written(tmp_path, ",".join(names) + "\n" + ",".join(map(str, range(30))))
    assert fault(file).endswith(f"columns: {', '.join(names[:20])} … (30 in all)")


@pytest.mark.parametrize("target", [None, "nope", "y"])
def test_the_target_is_judged_by_the_header_alone(target: str | None, tmp_path: Path) -> None:
    """The names of the columns are known before the run, whatever the rows; junk has none."""
    file = written(tmp_path, "a,b,y\nx\n")
    problems = list(key_problems(column_names(file), target, Keys()))
    assert bool(problems) == (target != "y")
    assert column_names(written(tmp_path, b"\x00")) == []


@pytest.mark.parametrize(
    ("cells", "numeric", "expected"),
    [
        (["1", "2", "+3", "-4"], False, np.array([1, 2, 3, -4])),
        (["1", "2.0", "3", "4"], False, np.array([1.0, 2.0, 3.0, 4.0])),
        (["9007199254740993"] * 2, False, np.array([9007199254740993] * 2)),
        (["cat", "dog ", "None", "nan"], False, np.array(["cat", "dog", "None", "nan"])),
        (["0", "1", "A", "F"], False, np.array(["0", "1", "A", "F"])),
        (["True", "False", "true", "1"], False, np.array([1.0, 0.0, 1.0, 1.0])),
        (["cat", "dog", "cow", "1"], True, np.array(["cat", "dog", "cow", "1"])),
    ],
)
def test_targets(cells: list[str], numeric: bool, expected: np.ndarray, tmp_path: Path) -> None:
    """Whole numbers, numbers or words, as the column is; NA is a word among words."""
    file = written(tmp_path, "a,y\n" + "".join(f"1,{cell}\n" for cell in cells))
    labels = read(file, numeric=numeric)[1]
    assert labels.dtype.kind == expected.dtype.kind
    assert labels.tolist() == expected.tolist()


def test_a_slip_in_a_numeric_target(tmp_path: Path) -> None:
    """Where numbers are needed and most are, the one that is none is named."""
    file = written(tmp_path, "a,y\n1,2.5\n1,3.5\n1,4,5\n".replace("4,5", '"4,5"') + "1,1\n")
    assert fault(file, numeric=True) == "line 4, column 'y': '4,5' has a decimal comma; write a point"


def parquet(folder: Path, **columns: Any) -> Path:
    """The columns as a Parquet file, with an index that is no column."""
    file = folder / "data.parquet"
    pd.DataFrame(columns, index=pd.Index(range(5, 5 + len(columns["y"])), name="row")).to_parquet(file)
    return file


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ([True, False], [1, 0]),
        (np.array([1, 2], dtype="uint8"), [1, 2]),
        (np.array([1.5, 2], dtype="float32"), [1.5, 2]),
        (pd.array([1, 2], dtype="Int64"), [1, 2]),
        (pd.Categorical([3, 4]), [3, 4]),
        (["1.5", " 2 "], [1.5, 2]),
    ],
)
def test_parquet_features(column: Any, expected: list[float], tmp_path: Path) -> None:
    """Truth values, numbers of every type, categories and text that are numbers."""
    x, y, names = read(parquet(tmp_path, a=column, y=["u", "v"]))
    assert x.tolist() == [[value] for value in expected]
    assert (y.tolist(), names) == (["u", "v"], ("a",))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ([np.inf, 1.0], "'inf' is not finite"),
        ([[1, 2], [3]], "a ndarray; a cell must be a number, text, a truth value or a date"),
    ],
)
def test_parquet_faults(column: Any, value: str, tmp_path: Path) -> None:
    """Row and column are named; rows are counted from 0."""
    message = fault(parquet(tmp_path, a=column, y=[0, 1]))
    assert message.startswith(f"row 0 (counted from 0), column 'a': {value}")


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (pd.Categorical(["u", "v"]), "U"),
        ([True, False], "i"),
        (pd.array([1, 2], dtype="Int64"), "i"),
        ([1.5, 2.5], "f"),
        (pd.date_range("2024", periods=2), "U"),
    ],
)
def test_parquet_targets(column: Any, kind: str, tmp_path: Path) -> None:
    """Categories and dates are words, truth values and whole numbers whole."""
    assert read(parquet(tmp_path, a=[1, 2], y=column))[1].dtype.kind == kind


def test_parquet_files_that_are_none(tmp_path: Path) -> None:
    """Junk and emptiness have their messages."""
    file = tmp_path / "data.parquet"
    file.write_bytes(b"junk")
    assert fault(file).startswith("not a readable Parquet file: ")
    assert fault(parquet(tmp_path, a=[], y=[])) == "the file has no rows"
    assert column_names(file)[:2] == ["a", "y"]
