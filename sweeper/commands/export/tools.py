"""The tools by name, and what is said where one is not installed."""

from functools import partial
from pathlib import Path

from sweeper.command_line import command_line
from sweeper.commands.export.mlflow import MLFLOW
from sweeper.commands.export.optuna import OPTUNA
from sweeper.commands.export.tensorboard import TENSORBOARD
from sweeper.commands.export.tool import Say, Tool
from sweeper.commands.export.trackio import TRACKIO
from sweeper.commands.export.wandb import WANDB
from sweeper.errors import RunFailed, SweeperError, UserError, did_you_mean, named_line
from sweeper.loading import is_installed
from sweeper.records import reading
from sweeper.result import Result
from sweeper.version import DISTRIBUTION


def _write_files(result: Result, folder: str | None, say: Say, *, csv: bool = False) -> None:
    """Write the three tables to `folder`, the current one by default."""
    for file in reading.export(result.records, Path(folder or "."), csv=csv):
        say(str(file))


PARQUET = Tool("trials, curves and layers as Parquet files in DIR", _write_files)
CSV = Tool("the same as CSV files", partial(_write_files, csv=True))

TOOLS: dict[str, Tool] = {
    "parquet": PARQUET,
    "csv": CSV,
    "tensorboard": TENSORBOARD,
    "mlflow": MLFLOW,
    "wandb": WANDB,
    "trackio": TRACKIO,
    "optuna": OPTUNA,
}


def tool(name: str) -> Tool:
    """The tool called `name`, installed.

    Raises:
        UserError: if there is none, or its package is not installed: with the line that installs it.
    """
    if name not in TOOLS:
        raise UserError(f"--to {name!r}: {did_you_mean(name, list(TOOLS))}")
    entry = TOOLS[name]
    if entry.module:
        _require(name, entry)
    return entry


def _require(name: str, needed: Tool) -> None:
    if not is_installed(needed.module):  # not imported yet: some read the environment then
        raise UserError(f"--to {name}: {needed.module} is not installed; {_install(needed)}")


def _install(needed: Tool) -> str:
    words = ["python", "-m", "pip", "install", f"{DISTRIBUTION}[{needed.extra}]"]
    return f"install it with: {command_line(words)}"


def export(name: str, result: Result, where: str | None, say: Say) -> None:
    """Hand `result` over to the tool called `name`.

    Raises:
        RunFailed: if the tool fails: its server does not answer, say.
        UserError: if its package cannot be imported.
    """
    try:
        TOOLS[name].write(result, where, say)
    except SweeperError:
        raise
    except OSError as error:
        if error.filename is not None:  # a file or folder, which is named where the command ends
            raise
        raise RunFailed(f"--to {name}: {named_line(error)}") from error
    except ImportError as error:
        problem = f"{TOOLS[name].module} cannot be imported: {' '.join(str(error).split())}"
        raise UserError(f"--to {name}: {problem}; {_install(TOOLS[name])}") from None
    except Exception as error:  # each tool raises kinds of its own
        raise RunFailed(f"--to {name}: {named_line(error)}") from error
