"""What is said of pools that are too large for a study, and that the simulation behind it is right."""

import pickle
import re
import time
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest
from made_up import MIXED, bowl, result, study

from sweeper.search.driver import Search
from sweeper.search.occupancy import advice, expected_share, lognormal, share_busy, simulated
from sweeper.study.sections import SearchSection
from sweeper.training.cohort import Cohort, singles
from sweeper.training.dispatch import train_all
from sweeper.training.pool import messages
from sweeper.training.pool.futures_pool import FuturesPool
from sweeper.trial import Trial

ASLEEP = [(2, 0), (4, 1), (8, 0)]
"""Workers and lag."""
LENGTH = 0.15
"""Seconds that a sleeping training lasts, on average."""
TOLERANCE = 0.1
"""Most that the share of a run with sleeping workers is away from the simulation."""


def test_a_generation_waits_for_the_longest_of_the_one_before() -> None:
    """By hand: two workers, lengths 1, 3 | 1, 1."""
    lengths = [1.0, 3.0, 1.0, 1.0]
    assert simulated([2, 2], 0, 2, lengths.__getitem__) == [(0, 1), (0, 3), (3, 4), (3, 4)]
    assert simulated([2, 2], 1, 2, lengths.__getitem__) == [(0, 1), (0, 3), (1, 2), (2, 3)]
    assert share_busy([(0, 1), (0, 3), (3, 4), (3, 4)], 2) == pytest.approx(4 / 6)


@pytest.mark.parametrize(
    ("generation", "lag", "workers", "low", "high"),
    [(40, 0, 16, 0.58, 0.7), (40, 1, 16, 0.9, 1.0), (256, 0, 128, 0.38, 0.55), (256, 1, 128, 0.7, 0.9)],
)
def test_a_lag_keeps_workers_busy(generation: int, lag: int, workers: int, low: float, high: float) -> None:
    """As simulated before it was built: 64 %, 94 %, 44 % and 79 %."""
    search = SearchSection(trials=40 * workers, generation=generation, lag=lag)
    assert low < expected_share(search, workers) < high


def test_a_pool_that_has_outgrown_a_study_is_told_with_the_keys_to_set() -> None:
    """What is advised holds; nothing is said where workers have work, or are few."""
    small = SearchSection(trials=1000)
    said = advice(small, 64)
    found = re.fullmatch(
        r"pool: this study keeps about (\d+) % of 64 workers busy, as each generation waits for the one "
        r"before; in a new run, search\.generation = (\d+) and search\.lag = (\d) would keep (\d+) %",
        said,
    )
    assert found is not None, said
    before, generation, lag, after = map(int, found.groups())
    assert round(100 * expected_share(small, 64)) == before < 30
    better = small.model_copy(update={"generation": generation, "lag": lag})
    assert round(100 * expected_share(better, 64)) == after > 85
    assert advice(better, 64) == advice(small, 8) == ""
    assert advice(SearchSection(trials=20), 2000).endswith("it has only 20 trials")


def test_generations_grow_without_end_where_none_waits() -> None:
    """With a lag, as a large pool needs; without, up to 256, as they always did."""
    assert SearchSection(trials=100).generation_at(50_000) == 256
    assert SearchSection(trials=100, lag=1).generation_at(50_000) == 10_000


class Sleepers:
    """`Engine` of threads that sleep as long as a simulated training lasts."""

    def __init__(self, workers: int) -> None:
        self.threads, self.spans = ThreadPoolExecutor(workers), dict[int, tuple[float, float]]()
        self.width = lambda: workers

    def put(self, blob: messages.Blob) -> None:
        """`Engine.put`"""

    def start(self, call: bytes, values: list[Any], then: Callable[[], None]) -> Future[messages.Answer]:
        """`Engine.start`"""
        future = self.threads.submit(self._sleep, pickle.loads(call)[1][1].trials[0])
        future.add_done_callback(lambda _: then())
        return future

    def answer(self, future: Future[messages.Answer]) -> messages.Answer:
        """`Engine.answer`"""
        return future.result(60)

    def silent(self) -> Collection[object]:
        """`Engine.silent`"""
        return ()

    def check(self) -> None:
        """`Engine.check`"""

    def close(self) -> None:
        """`Engine.close`"""
        self.threads.shutdown()

    def _sleep(self, trial: Trial) -> messages.Answer:
        start = time.perf_counter()
        time.sleep(lognormal(trial.number, LENGTH))
        self.spans[trial.number] = start, time.perf_counter()
        return messages.Answer("here", messages.dumps(([result(trial, bowl(trial.parameters))], None)))


def apart(workers: int, lag: int) -> tuple[float, float]:
    """The share of time that sleeping workers are busy in a search and its dispatch, and as simulated."""
    generation, trials = 2 * workers, 10 * workers
    asked = study(MIXED, sampler="random", trials=trials, generation=generation, lag=lag)
    search, engine = Search(asked), Sleepers(workers)

    def more(needed: bool) -> list[Cohort]:
        found = search.next_generation(wait=needed)
        search.begin(found)
        return singles(found)

    with closing(FuturesPool(engine, print)) as pool:
        for results in train_all(pool, pool.share(None), (), more=more):
            for each in results:
                search.learn(each)
    simulation = simulated([generation] * 5, lag, workers, lambda k: lognormal(k, LENGTH))
    assert len(engine.spans) == trials
    return share_busy(list(engine.spans.values()), workers), share_busy(simulation, workers)


@pytest.fixture(scope="module")
def shares() -> dict[tuple[int, int], tuple[float, float]]:
    """`apart` of each size and lag, at the same time: all of them sleep."""
    with ThreadPoolExecutor(len(ASLEEP)) as threads:
        return dict(zip(ASLEEP, threads.map(lambda given: apart(*given), ASLEEP), strict=True))


@pytest.mark.parametrize("given", ASLEEP)
def test_the_simulation_agrees_with_workers_that_sleep(
    given: tuple[int, int], shares: dict[tuple[int, int], tuple[float, float]]
) -> None:
    """The search and the dispatch of a run, with calls that sleep."""
    real, simulated_share = shares[given]
    assert real == pytest.approx(simulated_share, abs=TOLERANCE)
