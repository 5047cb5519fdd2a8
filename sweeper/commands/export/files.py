"""Parquet and CSV: ``trials``, ``curves`` and ``layers``, one file each."""

from functools import partial
from pathlib import Path

from sweeper.commands.export.tool import Say, Tool
from sweeper.records.reading import export
from sweeper.result import Result


def write(result: Result, folder: str | None, say: Say, *, csv: bool = False) -> None:
    """Write the three tables to `folder`, the current one by default."""
    for file in export(result.records, Path(folder or "."), csv=csv):
        say(str(file))


PARQUET = Tool("trials, curves and layers as Parquet files in DIR", write)
CSV = Tool("the same as CSV files", partial(write, csv=True))
