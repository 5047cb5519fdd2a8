"""How many workers one driver keeps busy: real runs of the driver, with workers that only wait.

Proposals, cohorts, records and Optuna's copy are those of a real run. The pool is made up: a call takes as
long as its trials would, by a clock that runs `--speed` times as fast, and gives back a result that looks
like a real one. So what is measured is the driver: how much of its workers' time had work.

    python benchmarks/scale.py --workers 1000 --seconds 10 --lag 1
"""

import argparse
import heapq
import json
import tempfile
import time
from collections.abc import Callable, Collection
from itertools import count
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from sweeper import Options, Study, journey, sweep
from sweeper.result import Result
from sweeper.training.planning import one_by_one
from sweeper.training.pool.interface import Call, Done
from sweeper.trial import Outcome, Trial, TrialResult

POINTS, LAYERS = 20, 6
"""Evaluation points of a training, and layers measured at the end."""


class Shared:
    """A value that is here already."""

    def __init__(self, value: Any) -> None:
        self.value = value


class WaitingPool:
    """`Pool` of workers that only wait; `now` runs `speed` times as fast as the clock."""

    def __init__(self, width: int, seconds: float, speed: float, spread: float = 0.5) -> None:
        self.width, self._seconds, self._speed, self._spread = width, seconds, speed, spread
        self._numbers, self._start = count(), time.perf_counter()
        self._running: list[tuple[float, Call]] = []
        self._given: dict[Call, Any] = {}
        self.busy, self.first, self.last = 0.0, 0.0, 0.0

    @property
    def now(self) -> float:
        """Seconds of the workers."""
        return (time.perf_counter() - self._start) * self._speed

    def share(self, value: Any) -> Shared:
        """`Pool.share`"""
        return Shared(value)

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Call:
        """`Pool.submit`: begins at once, as no more are handed out than the pool is wide."""
        call, cohort = next(self._numbers), arguments[1]
        generator = np.random.default_rng(cohort.trials[0].number)
        length = self._seconds * float(
            np.exp(self._spread * generator.standard_normal() - self._spread**2 / 2)
        )
        self.first = self.first or self.now
        self.busy += length
        heapq.heappush(self._running, (self.now + length, call))
        self._given[call] = cohort
        return call

    def next_done(self, calls: Collection[Call]) -> Done:
        """`Pool.next_done`: the one that ends first."""
        ends, call = heapq.heappop(self._running)
        time.sleep(max(ends - self.now, 0.0) / self._speed)
        self.last = max(self.now, ends)
        return Done(call, [made_up(trial) for trial in self._given.pop(call).trials], host="nowhere")

    def cancel(self, call: Call) -> None:
        """`Pool.cancel`"""

    def close(self) -> None:
        """`Pool.close`"""

    @property
    def share_busy(self) -> float:
        """Share of the workers' time, from the first call to the last, in which they had one."""
        return self.busy / (self.width * max(self.last - self.first, 1e-9))


def made_up(trial: Trial) -> TrialResult:
    """A completed trial with the curves and layers of a real one; best at a learning rate of 0.01."""
    away = np.log10(trial.parameters["learning_rate"]) + 2
    best = 0.1 + 0.3 * float(away) ** 2 + 0.01 * (trial.number % 7)
    steps = [25 * point for point in range(POINTS + 1)]
    names = ("train_loss", "validation_loss", "validation_accuracy")
    curves = tuple((step, name, best + 1 / (1 + step)) for step in steps for name in names)
    measures = ("gradient_norm", "weight_gradient_norm", "activation_mean", "activation_std", "dead")
    layers = tuple((steps[-1], k, name, 0.5) for k in range(LAYERS) for name in measures)
    named = tuple(f"layer{k}" for k in range(LAYERS))
    return TrialResult(
        trial, Outcome.COMPLETED, best, steps[-1], 1.0, "reference", "", curves, layers, {}, named
    )


def study(trials: int, generation: int, lag: int, sampler: str) -> Study:
    """The default space."""
    return Study(
        name="scale",
        search={
            "trials": trials,
            "generation": generation,
            "lag": lag,
            "sampler": sampler,
            "space": {
                "optimizer": ["sgd", "momentum", "adam", "rmsprop"],
                "activation": ["sigmoid", "tanh", "relu", "gelu"],
                "learning_rate": {"low": 1e-4, "high": 1.0, "log": True},
                "activation_penalty": {"low": 1e-6, "high": 1e-1, "log": True, "zero": 0.25},
            },
        },
        confirm={"finalists": 0, "seeds": 0},
    )


def measured(
    workers: int, seconds: float, lag: int, speed: float, rounds: int, sampler: str
) -> dict[str, Any]:
    """One run of `rounds` trials a worker, in generations twice as large as the pool."""
    asked = study(rounds * workers, 2 * workers, lag, sampler)
    pool = WaitingPool(workers, seconds, speed)
    plan = one_by_one(workers)
    left_out = ("keep_baselines", "confirm_all", "retrain_and_measure", "test_winner", "keep_script")
    skipped = {name: mock.Mock() for name in left_out}
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.object(journey, "preflight_in_workers", return_value=[]),
        mock.patch.object(sweep, "plan_of_search", return_value=plan),
        mock.patch.object(sweep, "made_on", return_value={}),
        mock.patch.multiple(sweep.Sweep, **skipped),
        mock.patch.object(Result, "report"),
    ):
        options = Options(runs=Path(folder) / "runs", reports=Path(folder) / "reports", quiet=True)
        start, processor = time.perf_counter(), time.process_time()
        journey._run(asked, options, pool, pool)
        wall, cpu = time.perf_counter() - start, time.process_time() - processor
    return {
        "workers": workers,
        "lag": lag,
        "sampler": sampler,
        "seconds": seconds,
        "speed": speed,
        "trials": rounds * workers,
        "busy": round(pool.share_busy, 3),
        "wall": round(wall, 1),
        "milliseconds of the driver a trial": round(1000 * cpu / (rounds * workers), 2),
    }


def main() -> None:
    """Print one line a run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, nargs="+", default=[1000])
    parser.add_argument("--lag", type=int, nargs="+", default=[1])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--sampler", nargs="+", default=["auto"])
    asked = parser.parse_args()
    for workers in asked.workers:
        for lag in asked.lag:
            for sampler in asked.sampler:
                print(
                    json.dumps(measured(workers, asked.seconds, lag, asked.speed, asked.rounds, sampler)),
                    flush=True,
                )


if __name__ == "__main__":
    main()
