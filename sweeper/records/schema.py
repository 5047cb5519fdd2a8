"""The three tables that a run keeps: columns, types, units.

``trials``: one row per trial and seed. ``curves``: one row per evaluation point and metric.
``layers``: one row per measured step, layer and measure. `trial` and `seed` are the key of all three.
"""

import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from sweeper.study.space import Range, Space, Values
from sweeper.trial import Rows, SharpnessResult, TrialResult

__all__ = [
    "ALWAYS",
    "CURVES",
    "ENGINES",
    "LATER",
    "LAYERS",
    "PHASES",
    "TRIALS",
    "curve_rows",
    "layer_rows",
    "parameter_columns",
    "restore",
    "trial_rows",
]

TRIALS = pa.schema(
    [
        ("trial", pa.int64()),
        ("phase", pa.string()),  # explore | exploit | confirm
        ("seed", pa.int64()),  # replicate seed
        ("outcome", pa.string()),  # of sweeper.trial.Outcome
        ("objective", pa.float64()),  # best value at the evaluation points; null if diverged or failed
        ("steps", pa.int64()),  # optimizer steps made
        ("seconds", pa.float64()),  # wall time of the training
        ("engine", pa.string()),
        ("reason", pa.string()),  # why it ended early or failed, or is not measured to the end; else empty
        ("host", pa.string()),  # name of the machine that trained it; empty in earlier releases
    ]
)
CURVES = pa.schema(
    [
        ("trial", pa.int64()),
        ("seed", pa.int64()),
        ("step", pa.int64()),  # optimizer steps made so far; 0 is before training
        ("metric", pa.string()),
        ("value", pa.float64()),
    ]
)
LAYERS = pa.schema(
    [
        ("trial", pa.int64()),
        ("seed", pa.int64()),
        ("step", pa.int64()),
        ("layer", pa.int64()),  # in the order of the forward pass, from 0
        ("layer_name", pa.string()),  # of the module that owns its weights; empty in earlier releases
        ("measure", pa.string()),  # a name in sweeper.measures.MEASURES
        ("value", pa.float64()),
    ]
)
LATER = {"layer_name", "host"}
"""Columns that files of earlier releases lack; they are empty then."""
PHASES = ("explore", "exploit", "confirm")
ENGINES = ("reference", "fused", "stacked")
"""Words of the column `engine`. Stacked trials are written ``fused``; ``stacked`` is read as the same."""
ALWAYS = {
    "optimizer": pa.string(),
    "learning_rate": pa.float64(),
    "activation": pa.string(),
    "activation_penalty": pa.float64(),
}
"""Parameter columns that every `trials` table has, searched or not."""


def parameter_columns(space: Space) -> pa.Schema:
    """One column per parameter of the space, under its name in the study file."""
    columns: dict[str, pa.DataType] = dict(ALWAYS)
    for name in space.parameters:
        if name not in columns:
            columns[name] = _column_type(space.entries_of(name))
    return pa.schema(list(columns.items()))


def _column_type(alternatives: Sequence[Any]) -> pa.DataType:
    if any(isinstance(v, Range) and not v.integer for v in alternatives):
        return pa.float64()
    values = [value for v in alternatives for value in v.values or (v.low,)]
    types = {type(value) for value in values}
    if types == {bool}:
        return pa.bool_()
    if types == {int}:
        return pa.int64()
    return pa.float64() if types <= {int, float} else pa.string()


def encode(value: Any, column_type: pa.DataType) -> Any:
    """A parameter as it stands in its column: floats as floats; among texts, what is none, and texts that
    might be taken for it (``"1"``, ``"[1]"``), as JSON."""
    if value is None:
        return None
    if pa.types.is_floating(column_type):
        return float(value)
    if pa.types.is_string(column_type) and not (isinstance(value, str) and decode(value) is value):
        return json.dumps(value)
    return value


def restore(space: Space, row: Mapping[str, Any], columns: pa.Schema) -> dict[str, Any]:
    """The configuration of a row of the ``trials`` table, equal to the one that was written.

    `columns` are those of `parameter_columns`. A listed value comes back with the type that it has in
    the study file, whatever its column made of it.
    """
    parameters = {"optimizer": row["optimizer"]}
    for name, (_, values) in space.active(row["optimizer"]).items():
        parameters[name] = _restored(values, row[name], columns.field(name).type)
    return parameters


def _restored(values: Values, stored: Any, column_type: pa.DataType) -> Any:
    if isinstance(values, Range):
        return int(stored) if values.integer else float(stored)
    same = [value for value in values.values if encode(value, column_type) == stored]
    same += [value for value in values.values if value == stored]  # a text as earlier versions kept it
    return same[0] if same else decode(stored)


def decode(value: Any) -> Any:
    """The inverse of `encode`, but for numbers that their column made floats, of a cell of Arrow or pandas:
    no scalar of NumPy comes back. JSON lists become tuples."""
    value = value.item() if isinstance(value, np.generic) else value
    if not isinstance(value, str):
        return value
    try:
        found = json.loads(value)
    except ValueError:
        return value
    return tuple(found) if isinstance(found, list) else found


def trial_rows(results: Sequence[TrialResult], parameters: pa.Schema) -> pa.Table:
    """The `trials` rows of `results`."""
    rows = [_trial_row(result, parameters) for result in results]
    schema = pa.schema([*TRIALS, *parameters])
    return pa.Table.from_pylist(rows, schema=schema)


def _trial_row(result: TrialResult, parameters: pa.Schema) -> Mapping[str, Any]:
    trial = result.trial
    chosen = {"activation_penalty": 0.0, **trial.parameters}
    return {
        "trial": trial.number,
        "phase": trial.phase,
        "seed": trial.seed,
        "outcome": str(result.outcome),
        "objective": None if result.objective != result.objective else result.objective,
        "steps": result.steps,
        "seconds": result.seconds,
        "engine": result.engine,
        "reason": result.reason,
        "host": result.host,
        **{field.name: encode(chosen.get(field.name), field.type) for field in parameters},
    }


def curve_rows(results: Sequence[TrialResult | SharpnessResult]) -> pa.Table:
    """The `curves` rows of `results`."""
    return _table(results, [_columns(result.curves, 3) for result in results], CURVES)


def layer_rows(results: Sequence[TrialResult]) -> pa.Table:
    """The `layers` rows of `results`."""
    blocks = []
    for result in results:
        steps, layers, measures, values = _columns(result.layers, 4)
        known = dict(enumerate(result.layer_names))
        blocks.append([steps, layers, [*map(known.get, layers)], measures, values])
    return _table(results, blocks, LAYERS)


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    if isinstance(rows, Rows):
        return rows.columns(width)
    return [[row[k] for row in rows] for k in range(width)]


def _table(
    results: Sequence[TrialResult | SharpnessResult],
    blocks: Sequence[Sequence[list[Any]]],
    schema: pa.Schema,
) -> pa.Table:
    """The columns of `blocks` one below the other, trial and seed in front of every row."""
    counts = [len(block[0]) for block in blocks]
    keys = np.array([(r.trial.number, r.trial.seed) for r in results], dtype=np.int64).reshape(-1, 2)
    columns: list[Any] = [np.repeat(keys[:, k], counts) for k in (0, 1)]
    columns += [
        [*itertools.chain.from_iterable(block[k] for block in blocks)] for k in range(len(schema) - 2)
    ]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)
