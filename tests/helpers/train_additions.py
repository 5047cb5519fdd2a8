"""``python train_additions.py FOLDER``: a run of all that `additions.py` adds, by each engine, as JSON.

Of the figures only the added one is drawn.
"""

import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd

import sweeper
from sweeper import journey
from sweeper.commands.export.tools import export
from sweeper.questions import FIGURES
from sweeper.records.run_files import PLAN
from sweeper.report import page
from sweeper.report.render import Drawn
from sweeper.report.sections import drawn
from sweeper.training.initialize import initialize_worker
from sweeper.training.pool.interface import Pool
from sweeper.training.pool.local import local_pool


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


def trained(engine: str, folder: Path, home: Pool) -> dict[str, Any]:
    """What records, page and script of the run hold."""
    runs, reports = folder / "runs", folder / "reports"
    told: list[str] = []
    options = sweeper.Options(runs, reports, engine=engine, quiet=True, pool="single:1")
    result = journey.run(study_of(engine), options, home)
    export("losses", result, str(folder), told.append)
    others = result.trials[result.trials["trial"] != result.best["trial"].iloc[0]]
    searched = result.trials[result.trials["phase"] != "confirm"]
    confirmed = result.trials[result.trials["phase"] == "confirm"].groupby("trial")["objective"].mean()
    keys = ["trial", "seed", "step", "metric"]
    curves = result.curves.sort_values(keys)[[*keys, "value"]]
    return {
        "told": told,
        "objective": result.study.objective,
        "winner": int(result.best["trial"].iloc[0]),
        "means": {int(trial): mean for trial, mean in confirmed.items()},
        "found": int(searched.loc[searched["objective"].idxmax(), "trial"]),
        "workers": (PLAN.read(result.folder)[0] or {})["asked"]["jobs"],
        "outcomes": sorted(set(result.trials["outcome"])),
        "engines": sorted(set(others["engine"])),
        "curves": [[*map(str, row[:-1]), row[-1]] for row in curves.itertuples(index=False)],
        "measures": sorted(set(result.layers["measure"])),
        "page": (reports / engine / "index.html").read_text(encoding="utf-8"),
        "script": result.script(),
    }


if __name__ == "__main__":
    page._draw = drawn_if_added
    with local_pool(1, initialize_worker) as pool:
        print(json.dumps({name: trained(name, Path(sys.argv[1]), pool) for name in ("fused", "reference")}))
