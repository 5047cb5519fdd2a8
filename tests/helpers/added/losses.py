"""The last losses of a run as one text file."""

from pathlib import Path

from sweeper.commands.export.tool import Say, Tool
from sweeper.result import Result


def write(result: Result, folder: str | None, say: Say) -> None:
    """Write ``losses.txt`` to `folder`, the current one by default."""
    file = Path(folder or ".") / "losses.txt"
    objectives = result.trials["objective"].astype(str)
    file.write_text("\n".join(objectives), encoding="utf-8")
    say(str(file))


LOSSES = Tool("losses.txt: one objective a line, in DIR", write)
