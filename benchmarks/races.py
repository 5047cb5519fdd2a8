"""Races of finalists whose truth is known: false calls, intervals that hold, trainings saved.

`python benchmarks/races.py [--races N]` prints a table for `benchmarks/races.md`.
"""

import argparse
from collections.abc import Callable

import numpy as np
import pandas as pd

from sweeper.search.race import next_round
from sweeper.study.sections import ConfirmSection
from sweeper.tables.confirmation import confirmed

Noise = Callable[[np.random.Generator, tuple[int, int]], np.ndarray]
"""(generator, (finalists, seeds)) -> scores with mean 0."""
SEEDS = 40


def first_unlike(first: Noise, others: Noise) -> Noise:
    """The first finalist has noise of its own."""
    return lambda rng, shape: np.vstack([first(rng, (1, shape[1])), others(rng, (shape[0] - 1, shape[1]))])


def normal(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Standard deviation 1, as all that follow but `wide`."""
    return rng.standard_normal(shape)


def skewed(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    return (rng.lognormal(0, 0.5, shape) - np.exp(0.125)) / 0.6


def very_skewed(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    return (rng.lognormal(0, 1, shape) - np.exp(0.5)) / 2.16


def heavy(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    return rng.standard_t(3, shape) / np.sqrt(3)


def rare_bad(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    return rng.standard_normal(shape) + 10 * (rng.random(shape) < 0.05) - 0.5


def rounded(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    return np.round(rng.standard_normal(shape))


def wide(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    return 4 * rng.standard_normal(shape)


NOISES: dict[str, Noise] = {
    "normal": normal,
    "skewed (lognormal, σ = ½)": skewed,
    "very skewed (lognormal, σ = 1)": very_skewed,
    "heavy tails (t, 3 d.f.)": heavy,
    "unequal variances": first_unlike(normal, wide),
    "unequal variances (steady rivals)": first_unlike(wide, normal),
    "rare bad seeds, all": rare_bad,
    "rare bad seeds, one finalist": first_unlike(rare_bad, normal),
    "rare bad seeds, all but one": first_unlike(normal, rare_bad),
    "lognormal rivals of a steady one": first_unlike(normal, lambda r, s: 3 * very_skewed(r, s)),
    "rounded scores": rounded,
}


def race(scores: np.ndarray, confirm: ConfirmSection) -> tuple[np.ndarray, int]:
    """What a race uncovers of `scores` (finalists, seeds), NaN elsewhere, and its trainings."""
    known: dict[tuple[int, int], float] = {}
    while missing := next_round(confirm, range(len(scores)), -1, known):
        known |= {(number, seed): float(scores[number, seed]) for number, seed in missing}
    seen = np.full(scores.shape, np.nan)
    for (number, seed), value in known.items():
        seen[number, seed] = value
    return seen, len(known)


def judged(scores: np.ndarray, truth: np.ndarray, confirm: ConfirmSection) -> dict[str, float]:
    """One race: whether it claims falsely, whether its intervals hold the truth, what it cost."""
    seen, cost = race(scores, confirm)
    rows = [
        {"phase": "confirm", "trial": k, "seed": s, "outcome": "completed", "objective": seen[k, s]}
        for k, s in np.argwhere(np.isfinite(seen))
    ]
    table = confirmed(pd.DataFrame(rows))
    gaps = truth[table["trial"]] - truth[table["trial"].iloc[0]]
    low, high = table["difference_low"].to_numpy(), table["difference_high"].to_numpy()
    called = table["dropped"].to_numpy() | (low > 0)
    return {
        "false": float((called & (gaps <= 0)).any()),
        "held": float(((low <= gaps) & (gaps <= high)).all()),
        "each": float(((low <= gaps) & (gaps <= high))[1:].mean()),
        "winner": float(table["low"].iloc[0] <= truth[table["trial"].iloc[0]] <= table["high"].iloc[0]),
        "best": float(gaps.min() >= 0),
        "cost": cost,
        "alone": float(called.sum() == len(table) - 1),
    }


COLUMNS = {
    "false": "false calls",
    "held": "all differences",
    "each": "each difference",
    "winner": "winner's interval",
    "best": "best wins",
    "alone": "winner stands alone",
}


def simulated(gap: float, noise: Noise, finalists: int, races: int) -> dict[str, float]:
    """Means of `judged` over `races` in which all but the first finalist are worse by `gap`."""
    confirm, rng = ConfirmSection(finalists=finalists, seeds=10), np.random.default_rng(1)
    truth, found = np.array([5.0] + [5.0 + gap] * (finalists - 1)), []
    for _ in range(races):
        shared = rng.standard_normal((1, SEEDS))
        found.append(judged(noise(rng, (finalists, SEEDS)) + shared + truth[:, None], truth, confirm))
    return {key: float(np.mean([each[key] for each in found])) for key in found[0]}


def main() -> None:
    """One row for every noise with equal means, and for normal noise with a winner ahead."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--races", type=int, default=2000)
    given = parser.parse_args()
    print("| finalists | winner ahead by | noise | " + " | ".join(COLUMNS.values()) + " | trainings |")
    print("|---:|---:|---|" + "---:|" * (len(COLUMNS) + 1))
    cases = [(k, 0.0, name) for k in (2, 5) for name in NOISES]
    cases += [(5, gap, "normal") for gap in (1.0, 2.0, 3.0, 5.0)]
    for finalists, gap, name in cases:
        found = simulated(gap, NOISES[name], finalists, given.races)
        shares = " | ".join(f"{100 * found[key]:.1f} %" for key in COLUMNS)
        print(f"| {finalists} | {gap:g} | {name} | {shares} | {found['cost']:.1f} |", flush=True)


if __name__ == "__main__":
    main()
