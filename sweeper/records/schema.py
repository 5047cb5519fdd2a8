"""The three tables that a run keeps: columns, types, units.

``trials``: one row per trial and seed. ``curves``: one row per evaluation point and metric.
``layers``: one row per measured step, layer and measure. `trial` and `seed` are the key of all three.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from sweeper.study.space import Range, Space
from sweeper.training.result import Outcome, TrialResult

__all__ = ["ALWAYS", "CURVES", "LAYERS", "TRIALS", "Outcome", "curve_rows", "layer_rows", "parameter_columns", "trial_rows"]

TRIALS = pa.schema(
    [
        ("trial", pa.int64()),
        ("phase", pa.string()),  # explore | exploit | confirm
        ("seed", pa.int64()),  # replicate seed
        ("outcome", pa.string()),  # see Outcome
        ("objective", pa.float64()),  # best value at the evaluation points; null if diverged or failed
        ("steps", pa.int64()),  # optimizer steps made
        ("seconds", pa.float64()),  # wall time of the training
        ("engine", pa.string()),
        ("reason", pa.string()),  # why it ended early or failed; empty if completed
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
        ("layer", pa.int64()),  # 0 at the input
        ("measure", pa.string()),  # a name in sweeper.measures.MEASURES
        ("value", pa.float64()),
    ]
)
ALWAYS = {
    "optimizer": pa.string(),
    "learning_rate": pa.float64(),
    "activation": pa.string(),
    "activation_penalty": pa.float64(),
}
"""Parameter columns that every `trials` table has, searched or not."""


def parameter_columns(space: Space) -> pa.Schema:
    """One column per parameter of the space, under its name in the study file."""
    found: dict[str, pa.DataType] = dict(ALWAYS)
    for name in space.parameters:
        if name not in found:
            found[name] = _column_type([v for key, v in space.entries.items() if space.base(key) == name])
    return pa.schema(list(found.items()))


def _column_type(alternatives: Sequence[Any]) -> pa.DataType:
    if any(isinstance(v, Range) and not v.integer for v in alternatives):
        return pa.float64()
    values = [value for v in alternatives for value in v.values or (v.low,)]
    kinds = {type(value) for value in values}
    if kinds == {bool}:
        return pa.bool_()
    if kinds == {int}:
        return pa.int64()
    return pa.float64() if kinds <= {int, float} else pa.string()


def encode(value: Any, kind: pa.DataType) -> Any:
    """A parameter as it stands in its column: floats as floats, pairs as JSON."""
    if value is None:
        return None
    if pa.types.is_floating(kind):
        return float(value)
    if pa.types.is_string(kind) and not isinstance(value, str):
        return json.dumps(value)
    return value


def decode(value: Any) -> Any:
    """The inverse of `encode`: JSON lists become tuples."""
    if isinstance(value, str) and value[:1] == "[":
        return tuple(json.loads(value))
    return value


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
        **{field.name: encode(chosen.get(field.name), field.type) for field in parameters},
    }


def curve_rows(results: Sequence[TrialResult]) -> pa.Table:
    """The `curves` rows of `results`."""
    rows = [(r.trial.number, r.trial.seed, *row) for r in results for row in r.curves]
    return _table(rows, CURVES)


def layer_rows(results: Sequence[TrialResult]) -> pa.Table:
    """The `layers` rows of `results`."""
    rows = [(r.trial.number, r.trial.seed, *row) for r in results for row in r.layers]
    return _table(rows, LAYERS)


def _table(rows: Sequence[tuple[Any, ...]], schema: pa.Schema) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    return pa.Table.from_arrays(
        [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)], schema=schema
    )
