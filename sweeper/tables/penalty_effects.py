"""What the activation penalty does, other settings held alike, and whether anything was found at all."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from sweeper.statistics.regression import Fit, fit
from sweeper.tables.penalty_data import penalty_data
from sweeper.tables.source import Source

COLUMNS = [
    "quantity",
    "contrast",
    "kind",
    "weight_low",
    "weight_high",
    "effect",
    "low",
    "high",
    "unit",
    "trials",
    "found",
    "finding",
]
QUANTITIES = {
    "validation_loss": "relative",
    "generalisation_gap": "absolute",
    "activation_size": "relative",
    "sparsity": "absolute",
}
"""Quantity -> how its changes are stated: relative (0.1 is 10 % more) or in its own unit."""
VS_ZERO, VS_LOWEST, PER_DECADE, KINDS = "vs zero", "vs lowest", "per decade", "l1 vs l2"
FEWEST = 3
"""Trials of a decade of weights below which nothing is stated about it."""
ANY = "any"


def penalty_effects(source: Source) -> pd.DataFrame:
    """One row for each quantity and contrast; columns as in `COLUMNS`. Empty where no weight was varied.

    Quantities are those of `penalty_data`. Contrasts: each decade of the weight, weight_low … weight_high,
    against weight 0 (``vs zero``; against the lowest decade where 0 was not tried); the trend over the
    weights above 0 (``per decade``), of each kind of penalty where both were tried; and l1 against l2 at the
    same weight.

    Effects are coefficients of one regression for each kind of contrast, next to these nuisance terms:
    for each optimizer a parabola in log10 of the learning rate, a step for each activation and kind of
    penalty, and log10 of the weight for l1 vs l2. Relative effects are of the logarithm. Where weights
    were drawn independently of the rest, as in the explore phase, the nuisance model need not be right:
    it removes noise, not bias. Intervals are 95 % with HC3 errors, simultaneous over the decades of one
    quantity (Bonferroni). `found` where the interval leaves 0 out; `finding` is ``raises``, ``lowers``
    or ``no effect found``, which is not the same as no effect.
    """
    data = penalty_data(source)
    if data.empty:
        return pd.DataFrame(columns=COLUMNS)
    rows = [row for quantity in QUANTITIES for row in _of_quantity(data, quantity)]
    frame = pd.DataFrame(rows, columns=COLUMNS[:-2])
    found = (frame["low"] > 0) | (frame["high"] < 0)
    words = np.where(~found, "no effect found", np.where(frame["effect"] > 0, "raises", "lowers"))
    return frame.assign(found=found, finding=words)[COLUMNS]


Row = tuple[object, ...]


def _of_quantity(data: pd.DataFrame, quantity: str) -> Iterator[Row]:
    rows = data[np.isfinite(data[quantity].astype(float))].reset_index(drop=True)
    unit = QUANTITIES[quantity]
    if unit == "relative" and (rows[quantity] <= 0).any():
        unit = "absolute"
    values = rows[quantity].to_numpy(float)
    rows = rows.assign(y=np.log(values) if unit == "relative" else values)
    for contrast, kind, low, high, numbers, trials in (*_decades(rows), *_trends(rows), *_kinds(rows)):
        stated = np.expm1(numbers) if unit == "relative" else np.array(numbers)
        yield (quantity, contrast, kind, low, high, *map(float, stated), unit, trials)


Contrast = tuple[str, str, float, float, tuple[float, float, float], int]


def _decades(rows: pd.DataFrame) -> Iterator[Contrast]:
    """Each decade of weights against no penalty."""
    weight = rows["weight"].to_numpy(float)
    decade = np.full(len(rows), -np.inf)
    decade[weight > 0] = np.floor(np.log10(weight[weight > 0]) + 1e-9)
    sizes = pd.Series(decade).value_counts()
    known = sorted(place for place, size in sizes.items() if size >= FEWEST)
    if len(known) < 2:
        return
    kept = np.isin(decade, known)
    asked = np.stack([decade[kept] == place for place in known[1:]], axis=1).astype(float)
    found = fit(rows["y"].to_numpy(float)[kept], asked, _nuisance(rows[kept]))
    if found is None:
        return
    contrast = VS_ZERO if np.isneginf(known[0]) else VS_LOWEST
    low, high = found.ends(1 - 0.05 / len(known[1:]))
    for k, place in enumerate(known[1:]):
        numbers = (found.estimates[k], low[k], high[k])
        if np.isfinite(numbers).all():
            yield contrast, ANY, float(10.0**place), float(10.0 ** (place + 1)), numbers, int(sizes[place])


def _trends(rows: pd.DataFrame) -> Iterator[Contrast]:
    """Change per decade of the weight, among weights above 0."""
    above = rows[rows["weight"] > 0]
    kinds = sorted(above["kind"].unique())
    for kind in (ANY, *(kinds if len(kinds) > 1 else ())):
        part = above if kind == ANY else above[above["kind"] == kind]
        place = np.log10(part["weight"].to_numpy(float))
        if len(part) < FEWEST or np.ptp(place) < 1:
            continue
        found = fit(part["y"].to_numpy(float), (place - place.mean())[:, None], _nuisance(part))
        yield from _one(found, PER_DECADE, kind, part)


def _kinds(rows: pd.DataFrame) -> Iterator[Contrast]:
    """l1 against l2 at the same weight."""
    part = rows[(rows["weight"] > 0) & rows["kind"].isin(["l1", "l2"])]
    first = (part["kind"] == "l1").to_numpy(float)
    if min(first.sum(), len(first) - first.sum()) < FEWEST:
        return
    place = np.log10(part["weight"].to_numpy(float))[:, None]
    nuisance = np.concatenate([_nuisance(part.assign(kind="")), place], axis=1)
    yield from _one(fit(part["y"].to_numpy(float), first[:, None], nuisance), KINDS, ANY, part)


def _one(found: Fit | None, contrast: str, kind: str, part: pd.DataFrame) -> Iterator[Contrast]:
    """The only coefficient of a fit, where there is one."""
    if found is None or not np.isfinite(found.errors[0]):
        return
    low, high = found.ends(0.95)
    numbers = (float(found.estimates[0]), float(low[0]), float(high[0]))
    yield contrast, kind, float(part["weight"].min()), float(part["weight"].max()), numbers, len(part)


def _nuisance(rows: pd.DataFrame) -> np.ndarray:
    """A parabola in log10 rate for each optimizer, and a step for each activation and kind of penalty."""
    rate = np.log10(rows["learning_rate"].to_numpy(float))
    rate = rate - rate.mean()
    optimizers = pd.get_dummies(rows["optimizer"].astype("str"), dtype=float).to_numpy()
    steps = pd.get_dummies(rows[["activation", "kind"]].astype("str"), dtype=float).to_numpy()
    return np.concatenate([optimizers * rate[:, None] ** power for power in range(3)] + [steps], axis=1)
