"""What the scores of the finalists vary with: the settings, the seed, or both at once."""

import numpy as np
import pandas as pd

from sweeper.tables.source import Source

COLUMNS = ["component", "variance", "sd", "share", "low", "high", "finalists", "seeds", "metric"]
COMPONENTS = ("settings", "seed", "settings × seed")
DRAWS = 10_000


def variance(source: Source) -> pd.DataFrame:
    """Variance components of the scores of the finalists on fresh seeds; columns as in `COLUMNS`.

    Model: score = mean + settingsᵢ + seedⱼ + restᵢⱼ, all random. `settings`: between finalists. `seed`:
    what a seed does to all finalists alike (split, luck of the data). `settings × seed`: what a seed
    does to each differently (initial weights, batch order, interaction). By analysis of variance
    (Searle, Casella and McCulloch 1992, ch. 4): σ²_rest = MS_rest, σ²_settings = (MS_settings −
    MS_rest) / seeds, σ²_seed = (MS_seed − MS_rest) / finalists, cut off at 0. `share` is of their sum, with
    a 95 % generalized interval (Weerahandi 1993): mean squares divided by draws of χ² / d.f.
    Finalists that failed on a seed are left out. Empty below two finalists and two seeds. Finalists
    are the best of the search, so settings vary less among them than in the whole space.
    """
    rows = source.trials[source.trials["phase"] == "confirm"]
    table = rows.pivot(index="trial", columns="seed", values="objective").astype(float)
    values = table[np.isfinite(table).all(axis=1)].to_numpy()
    finalists, seeds = values.shape
    if finalists < 2 or seeds < 2 or np.ptp(values) == 0:
        return pd.DataFrame(columns=COLUMNS)
    squares, freedoms = mean_squares(values)
    found = components(squares[None], finalists, seeds)[0]
    draws = np.random.default_rng(0).chisquare(freedoms, size=(DRAWS, 3)) / freedoms
    spread = components(squares / draws, finalists, seeds)
    shares = spread / spread.sum(axis=1, keepdims=True)
    low, high = np.quantile(shares, [0.025, 0.975], axis=0)
    frame = pd.DataFrame({"component": COMPONENTS, "variance": found, "sd": np.sqrt(found)})
    frame = frame.assign(share=found / found.sum(), low=low, high=high)
    return frame.assign(finalists=finalists, seeds=seeds, metric=source.objective)[COLUMNS]


def mean_squares(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean squares of settings, seed and rest, and degrees of freedom; `values` is (finalists, seeds)."""
    finalists, seeds = values.shape
    by_settings = values.mean(axis=1, keepdims=True) - values.mean()
    by_seed = values.mean(axis=0, keepdims=True) - values.mean()
    rest = values - values.mean() - by_settings - by_seed
    freedoms = np.array([finalists - 1, seeds - 1, (finalists - 1) * (seeds - 1)], dtype=float)
    sums = np.array([seeds * (by_settings**2).sum(), finalists * (by_seed**2).sum(), (rest**2).sum()])
    return sums / freedoms, freedoms


def components(squares: np.ndarray, finalists: int, seeds: int) -> np.ndarray:
    """Variance components from mean squares, both (draws, 3) in the order of `COMPONENTS`."""
    settings, seed, rest = squares.T
    found = [(settings - rest) / seeds, (seed - rest) / finalists, rest]
    return np.maximum(np.stack(found, axis=1), 0.0)
