"""Do gradients vanish or explode at initialisation? By how many decades a layer?"""

import numpy as np
import pandas as pd

from sweeper.questions.checks.finding import Finding, judge, spread, text, unknown
from sweeper.questions.run_data import RunData
from sweeper.statistics.intervals import interval
from sweeper.study.expect import Slope

UNIT = "decades per layer"


def slope(run: RunData, asked: Slope) -> Finding:
    """Found: the whole interval of the mean change per layer lies below `below` (above `above`)."""
    steps, depth, networks = increments(run, asked.parameter, asked.value)
    if len(steps) < 2:
        return unknown(
            UNIT, f"Gradients at initialisation were measured for no {asked.parameter} = {asked.value}."
        )
    limit = asked.below if asked.below is not None else asked.above
    assert limit is not None
    mean, (low, high) = float(steps.mean()), interval(steps)
    verdict = judge(low, high, limit, below=asked.below is not None)
    nets = "network" if networks == 1 else "networks"
    basis = f"{len(steps)} steps from layer to layer in {networks} untrained {nets} of {depth} layers"
    side = "below" if asked.below is not None else "above"
    middle, ends = spread(mean, low, high)
    said = (
        f"With {asked.parameter} = {asked.value} the gradient changes by {middle} decades per layer on its "
        f"way back to the input (95 % interval {ends}; {basis}); expected {side} {text(limit)}."
    )
    return Finding(verdict, mean, low, high, UNIT, basis, said)


def increments(run: RunData, parameter: str, value: object) -> tuple[np.ndarray, int, int]:
    """log10 of ‖dL/da‖ of each layer over that of the layer above it, at step 0; depth; networks behind it.

    Of the deepest networks with this value, every distinct initialisation once: the weights of layers are
    drawn independently, and so their factors nearly are (mean-field theory).
    """
    chosen = run.trials.loc[run.trials[parameter] == value, ["trial", "seed"]].drop_duplicates()
    rows = run.layers[(run.layers["measure"] == "gradient_norm") & (run.layers["step"] == 0)]
    rows = rows[rows["value"] > 0].merge(chosen, on=["trial", "seed"])
    if rows.empty:
        return np.array([]), 0, 0
    depth = rows.groupby(["trial", "seed"])["layer"].transform("max") + 1
    deepest = rows[depth == depth.max()]
    norms = deepest.pivot(index=["trial", "seed"], columns="layer", values="value").dropna()
    logs = pd.DataFrame(np.log10(norms.to_numpy(dtype=float))).round(6).drop_duplicates().to_numpy()
    return -np.diff(logs, axis=1).ravel(), int(depth.max()), len(logs)
