"""A run whose data have changed since it began."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from quick_runs import without_workers
from whole_runs import comparable, run, study

from sweeper.errors import RunFolderError
from sweeper.records.reading import load


@pytest.mark.parametrize("trials", [12, 14])
def test_a_run_does_not_go_on_with_other_data(trials: int, tmp_path: Path) -> None:
    """One cell changed: nothing is trained, and the message says how to go on; the same data, it goes on."""
    rows = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 3)), columns=["a", "b", "c"])
    rows["y"] = (rows["a"] > 0).astype(int)
    file = tmp_path / "rows.csv"

    def again(frame: pd.DataFrame, total: int) -> pd.DataFrame:
        frame.to_csv(file, index=False)
        return comparable(
            run(tmp_path, study(data={"source": str(file), "target": "y"}, search={"trials": total}))
        )

    with without_workers():
        first = again(rows, 12)
        with pytest.raises(
            RunFolderError, match=r"was trained on other data: SHA-256 \w{12} there, \w{12} now"
        ):
            again(rows.assign(b=rows["b"].where(rows.index != 7, 9.0)), trials)
        assert len(load(tmp_path / "runs" / "tiny" / "records").trials) == len(first)
        assert len(again(rows, trials)) >= len(first)
