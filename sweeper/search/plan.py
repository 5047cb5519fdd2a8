"""What a search trains before any result counts: what to try, published defaults, an even design."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sweeper.search import explore
from sweeper.search.starts import completed, starts
from sweeper.study.study import Study

LEARNING = {"auto": "additive", "tpe": "tpe", "gp": "gp", "cmaes": "cmaes"}
"""sampler of the study -> what proposes after the first generation; others have no second phase."""


@dataclass(frozen=True)
class Plan:
    """Trials in the order of their numbers, as far as they are known before the first of them is trained."""

    total: int
    """Trials of the whole search, unless its space is exhausted before."""
    configurations: list[dict[str, Any]]


def planned(study: Study, *, informed: bool) -> Plan:
    """The explore phase of a search; of a space that fits, all there is.

    What is to be tried and the published defaults come first, at most half of all. `informed`: an earlier
    search has taught the sampler, which then proposes all others.
    """
    search, space = study.search, study.space
    total = _total(study)
    tried = [completed(space, given) for given in study.tries]
    if _is_listed(study):
        return Plan(total, _after(tried, space.configurations()))
    if search.sampler == "grid":
        grid = _after(tried, explore.grid(space, total - len(tried)))[:total]
        return Plan(len(grid), grid)
    first = _first(study, total)
    count = max(len(first), unlearned(study, informed=informed))
    design = "random" if search.sampler == "random" else "sobol"
    dealt = explore.points(space, search.scientific, count - len(first), search.seed, design)
    return Plan(total, [*first, *dealt][:total])


def _after(tried: list[dict[str, Any]], others: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [*tried, *(each for each in others if each not in tried)]


def unlearned(study: Study, *, informed: bool) -> int:
    """The number of trials, from the first on, that no result suggests, starts among them; the total may be
    less."""
    total = _total(study)
    if _is_listed(study) or study.search.sampler not in LEARNING:
        return total
    if informed:
        return 0
    return max(_generations(study, total), len(_first(study, total)) + study.search.first_generation // 2)


def _total(study: Study) -> int:
    return min(study.search.trials, study.space.size() or study.search.trials)


def _is_listed(study: Study) -> bool:
    """Whether the search trains everything that there is."""
    size = study.space.size()
    return size is not None and size <= study.search.trials


def _first(study: Study, total: int) -> list[dict[str, Any]]:
    return starts(study)[: max(total // 2, len(study.search.tries))]


def _generations(study: Study, total: int) -> int:
    """Trials of the generations that are proposed before any result counts."""
    start = 0
    for _ in range(study.search.lag + 1):
        start += study.search.generation_at(start) if start < total else 0
    return start
