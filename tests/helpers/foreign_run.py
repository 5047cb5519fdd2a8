"""A run folder that somebody else wrote to do harm, and a process that watches what reading it does."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w
from synthetic_records import synthetic_records
from warm_python import python

from sweeper.records.schema import LAYERS
from sweeper.records.script_file import keep_script

CANARY = "canary_of_a_foreign_run"
"""A module beside the study, a package on the path: it leaves a file of this name where it is imported."""
ESCAPES = "\x1b[2J\x1b]0;owned\x07\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\\r\x9b31m\u202e"
MARKUP = "<script>alert(1)</script>[link=http://evil.example]x[/link] [red]"
CODE = "x=1);open('owned','w').close();(y"
SPACE: dict[str, Any] = {
    "optimizer": ["sgd", "momentum", "adam", "rmsprop"],
    "activation": ["sigmoid", "tanh", "relu", "gelu"],
    "learning_rate": {"low": 1e-4, "high": 1.0, "log": True},
    "activation_penalty": {"low": 1e-6, "high": 1e-1, "log": True, "zero": 0.25},
    "model.depth": [f"@SUM(1){MARKUP}", f"\t{ESCAPES}"],
    f"model.{CODE}": [f'"""\n{CODE}'],
}

WATCHED = """
import io, json, os, sys
CANARY, COMMANDS = json.loads(sys.stdin.read())
seen = []

def hook(event, arguments):
    if event == "import" and arguments[0].split(".")[0] == CANARY:
        seen.append(f"imported {arguments[0]}")
    if event in ("os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "socket.connect", "os.fork"):
        seen.append(f"{event} {arguments!r}")
    if event == "pickle.find_class":
        seen.append(f"unpickled {arguments!r}")
    if event == "compile" and os.getcwd() in str(arguments[1]):
        seen.append(f"compiled {arguments[1]}")

from socketserver import BaseServer
from sweeper.cli import main
from sweeper.commands.compare import page as comparison
from sweeper.report import page
from sweeper.report.render import Drawn
page._draw = comparison.drawn = lambda *names: Drawn("figure", b"", 1, 1, "", "", "")  # drawing takes seconds
BaseServer.serve_forever = lambda self, *arguments: None
before = list(sys.path)
sys.addaudithook(hook)
told = []
for arguments in COMMANDS:
    sys.stdout, sys.stderr = io.StringIO(), io.StringIO()
    try:
        main(arguments)
        code = None
    except SystemExit as end:
        code = end.code
    except BaseException as error:
        code = f"{type(error).__name__}: {error}"
    told.append([code, sys.stdout.getvalue(), sys.stderr.getvalue()])
sys.stdout = sys.__stdout__
if sys.path != before:
    seen.append(f"sys.path: {sys.path}")
print(json.dumps([told, seen]))
"""


@dataclass(frozen=True)
class Watched:
    """What commands did: (exit code, stdout, stderr) of each, and what no command may do."""

    told: list[tuple[Any, str, str]]
    seen: list[str]


def watched(folder: Path, commands: Sequence[Sequence[str]]) -> Watched:
    """Run `commands` of the program in one process of its own in `folder`."""
    done = python(["-c", WATCHED], folder, given=json.dumps([CANARY, commands]))
    assert done.returncode == 0, done.stderr
    told, seen = json.loads(done.stdout.splitlines()[-1])
    return Watched([tuple(one) for one in told], seen)


def study_of(name: str = "made", **sections: Any) -> dict[str, Any]:
    """A study file that fits the records; `sections` replace its own."""
    return {"name": name, "search": {"trials": 60, "space": SPACE}, **sections}


def write_run(folder: Path, raw: dict[str, Any], *, script: str | None = None, small: bool = True) -> Path:
    """``runs/NAME`` of the study `raw`, with records in which every text is hostile; returns its folder."""
    run = folder / "runs" / raw["name"]
    (run / "records").mkdir(parents=True)
    source = folder / "their folder"
    source.mkdir(exist_ok=True)
    for place in (source, folder):
        (place / f"{CANARY}.py").write_text(f"open({str(folder / 'owned')!r}, 'w')\n")
    (run / "source-folder.txt").write_text(f"{source}\n", encoding="utf-8")
    (run / "study.toml").write_text(tomli_w.dumps(raw), encoding="utf-8")
    records = synthetic_records(24 if small else 60)
    trials, curves, layers = records.trials, records.curves, records.layers
    trials.loc[trials["outcome"] == "failed", "reason"] = f"{ESCAPES}{MARKUP}=cmd|'/c calc'!A1"
    del trials["momentum"]
    trials["model.depth"] = [SPACE["model.depth"][number % 2] for number in trials["trial"]]
    trials[f"model.{CODE}"] = SPACE[f"model.{CODE}"] * len(trials)
    if "layer_name" in LAYERS.names:
        layers["layer_name"] = f"-2+3{ESCAPES}{MARKUP}"
    for table, frame in {"trials": trials, "curves": curves, "layers": layers}.items():
        frame.to_parquet(run / "records" / f"{table}-000000.parquet", index=False)
    plan = {"engine": "reference", "slots": 1, "processes": 1, "asked": {}}
    (run / "plan.json").write_text(json.dumps({**plan, "line": f"{ESCAPES}{MARKUP}"}))
    if script is not None:
        keep_script(run, 0, {}, script)
    return run
