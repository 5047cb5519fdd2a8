"""What a data function gives, or a caller has in hand, and is a table -> one pandas DataFrame.

DataFrames of pandas and polars, tables of Arrow, dicts and records of columns, structured arrays, lists of
dicts, data sets of Hugging Face with a value in each column; alone, with targets beside, or by part. The
stand-alone script of a run carries the source of these functions: they depend on numpy and pandas alone,
and write the names of the splits out.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

FIRST = 64
"""Items by which a list of dicts is known for a table."""
LABELS = ("label", "labels", "target", "targets", "y")
"""Names of the target in items or a data set of Hugging Face, where the study does not say it."""


def table_in(given: Any, target: Any, always: bool) -> tuple[pd.DataFrame, Any, dict[str, int]] | None:
    """(DataFrame, its target or targets, rows of each part, which lie one below the other) of a table.

    ``None`` for what is no table. Pairs of numbers without gaps count as arrays, if they need not `always`
    be tables. `target` is what the study says.

    Raises:
        ValueError: saying what does not fit together.
    """
    if not (
        isinstance(given, Mapping) and {"train", "validation"} <= {*given} <= {"train", "validation", "test"}
    ):
        found = _one(given, target, always)
        return None if found is None or (found[2] and not always) else (*found[:2], {})
    parts = {
        part: _one(given[part], target, True) for part in ("train", "validation", "test") if part in given
    }
    tables = {part: found for part, found in parts.items() if found is not None}
    if not tables or (not always and all(found[2] for found in tables.values())):
        return None
    frames: dict[str, pd.DataFrame] = {}
    for part in parts:
        if part not in tables:
            raise ValueError(f"part {part!r} is no table, as {', '.join(tables)} is")
        frame, first = tables[part][0], next(iter(frames.values()), tables[part][0])
        if {*frame} != {*first}:
            other = ", ".join(sorted({*frame} ^ {*first})[:5])
            raise ValueError(f"part {part!r} has other columns than part 'train': {other}")
        if not len(frame) and part != "test":
            raise ValueError(f"part {part!r} has no rows")
        frames[part] = frame[list(first)]
    whole = pd.concat([frame for frame in frames.values() if len(frame)], ignore_index=True)
    kept = {name: "category" for name in whole if frames["train"][name].dtype == "category"}
    return whole.astype(kept), tables["train"][1], {part: len(frame) for part, frame in frames.items()}


def _one(given: Any, target: Any, always: bool) -> tuple[pd.DataFrame, Any, bool] | None:
    """(DataFrame, target, whether it may be arrays too) of one table, or of inputs with targets beside."""
    if not (isinstance(given, tuple | list) and len(given) == 2):
        frame = frame_of(given, target)
        if frame is None:
            return None
        known = [name for name in LABELS if name in frame] if hasattr(given, "features") else []
        return frame, known[0] if target is None and len(known) == 1 else target, False
    inputs, labels = given
    frame = frame_of(inputs, target, of_inputs=True)
    if frame is None:
        return None
    if is_name(labels, frame):
        if target not in (None, labels):
            raise ValueError(f"data.target = {target!r}, but what it gave names {labels!r} as its target")
        return frame, labels, False
    gaps = isinstance(inputs, pd.DataFrame) and bool(frame.isna().any(axis=None))
    plain = all(dtype.kind in "biuf" for dtype in frame.dtypes) and not gaps
    if not isinstance(labels, pd.DataFrame) and _dimensions(labels) not in (1, 2):
        return None
    if len(labels) != len(frame):
        if plain:
            return None
        raise ValueError(f"{len(frame)} rows of inputs and {len(labels)} of targets; they must be equal")
    columns = _named(labels) if isinstance(labels, pd.DataFrame) else _of_labels(labels)
    names = [free_name(name, frame) for name in columns]
    beside = columns.set_axis(names, axis=1).set_axis(frame.index)
    return pd.concat([frame, beside], axis=1), names[0] if len(names) == 1 else names, plain


def _of_labels(labels: Any) -> pd.DataFrame:
    """Targets that stand beside a table, one in each column."""
    array, name = np.asarray(labels), str(getattr(labels, "name", None) or "target")
    names = [name] if array.ndim == 1 else [f"{name} {k}" for k in range(array.shape[1])]
    return pd.DataFrame(array.reshape(len(array), -1), columns=names)


def is_name(labels: Any, frame: pd.DataFrame) -> bool:
    """Whether targets beside a table are the names of its own columns."""
    if isinstance(labels, str):
        return True
    listed = isinstance(labels, list | tuple) and bool(labels) and len(labels) != len(frame)
    return listed and all(isinstance(name, str) and name in frame for name in labels)


def free_name(name: str, frame: pd.DataFrame) -> str:
    """A name that no column has."""
    while name in frame:
        name += " (target)"
    return name


def frame_of(given: Any, target: Any, of_inputs: bool = False) -> pd.DataFrame | None:
    """`given` as a DataFrame whose columns have text as names; ``None`` if it is no table.

    `of_inputs`: it stands beside targets, so that dicts and arrays of numbers are something else.
    """
    if isinstance(given, pd.DataFrame):
        return _named(given)
    if type(given).__module__.partition(".")[0] == "datasets" and hasattr(given, "features"):
        return _of_features(given, target)
    if hasattr(given, "collect") and hasattr(given, "collect_schema"):  # polars, not computed yet
        given = given.collect()
    if hasattr(given, "__arrow_c_stream__") and hasattr(given, "columns"):
        return _named(given.to_pandas())
    if isinstance(given, Mapping):
        return _of_columns(given, of_inputs)
    if isinstance(given, np.ndarray):
        if given.dtype.names:
            return pd.DataFrame(given)
        if not of_inputs or given.ndim != 2 or given.dtype.kind not in "OU":
            return None
        frame = pd.DataFrame(
            given.astype(object), columns=[str(k) for k in range(given.shape[1])]
        ).infer_objects()
        return None if all(dtype.kind in "biuf" for dtype in frame.dtypes) else frame
    if isinstance(given, list) and given and all(isinstance(item, Mapping) for item in given):
        frame = pd.DataFrame.from_records(given)
        cells = [cell for item in given[:FIRST] for cell in item.values()]
        flat = all(_dimensions(cell) == 0 for cell in cells)
        return _named(frame) if flat and any(isinstance(cell, str) for cell in cells) else None
    return None


def _dimensions(cells: Any) -> int:
    """Of an array of them; -1 for lists of unlike length, which make none."""
    try:
        return np.ndim(cells)
    except ValueError:
        return -1


def _named(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns have text as names; of several levels one behind the other."""
    names = [" ".join(map(str, each)) if isinstance(each, tuple) else str(each) for each in frame.columns]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ValueError(f"column {twice[0]!r} is there twice; every column needs its own name")
    return frame if names == list(frame.columns) else frame.set_axis(names, axis=1)


def _of_columns(given: Mapping[Any, Any], of_inputs: bool) -> pd.DataFrame | None:
    """A dict of columns; beside targets only if some hold no numbers: others are several inputs."""
    try:
        columns = {
            str(name): pd.Series(np.asarray(cells) if hasattr(cells, "numpy") else cells)
            for name, cells in given.items()
            if np.ndim(cells) == 1
        }
    except ValueError:  # rows of unlike length
        return None
    if not columns or len(columns) < len(given):
        return None
    if of_inputs and all(cells.dtype.kind in "biuf" for cells in columns.values()):
        return None
    lengths = {name: len(cells) for name, cells in columns.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} {length}" for name, length in list(lengths.items())[:5])
        raise ValueError(f"columns of unlike length: {told}; a row has one value of each")
    return pd.DataFrame({name: cells.reset_index(drop=True) for name, cells in columns.items()})


def _of_features(given: Any, target: Any) -> pd.DataFrame | None:
    """A data set of Hugging Face with a single value in every column, and not numbers alone.

    Class labels are categories by their names; those to predict stay numbers.
    """
    features = dict(given.features or {})
    if not features or any(
        type(feature).__name__ not in ("Value", "ClassLabel") for feature in features.values()
    ):
        return None
    frame = given.to_pandas()
    if all(dtype.kind in "biuf" for dtype in frame.dtypes) and not frame.isna().any(axis=None):
        return None
    predicted = {target} if isinstance(target, str) else {*(target or LABELS)}
    for name, feature in features.items():
        if type(feature).__name__ == "ClassLabel" and name not in predicted:
            codes = frame[name].fillna(-1).astype(int)
            frame[name] = pd.Categorical.from_codes(codes, feature.names)
    return _named(frame)
