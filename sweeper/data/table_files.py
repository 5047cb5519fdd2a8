"""Tables, .csv and .parquet, as features and a target; every fault is named with its row and column."""

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet

from sweeper.data.targets import word_problem
from sweeper.errors import DataError, all_mistakes, did_you_mean, shortened, shown

SEPARATORS = ",;\t"
MISSING = ("", "nan", "na", "n/a", "none", "null", "<na>")
BOOLEANS = {"true": 1.0, "false": 0.0}
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")
LOOKED_AT = 10_000
"""Wrong cells of a column that are counted at most."""
SHOWN = 20
"""Column names that a message lists at most."""

Column = Sequence[str] | np.ndarray
"""Cells as text, or numbers."""


@dataclass(frozen=True)
class Table:
    """A file's columns, and where its rows stand."""

    path: Path
    columns: dict[str, Column]
    lines: Sequence[int] | None
    """Line of the file where each row starts; ``None`` where a file has no lines."""
    wrong: tuple[str, ...] = ()
    """What is wrong with other rows, which are left out here."""

    def place(self, row: int, column: str, problem: str) -> str:
        """The problem behind row and column."""
        where = f"line {self.lines[row]}" if self.lines else f"row {row} (counted from 0)"
        return f"{where}, column {shown(column)}: {problem}"

    def fault(self, row: int, column: str, problem: str) -> DataError:
        """The error that names file, row and column."""
        return mistakes_in(self.path, [self.place(row, column, problem)])


def mistakes_in(path: Path, wrong: Sequence[str]) -> DataError:
    """One message for all of them."""
    return DataError(f"{path}: {wrong[0]}" if len(wrong) == 1 else all_mistakes(path, wrong))


def read_table(
    path: Path, target: str | None, *, numeric_target: bool
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Features (n, columns) float64, target (n,) and feature names of a table.

    The target is int64 where all of it is whole, float64 where all of it is numbers, else text;
    with `numeric_target`, text is a fault.

    Raises:
        DataError: naming file, row (line of the file for CSV), column, value and what is allowed.
    """
    table = read_csv(path) if path.suffix.lower() == ".csv" else read_parquet(path)
    wrong = list(table.wrong)
    problem = target_problem(list(table.columns), target)
    if problem:
        wrong.insert(0, f"data.target{'' if target is None else f' = {target!r}'}: {problem}")
        raise mistakes_in(path, wrong)
    assert target is not None
    features = [name for name in table.columns if name != target]
    columns = [_numbers(table, name, wrong) for name in features]
    try:
        labels = _labels(table, target, numeric_target)
    except DataError as error:
        wrong.append(str(error).removeprefix(f"{path}: "))
    if wrong:
        raise mistakes_in(path, wrong)
    return np.stack(columns, axis=1), labels, tuple(features)


def check_target(path: Path, target: str | None) -> str:
    """What is wrong with ``data.target``, from the names of the columns alone; empty if nothing is.

    A file that cannot be read is not judged here.
    """
    try:
        if path.suffix.lower() == ".csv":
            return target_problem(_header(path, _rows(path, _text(path))), target)
        return target_problem(pyarrow.parquet.read_schema(path).names, target)
    except (DataError, OSError, pyarrow.ArrowException):
        return ""


def target_problem(names: list[str], target: str | None) -> str:
    """Why `target` is no column to predict from the others; empty if it is."""
    listed = ", ".join(map(shortened, names[:SHOWN])) + (
        f" … ({len(names)} in all)" if len(names) > SHOWN else ""
    )
    if target is None:
        return f"missing; name the column to predict; columns: {listed}"
    if target not in names:
        hint = did_you_mean(target, names).partition("allowed: ")[0]
        alone = ". One column only: fields must be separated by comma, semicolon or tab" * (len(names) == 1)
        nameless = all(map(_is_number, names))
        first = ". The first line must hold the names of the columns" * (nameless and len(names) > 1)
        return f"no such column; {hint}columns: {listed}{alone}{first}"
    return "the only column; inputs are needed beside it" if len(names) == 1 else ""


def read_csv(path: Path) -> Table:
    """A file with a header, separated by commas, semicolons or tabs; quoted fields may hold anything."""
    reader = _rows(path, _text(path))
    header = _header(path, reader)
    rows: list[list[str]] = []
    lines: list[int] = []
    wrong: list[str] = []
    blank: list[str] = []
    try:
        for start, row in reader:
            if not "".join(row).strip() and len(row) < len(header):  # at the end blank lines carry nothing
                blank.append(f"line {start} is blank; remove it")
                continue
            wrong, blank = [*wrong, *blank], []
            if len(row) == len(header):
                rows.append(row)
                lines.append(start)
            else:
                fields = "1 field" if len(row) == 1 else f"{len(row)} fields"
                wrong.append(f"line {start} has {fields}, the header has {len(header)}")
    except DataError as error:  # from here on nobody knows where fields begin
        wrong.append(str(error).removeprefix(f"{path}: "))
    if not rows:
        raise mistakes_in(path, wrong or ["there is a header but not one row of data"])
    return Table(path, dict(zip(header, zip(*rows, strict=True), strict=True)), lines, tuple(wrong))


def _text(path: Path) -> str:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: not a UTF-8 text file (byte {error.start}); save it as CSV in UTF-8"
        ) from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    if CONTROL.search(text):
        raise DataError(f"{path}: not a text file (it has control characters); save it as CSV in UTF-8")
    if not text.strip():
        raise DataError(f"{path}: the file is empty")
    return text


def _rows(path: Path, text: str) -> Any:
    """(line where it starts, fields) of every record, the header first."""
    head = text[:100_000].splitlines()[0]
    separator = max(SEPARATORS, key=lambda mark: len(next(csv.reader([head], delimiter=mark))))
    style: Any = {"delimiter": separator, "strict": True, "skipinitialspace": True}
    reader = csv.reader(io.StringIO(text, newline=""), **style)
    while True:
        start = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            problem = "a quotation mark is not closed" if "unexpected end" in str(error) else str(error)
            problem += "; is a quotation mark not closed?" * ("larger than" in str(error))
            raise DataError(f"{path}: line {start}: {problem}") from None
        yield start, row


def _header(path: Path, rows: Any) -> list[str]:
    header = [name.strip() for name in next(rows)[1]]
    if not header:
        raise DataError(f"{path}: line 1 is blank; it must hold the names of the columns")
    if "" in header:
        raise DataError(
            f"{path}: column {header.index('') + 1} has no name in line 1; name it, or remove it if it is a "
            "row index or comes from a separator at the end of the lines"
        )
    _check_repeated(path, header)
    return header


def _check_repeated(path: Path, names: list[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            first = "; the first line must hold the names of the columns" * all(map(_is_number, names))
            raise DataError(
                f"{path}: column {shown(name)} is there twice; every column needs its own name{first}"
            )
        seen.add(name)


def read_parquet(path: Path) -> Table:
    """Numbers, categories, text and truth values; an index that pandas stored is left out."""
    try:
        table = pyarrow.parquet.ParquetFile(path).read()
        stored = (table.schema.pandas_metadata or {}).get("index_columns", ())
    except Exception as error:  # pyarrow raises many kinds
        raise DataError(f"{path}: not a readable Parquet file: {_first_line(error)}") from None
    names = [name for name in table.column_names if name not in stored]
    _check_repeated(path, names)
    if not table.num_rows:
        raise DataError(f"{path}: the file has no rows")
    columns = {}
    for place, name in enumerate(table.column_names):
        if name not in stored:
            try:
                columns[name] = _arrow_cells(table.column(place))
            except (pyarrow.ArrowException, ValueError, OverflowError) as error:
                raise DataError(
                    f"{path}: column {shown(name)} cannot be read: {_first_line(error)}"
                ) from None
    return Table(path, columns, None)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _arrow_cells(column: pyarrow.ChunkedArray) -> Column:
    """Numbers go without pandas, which takes milliseconds a column."""
    kind, types = column.type, pyarrow.types
    if types.is_floating(kind) or (types.is_integer(kind) and column.null_count):
        return column.to_numpy().astype(np.float64)
    if types.is_integer(kind):
        return column.to_numpy().astype(np.uint64 if types.is_unsigned_integer(kind) else np.int64)
    return _cells(column.to_pandas())


def _cells(column: pd.Series) -> Column:
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype if not column.hasnans else object)
    if column.dtype.kind in "biuf":
        if column.hasnans or column.dtype.kind == "f":
            return column.to_numpy(dtype=np.float64, na_value=np.nan)
        return column.to_numpy(dtype=np.uint64 if column.dtype.kind == "u" else np.int64)
    missing = column.isna().tolist()
    return ["" if gone else str(value) for value, gone in zip(column, missing, strict=True)]


def _numbers(table: Table, name: str, wrong: list[str]) -> np.ndarray:
    """A column as float64; `wrong` grows by one for each kind of fault in it, with the first such cell."""
    cells = table.columns[name]
    numbers = _parsed(cells)
    first: dict[str, tuple[int, str]] = {}
    counts: Counter[str] = Counter()
    for row in np.flatnonzero(~np.isfinite(numbers))[:LOOKED_AT]:
        cell = str(cells[row])
        problem = _fault(cell)
        kind = problem.replace(shown(cell), "")
        first.setdefault(kind, (int(row), problem))
        counts[kind] += 1
    for kind, (row, problem) in first.items():
        more = f" ({counts[kind] - 1} more like it in this column)" if counts[kind] > 1 else ""
        wrong.append(table.place(row, name, problem + more))
    return numbers


def _parsed(cells: Column) -> np.ndarray:
    """float64; NaN for what is no number."""
    if isinstance(cells, np.ndarray):
        return cells.astype(np.float64)
    try:
        if not any("_" in cell for cell in cells):  # Python reads 1_000 as a number, people do not
            return np.fromiter(map(float, cells), np.float64, len(cells))
    except ValueError:
        pass  # some cell is no number: look at each
    return np.array([_lenient(cell) for cell in cells])


def _lenient(cell: str) -> float:
    word = cell.strip().lower()
    return BOOLEANS[word] if word in BOOLEANS else float(word) if _is_number(word) else np.nan


def _is_number(word: str) -> bool:
    try:
        return "_" not in word and bool(np.isfinite(float(word)))
    except ValueError:
        return False


def _fault(cell: str) -> str:
    """What is wrong with a cell that is no finite number."""
    word = cell.strip().lower()
    if word in MISSING:
        return f"a value is missing ({shown(cell)}); fill it in or drop the row"
    if word.lstrip("+-") in ("inf", "infinity"):
        return f"{shown(cell)} is not finite; every value must be a finite number"
    if re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+", word):
        return f"{shown(cell)} has a comma; leave it out between thousands, write a point before decimals"
    if re.fullmatch(r"[+-]?\d+,\d+", word):
        return f"{shown(cell)} has a decimal comma; write a point"
    return f"{shown(cell)} is not a number; every value must be one (encode text as numbers first)"


def _labels(table: Table, name: str, numeric: bool) -> np.ndarray:
    """The target column: whole numbers, numbers or text."""
    cells = table.columns[name]
    if isinstance(cells, np.ndarray) and cells.dtype.kind in "iu":
        return cells
    numbers = _parsed(cells)
    texts = [str(cell).strip() for cell in cells]
    for text in dict.fromkeys(texts):
        if problem := word_problem(text):
            raise table.fault(texts.index(text), name, f"{shown(text)}: {problem}")
    words = np.asarray(texts)
    lower = np.char.lower(words)
    missing = (words == "") | (np.isin(lower, MISSING) & ~np.isfinite(numbers))
    if missing.any() and ((words == "").any() or np.isfinite(numbers[~missing]).all()):
        raise table.fault(int(np.argmax(missing)), name, "the target is missing; fill it in or drop the row")
    if np.isfinite(numbers).all():
        whole = not isinstance(cells, np.ndarray) and all(re.fullmatch(r"[+-]?\d+", word) for word in words)
        return _whole_numbers(table, name, words, numeric) if whole else numbers
    if np.isinf(numbers).any() or (numeric and np.isfinite(numbers).mean() > 0.5):
        row = int(np.argmax(~np.isfinite(numbers)))
        raise table.fault(row, name, _fault(str(words[row])))
    return words


def _whole_numbers(table: Table, name: str, words: np.ndarray, numeric: bool) -> np.ndarray:
    """int64; as float64 different classes beyond it would be taken for the same."""
    whole = [int(word) for word in words]
    beyond = [row for row, number in enumerate(whole) if not -(2**63) <= number < 2**63]
    if not beyond:
        return np.array(whole, dtype=np.int64)
    if numeric:
        return np.array(whole, dtype=np.float64)
    row = beyond[0]
    raise table.fault(
        row, name, f"{shown(str(words[row]))}: a whole number that names a class has at most 64 bits"
    )
