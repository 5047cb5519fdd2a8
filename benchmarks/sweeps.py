"""Whole sweeps by the command line, process start to report: what one more trial costs, and an answer."""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import tomli_w
import torch
from cases import CASES, SPACE, Case
from one import JOBS
from peers import data, one_by_one, train

HERE = Path(__file__).resolve().parent
MARGINAL = {"tiny": (400, 2400), "digits": (100, 600), "deep": (40, 200)}
"""case -> trials of the shorter and of the longer sweep; their difference is the cost of a trial."""
SCALE = (100, 1_000, 10_000)
LONG = 5_000
"""Steps of the trainings that an answer is priced in."""


def study(case: Case, steps: int, search: dict[str, Any], confirm: dict[str, Any]) -> str:
    """The case as a study file."""
    return tomli_w.dumps(
        {
            "name": "sweep",
            "data": {"source": f"{case.data.__module__}:{case.data.__name__}"},
            "model": dict(case.model),
            "training": {"steps": steps, "batch_size": case.batch_size},
            "search": {"space": SPACE, **search},
            "confirm": confirm,
        }
    )


def seconds_of(text: str) -> tuple[float, str]:
    """Wall time of `sweeper run`, and the plan that it printed."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "sweep.toml"
        file.write_text(text, encoding="utf-8")
        command = [sys.executable, "-m", "sweeper", "run", str(file)]
        command += ["--runs", folder, "--reports", folder]
        start = time.perf_counter()
        done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - start
        if done.returncode:
            raise RuntimeError(done.stderr.strip()[-500:])
        plans = [line for line in done.stderr.splitlines() if line.startswith("plan: ")]
        return seconds, plans[0].removeprefix("plan: ") if plans else ""


def whole(case: Case, trials: int) -> float:
    """Seconds of a sweep of so many trials, none of them pruned, without confirmation."""
    return seconds_of(study(case, case.steps, {"trials": trials, "pruner": "none"}, {"finalists": 0}))[0]


def marginal(name: str) -> dict[str, float]:
    """Seconds that one more trial adds to a sweep, and one training of the plain loop under joblib."""
    case, (few, many) = CASES[name], MARGINAL[name]
    trials = case.trials(case.loops)
    one_by_one(case, trials[:JOBS], JOBS)
    start = time.perf_counter()
    one_by_one(case, trials, JOBS)
    plain = (time.perf_counter() - start) / len(trials)
    ours = (whole(case, many) - whole(case, few)) / (many - few)
    return {"ours": ours, "plain": plain}


def scale(name: str = "tiny") -> dict[int, float]:
    """Seconds a trial of whole sweeps of more and more trials."""
    return {count: whole(CASES[name], count) / count for count in SCALE}


def price() -> dict[str, Any]:
    """Wall time of an answer over that of one plain training of the digits case at `LONG` steps."""
    case = CASES["digits"]
    torch.set_num_threads(1)
    long = replace(case, steps=LONG)
    rows, single = data(long), []
    for trial in long.trials(5):
        start = time.perf_counter()
        train(long, dict(trial.parameters), rows)
        single.append(time.perf_counter() - start)
    seconds, plan = seconds_of(study(long, LONG, {"trials": 120}, {"finalists": 5, "seeds": 10}))
    return {"seconds": seconds, "single": statistics.median(single), "plan": plan}


def main() -> None:
    """Measure what is asked for and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("marginal", "scale", "price"))
    parser.add_argument("--case", default="digits", choices=MARGINAL)
    arguments = parser.parse_args()
    found: Any = {
        "marginal": lambda: marginal(arguments.case),
        "scale": scale,
        "price": price,
    }[arguments.what]()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
