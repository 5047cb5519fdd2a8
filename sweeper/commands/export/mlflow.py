"""MLflow: an experiment with the name of the run; the sweep is a run there, its trainings nest in it."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeper.commands.export.tool import Say, Tool
from sweeper.commands.export.training import Training, trainings
from sweeper.result import Result
from sweeper.to_json import to_json

if TYPE_CHECKING:
    from mlflow import MlflowClient

# loaded late: the package may be missing, and takes seconds

AT_ONCE = 1000
"""Metrics that MLflow takes in one call."""
LONGEST = 500
"""Characters of a parameter that every store takes."""
KEY = "sweeper.training"
"""Tag of a training: an export leaves alone what is there already."""
STATUS = {"completed": "FINISHED", "pruned": "KILLED", "diverged": "FAILED", "failed": "FAILED"}


def write(result: Result, folder: str | None, say: Say) -> None:
    """Write to the tracking server that MLflow is set up for, or to ``DIR``: a folder or a tracking URI."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=_address(folder))
    name = result.study.name
    there = client.get_experiment_by_name(name)
    experiment = client.create_experiment(name) if there is None else there.experiment_id
    known = dict(_known(client, experiment))
    parent = known.get(name) or _sweep(client, experiment, result)
    new = [each for each in trainings(result) if f"{name}/{each.name}" not in known]
    for training in new:
        _training(client, experiment, parent, f"{name}/{training.name}", training)
    already = len(result.trials) - len(new)
    say(f"{len(new)} trainings in the experiment {name!r}" + (f"; {already} were there" if already else ""))
    address = f"--backend-store-uri {_address(folder)}" if folder else ""
    say(f"look at them with: mlflow ui {address}".rstrip())


def _address(folder: str | None) -> str | None:
    if folder is None or ":" in folder.replace(":\\", ""):
        return folder
    Path(folder).mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{Path(folder).as_posix()}/mlflow.db"


def _known(client: "MlflowClient", experiment: str) -> Iterator[tuple[str, str]]:
    """(tag, identifier) of the runs that earlier exports wrote to the end."""
    page = None
    while page != "":
        runs = client.search_runs([experiment], max_results=AT_ONCE, page_token=page)
        yield from (
            (run.data.tags[KEY], run.info.run_id)
            for run in runs
            if KEY in run.data.tags and run.info.status != "RUNNING"
        )
        page = runs.token or ""


def _sweep(client: "MlflowClient", experiment: str, result: Result) -> str:
    """The run of the sweep itself, with the answer."""
    name = result.study.name
    run = client.create_run(experiment, run_name=name, tags={KEY: name, "question": result.study.question})
    number = run.info.run_id
    if result.answer is not None:
        client.set_tag(number, "answer", to_json(result.answer.to_dict())[:5000])
        for key, value in result.answer.parameters.items():
            client.log_param(number, key, str(value)[:LONGEST])
        client.log_metric(number, "objective", result.answer.objective)
        if result.answer.confirmed is not None:
            client.log_metric(number, "confirmed", result.answer.confirmed.mean)
        for metric, value in (result.answer.test or {}).items():
            client.log_metric(number, f"test_{metric}", value)
    client.set_terminated(number)
    return str(number)


def _training(client: "MlflowClient", experiment: str, parent: str, key: str, training: Training) -> None:
    from mlflow.entities import Metric, Param, RunTag

    now = int(1000 * time.time())
    start = now - int(1000 * training.seconds)
    tags = {KEY: key, "mlflow.parentRunId": parent, **training.about}
    run = client.create_run(experiment, start_time=start, run_name=training.name).info.run_id
    named: list[Any] = [Metric(name, value, now, training.steps) for name, value in training.totals.items()]
    for step, values in training.points.items():
        named += [Metric(name, value, now, step) for name, value in values.items()]
    params = [Param(name, str(value)[:LONGEST]) for name, value in training.parameters.items()]
    client.log_batch(run, params=params, tags=[RunTag(name, text) for name, text in tags.items()])
    for first in range(0, len(named), AT_ONCE):
        client.log_batch(run, metrics=named[first : first + AT_ONCE])
    client.set_terminated(run, STATUS[training.outcome], end_time=now)


MLFLOW = Tool(
    "an experiment on MLflow's server [default: as MLFLOW_TRACKING_URI says], or in DIR",
    write,
    "mlflow",
    "mlflow",
)
