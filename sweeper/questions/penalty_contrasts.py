"""What an activation penalty may change, trial by trial, and its contrasts with other settings held alike."""

import math
from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pandas as pd

from sweeper.answer.rows import completed_search, with_names
from sweeper.components.activations import ACTIVATIONS
from sweeper.questions.losses import of_search
from sweeper.questions.penalty import kinds_of, penalty
from sweeper.questions.penalty_nuisance import held, settings_of
from sweeper.questions.run_data import RunData
from sweeper.statistics.decades import part_of
from sweeper.statistics.regression import Fit
from sweeper.trial import HIGHER

SPARSE = {name for name, entry in ACTIVATIONS.items() if entry.zero_when_flat}
VS_ZERO, VS_LOWEST, PER_DECADE = "vs zero", "vs lowest", "per decade"
BETWEEN = " vs "
"""Between the names of two kinds of penalty that are compared."""
FEWEST = 5
"""Trials of a decade of weights below which nothing is stated about it."""
ANY = "any"
Ends = tuple[float, float]
Contrast = tuple[str, str, float, float, tuple[float, float, float], int, str, Ends]
"""Contrast, kind of penalty, lowest and highest weight, effect with its interval, trials, settings that are
not held equal, and how far down and up the effect can go."""
ANYWHERE = (-math.inf, math.inf)


def penalty_data(run: RunData) -> pd.DataFrame:
    """One row per completed search trial; empty where `penalty` is.

    Columns: trial, phase, optimizer, activation, learning_rate, weight, kind (of the penalty, see
    `kinds_of`), every other setting (see `settings_of`), and

    the objective under its name, as it is read, where it is not the validation loss.
    validation_loss: the lowest of the trial's evaluation points after step 0.
    generalisation_gap: validation loss − train loss at that point. The train loss is the mean over the
        batches since the evaluation before, without the penalty.
    activation_size: root mean square of all activations at the end of training, see `penalty`.
    sparsity: share of activations at exactly 0 at the end, mean over layers; of ReLU networks alone.
    """
    known = penalty(run)[["trial", "activation_size"]]
    done = with_names(completed_search(run.trials), run.default_activation)
    frame = done[done["trial"].isin(known["trial"])].merge(known, on="trial")
    settings = settings_of(frame.drop(columns="activation_size"))
    objective = run.ranked.read(frame[["objective"]].astype(float), "objective")["objective"]
    measured = dict.fromkeys((objective_name(run), *MEASURED))
    frame = frame.assign(weight=frame.get("activation_penalty", 0.0), kind=kinds_of(frame))
    frame = frame.merge(_losses(run, done), on="trial", how="left")
    frame = frame.merge(_sparsity(run, done), on="trial", how="left")
    if objective_name(run) not in frame:
        frame = frame.assign(**{objective_name(run): objective.to_numpy()})
    names = ["trial", "phase", "optimizer", "activation", "learning_rate", "weight", "kind"]
    return frame[[*names, *measured]].join(settings)


MEASURED = ("validation_loss", "generalisation_gap", "activation_size", "sparsity")
"""What the penalty may change, next to the objective."""


def objective_name(run: RunData) -> str:
    """The quantity that ranks trials: ``validation_auc``."""
    return run.objective.removesuffix(HIGHER)


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


def decades(rows: pd.DataFrame, ends: Ends = ANYWHERE) -> Iterator[Contrast]:
    """Each decade of the weights of each kind against no penalty, else against the lowest of the kind.

    `ends`: the lowest and the highest value of ``y``.
    """
    weight = rows["weight"].to_numpy(float)
    decade = part_of(rows["weight"]).fillna(-np.inf)
    free, kind = np.isneginf(decade), rows["kind"].where(weight > 0, "")
    sizes = pd.Series(list(zip(kind, decade, strict=True)), index=rows.index, dtype=object)
    counts = sizes.value_counts()
    known = sorted(place for place, size in counts.items() if size >= FEWEST)
    zeros = free.sum() >= FEWEST
    asked = [place for place in known if place[0] and (zeros or place != _lowest(known, place[0]))]
    if not asked:
        return
    kept = sizes.isin([place for place in known if zeros or place[0]])
    columns = np.stack([(sizes[kept] == place).to_numpy(float) for place in asked], axis=1)
    part = rows[kept]
    part = part.assign(kind="") if zeros else part  # without penalty, its kind is a name and no setting
    found, left_out = held(part, columns)
    if found is None:
        return
    low, high = found.ends(1 - 0.05 / len(asked))
    several = len({place[0] for place in asked}) > 1
    for k, (name, place) in enumerate(asked):
        numbers = (found.estimates[k], low[k], high[k])
        if np.isfinite(numbers).all():
            tried = weight[sizes.isin([(name, place)]).to_numpy()]
            weights = float(tried.min()), float(tried.max())
            room = _room(rows.loc[sizes.isin([("", -np.inf) if zeros else _lowest(known, name)]), "y"], ends)
            where = VS_ZERO if zeros else VS_LOWEST, name if several else ANY, *weights
            yield *where, numbers, int(counts[name, place]), left_out, room


def _lowest(known: list[tuple[str, float]], kind: str) -> tuple[str, float]:
    return min(place for place in known if place[0] == kind)


def _room(beside: "pd.Series[float]", ends: Ends) -> Ends:
    """How far trials can lie from the mean of those `beside` which they are compared with."""
    return ends[0] - float(beside.mean()), ends[1] - float(beside.mean())


def trends(rows: pd.DataFrame, ends: Ends = ANYWHERE) -> Iterator[Contrast]:
    """Change per decade of the weight, among weights above 0, of each kind."""
    above = rows[rows["weight"] > 0]
    kinds = sorted(above["kind"].unique())
    for kind in kinds:
        part = above[above["kind"] == kind]
        place = np.log10(part["weight"].to_numpy(float))
        if len(part) < FEWEST or np.ptp(place) < 1:
            continue
        width = (ends[1] - ends[0]) / float(np.ptp(place))  # a straight line leaves no more to a decade
        yield from _one(
            held(part, (place - place.mean())[:, None]),
            PER_DECADE,
            kind if len(kinds) > 1 else ANY,
            part,
            (-width, width),
        )


def kinds(rows: pd.DataFrame, ends: Ends = ANYWHERE) -> Iterator[Contrast]:
    """Each pair of kinds at the same weight: ``l1 vs l2``."""
    above = rows[rows["weight"] > 0]
    sizes = above["kind"].value_counts()
    pairs = list(combinations(sorted(sizes.index[sizes >= FEWEST]), 2))
    for pair in pairs:
        part = above[above["kind"].isin(pair)]
        first = (part["kind"] == pair[0]).to_numpy(float)
        place = np.log10(part["weight"].to_numpy(float))[:, None]
        yield from _one(
            held(part.assign(kind=""), first[:, None], place),
            BETWEEN.join(pair),
            ANY,
            part,
            _room(part.loc[part["kind"] == pair[1], "y"], ends),
            1 - 0.05 / len(pairs),
        )


def _one(
    fitted: tuple[Fit | None, str],
    contrast: str,
    kind: str,
    part: pd.DataFrame,
    room: Ends,
    level: float = 0.95,
) -> Iterator[Contrast]:
    """The only coefficient of a fit, where there is one."""
    found, left_out = fitted
    if found is None or not np.isfinite(found.errors[0]):
        return
    low, high = found.ends(level)
    numbers = (float(found.estimates[0]), float(low[0]), float(high[0]))
    yield (
        contrast,
        kind,
        float(part["weight"].min()),
        float(part["weight"].max()),
        numbers,
        len(part),
        left_out,
        room,
    )
