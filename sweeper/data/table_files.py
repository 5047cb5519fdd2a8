"""Tables in files, .csv and .parquet, as they are written; every fault is named with its line."""

import csv
import io
import re
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from sweeper.data.frames import cells_of
from sweeper.data.table import Cells, Table, check_repeated, mistakes_in
from sweeper.errors import DataError, first_line, shown

SEPARATORS = ",;\t"
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")


def read_file(path: Path) -> Table:
    """The table in a .csv or .parquet file.

    Raises:
        DataError: if it is none; rows that are wrong are told in the table.
    """
    return _read_csv(path) if path.suffix.lower() == ".csv" else _read_parquet(path)


def column_names(path: Path) -> list[str]:
    """The names of the columns alone; none of a file that cannot be read."""
    try:
        if path.suffix.lower() == ".csv":
            return _header(path, _rows(path, _text(path)))
        return list(pyarrow.parquet.read_schema(path).names)
    except (DataError, OSError, pyarrow.ArrowException):
        return []


def _read_csv(path: Path) -> Table:
    """A file with a header, separated by commas, semicolons or tabs; quoted fields may hold anything."""
    text = _text(path)
    reader, separator = _rows(path, text), separator_of(text)
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
            wrong += blank
            blank.clear()
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
    columns: dict[str, Cells] = dict(zip(header, zip(*rows, strict=True), strict=True))
    return Table(str(path), columns, lines, tuple(wrong), decimal_commas=separator != ",")


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


def separator_of(text: str) -> str:
    """What separates the fields of the first line."""
    head = text[:100_000].splitlines()[0]
    return max(SEPARATORS, key=lambda mark: len(next(csv.reader([head], delimiter=mark))))


def _rows(path: Path, text: str) -> Any:
    """(line where it starts, fields) of every record, the header first."""
    style: Any = {"delimiter": separator_of(text), "strict": True, "skipinitialspace": True}
    reader = csv.reader(io.StringIO(text, newline=""), **style)
    while True:
        start = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            problem = "a quotation mark is not closed" if "unexpected end" in str(error) else str(error)
            if "larger than" in str(error):
                problem += "; is a quotation mark not closed?"
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
    check_repeated(path, header)
    return header


def _read_parquet(path: Path) -> Table:
    """Numbers, categories, text and truth values; an index that pandas stored is left out."""
    try:
        table = pyarrow.parquet.ParquetFile(path).read()
        stored = (table.schema.pandas_metadata or {}).get("index_columns", ())
    except Exception as error:  # pyarrow raises many kinds
        raise DataError(f"{path}: not a readable Parquet file: {first_line(error)}") from None
    names = [name for name in table.column_names if name not in stored]
    check_repeated(path, names)
    if not table.num_rows:
        raise DataError(f"{path}: the file has no rows")
    columns, categories = {}, set()
    for index, name in enumerate(table.column_names):
        if name not in stored:
            try:
                columns[name] = _arrow_cells(table.column(index), name, str(path))
            except (pyarrow.ArrowException, ValueError, OverflowError) as error:
                raise DataError(f"{path}: column {shown(name)} cannot be read: {first_line(error)}") from None
            categories |= {name} if pyarrow.types.is_dictionary(table.column(index).type) else set()
    return Table(str(path), columns, categories=frozenset(categories))


def _arrow_cells(column: pyarrow.ChunkedArray, name: str, path: str) -> Cells:
    """Numbers go without pandas, which takes milliseconds a column."""
    column_type, types = column.type, pyarrow.types
    if types.is_floating(column_type) or (types.is_integer(column_type) and column.null_count):
        return column.to_numpy().astype(float)
    if types.is_integer(column_type):
        return column.to_numpy().astype("uint64" if types.is_unsigned_integer(column_type) else "int64")
    return cells_of(column.to_pandas(), name, path)
