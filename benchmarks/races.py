"""Races of finalists whose truth is known: false calls, intervals that hold, trainings saved.

`python benchmarks/races.py [--races N]` prints a table for `benchmarks/races.md`.
"""

import argparse
from collections.abc import Callable

import numpy as np

from sweeper.search.finalists import Round
from sweeper.statistics.standing import standing, winners_interval
from sweeper.study.sections import ConfirmSection

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


def race(scores: np.ndarray, confirm: ConfirmSection) -> np.ndarray:
    """Which of `scores` (finalists, seeds) a race asks for."""
    ran = np.zeros(scores.shape, dtype=bool)
    now = Round(tuple(range(len(scores))), confirm.trainings(len(scores)))
    while (aim := now.aim) > now.seeds:
        ran[list(now.left), :aim] = True
        now = now.after(scores[list(now.left), :aim], confirm.matters)
    return ran


def judged(scores: np.ndarray, truth: np.ndarray, confirm: ConfirmSection) -> dict[str, float]:
    """One race: whether it claims falsely, whether its intervals hold the truth, what it cost."""
    ran = race(scores, confirm)
    scores = np.where(ran, scores, np.nan)
    found = standing(scores, ran)
    low, high = winners_interval(scores[found.order], found.columns["tied"])
    each, gaps = found.columns, truth[found.order] - truth[found.order[0]]
    called = ~each["tied"] & (each["failures"] == each["failures"][0])
    held = (each["difference_low"] <= gaps) & (gaps <= each["difference_high"])
    known = held[1:][np.isfinite(each["difference_low"][1:])]
    return {
        "false": float((called[1:] & (gaps[1:] <= 0)).any()),
        "held": float(known.all()),
        "each": float(known.mean()) if len(known) else np.nan,
        "winner": float(low <= truth[found.order[0]] <= high),
        "best": float(gaps.min() >= 0),
        "alone": float(not each["tied"][1:].any()),
        "cost": float(ran.sum()),
        "saved": 1 - float(ran.sum()) / confirm.trainings(len(scores)),
    }


COLUMNS = {
    "false": "false calls",
    "held": "all differences",
    "each": "each difference",
    "winner": "winner's mean",
    "best": "best wins",
    "alone": "winner stands alone",
    "saved": "trainings saved",
}
Case = tuple[int, float, str, float]
"""Finalists, by how much all but the first are worse, noise, share of seeds that are lost."""
CASES: list[Case] = [
    *((finalists, 0.0, name, 0.0) for finalists in (2, 5) for name in NOISES),
    *((3, 0.0, name, 0.0) for name in ("normal", "skewed (lognormal, σ = ½)")),
    *((2, 0.0, name, 0.05) for name in ("normal", "rare bad seeds, all")),
    *((5, 0.0, name, 0.05) for name in ("normal", "rare bad seeds, all")),
    *((2, gap, "normal", 0.0) for gap in (1.0, 2.0, 3.0)),
    *((5, gap, "normal", 0.0) for gap in (1.0, 2.0, 3.0, 5.0)),
    *((5, 3.0, name, 0.0) for name in ("skewed (lognormal, σ = ½)", "heavy tails (t, 3 d.f.)")),
]


def simulated(case: Case, races: int) -> dict[str, float]:
    """Means of `judged` over `races`."""
    finalists, gap, name, lost = case
    confirm, rng = ConfirmSection(finalists=finalists, seeds=10), np.random.default_rng(1)
    truth, found = np.array([5.0] + [5.0 + gap] * (finalists - 1)), []
    for _ in range(races):
        scores = NOISES[name](rng, (finalists, SEEDS)) + rng.standard_normal((1, SEEDS)) + truth[:, None]
        scores[rng.random(scores.shape) < lost] = np.nan
        found.append(judged(scores, truth, confirm))
    return {key: float(np.nanmean([each[key] for each in found])) for key in found[0]}


def main() -> None:
    """One row for every case."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--races", type=int, default=2000)
    parser.add_argument("--only", default="", help="finalists and noises that contain this")
    given = parser.parse_args()
    print("| finalists | winner ahead by | noise | seeds lost | " + " | ".join(COLUMNS.values()) + " |")
    print("|---:|---:|---|---:|" + "---:|" * len(COLUMNS))
    for case in CASES:
        finalists, gap, name, lost = case
        if given.only not in f"{finalists} {name} {gap:g}":
            continue
        found = simulated(case, given.races)
        shares = " | ".join(f"{100 * found[key]:.1f} %" for key in COLUMNS)
        print(f"| {finalists} | {gap:g} | {name} | {lost:.0%} | {shares} |", flush=True)


if __name__ == "__main__":
    main()
