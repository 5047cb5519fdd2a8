"""How many workers one driver keeps busy: real runs of the driver, with workers that only wait.

Proposals, cohorts, calls, records and Optuna's copy are those of a real run; the workers are a `farm`. What
is measured is how much of their time had work, beside what the generations of the study alone would allow.

    python benchmarks/scale.py --workers 1000 --seconds 10 --lag 1
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from functools import wraps
from pathlib import Path
from typing import Any
from unittest import mock

from farm import Lengths, busy, farm_pool

from sweeper import Options, Study, journey, sweep
from sweeper.records.store import Store
from sweeper.result import Result
from sweeper.search.driver import Search
from sweeper.search.occupancy import simulated
from sweeper.search.storage import StudyStorage
from sweeper.training.in_workers import Prepared
from sweeper.training.plan import one_by_one
from sweeper.training.pool import messages
from sweeper.training.pool.futures_pool import FuturesPool

PARTS: dict[str, tuple[Any, str]] = {
    "proposals": (Search, "_trials"),
    "calls": (FuturesPool, "submit"),
    "answers": (messages, "done_of"),
    "records": (Store, "append"),
    "Optuna's copy": (StudyStorage, "add"),
}
"""Parts of the driver whose processor time is counted: what, and the function that does it."""


@contextmanager
def counted() -> Iterator[dict[str, float]]:
    """Processor seconds of each of `PARTS`, in whatever thread, while open."""
    seconds = dict.fromkeys(PARTS, 0.0)

    def timed(part: str, function: Any) -> Any:
        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            start = time.thread_time()
            try:
                return function(*args, **kwargs)
            finally:
                seconds[part] += time.thread_time() - start

        return call

    with ExitStack() as stack:
        for part, (owner, name) in PARTS.items():
            stack.enter_context(mock.patch.object(owner, name, timed(part, getattr(owner, name))))
        yield seconds


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
    workers: int, lengths: Lengths, lag: int, trials: int, generation: int, sampler: str
) -> dict[str, Any]:
    """One run, and what its generations would allow."""
    asked = study(trials, generation, lag, sampler)
    left_out = ("keep_baselines", "confirm_all", "retrain_and_measure", "test_winner", "keep_script")
    skipped = {name: mock.Mock() for name in left_out}
    finished = mock.MagicMock()
    finished.trials.__getitem__().eq().all.return_value = False
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.object(journey, "preflight_in_workers", return_value=[]),
        mock.patch.object(sweep, "prepared_search", return_value=Prepared(one_by_one(workers), {}, None)),
        mock.patch.multiple(sweep.Sweep, **skipped),
        mock.patch.object(Result, "report"),
        mock.patch.object(journey, "load_result", return_value=finished),
    ):
        options = Options(runs=Path(folder) / "runs", reports=Path(folder) / "reports", quiet=True)
        with farm_pool(workers, lengths) as (pool, farm), counted() as parts:
            processor = time.process_time()
            journey._run(asked, options, mock.Mock(), pool)
            seconds = time.process_time() - processor
        real = busy(farm.spans, workers)
    sizes = [min(generation, trials - start) for start in range(0, trials, generation)]
    ideal = busy(simulated(sizes, lag, workers, lengths.of), workers)
    return {
        "workers": workers,
        "seconds": lengths.mean,
        "lengths": lengths.kind,
        "lag": lag,
        "generation": generation,
        "sampler": sampler,
        "trials": trials,
        "real": asdict(real),
        "simulated": asdict(ideal),
        "milliseconds a trial": {
            "all": round(1000 * seconds / trials, 2),
            **{part: round(1000 * each / trials, 3) for part, each in parts.items()},
        },
    }


def main() -> None:
    """Print one line a run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, nargs="+", default=[1000])
    parser.add_argument("--lag", type=int, nargs="+", default=[1])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--lengths", default="lognormal", choices=["lognormal", "recorded", "equal"])
    parser.add_argument("--rounds", type=int, default=8, help="trials a worker")
    parser.add_argument("--generation", type=int, default=2, help="trials a worker")
    parser.add_argument("--sampler", nargs="+", default=["auto"])
    asked = parser.parse_args()
    lengths = Lengths(asked.seconds, asked.lengths)
    for workers in asked.workers:
        for lag in asked.lag:
            for sampler in asked.sampler:
                generation, trials = asked.generation * workers, asked.rounds * workers
                print(json.dumps(measured(workers, lengths, lag, trials, generation, sampler)), flush=True)


if __name__ == "__main__":
    main()
