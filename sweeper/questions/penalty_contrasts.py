"""What an activation penalty may change, trial by trial, and its contrasts with other settings held alike."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from sweeper.answer.rows import completed_search
from sweeper.components.activations import ACTIVATIONS
from sweeper.questions.losses import of_search
from sweeper.questions.penalty import penalty
from sweeper.questions.run_data import RunData
from sweeper.statistics.regression import Fit, fit

SPARSE = {name for name, entry in ACTIVATIONS.items() if entry.zero_when_flat}
VS_ZERO, VS_LOWEST, PER_DECADE, KINDS = "vs zero", "vs lowest", "per decade", "l1 vs l2"
FEWEST = 3
"""Trials of a decade of weights below which nothing is stated about it."""
ANY = "any"
Contrast = tuple[str, str, float, float, tuple[float, float, float], int]
"""Contrast, kind of penalty, lowest and highest weight, effect with its interval, trials."""


def penalty_data(run: RunData) -> pd.DataFrame:
    """One row per completed search trial; empty where `penalty` is.

    Columns: trial, optimizer, activation, learning_rate, weight, kind (of the penalty; ``l2`` where it
    was not searched), and

    validation_loss: the lowest of the trial's evaluation points.
    generalisation_gap: validation loss − train loss at that point. The train loss is the mean over the
        batches since the evaluation before, without the penalty.
    activation_size: root mean square of all activations at the end of training, see `penalty`.
    sparsity: share of activations at exactly 0 at the end, mean over layers; of ReLU networks alone.
    """
    known = penalty(run)[["trial", "activation_size"]]
    done = completed_search(run.trials)
    frame = done[done["trial"].isin(known["trial"])].merge(known, on="trial")
    kind = frame["penalty_kind"] if "penalty_kind" in frame else pd.Series("l2", index=frame.index)
    frame = frame.assign(weight=frame.get("activation_penalty", 0.0), kind=kind.fillna("l2").astype("str"))
    frame = frame.merge(_losses(run, done), on="trial", how="left")
    frame = frame.merge(_sparsity(run, done), on="trial", how="left")
    names = ["trial", "optimizer", "activation", "learning_rate", "weight", "kind"]
    return frame[[*names, "validation_loss", "generalisation_gap", "activation_size", "sparsity"]]


def _losses(run: RunData, done: pd.DataFrame) -> pd.DataFrame:
    rows = run.curves[run.curves["step"] > 0]
    validation, train = (
        of_search(done, rows[rows["metric"] == name])[["trial", "step", "value"]]
        for name in ("validation_loss", "train_loss")
    )
    both = validation.merge(train, on=["trial", "step"], suffixes=("", "_train")).dropna()
    best = both.sort_values("value", kind="stable").drop_duplicates("trial")
    best = best.assign(generalisation_gap=best["value"] - best["value_train"])
    return best.rename(columns={"value": "validation_loss"})[
        ["trial", "validation_loss", "generalisation_gap"]
    ]


def _sparsity(run: RunData, done: pd.DataFrame) -> pd.DataFrame:
    sparse = done[done["activation"].isin(SPARSE)]
    rows = run.layers[["trial", "seed", "step", "layer", "value"]]
    rows = of_search(sparse, rows[(run.layers["measure"] == "saturated").to_numpy()])
    rows = rows[rows["step"] == rows.groupby("trial")["step"].transform("max")]
    share = rows[np.isfinite(rows["value"])].groupby("trial")["value"].mean()
    return share.rename("sparsity").reset_index()


def decades(rows: pd.DataFrame) -> Iterator[Contrast]:
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


def trends(rows: pd.DataFrame) -> Iterator[Contrast]:
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


def kinds(rows: pd.DataFrame) -> Iterator[Contrast]:
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
