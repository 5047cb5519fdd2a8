"""Whole sweeps again and again, where the truth is known: ``python benchmarks/repeated.py --sweeps 200``.

Every sweep searches, confirms and answers as ``sweeper run`` does, with seeds of its own. The truth of a
configuration is its mean over many other seeds. Counted is how often the winner's 95 % interval holds its
truth, how often all intervals of differences to it hold theirs, how often a rival is called worse that is
not, and what was lost by taking the winner instead of the best there is. Prints and writes
``benchmarks/repeated.md``.
"""

import argparse
import itertools
import math
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from one import JOBS
from sklearn.datasets import load_diabetes
from torch import nn

from sweeper.answer.answer import parameters_of
from sweeper.answer.confirmed import confirmed
from sweeper.data.load import load
from sweeper.journey import Options
from sweeper.records.run_folder import open_run
from sweeper.result import Result, load_result
from sweeper.study.study import Study
from sweeper.sweep import Sweep
from sweeper.training.cohort import Cohort
from sweeper.training.dispatch import train_all
from sweeper.training.in_workers import preflight_in_workers
from sweeper.training.initialize import initialize_worker
from sweeper.training.pool.interface import Pool
from sweeper.training.pool.local import local_pool
from sweeper.training.preflight import require_trainable
from sweeper.training.setup import Task
from sweeper.trial import Trial

HERE = Path(__file__).resolve().parent
TRUTH = 400
"""Seeds that the truth of a configuration is the mean of; no sweep uses them."""
FIRST = 10_000_000
"""The first of them."""
Key = tuple[tuple[str, str], ...]


def moons() -> tuple[np.ndarray, np.ndarray]:
    """300 noisy points on two half circles, in 2 classes."""
    generator = np.random.default_rng(0)
    targets = np.arange(300) % 2
    angle = generator.uniform(0, np.pi, 300)
    x = np.stack([np.cos(angle), np.sin(angle)], 1)
    x[targets == 1] = [1.0, 0.5] - x[targets == 1]
    return x + 0.25 * generator.standard_normal(x.shape), targets


def diabetes() -> tuple[np.ndarray, np.ndarray]:
    """442 patients; the disease's progression, standardized."""
    x, y = load_diabetes(return_X_y=True)
    return x, (y - y.mean()) / y.std()


def alike(in_features: int, out_features: int, activation: Callable[[], nn.Module], idle: int) -> nn.Module:
    """The first weights depend on `idle` by luck alone, so no configuration is better than another."""
    torch.rand(idle + 1)
    return nn.Sequential(nn.Linear(in_features, 8), activation(), nn.Linear(8, out_features))


GRID = {
    "optimizer": ["sgd", "adam"],
    "activation": ["relu", "tanh", "sigmoid"],
    "learning_rate": [0.001, 0.003, 0.01, 0.03, 0.1, 0.3],
}
SAME = {
    "optimizer": "adam",
    "activation": "tanh",
    "learning_rate": 0.01,
    "model.idle": list(range(24)),
}


@dataclass(frozen=True)
class Problem:
    """What is searched, and how much of it."""

    data: Callable[[], tuple[np.ndarray, np.ndarray]]
    task: str
    space: Mapping[str, Any]
    model: Mapping[str, Any]
    seeds: int = 10

    def study(self, number: int) -> Study:
        """The study of sweep `number`; no two share a seed."""
        loss = "cross_entropy" if self.task == "classification" else "mse"
        return Study(
            name=f"sweep-{number}",
            folder=HERE,
            data={"source": self.data, "split": [0.8, 0.2, 0.0]},
            model=dict(self.model),
            training={"steps": 120, "batch_size": 32, "evaluations": 6, "loss": loss, "device": "cpu"},
            search={"space": dict(self.space), "trials": 30, "seed": 1000 * number},
            confirm={"finalists": 5, "seeds": self.seeds},
        )


MLP = {"source": "mlp", "depth": 1, "width": 8}
PROBLEMS = {
    "moons": Problem(moons, "classification", GRID, MLP),
    "diabetes": Problem(diabetes, "regression", GRID, MLP),
    "moons, 5 seeds": Problem(moons, "classification", GRID, MLP, seeds=5),
    "all alike": Problem(moons, "classification", SAME, {"source": alike}),
}


def key(parameters: Mapping[str, Any]) -> Key:
    """What the truth of a configuration is known by."""
    return tuple(sorted((name, str(value)) for name, value in parameters.items()))


def truths(pool: Pool, problem: Problem) -> dict[Key, np.ndarray]:
    """configuration -> its objective on each of `TRUTH` seeds, NaN where it diverged."""
    study = problem.study(0)
    task = Task(study, load(problem.data, loss_task=problem.task))
    values = {n: v if isinstance(v, list) else [v] for n, v in problem.space.items()}
    first = {n: v[:1] if n == "model.idle" else v for n, v in values.items()}  # idle: all the same
    grid = [dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*first.values())]
    trials = [
        Trial(number, "confirm", FIRST + k, parameters)
        for number, parameters in enumerate(grid)
        for k in range(TRUTH)
    ]
    cohorts = [Cohort(tuple(trials[k :: 4 * JOBS]), "fused", 64) for k in range(4 * JOBS)]
    found = np.full((len(grid), TRUTH), math.nan)
    for results in train_all(pool, pool.share(task), cohorts):
        for result in results:
            found[result.trial.number, result.trial.seed - FIRST] = result.objective
    known = {key(parameters): row for parameters, row in zip(grid, found, strict=True)}
    for idle in values.get("model.idle", [])[1:]:
        known[key({**grid[0], "model.idle": idle})] = found[0]
    return known


def swept(pool: Pool, problem: Problem, number: int, folder: Path) -> Result:
    """One sweep, without its page."""
    study = problem.study(number)
    task = pool.share(Task(study, load(problem.data, loss_task=problem.task)))
    require_trainable(preflight_in_workers(pool, task))
    options = Options(folder, folder, JOBS, engine="fused", quiet=True)
    with open_run(study, folder, fresh=False) as run, Sweep(pool, pool, task, run, options) as sweep:
        sweep.search_all(math.inf)
        sweep.confirm_all()
    return load_result(study, run)


@dataclass(frozen=True)
class Seen:
    """What one sweep claimed, held against the truth."""

    covered: bool
    """The winner's interval holds its mean."""
    differences: bool
    """All intervals of differences to the winner hold theirs."""
    false: bool
    """A rival is called worse, and is not."""
    claims: int
    """Rivals called worse."""
    regret: float
    """True mean of the winner, less the lowest there is."""


def held(result: Result, known: Mapping[Key, np.ndarray]) -> Seen:
    """The claims of a sweep against the truth; means over the seeds on which both completed."""
    ranking = confirmed(result.trials)
    search = result.trials[result.trials["phase"] != "confirm"].set_index("trial")
    searched = dict(next(iter(known)))
    chosen = (parameters_of(search.loc[trial]).items() for trial in ranking["trial"])
    rows = [known[key({n: v for n, v in parameters if n in searched})] for parameters in chosen]
    winner = rows[0]
    apart = [float(np.nanmean(row - winner)) for row in rows]
    low, high = ranking["difference_low"].to_numpy(), ranking["difference_high"].to_numpy()
    worse = ranking["better"].to_numpy(dtype=bool)
    truth = float(np.nanmean(winner))
    return Seen(
        covered=bool(ranking["low"][0] <= truth <= ranking["high"][0]),
        differences=all(a <= d <= b for a, d, b in list(zip(low, apart, high, strict=True))[1:]),
        false=any(claim and d <= 0 for claim, d in zip(worse, apart, strict=True)),
        claims=int(worse.sum()),
        regret=truth - min(means_of(known)),
    )


def means_of(known: Mapping[Key, np.ndarray]) -> list[float]:
    """True means of the configurations that never diverge."""
    return [float(row.mean()) for row in known.values() if np.isfinite(row).all()]


def line(name: str, seen: list[Seen], known: Mapping[Key, np.ndarray]) -> str:
    """One row of the table."""
    n = len(seen)
    spread = np.median([np.nanstd(row, ddof=1) for row in known.values()])
    share = {f: sum(getattr(s, f) for s in seen) / n for f in ("covered", "differences", "false")}
    regrets = [s.regret for s in seen]
    means = means_of(known)
    return (
        f"| {name} | {n} | {share['covered']:.1%} | {share['differences']:.1%} | {share['false']:.1%} "
        f"| {sum(s.claims for s in seen) / n:.1f} "
        f"| {np.mean(regrets):.4f} | {np.quantile(regrets, 0.95):.4f} "
        f"| {spread:.4f} | {np.median(means) - min(means):.4f} |"
    )


HEAD = """# Claims held against the truth

Whole sweeps of 30 trials and 5 finalists, each with seeds of its own, on problems of which every
configuration was trained on {truth} other seeds.

- *winner's interval*: share of sweeps whose 95 % interval of the winner holds its true mean.
- *differences*: share whose intervals of all rivals' differences to the winner hold the true ones.
- *false claims*: share that calls a rival worse which is not.
- *claims*: rivals called worse, a sweep.
- *regret*: true mean of the winner less that of the best configuration there is: its mean, and what 95 %
  of the sweeps stay below. For scale: *spread* of one configuration over seeds, and the regret of the
  *median* configuration.

| problem | sweeps | winner's interval | differences | false claims | claims | regret | 95 % below | spread \
| median |
|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|
"""


def main() -> None:
    """Repeat, count, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sweeps", type=int, default=200)
    parser.add_argument("--only", default=";".join(PROBLEMS), help="names, parted by ;")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    lines = []
    with local_pool(JOBS, initialize_worker) as pool, tempfile.TemporaryDirectory() as folder:
        for name in arguments.only.split(";"):
            problem = PROBLEMS[name]
            known = truths(pool, problem)
            seen = []
            for number in range(1, arguments.sweeps + 1):
                seen.append(held(swept(pool, problem, number, Path(folder) / name), known))
                if number % 20 == 0:
                    print(line(name, seen, known), file=sys.stderr, flush=True)
            lines.append(line(name, seen, known))
    text = HEAD.format(truth=TRUTH) + "\n".join(lines) + "\n"
    print(text)
    (HERE / "repeated.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
