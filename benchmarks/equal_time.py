"""What a recommendation loses where two tuners have the same time: ``python benchmarks/equal_time.py``.

A sweep by the command line, process start to report, and then Optuna's TPE over a plain loop in as many
processes, for as many seconds. What each recommends is trained on fresh seeds. Writes ``equal_time.md``.
"""

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

import joblib
import numpy as np
import tomli_w
from real_problems import FIRST_SEED, LARGER, SEEDS, SPACE, task_of
from regret import keep, table

from sweeper.trial import Trial

HERE = Path(__file__).resolve().parent
RAW = HERE / "equal_time.json"
"""What is measured, kept and gone on from."""
JOBS, TRIALS, RUNS = 2, 60, 5


def swept(name: str, seed: int) -> dict[str, Any]:
    """Seconds of a sweep, how many trainings it made, and what it recommends."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "sweep.toml"
        search = {"trials": TRIALS, "seed": seed, "space": SPACE}
        file.write_text(
            tomli_w.dumps({"name": "sweep", **LARGER[name].sections(), "search": search}), "utf-8"
        )
        command = [sys.executable, "-m", "sweeper"]
        places = ["--runs", folder, "--reports", folder]
        start = time.perf_counter()
        done = subprocess.run(
            [*command, "run", str(file), "--jobs", str(JOBS), *places],
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - start
        if done.returncode:
            raise RuntimeError(done.stderr.strip()[-500:])
        told = subprocess.run(
            [*command, "best", "sweep", "--json", "--runs", folder],
            capture_output=True,
            text=True,
            check=True,
        )
        best, records = json.loads(told.stdout), Path(folder) / "sweep" / "records"
        return {
            "parameters": best["parameters"],
            "trainings": sum(len(np.asarray(part)) for part in _columns(records)),
            "seconds": seconds,
        }


def _columns(records: Path) -> list[Any]:
    import pyarrow.parquet as pq

    return [
        pq.read_table(part, columns=["trial"]).column("trial") for part in records.glob("trials-*.parquet")
    ]


def _loop(name: str, url: str, seed: int, ends: float) -> None:
    """Ask, train by the plain loop, tell; what is under way at the end does not count."""
    import optuna
    import torch

    from sweeper.search.distributions import suggest
    from sweeper.training.reference import train

    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(url))
    study = optuna.create_study(
        study_name="peer", storage=storage, sampler=optuna.samplers.TPESampler(seed=seed), load_if_exists=True
    )
    task = task_of(LARGER[name])
    space = LARGER[name].study(search={"space": SPACE}).space
    while time.time() < ends:
        trial = study.ask()
        parameters = suggest(trial, space)
        trial.set_user_attr("parameters", parameters)
        result = train(task, Trial(trial.number, "exploit", 0, parameters, measured=False))
        if time.time() < ends:
            study.tell(trial, result.objective if np.isfinite(result.objective) else 1e9)


def tuned(name: str, seed: int, ends: float) -> dict[str, Any]:
    """As `swept`, by TPE."""
    import optuna

    with tempfile.TemporaryDirectory() as folder:
        url = str(Path(folder) / "peer.log")
        joblib.Parallel(n_jobs=JOBS)(
            joblib.delayed(_loop)(name, url, JOBS * seed + k, ends) for k in range(JOBS)
        )
        storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(url))
        study = optuna.load_study(study_name="peer", storage=storage)
        done = [t for t in study.trials if t.state == optuna.trial.TrialState.COMPLETE]
        found = study.best_trial.user_attrs["parameters"] if done else None
        return {"parameters": found, "trainings": len(done)}


def true_loss(name: str, parameters: Mapping[str, Any]) -> float:
    """Mean over `SEEDS` fresh seeds, infinite where one diverges."""
    from sweeper.training.stacked.engine import train_stack

    task = task_of(LARGER[name])
    trials = [Trial(k, "confirm", FIRST_SEED + k, parameters, measured=False) for k in range(SEEDS)]
    losses = [result.objective for result in train_stack(task, trials, SEEDS)]
    mean = float(np.mean(losses))
    return mean if np.isfinite(mean) else float("inf")


def pair(name: str, seed: int) -> dict[str, dict[str, Any]]:
    """Both, one after the other; TPE's processes start within the time that it has."""
    ours = swept(name, seed)
    command = [sys.executable, str(Path(__file__)), "--tpe", name, str(seed), str(ours["seconds"])]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = {"sweeper": ours, "TPE": json.loads(done.stdout.splitlines()[-1])}
    return {who: {**what, "loss": true_loss(name, what["parameters"])} for who, what in found.items()}


HEAD = """# What a recommendation loses, equal time for both

`sweeper run` with {trials} trials and its confirmations, process start to report, and then Optuna's TPE over
a plain loop in {jobs} processes for as many seconds, {runs} search seeds each. Regret: mean loss of
what was recommended over {seeds} fresh seeds, over the lowest mean that any run of either found,
less 1, in percent; medians, and all runs. Other work went on on the machine meanwhile, which slowed
both. `python benchmarks/equal_time.py` measures it again.
"""


def report(found: Mapping[str, list[Mapping[str, Any]]]) -> str:
    """The page."""
    rows: dict[str, dict[str, str]] = {}
    for name, pairs in found.items():
        low = min(each[who]["loss"] for each in pairs for who in each)
        row = {"seconds": f"{median(each['sweeper']['seconds'] for each in pairs):.0f}"}
        for who in ("sweeper", "TPE"):
            regrets = sorted(100 * (each[who]["loss"] / low - 1) for each in pairs)
            row[f"{who}, trainings"] = f"{median(each[who]['trainings'] for each in pairs):.0f}"
            row[f"{who}, regret"] = f"{median(regrets):.1f} ({', '.join(f'{r:.0f}' for r in regrets)})"
        rows[name] = row
    head = HEAD.format(trials=TRIALS, jobs=JOBS, runs=max(map(len, found.values())), seeds=SEEDS)
    return f"{head}\n{table('', rows)}\n"


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--only", default=";".join(LARGER), help="problems, parted by ;")
    parser.add_argument("--tpe", nargs=3, metavar=("PROBLEM", "SEED", "SECONDS"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.tpe:
        name, seed, seconds = arguments.tpe
        print(json.dumps(tuned(name, int(seed), time.time() + float(seconds))))
        return
    names = arguments.only.split(";")
    raw = json.loads(RAW.read_text(encoding="utf-8")) if RAW.exists() else {}
    found: dict[str, list[Mapping[str, Any]]] = {name: [] for name in names}
    for seed, name in itertools.product(range(arguments.runs), names):
        if f"{name}|{seed}" not in raw:
            raw[f"{name}|{seed}"] = pair(name, seed)
            keep(RAW, raw)
        found[name].append(raw[f"{name}|{seed}"])
    text = report(found)
    (HERE / "equal_time.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
