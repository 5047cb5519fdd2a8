"""Weights & Biases: a project with the name of the run, a run there for each training."""

import os
from pathlib import Path
from typing import Any

from sweeper.commands.export.tool import Say, Tool
from sweeper.commands.export.training import Training, trainings
from sweeper.result import Result

# loaded late: the package may be missing, and takes seconds


def write(result: Result, folder: str | None, say: Say) -> None:
    """Send to the account that wandb is logged in to; ``WANDB_MODE=offline`` keeps files in ``DIR/wandb``."""
    import wandb

    if folder is not None:
        Path(folder).mkdir(parents=True, exist_ok=True)
    name, count = result.study.name, 0
    for training in trainings(result):
        _write(wandb, name, folder, training)
        count += 1
    where = f"{folder or '.'}/wandb; send them with: wandb sync {folder or '.'}/wandb/offline-run-*"
    offline = os.environ.get("WANDB_MODE") == "offline"
    say(f"{count} trainings in {where}" if offline else f"{count} trainings in the project {name!r}")


def _write(wandb: Any, project: str, folder: str | None, training: Training) -> None:
    settings = wandb.Settings(silent=True, console="off", x_disable_stats=True, x_disable_meta=True)
    run = wandb.init(
        project=project,
        group=training.phase,
        name=training.name,
        id=f"{project}-{training.name}",
        resume="allow",  # a second export goes on with the same runs: what is there stays
        config={**training.parameters, "seed": training.seed, "trial": training.trial},
        tags=[training.outcome, *(["winner"] if training.winner else [])],
        dir=folder,
        settings=settings,
        reinit="create_new",
    )
    for step, values in training.points.items():
        run.log(values, step=step)
    run.summary.update({**training.totals, **training.about})
    run.finish(exit_code=0 if training.outcome in ("completed", "pruned") else 1)


WANDB = Tool("a project of Weights & Biases; WANDB_MODE=offline: files in DIR", write, "wandb", "wandb")
