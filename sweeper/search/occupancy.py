"""How much of its time a pool has work: what it costs that generations wait for the trials before them.

A generation begins when the one before the `lag` that precede it has ended, with its longest trial. That
alone is simulated here, without the cost of a driver; `benchmarks/scale.md` compares it with runs.
"""

import heapq
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from sweeper.study.sections import SearchSection
from sweeper.wording import count, percent

SPREAD = 0.5
"""Standard deviation of the log of a training's length, where some are pruned and widths differ."""
ROUNDS, LARGEST = 8, 1000
"""Trials a worker that are simulated, and workers; larger pools are scaled down with their generations."""
SEVERAL, IDLE = 16, 0.6
"""Workers from which, and share of their time below which, a pool has outgrown a study."""
PER_WORKER = 4
"""Trials a worker of the generation that is proposed for a large pool."""

Span = tuple[float, float]
"""Start and end of a call."""


def simulated(sizes: Sequence[int], lag: int, workers: int, length: Callable[[int], float]) -> list[Span]:
    """When each call of the generations of `sizes` runs; `length` of a call is by its number."""
    left, opened, closed, number, now = list(sizes), 0, 0, 0, 0.0
    waiting, running, spans = deque[tuple[int, int]](), list[tuple[float, int]](), list[Span]()
    while True:
        while closed < opened and not left[closed]:
            closed += 1
        while opened < min(len(sizes), closed + lag + 1):
            waiting.extend((number + k, opened) for k in range(sizes[opened]))
            number, opened = number + sizes[opened], opened + 1
        while waiting and len(running) < workers:
            call, generation = waiting.popleft()
            spans.append((now, now + length(call)))
            heapq.heappush(running, (spans[-1][1], generation))
        if not running:
            return spans
        now, generation = heapq.heappop(running)
        left[generation] -= 1


def share_busy(spans: Sequence[Span], workers: int) -> float:
    """Share of the workers' time with work, from the first call until the last one is handed out.

    What follows, the end of the longest calls, no generation could shorten.
    """
    first, last = min(start for start, _ in spans), max(start for start, _ in spans)
    if last == first:
        return min(len(spans) / workers, 1.0)
    return sum(min(end, last) - start for start, end in spans) / (workers * (last - first))


DRAWN = np.random.default_rng(0).standard_normal(10_007).tolist()
"""Standard normal numbers."""


def lognormal(number: int, mean: float = 1.0, spread: float = SPREAD) -> float:
    """The length of call `number`."""
    return mean * math.exp(spread * DRAWN[number % len(DRAWN)] - spread**2 / 2)


def expected_share(search: SearchSection, workers: int, *, stacked: bool = False) -> float:
    """Share of the time in which `workers` have work in this search; `stacked`: they train several trials."""
    scale, most = max(workers / LARGEST, 1.0), ROUNDS * workers
    sizes, start, spread = list[int](), 0, SPREAD
    while start < min(search.trials, most) or (len(sizes) < search.lag + 12 and start < search.trials):
        size = min(search.generation_at(start), search.trials - start)
        sizes.append(max(round(size / scale), 1))
        start += size
    if stacked:
        each = max(sum(sizes) / len(sizes) / workers, 1.0)
        sizes, spread = [min(workers, max(size // 2, 1)) for size in sizes], SPREAD / math.sqrt(each)
    pool = max(round(workers / scale), 1)
    return share_busy(simulated(sizes, search.lag, pool, lambda k: lognormal(k, spread=spread)), pool)


@dataclass
class Outgrown:
    """Whether a pool that grows has outgrown a study."""

    search: SearchSection
    stacked: bool
    _checked: int = 0

    def told(self, width: int) -> str:
        """`advice` for a pool of this `width`, once, and again when that has doubled; else empty."""
        if width < 2 * self._checked:
            return ""
        self._checked = width
        return advice(self.search, width, stacked=self.stacked)


def advice(search: SearchSection, workers: int, *, stacked: bool = False) -> str:
    """What a pool that has outgrown a study should be told, with the keys to set; empty where it has not."""
    if workers < SEVERAL:
        return ""
    share = expected_share(search, workers, stacked=stacked)
    if share >= IDLE:
        return ""
    generation = min(PER_WORKER * workers, max(search.trials // 4, search.first_generation))
    ways = [{"lag": search.lag + 1}] + [{"lag": lag, "generation": generation} for lag in (1, 2)]
    tried = ((way, expected_share(search.model_copy(update=way), workers, stacked=stacked)) for way in ways)
    better = [(way, then) for way, then in islice(tried, len(ways)) if then > share + 0.1]
    found = next((pair for pair in better if pair[1] > 0.85), max(better, key=lambda p: p[1], default=None))
    said = f"pool: this study keeps about {percent(share)} of {workers} workers busy"
    if found is None:
        return f"{said}: it has only {count(search.trials, 'trial')}"
    keys = " and ".join(f"search.{key} = {value}" for key, value in sorted(found[0].items()))
    waits = "as each generation waits for the one before"
    return f"{said}, {waits}; in a new run, {keys} would keep {percent(round(found[1], 2))}"
