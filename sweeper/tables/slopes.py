"""How the gradient changes from layer to layer, trial by trial."""

import numpy as np
import pandas as pd

MEASURE = "gradient_norm"
COLUMNS = ["trial", "seed", "activation", "slope", "cut"]


def slopes(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per trial and seed; columns as in `COLUMNS`.

    slope: least-squares change of log10 ‖dL/da‖₂ per layer on the way back from the output to the input, in
    decades; null below two layers with a norm above 0. cut: some layer has a norm of exactly 0. `rows`
    are those of `gradient_norm` at one moment, with the columns trial, seed, layer, value, activation.
    """
    keys = ["trial", "seed"]
    cut = (rows["value"] <= 0).groupby([rows[key] for key in keys]).any()
    seen = rows[rows["value"] > 0]
    x, y = seen["layer"].astype(float), pd.Series(np.log10(seen["value"]), index=seen.index)
    sums = pd.DataFrame(
        {"trial": seen["trial"], "seed": seen["seed"], "x": x, "y": y, "xx": x * x, "xy": x * y}
    )
    found = sums.groupby(keys).agg(
        n=("x", "size"), x=("x", "sum"), y=("y", "sum"), xx=("xx", "sum"), xy=("xy", "sum")
    )
    spread = found["n"] * found["xx"] - found["x"] ** 2
    slope = -(found["n"] * found["xy"] - found["x"] * found["y"]) / spread.where(spread > 0)
    names = rows.drop_duplicates(keys).set_index(keys)["activation"].astype("str")
    frame = pd.DataFrame(
        {"activation": names, "slope": slope.reindex(names.index), "cut": cut.reindex(names.index)}
    )
    return frame.reset_index()[COLUMNS]
