"""How often `sweeper transfer` predicts the best rate of a size that it was not shown.

`python benchmarks/transfer.py [--only widths]` trains every case at all of its sizes over a grid of rates,
then predicts the two largest sizes from the smaller ones, and prints a table for `benchmarks/transfer.md`.
"""

import argparse
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from sweeper.commands.transfer.journey import transfer
from sweeper.commands.transfer.table import optima_of
from sweeper.commands.transfer.trials import Over
from sweeper.statistics.scaling import PowerLaw
from sweeper.study.study import Study
from sweeper.training.initialize import initialize_worker
from sweeper.training.pool.interface import Pool
from sweeper.training.pool.local import local_pool

WIDTHS, LENGTHS = (8, 16, 32, 64, 128), (25, 50, 100, 200, 400)
HELD_BACK = 2
"""Sizes at the upper end that are predicted, each from all below it."""
RATES, SEEDS = 20, 5
SPAN = {"sgd": (3e-3, 10.0), "momentum": (1e-3, 3.0), "adam": (1e-4, 0.3), "rmsprop": (3e-5, 0.1)}
TASKS: dict[str, Mapping[str, Any]] = {
    "digits": {"data": {"source": "digits"}, "loss": "cross_entropy"},
    "wine": {"data": {"source": "wine"}, "loss": "cross_entropy"},
    "breast_cancer": {"data": {"source": "breast_cancer"}, "loss": "cross_entropy"},
    "teacher": {"data": {"source": "teacher", "rows": 1000}, "loss": "mse"},
}
ACTIVATIONS = ("tanh", "relu")


@dataclass(frozen=True)
class Case:
    """One configuration over one kind of size."""

    kind: str
    task: str
    optimizer: str
    activation: str

    @property
    def over(self) -> Over:
        """All sizes; the one beyond them is asked for, and not looked at."""
        key, sizes = ("model.width", WIDTHS) if self.kind == "widths" else ("training.steps", LENGTHS)
        return Over(key, sizes, 2 * sizes[-1])

    def study(self) -> Study:
        """A network of two layers."""
        task = TASKS[self.task]
        low, high = SPAN[self.optimizer]
        space = {
            "optimizer": [self.optimizer],
            "activation": [self.activation],
            "learning_rate": {"low": low, "high": high, "log": True},
        }
        training = {"loss": task["loss"], "steps": 150, "batch_size": 32, "device": "cpu"}
        model = {"source": "mlp", "depth": 2, "width": 32}
        sections = {"data": task["data"], "model": model, "training": training, "search": {"space": space}}
        return Study(name="held", trusted=True, **sections)


def cases(only: str) -> Iterator[Case]:
    """Every task with every optimizer, activations in turn."""
    for kind in ("widths", "lengths"):
        for place, task in enumerate(TASKS):
            for turn, optimizer in enumerate(SPAN):
                if only in ("", kind):
                    yield Case(kind, task, optimizer, ACTIVATIONS[(place + turn) % 2])


def predictions(case: Case, measured: pd.DataFrame, objective: str) -> Iterator[dict[str, Any]]:
    """The sizes held back whose optimum was found, each with what all smaller ones predict for it."""
    optima = optima_of(measured, objective)
    found = optima[optima["verdict"] == "found"]
    for size in case.over.sizes[-HELD_BACK:]:
        below, here = found[found["size"] < size], found[found["size"] == size]
        if len(below) < 3 or here.empty:
            yield {"case": case, "size": size, "held": None}
            continue
        law = PowerLaw(*(tuple(map(float, below[name])) for name in ("size", "rate", "error")))
        rate, low, high = law.predicted(size)
        there = float(here["rate"].iloc[0])
        row = {"case": case, "size": size, "rate": rate, "low": low, "high": high, "measured": there}
        yield {**row, "held": low <= there <= high}


def line(row: Mapping[str, Any]) -> str:
    """A row of the table."""
    case = row["case"]
    head = f"| {case.over.key} {row['size']} | {case.task} | {case.optimizer} | {case.activation} |"
    if row["held"] is None:
        return f"{head} – | – | no optimum inside the grid |"
    ends = f"{row['rate']:.2g} ({row['low']:.2g} to {row['high']:.2g})"
    return f"{head} {ends} | {row['measured']:.2g} | {'inside' if row['held'] else 'outside'} |"


def main() -> None:
    """Train, predict, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=["widths", "lengths"], default="")
    only, rows, began = parser.parse_args().only, [], time.time()
    print("| Size held back | Data | Optimizer | Activation | Predicted (90 %) | Measured | |")
    print("|---|---|---|---|---|---|---|")
    with local_pool(1, initialize_worker) as pool:
        for case in cases(only):
            rows += _tried(pool, case)
    told = [row for row in rows if row["held"] is not None]
    for kind in ("widths", "lengths"):
        of_kind = [row["held"] for row in told if row["case"].kind == kind]
        if of_kind:
            print(f"{kind}: {sum(of_kind)} of {len(of_kind)} inside ({sum(of_kind) / len(of_kind):.0%})")
    print(f"{len(rows) - len(told)} could not be predicted; {time.time() - began:.0f} s")


def _tried(pool: Pool, case: Case) -> list[dict[str, Any]]:
    study = case.study()
    done = transfer(pool, study, case.over, rates=RATES, seeds=SEEDS)
    rows = list(predictions(case, done.measured, study.objective))
    print("\n".join(map(line, rows)), flush=True)
    return rows


if __name__ == "__main__":
    main()
