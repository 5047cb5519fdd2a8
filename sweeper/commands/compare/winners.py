"""Two runs against each other: which winner is better, and how sure that is."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from sweeper.answer.confirmed import FEW
from sweeper.answer.ranked import Ranked
from sweeper.commands.compare.pairing import Run, on_other_rows, same_settings, unpaired_because
from sweeper.statistics.intervals import finite
from sweeper.statistics.race import ENOUGH_SEEDS
from sweeper.statistics.standing import shows_most
from sweeper.statistics.two_winners import UNKNOWN, Difference, paired, unpaired


@dataclass(frozen=True)
class Compared:
    """The winners of two runs, A and B, by what ranks trials: lower is better, see `sweeper.trial.cost`.

    Numbers are NaN where too few seeds were completed for them.
    """

    paired: bool
    why: str
    """Why it is paired, or is not."""
    pairs: int
    """Seeds on which both completed, if paired."""
    difference: float
    """Mean of B − A: above 0 where A is better."""
    low: float
    high: float
    p_better: float
    """P(A is better) on a fresh seed, ties counted half."""
    p_low: float
    p_high: float
    verdict: str
    """``a`` or ``b`` is better: the interval of the difference leaves 0 out, P ≥ ¾, its interval above ½;
    ``undecided``, as always below `ENOUGH_SEEDS` seeds, and where they were scored on `other_rows`; ``same``
    where the two train the same settings; ``unconfirmed`` where a winner has fewer than two completed fresh
    seeds."""
    cut: str = ""
    """Which ends of the interval, as people read it, were cut off where the score ends."""
    other_rows: str = ""
    """Why the runs hold back other test rows, so that they train and validate on others too; empty where they
    do not. The seeds of a run share these, and no interval over its seeds knows what other rows do."""


def compare(a: Run, b: Run) -> Compared:
    """Difference of the winners with its interval, P(A < B) with its interval, and what they add up to."""
    found = replace(_numbers(a, b), other_rows=on_other_rows(a, b))
    if same_settings(a, b):
        return replace(found, verdict="same")
    better = found.verdict in ("a", "b")
    return replace(found, verdict="undecided") if better and found.other_rows else found


def _numbers(a: Run, b: Run) -> Compared:
    reason = unpaired_because(a, b)
    one, other = finite(a.scores.to_numpy()), finite(b.scores.to_numpy())
    if min(len(one), len(other)) < FEW:
        short = [run.name for run, scores in ((a, one), (b, other)) if len(scores) < FEW]
        why = f"fewer than {FEW} completed fresh seeds in {' and '.join(short)}"
        return Compared(False, why, 0, *UNKNOWN, "unconfirmed")
    if reason:
        numbers = unpaired(one, other, a.contenders, b.contenders)
        made = _judged(numbers, False, f"unpaired, because {reason}", 0, min(len(one), len(other)))
        return _within(made, a, b)
    both = pd.concat([a.scores, b.scores], axis=1, keys=["a", "b"]).dropna()
    pairs = (both["b"] - both["a"]).to_numpy()
    why = f"paired: the same data, split and fresh seeds ({len(pairs)} of them completed in both)"
    made = _judged(paired(pairs, a.contenders, b.contenders), True, why, len(pairs), len(pairs))
    return _within(made, a, b)


def _within(made: Compared, a: Run, b: Run) -> Compared:
    """The interval of the difference no wider than what the score of either run can be."""
    ranked = Ranked(a.study.objective, min(a.answer.least_loss, b.answer.least_loss))
    costs = [_costs(run, ranked) for run in (b, a)]
    low, high, cut = ranked.within((made.low, made.high), *costs)
    return replace(made, low=low, high=high, cut=cut)


def _costs(run: Run, ranked: Ranked) -> tuple[float, float]:
    """The interval of a winner's mean, in costs."""
    sure = run.answer.confirmed
    low, high = (math.nan, math.nan) if sure is None else (ranked.cost(sure.low), ranked.cost(sure.high))
    return (high, low) if ranked.highest else (low, high)


def _judged(numbers: Difference, is_paired: bool, why: str, pairs: int, seeds: int) -> Compared:
    verdict = "undecided"
    if seeds < ENOUGH_SEEDS:
        pass  # few seeds rank nothing
    elif numbers.low > 0 and shows_most(numbers.p, numbers.p_low):
        verdict = "a"
    elif numbers.high < 0 and shows_most(1 - numbers.p, 1 - numbers.p_high):
        verdict = "b"
    return Compared(is_paired, why, pairs, *numbers, verdict)


def as_read(compared: Compared, ranked: Ranked) -> Compared:
    """With the difference, B − A, of the objective as people read it."""
    if not ranked.highest:
        return compared
    return replace(compared, difference=-compared.difference, low=-compared.high, high=-compared.low)


def to_dict(compared: Compared, ranked: Ranked) -> Mapping[str, Any]:
    """For JSON, which has no NaN; the difference is B − A in the objective as people read it."""
    compared = as_read(compared, ranked)
    numbers = {
        name: getattr(compared, name) for name in ("difference", "low", "high", "p_better", "p_low", "p_high")
    }
    plain = {name: None if math.isnan(value) else float(value) for name, value in numbers.items()}
    return {
        "verdict": compared.verdict,
        "paired": compared.paired,
        "why": compared.why,
        "pairs": compared.pairs,
        **plain,
    }
