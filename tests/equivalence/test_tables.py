"""Rows of a table, whose columns lie together in memory, train in a stack as they do alone."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from equivalence import MIXED, SPACE, assert_engines_agree, trials_of

from sweeper.study.data import data_of
from sweeper.study.study import Study
from sweeper.training.setup import Task


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("seeds", [(0,), (0, 5)])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_rows_whose_columns_lie_together(
    seeds: tuple[int, ...], compiled: bool, dtype: str, tmp_path: Path
) -> None:
    """Batches lie as the rows do: no view has the rows of all slots one after the other."""
    numbers = np.random.default_rng(0).normal(size=(90, 4))
    frame = pd.DataFrame(numbers, columns=list("abcd")).round(3)
    frame.loc[::7, "a"] = np.nan
    frame.assign(y=numbers[:, 1] - numbers[:, 2] ** 2).to_csv(tmp_path / "rows.csv", index=False)
    study = Study(
        name="table",
        data={"source": str(tmp_path / "rows.csv"), "target": "y"},
        model={"source": "mlp", "width": 4, "depth": 1},
        training={"loss": "mse", "steps": 12, "batch_size": 16, "evaluations": 3, "dtype": dtype},
        search={"space": SPACE},
    )
    task = Task(study, data_of(study))
    tolerance = 1e-9 if dtype == "float64" else 1e-3
    assert_engines_agree(task, trials_of(MIXED[1:4], seeds), 3, tolerance, compiled=compiled)
