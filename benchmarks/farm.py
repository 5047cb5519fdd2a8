"""Workers that only wait, in a process of their own: real calls of the driver and made-up work.

A call travels as bytes to that process, as it would to another machine, takes as long as it is said to take
there, and comes back with results that look like real ones. A thousand workers cost nothing but the driver.
"""

import heapq
import json
import multiprocessing
import pickle
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from sweeper.search.occupancy import lognormal, share_busy
from sweeper.training.pool import messages
from sweeper.training.pool.futures_pool import FuturesPool
from sweeper.training.pool.interface import Lost
from sweeper.trial import Outcome, Trial, TrialResult

POINTS, LAYERS = 20, 6
"""Evaluation points of a training, and layers measured at the end."""
RECORDED = Path(__file__).parent / "data" / "cohort_seconds.json"


@dataclass(frozen=True)
class Lengths:
    """Seconds that a call takes, by the number of its first trial."""

    mean: float
    kind: str = "lognormal"
    """lognormal (σ 0.5) | recorded: as the trainings of a sweep took | equal"""

    def of(self, number: int) -> float:
        """Seconds; the same for the same number."""
        if self.kind == "recorded":
            recorded = _recorded()
            return self.mean * recorded[number * 7919 % len(recorded)]
        return lognormal(number, self.mean) if self.kind == "lognormal" else self.mean


_read: list[list[float]] = []


def _recorded() -> list[float]:
    """Seconds of recorded trainings, over their mean."""
    if not _read:
        seconds = json.loads(RECORDED.read_text(encoding="utf-8"))["seconds"]
        _read.append([each / (sum(seconds) / len(seconds)) for each in seconds])
    return _read[0]


@dataclass(frozen=True)
class Busy:
    """How much of its time a pool had work."""

    served: float
    """Share from the first call to the moment when the last one was handed out."""
    whole: float
    """Share until the last one has ended."""
    seconds: float
    """From the first call to the end of the last."""
    rate: float
    """Calls handed out a second, until the last one was."""


def busy(spans: Sequence[tuple[float, float]], workers: int) -> Busy:
    """Of calls by (start, end)."""
    first, last = min(start for start, _ in spans), max(start for start, _ in spans)
    whole = max(end for _, end in spans) - first
    work = sum(end - start for start, end in spans)
    return Busy(
        round(share_busy(spans, workers), 3),
        round(work / (workers * whole), 3),
        round(whole, 2),
        round(len(spans) / max(last - first, 1e-9), 1),
    )


class Farm:
    """`Engine` of workers that wait."""

    def __init__(self, workers: int, lengths: Lengths) -> None:
        self._workers, self._answers = workers, dict[int, messages.Answer]()
        self._then: dict[int, Callable[[], None]] = {}
        context = multiprocessing.get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(target=_wait, args=(other, lengths), daemon=True)
        self._process.start()
        other.close()
        self.spans: list[tuple[float, float]] = []
        self._over = threading.Event()
        self._calls = 0
        self._pipe.recv()  # it has imported what it needs
        threading.Thread(target=self._read, daemon=True).start()

    def width(self) -> int:
        """`Engine.width`"""
        return self._workers

    def put(self, blob: messages.Blob) -> None:
        """`Engine.put`: nobody reads it."""

    def start(self, call: bytes, values: list[Any], then: Callable[[], None]) -> int:
        """`Engine.start`"""
        self._calls += 1
        self._then[self._calls] = then
        self._pipe.send((self._calls, call))
        return self._calls

    def answer(self, future: int) -> messages.Answer | Lost:
        """`Engine.answer`"""
        return self._answers.pop(future)

    def stop(self, future: int) -> None:
        """`Engine.stop`"""

    def silent(self) -> Sequence[object]:
        """`Engine.silent`: nobody stops these workers."""
        return ()

    def check(self) -> None:
        """`Engine.check`"""

    def close(self) -> None:
        """`Engine.close`"""
        self._pipe.send(None)
        self._over.wait(60)

    def _read(self) -> None:
        while isinstance((said := self._pipe.recv())[0], int):
            number, outcome = said
            self._answers[number] = messages.Answer("farm", outcome)
            self._then.pop(number)()
        self.spans = said[0]
        self._over.set()


@contextmanager
def farm_pool(workers: int, lengths: Lengths) -> Iterator[tuple[FuturesPool, Farm]]:
    """A pool of waiting workers; `Farm.spans` stand when it is closed."""
    farm = Farm(workers, lengths)
    with closing(FuturesPool(farm, print)) as pool:
        yield pool, farm


def _wait(pipe: Connection, lengths: Lengths) -> None:
    """In the process of the workers."""
    import sweeper.training.work  # calls name it

    assert sweeper.training.work
    pipe.send("ready")
    running: list[tuple[float, int, bytes]] = []
    spans: list[tuple[float, float]] = []
    while True:
        now = time.perf_counter()
        while running and running[0][0] <= now:
            _, number, outcome = heapq.heappop(running)
            pipe.send((number, outcome))
        if not pipe.poll(max(running[0][0] - time.perf_counter(), 0.0) if running else None):
            continue
        said = pipe.recv()
        if said is None:
            return pipe.send((spans, None))
        number, call = said
        start = time.perf_counter()
        _, (_, cohort) = pickle.loads(call)
        end = start + lengths.of(cohort.trials[0].number)
        spans.append((start, end))
        outcome = messages.dumps(([made_up(trial) for trial in cohort.trials], None))
        heapq.heappush(running, (end, number, outcome))


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
