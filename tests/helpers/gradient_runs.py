"""Runs of networks whose gradient norms are given."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from run_data import run_data

from sweeper.questions.run_data import RunData


def line(slope: float, depth: int = 8, noise: float = 0.0, seed: int = 0) -> list[float]:
    """Norms by layer, 1 at the output, changing by `slope` decades a layer on the way back."""
    rng = np.random.default_rng(seed)
    return [10 ** (slope * (depth - 1 - k) + noise * rng.normal()) for k in range(depth)]


def made(lines: dict[str, list[list[float]]], **more: Sequence[float]) -> RunData:
    """activation -> norms by layer of each trial, measured at step 0; and shares of units, if given.

    `more` maps ``saturated`` or ``dead`` to a share by layer, the same for all trials, at steps 0 and 9.
    """
    names = [name for name, norms in lines.items() for _ in norms]
    base = {"seed": 0, "phase": "explore", "outcome": "completed", "objective": 0.5, "learning_rate": 0.1}
    trials = pd.DataFrame({"trial": range(len(names)), "activation": names}).assign(optimizer="sgd", **base)
    profiles = [norms for lists in lines.values() for norms in lists]
    rows = [
        (trial, 0, 0, layer, "gradient_norm", float(norm))
        for trial, norms in enumerate(profiles)
        for layer, norm in enumerate(norms)
    ]
    for measure, shares in more.items():
        rows += [
            (trial, 0, step, layer, measure, float(share))
            for trial in range(len(names))
            for step in (0, 9)
            for layer, share in enumerate(shares)
        ]
    layers = pd.DataFrame(rows, columns=["trial", "seed", "step", "layer", "measure", "value"])
    curves = pd.DataFrame(columns=["trial", "seed", "step", "metric", "value"])
    return run_data(trials, curves, layers)
