"""How the gradient changes from layer to layer, trial by trial."""

import numpy as np
import pandas as pd

MEASURE = "gradient_norm"
COLUMNS = ["trial", "seed", "slope", "cut"]


def slopes(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per trial and seed; columns as in `COLUMNS`.

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
    return pd.DataFrame({"slope": slope, "cut": sums["cut"] > 0}).reset_index()[COLUMNS]


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
