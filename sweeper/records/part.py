"""One part of the records: three Parquet files of one number, and reading one of them.

The metadata of each file name the study and the part that it belongs to (files of earlier releases do not),
those of a merged part the numbers of the parts that it replaces. Pages carry checksums.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sweeper.errors import first_line
from sweeper.records.schema import CURVES, LATER, LAYERS, TRIALS

SCHEMAS = {"curves": CURVES, "layers": LAYERS, "trials": TRIALS}
"""In the order of writing: trials commit."""
REPLACES, STUDY, PART = b"replaces", b"study", b"part"
"""Keys of the metadata: numbers of parts, fingerprint of the study, a word that the three files share."""
DICTIONARIES = [
    "trial",
    "seed",
    "step",
    "layer",
    "layer_name",
    "metric",
    "measure",
    "phase",
    "outcome",
    "engine",
    "host",
]
"""Columns of few values."""


class Unsound(Exception):
    """A file that is no table of these records; the text says why."""


@dataclass(frozen=True)
class Part:
    """Three files of one number."""

    number: int
    rows: int


def file_of(folder: Path, name: str, number: int) -> Path:
    """Where a table of a part lies."""
    return folder / f"{name}-{number:06d}.parquet"


def number_of(file: Path) -> int | None:
    """The number of the part that a file belongs to; ``None`` for anything else."""
    match = re.fullmatch(r"(\w+)-(\d+)\.parquet", file.name)
    if not match or match.group(1) not in SCHEMAS:
        return None
    number = int(match.group(2))
    return number if file_of(file.parent, match.group(1), number).name == file.name else None


def to_bytes(table: pa.Table, metadata: Mapping[bytes, bytes]) -> bytes:
    """A table as a Parquet file."""
    sink = pa.BufferOutputStream()
    dictionaries = [column for column in DICTIONARIES if column in table.column_names]
    pq.write_table(
        table.replace_schema_metadata(metadata),
        sink,
        compression="zstd",
        use_dictionary=dictionaries,
        write_page_checksum=True,
    )
    return bytes(sink.getvalue())


def read_file(file: Path, name: str, parameters: pa.Schema | None) -> pa.Table:
    """The table `name` in `file`, with exactly the columns that it must have, and its metadata.

    Args:
        file: a Parquet file.
        name: a key of `SCHEMAS`.
        parameters: columns that ``trials`` has beside `TRIALS`; ``None``: whatever is there.

    Raises:
        OSError: if the file cannot be read.
        Unsound: if it holds something else.
    """
    content = file.read_bytes()
    if not content:
        raise Unsound("is empty")
    try:
        table = pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True).read()
        table.validate(full=True)
    except Exception as error:  # Arrow raises many kinds on bytes that are no Parquet
        raise Unsound(f"is incomplete or not a Parquet file ({first_line(error, 120)})") from None
    return _with_columns(table, SCHEMAS[name], parameters if name == "trials" else pa.schema([]))


def numbers_replaced(table: pa.Table) -> set[int]:
    """Numbers of the parts that the part of this table replaces."""
    words = (table.schema.metadata or {}).get(REPLACES, b"").split(b",")
    return {int(word) for word in words if word.isdigit()}


def word_of(table: pa.Table, key: bytes) -> bytes | None:
    """One entry of the metadata of a table; ``None`` in files of earlier releases."""
    return (table.schema.metadata or {}).get(key)


def _with_columns(table: pa.Table, schema: pa.Schema, parameters: pa.Schema | None) -> pa.Table:
    metadata, wanted = table.schema.metadata, [*schema, *(parameters or ())]
    names = table.column_names
    if len(set(names)) < len(names):
        raise Unsound("has a column twice")
    for name in LATER & set(schema.names) - set(names):
        table = table.append_column(schema.field(name), pa.nulls(len(table), schema.field(name).type))
    known = {field.name for field in wanted}
    if missing := sorted(known - set(table.column_names)):
        raise Unsound(f"lacks the column {', '.join(missing)}")
    if parameters is not None and (more := sorted(set(table.column_names) - known - LATER)):
        raise Unsound(f"has a column of another study: {', '.join(more)}")
    wanted += [field for field in table.schema if field.name not in known]
    for field in wanted:
        if not _alike(present := table.schema.field(field.name).type, field.type):
            raise Unsound(f"column {field.name} is {present}, not {field.type}")
    return table.select([field.name for field in wanted]).cast(pa.schema(wanted, metadata=metadata))


def _alike(present: pa.DataType, wanted: pa.DataType) -> bool:
    """Whether they are the same, or text in two encodings."""
    plain = present.value_type if pa.types.is_dictionary(present) else present
    text = pa.types.is_string(plain) or pa.types.is_large_string(plain)
    return bool(plain == wanted or (text and pa.types.is_string(wanted)))
