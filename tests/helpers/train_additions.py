"""``python train_additions.py FOLDER``: a run of all that `additions.py` adds, by each engine, as JSON.

Stacks train in the added pool; one by one trials train in this process, which writes the page. Of the
figures only the added one is drawn.
"""

import json
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import pandas as pd
from pools import serial_pool

import sweeper
from sweeper import journey
from sweeper.commands.export.tools import export
from sweeper.questions import FIGURES
from sweeper.report import page
from sweeper.report.render import Drawn
from sweeper.report.sections import drawn
from sweeper.result import Result
from sweeper.training.pool.interface import Pool


def study_of(engine: str) -> sweeper.Study:
    """Every name in it is one that was added, but for sgd and tanh beside them."""
    return sweeper.Study(
        name=engine,
        data={"source": "parabola"},
        model={"source": "two_layers", "init": "tenth"},
        training={
            "loss": "log_cosh",
            "steps": 8,
            "batch_size": 10,
            "evaluations": 2,
            "dtype": "float64",
            "schedule": "linear_decay",
            "device": "cpu",
        },
        search={
            "trials": 8,
            "objective": "validation_log_precision",
            "pruner": "none",
            "space": {
                "optimizer": ["sgd", "sign_descent"],
                "activation": ["tanh", "sharp_softplus", "scaled_tanh"],
                "penalty_kind": "huber",
                "threshold": {"low": 1e-4, "high": 1e-1, "log": True, "zero": 0.3},
                "learning_rate": {"low": 1e-3, "high": 1e-2, "log": True},
                "activation_penalty": {"low": 1e-3, "high": 1e-2, "log": True},
            },
        },
        confirm={"finalists": 2, "seeds": 3},
    )


def drawn_if_added(needed: tuple[str, pd.DataFrame]) -> Any:
    """In place of `page._draw`."""
    name, frame = needed
    if name == "fastest":
        return drawn(FIGURES[name], frame)
    return Drawn(name, b"figure", 1, 1, "", "", "")


def trained(engine: str, pool: str, folder: Path, home: Pool) -> dict[str, Any]:
    """What records, script and page of the run hold."""
    runs, reports = folder / "runs", folder / "reports"
    told: list[str] = []
    options = sweeper.Options(runs, reports, engine=engine, quiet=pool == "local", pool=pool)
    result = journey.run(study_of(engine), options, home)
    export("losses", result, str(folder), told.append)
    others = result.trials[result.trials["trial"] != result.best["trial"].iloc[0]]
    searched = result.trials[result.trials["phase"] != "confirm"]
    confirmed = result.trials[result.trials["phase"] == "confirm"].groupby("trial")["objective"].mean()
    written = reports / engine / "index.html"
    keys = ["trial", "seed", "step", "metric"]
    curves = result.curves.sort_values(keys)[[*keys, "value"]]
    return {
        "told": told,
        "objective": result.study.objective,
        "winner": int(result.best["trial"].iloc[0]),
        "means": {int(trial): mean for trial, mean in confirmed.items()},
        "found": int(searched.loc[searched["objective"].idxmax(), "trial"]),
        "outcomes": sorted(set(result.trials["outcome"])),
        "engines": sorted(set(others["engine"])),
        "curves": [[*map(str, row[:-1]), row[-1]] for row in curves.itertuples(index=False)],
        "measures": sorted(set(result.layers["measure"])),
        "page": written.read_text(encoding="utf-8") if written.exists() else "",
        "script": result.script(),
    }


if __name__ == "__main__":
    page._draw = drawn_if_added
    folder = Path(sys.argv[1])
    with serial_pool() as home:
        with mock.patch.object(Result, "report", return_value=None):
            stacked = trained("fused", "single:1", folder, home)
        print(json.dumps({"fused": stacked, "reference": trained("reference", "local", folder, home)}))
