"""Runs scripts in one fresh process in which this package and its helpers cannot be imported."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from child_python import answer_of

BLOCKED = ("sweeper", "pydantic", "optuna", "seaborn", "matplotlib", "rich", "typer", "jinja2", "tomli_w")

PRELUDE = """
import contextlib, io, json, runpy, sys, warnings

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in BLOCKED:
            raise ImportError(f"{name} is not installed here")

BLOCKED, RUNS = json.loads(sys.stdin.read())
sys.meta_path.insert(0, Blocker())
warnings.simplefilter("error")
said = {}
for name, (file, *arguments) in RUNS.items():
    sys.argv = [file, *arguments]
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        runpy.run_path(file, run_name="__main__")
    said[name] = out.getvalue()
print(json.dumps(said))
"""


def outputs(runs: Mapping[str, Sequence[str]], folder: Path) -> dict[str, str]:
    """name -> what ``python FILE ARGUMENTS…`` prints, for each of `runs`; `folder`: where it runs."""
    said: dict[str, str] = answer_of(PRELUDE, [BLOCKED, runs], folder)
    return said
