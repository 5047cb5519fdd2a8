"""Whole runs of a tiny study in Python, without figures and page."""

from pathlib import Path
from typing import Any
from unittest import mock

import optuna
import pandas as pd
import pytest
from misbehaving import data

from sweeper import journey
from sweeper.journey import Options
from sweeper.result import Result
from sweeper.study.study import Study
from sweeper.training.pool.interface import Pool

HELPERS = Path(__file__).parent


def study(**sections: Any) -> Study:
    """Twelve trials of a tiny network, two finalists on three seeds."""
    search = {
        "trials": 12,
        "generation": 5,
        "seed": 3,
        "space": {
            "optimizer": ["sgd", "adam"],
            "activation": ["relu", "tanh"],
            "learning_rate": {"low": 1e-3, "high": 1e-1, "log": True},
            "activation_penalty": {"low": 1e-6, "high": 1e-2, "log": True, "zero": 0.25},
        },
        **sections.pop("search", {}),
    }
    training = {
        "steps": 4,
        "batch_size": 8,
        "evaluations": 2,
        "device": "cpu",
        **sections.pop("training", {}),
    }
    confirm = sections.pop("confirm", {"finalists": 2, "seeds": 3})
    model = sections.pop("model", {"source": "mlp", "depth": 1, "width": 4})
    given = {"name": "tiny", "data": data, **sections}
    return Study(folder=HELPERS, model=model, training=training, search=search, confirm=confirm, **given)


def run(folder: Path, asked: Study, home: Pool | None = None, **options: Any) -> Result:
    """The result of a run in `folder`; `home`: worker processes that are there already."""
    given = {"engine": "reference", "quiet": True, "runs": folder / "runs", "reports": folder / "reports"}
    with mock.patch.object(Result, "report", lambda self, folder, **options: Path(folder) / "index.html"):
        return journey.run(asked, Options(**{**given, **options}), home)


def comparable(result: Result) -> pd.DataFrame:
    """The trials without what differs from run to run."""
    return result.trials.drop(columns=["seconds", "host"])


def copied_to_optuna(result: Result) -> None:
    """The journal of the run folder holds the search, number by number."""
    backend = optuna.storages.journal.JournalFileBackend(str(result.folder / "journal.log"))
    copy = optuna.load_study(study_name="tiny", storage=optuna.storages.JournalStorage(backend))
    search = result.trials[result.trials["phase"] != "confirm"]
    assert [trial.value for trial in copy.trials] == pytest.approx(search["objective"].tolist(), nan_ok=True)
    assert [trial.params["activation"] for trial in copy.trials] == search["activation"].tolist()
