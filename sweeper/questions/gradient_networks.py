"""What the gradients of one network show: slopes, factors between neighbours, the ratio of its ends."""

import math

import numpy as np
import pandas as pd

MEASURE = "gradient_norm"
SLOPE_COLUMNS = ["trial", "seed", "slope", "cut"]


def slopes(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per trial and seed; columns as in `SLOPE_COLUMNS`.

    slope: least-squares change of log10 ‖dL/da‖₂ per layer on the way back from the output to the input, in
    decades; null below two layers with a norm above 0. cut: some layer has a norm of exactly 0.
    `rows` are those of `gradient_norm` at one moment, with the columns trial, seed, layer, value.
    """
    keys = ["trial", "seed"]
    seen = rows["value"] > 0
    x = rows["layer"].where(seen).astype(float)
    y = np.log10(rows["value"].where(seen))
    parts = rows[keys].assign(n=seen.astype(float), cut=~seen, x=x, y=y, xx=x * x, xy=x * y)
    sums = parts.groupby(keys).sum()
    spread = sums["n"] * sums["xx"] - sums["x"] ** 2
    slope = -(sums["n"] * sums["xy"] - sums["x"] * sums["y"]) / spread.where(spread > 0)
    return pd.DataFrame({"slope": slope, "cut": sums["cut"] > 0}).reset_index()[SLOPE_COLUMNS]


def ratios(rows: pd.DataFrame) -> pd.DataFrame:
    """Columns trial, seed, ratio: the norm of the first layer over that of the last, as they were measured.

    `rows` as in `slopes`; null where the last norm is 0, or where there is one layer.
    """
    ordered = rows.sort_values("layer")
    ends = ordered.groupby(["trial", "seed"])["value"].agg(["first", "last", "size"])
    known = (ends["last"] > 0) & (ends["size"] > 1)
    return (ends["first"] / ends["last"].where(known)).rename("ratio").reset_index()


def changes(rows: pd.DataFrame) -> np.ndarray:
    """log10 of each norm over that of the next layer above, divided by their distance; norms above 0 alone.

    All networks of `rows`; neighbours are layers with an activation. A norm of 0 breaks the chain.
    """
    ordered = rows.sort_values(["trial", "seed", "layer"])
    logs = np.log10(ordered["value"].where(ordered["value"] > 0).to_numpy(float))
    same = (ordered["trial"].diff() == 0) & (ordered["seed"].diff() == 0)
    factors = -np.diff(logs, prepend=np.nan) / ordered["layer"].diff().to_numpy(float)
    found: np.ndarray = factors[same.to_numpy() & np.isfinite(factors)]
    return found


VANISHING, HEALTHY, EXPLODING, CUT = "vanishing", "healthy", "exploding", "cut off"
COUNTED = {"healthy": HEALTHY, "vanished": VANISHING, "exploded": EXPLODING, "cut": CUT}
"""Column that counts networks -> what they are."""
DECADES = 1.0
"""Change over the whole depth, in decades of the norm, from which a gradient vanishes or explodes: the
first layer then learns from a signal ten times smaller or larger than the last."""


def side(total: float) -> str:
    """The verdict on a change of `total` decades over the whole depth."""
    return VANISHING if total <= -DECADES else EXPLODING if total >= DECADES else HEALTHY


def measured(networks: pd.DataFrame) -> dict[str, float]:
    """What the networks show, one by one: the ratios of their ends, and how many are healthy or not."""
    known = networks["ratio"].dropna().to_numpy(float)
    whole = networks.loc[~networks["cut"] & networks["ratio"].notna(), "ratio"]
    sides = [side(math.log10(ratio)) for ratio in whole]
    ratio, low, high = np.quantile(known, [0.5, 0, 1]) if len(known) else (np.nan,) * 3
    return {
        "ratio": float(ratio),
        "ratio_low": float(low),
        "ratio_high": float(high),
        "healthy": sides.count(HEALTHY),
        "vanished": sides.count(VANISHING),
        "exploded": sides.count(EXPLODING),
        "cut": int(networks["cut"].sum()),
        "total": math.log10(ratio) if ratio > 0 else math.nan,
    }


ROUNDING = 1e-4
"""Decades per layer within which slopes of one seed are those of one network: engines add in other orders."""


def distinct(found: pd.DataFrame) -> pd.DataFrame:
    """Networks before training, each once, of `slopes` of one activation.

    Networks of different seeds differ. Those of one seed may too, as by their width; where their slopes are
    equal but for rounding they are one.
    """
    ordered = found.sort_values(["seed", "slope"])
    slope = ordered["slope"]
    near = (slope.diff() <= ROUNDING) | (slope.isna() & slope.shift().isna())
    return ordered[~(near & (ordered["seed"].diff() == 0))]
