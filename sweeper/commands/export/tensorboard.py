"""TensorBoard: event files, one folder a training, with its settings and objective for the tab HPARAMS."""

import math
from pathlib import Path
from typing import Any

from sweeper.commands.export.tool import Say, Tool
from sweeper.commands.export.training import Training, trainings
from sweeper.records.atomic import refuse_links
from sweeper.result import Result

SUFFIX = ".sweeper"
"""Ends the names of event files that an export wrote: those, and no others, are written anew."""


def write(result: Result, folder: str | None, say: Say) -> None:
    """Write to ``DIR/NAME/trial-0007``; DIR is ``tensorboard`` by default."""
    top = Path(folder or "tensorboard")
    base = top / result.study.name
    refuse_links(top, base)
    count = 0
    for training in trainings(result):
        _write(training, base / training.name)
        count += 1
    say(f"{count} trainings in {base}; look at them with: tensorboard --logdir {top}")


def _write(training: Training, folder: Path) -> None:
    # loaded late: torch takes seconds, and the package may be missing
    from torch.utils.tensorboard import SummaryWriter
    from torch.utils.tensorboard.summary import hparams

    refuse_links(folder)
    for earlier in folder.glob(f"events.out.tfevents.*{SUFFIX}"):
        earlier.unlink()
    settings = {name: _plain(value) for name, value in training.parameters.items() if value is not None}
    with SummaryWriter(str(folder), filename_suffix=SUFFIX) as writer:
        for summary in hparams({**settings, "seed": training.seed}, training.totals):
            writer.file_writer.add_summary(summary)
        for step, values in training.points.items():
            for name, value in values.items():
                writer.add_scalar(name, value, step)
        for name, value in training.totals.items():
            if math.isfinite(value):
                writer.add_scalar(name, value, training.steps)
        writer.add_text("about", "\n\n".join(f"{name}: {text}" for name, text in training.about.items()))


def _plain(value: Any) -> Any:
    """A value that the tab HPARAMS knows."""
    return value if isinstance(value, bool | int | float | str) else str(value)


TENSORBOARD = Tool("event files in DIR/NAME [default DIR: tensorboard]", write, "tensorboard", "tensorboard")
