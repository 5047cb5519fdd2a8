"""Does the gradient reach the first layers? A verdict for each activation, with what to change."""

from collections.abc import Hashable, Mapping
from functools import cache, partial
from typing import Any

import numpy as np
import pandas as pd

from sweeper.answer.rows import with_names
from sweeper.questions.gradient_advice import advice, option_of
from sweeper.questions.gradient_networks import (
    COUNTED,
    CUT,
    EXPLODING,
    HEALTHY,
    MEASURE,
    changes,
    distinct,
    measured,
    ratios,
    side,
    slopes,
)
from sweeper.questions.layers import (
    ROWS,
    START,
    at_moments,
    layer_profile,
    layer_rows,
    named_layers,
    profile_of,
)
from sweeper.questions.range_edges import highest_rates_best
from sweeper.questions.run_data import RunData, once
from sweeper.questions.structures import alike, base_of, structures
from sweeper.questions.units import SHARES
from sweeper.statistics.intervals import FEWEST_FOR_BOOTSTRAP, interval, shows_majority
from sweeper.statistics.trend import rises
from sweeper.study.settings import default_init
from sweeper.wording import listing

COLUMNS = [
    "moment",
    "activation",
    "verdict",
    "sure",
    "slope",
    "low",
    "high",
    "networks",
    "ratio",
    "ratio_low",
    "ratio_high",
    "healthy",
    "vanished",
    "exploded",
    "cut",
    "trials",
    "depth",
    "total",
    "layers",
    "layer_names",
    "saturated",
    "saturated_layer",
    "saturated_name",
    "dead",
    "dead_layer",
    "dead_name",
    "suggestion",
]

NETWORK = ["trial", "seed"]
"""What tells networks of one moment apart."""


@once
def norms(run: RunData) -> pd.DataFrame:
    """Median and quartiles of ‖dL/da‖₂ over the networks that the verdicts are about; columns as those of
    `layer_profile`, of which `trials` counts networks."""
    return named_layers(run, profile_of(dict(list(networks(run).groupby("moment"))), MEASURE))


@once
def networks(run: RunData) -> pd.DataFrame:
    """The norms of the networks that count: columns moment and those of `layer_rows`.

    At initialisation those of fresh seeds count too, and equal ones once: trials of one activation and seed
    start alike. At the end the completed trials of the search.
    """
    rows = layer_rows(run, MEASURE)
    if rows.empty:
        return rows.assign(moment="")
    parts = []
    for moment, part in at_moments(run, rows.assign(activation=rows["activation"].astype("str"))).items():
        if moment == START:
            part = pd.concat([part, _fresh(run, int(rows["layer"].max()))]).assign(
                depth=part["depth"].iloc[0]
            )
            part = _each_once(part)
        parts.append(part.assign(moment=moment))
    return pd.concat(parts, ignore_index=True)


def _each_once(rows: pd.DataFrame) -> pd.DataFrame:
    """`rows` of networks that differ, those of one activation together."""
    found = slopes(rows).merge(rows[[*NETWORK, "activation"]].drop_duplicates(), on=NETWORK)
    kept = pd.concat([distinct(own) for _, own in found.groupby("activation")])
    return rows.merge(kept[NETWORK], on=NETWORK).sort_values("activation", kind="stable")


@once
def gradient_verdicts(run: RunData) -> pd.DataFrame:
    """One row for each moment and activation; columns as in `COLUMNS`. Empty where nothing was measured,
    and for networks of one layer.

    slope, low, high: mean change of log10 ‖dL/da‖₂ per layer, backwards, with its 95 % interval over the
    `networks` that differ. At initialisation equal networks count once (trials of one activation and
    seed start alike), and those of fresh seeds count too; where they are fewer than five, the interval
    is that of the factors between their layers, which are nearly independent there (mean-field
    theory). One network has no interval; whether its verdict is sure follows from these factors. depth:
    layers with an activation.

    ratio: norm at the first layer over that at the last, the median of the networks; ratio_low and ratio_high
    are the least and the largest. healthy, vanished, exploded, cut: how many networks are that by their own
    ratio, or have a layer that no gradient reaches. total: log10 of ratio; null where it is 0.
    verdict: vanishing where the total is −`DECADES` or less, exploding from +`DECADES`; cut off where half of
    the networks or more are. sure: the 95 % interval of the mean of log10 of the ratio lies on that side too;
    at initialisation, with fewer than five networks, that of the slope × the layers between; or so many
    networks do that more than half of all such networks will, see `shows_majority`. Where a network is cut
    off, whose ratio may be 0, only the latter counts.

    layers: those whose median norm is less than a tenth (vanishing) or more than ten times (exploding)
    that of the last; ``0-3, 5``. layer_names: what the model calls them, ``net.0 to net.6, head``. saturated,
    dead: the largest median share of a layer, and which layer that is, by number and name. suggestion: see
    `advice`; empty where there is nothing to mend.
    """
    counted = networks(run)
    if counted.empty or counted["depth"].iloc[0] < 2:  # nothing lies between
        return pd.DataFrame(columns=COLUMNS)
    profile, shares = norms(run), layer_profile(run, SHARES)
    searched = {
        moment: part.groupby(part["activation"].astype("str"))["trial"].nunique()
        for moment, part in at_moments(run, layer_rows(run, MEASURE)).items()
    }
    found: list[dict[str, object]] = []
    last = int(counted["layer"].max())
    medians, worst = (dict(list(each.groupby(["moment", "activation"]))) for each in (profile, shares))
    before = _dead_at_start(run)
    dead = dict(list(before.groupby("activation")))
    penalized = _penalized(run)
    for moment, part in counted.groupby("moment", sort=False):
        shown = part[[*NETWORK, "activation"]].drop_duplicates()
        shown = shown.merge(slopes(part), on=NETWORK).merge(ratios(part), on=NETWORK)
        for activation, lines in part.groupby("activation"):
            own, at = shown[shown["activation"] == activation].reset_index(drop=True), (moment, activation)
            row: dict[str, object] = {"moment": moment, "activation": activation}
            row |= {"trials": int(searched[str(moment)].get(activation, 0))}
            row |= _judged(lines, own, moment == START)
            row |= _far(medians.get(at, profile.head(0)), str(row["verdict"]))
            row |= _worst(worst.get(at, shares.head(0)))
            row |= _dead_before(dead.get(activation, before.head(0)), row["dead_layer"], last)
            row |= {"penalized": set(lines["trial"]) <= penalized}
            row |= {"healthier_above": _healthier_above(run, own)}
            found.append(row)
    frame = pd.DataFrame(found)
    starts = frame[frame["moment"] == START].set_index("activation")["verdict"].to_dict()
    init, settable = default_init(run.study) or "", cache(partial(option_of, run.study))
    high = highest_rates_best(run)
    tried = set(with_names(run.trials, run.default_activation)["activation"])
    texts = [
        _others_are(row, frame)
        or advice(row, starts.get(row["activation"]), init, settable, tried, highest_best=high)
        for row in frame.to_dict("records")
    ]
    return frame.assign(suggestion=texts if run.advises else "")[COLUMNS]


def _healthier_above(run: RunData, shown: pd.DataFrame) -> bool:
    """Whether the ratios of networks lie the nearer to 1 the higher their learning rate: one-sided test of
    Kendall's τ at 5 %."""
    rates = shown["trial"].map(run.trials.drop_duplicates("trial").set_index("trial")["learning_rate"])
    known = ((shown["ratio"] > 0) & (rates > 0)).to_numpy()
    near = -(np.log10(shown.loc[known, "ratio"]).abs())
    return bool(known.sum() >= FEWEST_FOR_BOOTSTRAP and rises(rates[known].to_numpy(), near.to_numpy()))


def _penalized(run: RunData) -> set[int]:
    """The trials whose activations are penalized; none where records of another program say nothing of it."""
    if "activation_penalty" not in run.trials:
        return set()
    return {int(trial) for trial in run.trials.loc[run.trials["activation_penalty"] > 0, "trial"]}


def _others_are(row: Mapping[Hashable, Any], frame: pd.DataFrame) -> str:
    """Which networks with the same activation and another structure are healthy, where these are not."""
    if row["verdict"] == HEALTHY or not row["sure"]:
        return ""
    sound = (frame["verdict"] == HEALTHY) & frame["sure"].astype(bool) & (frame["moment"] == row["moment"])
    base = frame["activation"].map(base_of) == base_of(str(row["activation"]))
    names = list(frame.loc[sound & base, "activation"])
    if not names:
        return ""
    return f"Gradients are healthy with {listing(names)}: prefer {'that' if len(names) == 1 else 'those'}."


def _judged(rows: pd.DataFrame, found: pd.DataFrame, start: bool) -> dict[str, object]:
    """The verdict on networks with these norms by layer, and with these slopes and ratios."""
    span = int(rows["layer"].max() - rows["layer"].min())
    cut = float(found["cut"].mean())
    seen = measured(found)
    found = found[np.isfinite(found["slope"])]
    slope = float(found["slope"].mean()) if len(found) else np.nan
    if start and len(found) < FEWEST_FOR_BOOTSTRAP:
        factors = changes(rows.merge(found[NETWORK], on=NETWORK))
        low, high = (
            (slope + end - factors.mean() for end in interval(factors)) if len(factors) else (np.nan,) * 2
        )
    else:
        low, high = interval(found["slope"].to_numpy())
    verdict = CUT if cut >= 0.5 else side(seen["total"])
    ends = (low * span, high * span)
    if not start or len(found) >= FEWEST_FOR_BOOTSTRAP:
        ends = interval(np.log10(found.loc[found["ratio"] > 0, "ratio"].to_numpy(float)))
    counts = {kind: int(seen[column]) for column, kind in COUNTED.items()}
    # a ratio of 0 has no logarithm: where a network is cut off, no mean tells of all of them
    known = not np.isnan(ends[0]) and not counts[CUT]
    within = known and side(ends[0]) == side(ends[1]) == verdict
    sure = (
        (verdict == CUT and (start or len(rows[NETWORK].drop_duplicates()) > 1))
        or within
        or shows_majority(counts[verdict], sum(counts.values()))
    )
    low, high = (low, high) if len(found) > 1 else (np.nan, np.nan)
    numbers = {"slope": slope, "low": low, "high": high, "networks": len(found), **seen}
    return {"verdict": verdict, "sure": sure, "depth": rows["layer"].nunique(), **numbers}


def _fresh(run: RunData, last: int) -> pd.DataFrame:
    """Norms at initialisation of the fresh seeds, of networks with this last layer."""
    confirm = run.trials[run.trials["phase"] == "confirm"]
    confirm = confirm[confirm["trial"].isin(alike(run))]
    confirm = confirm.assign(activation=confirm["trial"].map(structures(run)))
    layers = run.layers
    wanted = ((layers["step"] == 0) & layers["trial"].isin(confirm["trial"])).to_numpy()
    rows = layers[wanted & (layers["measure"] == MEASURE).to_numpy()][ROWS]
    rows = rows[np.isfinite(rows["value"])].merge(
        confirm[["trial", "seed", "activation"]], on=["trial", "seed"]
    )
    deepest = rows.groupby(["trial", "seed"])["layer"].transform("max")
    return rows[deepest == last]


def _far(profile: pd.DataFrame, verdict: str) -> dict[str, str]:
    """Layers that the verdict is about, runs joined: their numbers and their names."""
    medians = profile.set_index("layer")["median"].sort_index()
    if verdict == HEALTHY or medians.empty:
        return {"layers": "", "layer_names": ""}
    last = medians.iloc[-1]
    far = medians > 10 * last if verdict == EXPLODING else medians < 0.1 * last
    numbers = [int(layer) for layer in medians.index[far | ((verdict == CUT) & (medians == 0))]]
    called = profile.set_index("layer")["layer_name"]
    names = [
        " to ".join(str(called[n]) for n in dict.fromkeys((run[0], run[-1]))) for run in _joined(numbers)
    ]
    known = all(called[n] for n in numbers)
    return {"layers": runs(numbers), "layer_names": ", ".join(names) if known else ""}


def runs(numbers: list[int]) -> str:
    """``[0, 1, 2, 5]`` -> ``0-2, 5``; `numbers` rise."""
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in _joined(numbers))


def _joined(numbers: list[int]) -> list[list[int]]:
    joined: list[list[int]] = []
    for layer in numbers:
        if not joined or layer != joined[-1][-1] + 1:
            joined.append([])
        joined[-1].append(layer)
    return joined


def _dead_at_start(run: RunData) -> pd.DataFrame:
    """The recorded shares of dead units before training; columns trial, seed, layer, value, activation (see
    `structures`), last (layer of the trial) and alike."""
    rows = run.layers[["trial", "seed", "layer", "value"]]
    rows = rows[((run.layers["measure"] == "dead") & (run.layers["step"] == 0)).to_numpy()]
    named = rows["trial"].map(structures(run))
    last = rows.groupby("trial")["layer"].transform("max")
    return rows.assign(activation=named, last=last, alike=rows["trial"].isin(alike(run)))


def _dead_before(rows: pd.DataFrame, layer: object, last: int) -> dict[str, object]:
    """The median share of dead units of one layer before training, of `rows` of one activation as those of
    `_dead_at_start`, over draws of the weights: one for each seed, fresh ones too; and how many draws these
    are."""
    own = rows[rows["alike"] & (rows["last"] == last)]
    drawn = (
        own[own["layer"] == layer].drop_duplicates("seed")["value"]
        if pd.notna(layer)
        else own["value"].head(0)
    )
    return {"dead_before": float(drawn.median()), "draws": len(drawn)}


def _worst(units: pd.DataFrame) -> dict[str, object]:
    found: dict[str, object] = {}
    for measure in ("saturated", "dead"):
        part = units[units["measure"] == measure]
        worst = part.loc[part["median"].idxmax()] if len(part) else None
        found[measure] = np.nan if worst is None else float(worst["median"])
        found[f"{measure}_layer"] = pd.NA if worst is None else int(worst["layer"])
        found[f"{measure}_name"] = "" if worst is None else str(worst["layer_name"])
    return found
