"""Claims that contradict each other, found pair by pair."""

from collections.abc import Iterable
from itertools import combinations

from sweeper.answer.claims import Claim, contradict


def contradictions(claims: Iterable[Claim]) -> list[tuple[Claim, Claim]]:
    """Pairs that contradict each other; empty for those of `resolve` that nothing stands against."""
    return [(one, other) for one, other in combinations(claims, 2) if contradict(one, other)]
