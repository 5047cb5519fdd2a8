"""What a search trains before any result counts: what to try, published defaults, an even design."""

from dataclasses import dataclass
from typing import Any

from sweeper.search import explore
from sweeper.search.starts import starts
from sweeper.study.study import Study

LEARNING = {"auto": "additive", "tpe": "tpe", "gp": "gp", "cmaes": "cmaes"}
"""sampler of the study -> what proposes after the first generation; others have no second phase."""


@dataclass(frozen=True)
class Plan:
    """Trials in the order of their numbers, as far as they are known before the first of them is trained."""

    total: int
    """Trials of the whole search, unless its space is exhausted before."""
    configurations: list[dict[str, Any]]
    drawn: range
    """Numbers of those that nobody chose and no result suggested."""


def planned(study: Study, *, informed: bool) -> Plan:
    """The explore phase of a search; of a space that fits, all there is.

    What is to be tried and the published defaults come first, at most half of all. `informed`: an earlier
    search has taught the sampler, which then proposes all others.
    """
    search, space, size = study.search, study.space, study.space.size()
    total = min(search.trials, size or search.trials)
    if size is not None and size <= search.trials:
        return _listed(list(space.configurations()), total)
    if search.sampler == "grid":
        grid = explore.grid(space, total)[:total]
        return _listed(grid, len(grid))
    first = starts(study)[: max(total // 2, len(search.tries))]
    count = total
    if search.sampler in LEARNING:
        least = max(_unlearned(study, total), len(first) + search.first_generation // 2)
        count = len(first) if informed else least
    design = "random" if search.sampler == "random" else "sobol"
    dealt = explore.points(space, search.scientific, count - len(first), search.seed, design)
    found = [*first, *dealt][:total]
    return Plan(total, found, range(min(len(first), len(found)), len(found)))


def _listed(configurations: list[dict[str, Any]], total: int) -> Plan:
    return Plan(total, configurations, range(len(configurations)))


def _unlearned(study: Study, total: int) -> int:
    """Trials that are proposed before any result counts."""
    start = 0
    for _ in range(study.search.lag + 1):
        start += study.search.generation_at(start) if start < total else 0
    return start
