"""Does the gradient reach the first layers? A verdict for each activation, with what to change."""

import math
from collections.abc import Callable, Hashable, Mapping
from functools import cache, partial
from typing import Any

import numpy as np
import pandas as pd

from sweeper.answer.rows import with_names
from sweeper.command_line import command_line
from sweeper.components.activations import ACTIVATIONS
from sweeper.questions.layers import ROWS, START, at_moments, layer_profile, layer_rows
from sweeper.questions.run_data import RunData, once
from sweeper.questions.units import units
from sweeper.statistics.intervals import FEWEST_FOR_BOOTSTRAP, interval
from sweeper.study.command_line import option
from sweeper.study.study import Study
from sweeper.wording import number, percent

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
VANISHING, HEALTHY, EXPLODING, CUT = "vanishing", "healthy", "exploding", "cut off"
DECADES = 1.0
"""Change over the whole depth, in decades of the norm, from which a gradient vanishes or explodes: the
first layer then learns from a signal ten times smaller or larger than the last."""


@once
def norms(run: RunData) -> pd.DataFrame:
    """`layer_profile` of ‖dL/da‖₂."""
    return layer_profile(run, (MEASURE,))


@once
def gradient_verdicts(run: RunData) -> pd.DataFrame:
    """One row for each moment and activation; columns as in `COLUMNS`. Empty where nothing was measured.

    slope, low, high: mean change of log10 ‖dL/da‖₂ per layer, backwards, with its 95 % interval over the
    `networks` that differ. At initialisation equal networks count once (trials of one activation and
    seed start alike), and those of fresh seeds count too; where they are fewer than five, the interval
    is that of the factors between their layers, which are nearly independent there (mean-field
    theory). depth: layers with an activation.

    ratio: norm at the first layer over that at the last, the median of the networks; ratio_low and ratio_high
    are the least and the largest. healthy, vanished, exploded, cut: how many networks are that by their own
    ratio, or have a layer that no gradient reaches. total: log10 of ratio; null where it is 0.
    verdict: vanishing where the total is −`DECADES` or less, exploding from +`DECADES`; cut off where half of
    the networks or more are. sure: the interval of the slope × the layers between the first and the last lies
    on that side too.

    layers: those whose median norm is less than a tenth (vanishing) or more than ten times (exploding)
    that of the last; ``0-3, 5``. layer_names: what the model calls them, ``net.0 to net.6, head``. saturated,
    dead: the largest median share of a layer, and which layer that is, by number and name. suggestion: see
    `gradient_advice`; empty where there is nothing to mend.
    """
    rows = layer_rows(run, MEASURE)
    if rows.empty:
        return pd.DataFrame(columns=COLUMNS)
    depth = int(rows["depth"].iloc[0])
    profile, shares = norms(run), units(run)
    found: list[dict[str, object]] = []
    for moment, part in at_moments(run, rows).items():
        searched = part.groupby("activation", observed=True)["trial"].nunique()
        part = part.assign(activation=part["activation"].astype("str"))
        part = pd.concat([part, _fresh(run, depth)]) if moment == START else part
        for activation, lines in part.groupby("activation"):
            row = {
                "moment": moment,
                "activation": str(activation),
                "trials": int(searched.get(activation, 0)),
            }
            row |= _judged(lines, moment == START)
            row |= _far(_at(profile, moment, activation), str(row["verdict"]))
            row |= _worst(_at(shares, moment, activation))
            found.append(row)
    frame = pd.DataFrame(found)
    starts = frame[frame["moment"] == START].set_index("activation")["verdict"].to_dict()
    init, settable = _init(run.study), cache(partial(_option, run.study))
    texts = [advice(row, starts.get(row["activation"]), init, settable) for row in frame.to_dict("records")]
    return frame.assign(suggestion=texts)[COLUMNS]


def _option(study: Study, setting: str) -> str:
    """The option that sets it; none for another model where the model is the user's own or no plain stack."""
    if setting.startswith("model.source=") and study.model.source != "mlp":
        return ""
    return option(study, setting)


def _judged(rows: pd.DataFrame, start: bool) -> dict[str, object]:
    span = int(rows["layer"].max() - rows["layer"].min())
    found = slopes(rows).merge(ratios(rows), on=["trial", "seed"])
    cut = float(found["cut"].mean())
    if start:
        found = found[~found["slope"].round(9).duplicated()]
    seen = _measured(found)
    found = found[np.isfinite(found["slope"])]
    slope = float(found["slope"].mean()) if len(found) else np.nan
    if start and len(found) < FEWEST_FOR_BOOTSTRAP:
        factors = changes(rows.merge(found[["trial", "seed"]], on=["trial", "seed"]))
        low, high = (
            (slope + end - factors.mean() for end in interval(factors)) if len(factors) else (np.nan,) * 2
        )
    else:
        low, high = interval(found["slope"].to_numpy())
    verdict = CUT if cut >= 0.5 else side(seen["total"])
    sure = verdict == CUT or (side(low * span) == side(high * span) == verdict and not np.isnan(low))
    numbers = {"slope": slope, "low": low, "high": high, "networks": len(found), **seen}
    return {"verdict": verdict, "sure": sure, "depth": rows["layer"].nunique(), **numbers}


def _measured(networks: pd.DataFrame) -> dict[str, float]:
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


def _init(study: Study) -> str:
    """The initializer that the study names, or that built-in models take by themselves; empty: not known."""
    builtin = isinstance(study.model.source, str) and ":" not in study.model.source
    return study.model.init or ("auto" if builtin else "")


def side(total: float) -> str:
    """The verdict on a change of `total` decades over the whole depth."""
    return VANISHING if total <= -DECADES else EXPLODING if total >= DECADES else HEALTHY


def _fresh(run: RunData, depth: int) -> pd.DataFrame:
    """Norms at initialisation of the fresh seeds, of networks with `depth` layers."""
    confirm = with_names(run.trials[run.trials["phase"] == "confirm"])
    layers = run.layers
    wanted = ((layers["step"] == 0) & layers["trial"].isin(confirm["trial"])).to_numpy()
    rows = layers[wanted & (layers["measure"] == MEASURE).to_numpy()][ROWS]
    rows = rows[np.isfinite(rows["value"])].merge(
        confirm[["trial", "seed", "activation"]], on=["trial", "seed"]
    )
    deepest = rows.groupby(["trial", "seed"])["layer"].transform("max")
    return rows[deepest + 1 == depth]


def _at(frame: pd.DataFrame, moment: str, activation: object) -> pd.DataFrame:
    return frame[(frame["moment"] == moment) & (frame["activation"] == activation)]


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


def _worst(units: pd.DataFrame) -> dict[str, object]:
    found: dict[str, object] = {}
    for measure in ("saturated", "dead"):
        part = units[units["measure"] == measure]
        worst = part.loc[part["median"].idxmax()] if len(part) else None
        found[measure] = np.nan if worst is None else float(worst["median"])
        found[f"{measure}_layer"] = pd.NA if worst is None else int(worst["layer"])
        found[f"{measure}_name"] = "" if worst is None else str(worst["layer_name"])
    return found


DEAD = 0.25
"""Median share of dead units in a layer from which they are worth a word."""
SATURATED = 0.5
"""The same for saturated elements, of activations that are flat on both sides."""


def _cures(trouble: str) -> str:
    """``search.space.activation=["relu", …]``: the activations that are proposed against `trouble`."""
    names = ", ".join(f'"{name}"' for name, entry in ACTIVATIONS.items() if trouble in entry.cures)
    return f"search.space.activation=[{names}]"


Settable = Callable[[str], str]
"""``key=value`` -> the option that sets it, empty where the study does not take it."""


def every_option(setting: str) -> str:
    """``--set key=value`` whatever the study."""
    return command_line(["--set", setting])


def advice(
    row: Mapping[Hashable, Any], at_start: str | None, init: str, settable: Settable = every_option
) -> str:
    """One or two sentences with a ready ``--set`` where the study takes it; empty where nothing is to mend.

    `row` is one of `gradient_verdicts`, `at_start` the verdict on its activation at
    initialisation, `init` the study's initializer (empty: not known). The rules, first that holds:

    1. dead units in a quarter or more of a layer: an activation that is never quite flat, or a lower rate.
    2. healthy, or not sure: nothing.
    3. cut off: what is flat at the layer where the gradient ends, as far as that is known.
    4. healthy at initialisation but not at the end: training did it, so a lower rate.
    5. vanishing, and the activation's slope is nowhere above ½ (sigmoid): no usual initialisation makes up
       for it; another activation.
    6. half of the elements saturated on an activation that is flat on both sides: smaller initial weights.
    7. an initializer that is not ``auto``: that one, or the gain of the activation.
    8. else fewer layers: as many as stay within a factor of ten.
    """
    verdict, name = str(row["verdict"]), str(row["activation"])
    if row["dead"] >= DEAD and row["moment"] != START:
        text = f"{percent(row['dead'])} of the units of {_layer(row, 'dead')} are dead: try "
        text += f"activations that are never quite flat{_by(settable(_cures('dead')))}"
        return f"{text} or a lower learning rate."
    if verdict == HEALTHY or not row.get("sure", True):
        return ""
    if verdict == CUT:
        return _cut_off(row, CUT if row["moment"] == START else at_start)
    if row["moment"] != START and at_start == HEALTHY:
        warm = settable("search.space.schedule=warmup_cosine")
        text = "It was healthy at initialisation, so training did it: try a lower learning rate"
        return f"{text}{f' or a schedule with warm-up ({warm})' if warm else ''}."
    steepest, flat, gain = _facts(name)
    if verdict != EXPLODING and steepest <= 0.5:
        text = f"The slope of {name} is at most {number(steepest, 2)}, so each layer shrinks the gradient: "
        return (
            f"{text}try a steeper activation{_by(settable(_cures('vanishing')))}{_shallower(row, settable)}."
        )
    if verdict != EXPLODING and flat and row["saturated"] >= SATURATED:
        text = f"{percent(row['saturated'])} of {_layer(row, 'saturated')} is saturated"
        return f"{text}: its initial weights are too large{_by(settable('model.init=xavier'))}."
    if init != "auto":
        text = f"The initial weights are too {'large' if verdict == EXPLODING else 'small'} for {name}"
        mended = settable("model.init=auto")
        if not mended and gain:
            mended = f"their deviation times the root of a layer's inputs should be about {number(gain, 2)}"
        return f"{text}{f': {mended}' if mended else ''}{_shallower(row, settable)}."
    residual = settable("model.source=residual_mlp")
    text = f"Try fewer layers{_shallower(row, settable, ': ')}"
    return f"{text}{f', or a residual model ({residual})' if residual else ''}."


def _by(option: str) -> str:
    return f" ({option})" if option else ""


def _cut_off(row: Mapping[Hashable, Any], at_start: str | None) -> str:
    """What lies where the gradient ends: a layer dead or saturated throughout, or neither. No rate mends what
    was cut off before the first step."""
    cure = "other initial weights" if at_start == CUT else "a lower learning rate"
    for measure, words in (("dead", "units"), ("saturated", "elements")):
        if row[measure] >= 0.99:
            text = f"{percent(row[measure])} of the {words} of {_layer(row, measure)} are {measure}, so no "
            return f"{text}gradient passes it: try {cure}."
    where = f" ({row['layer_names']})" if row["layer_names"] else ""
    return (
        f"No layer is dead or saturated throughout, so look for what stops the gradient above layers "
        f"{row['layers']}{where}: weights of exactly 0, or a detached tensor."
    )


def _layer(row: Mapping[Hashable, Any], measure: str) -> str:
    """``layer 3 (net.6)``"""
    name = row.get(f"{measure}_name")
    return f"layer {row[f'{measure}_layer']}" + (f" ({name})" if name else "")


def _facts(name: str) -> tuple[float, bool, float | None]:
    """Largest slope of an activation, whether it is flat on both sides, its gain; (1, no, –) where not
    known."""
    if name not in ACTIVATIONS:
        return 1.0, False, None
    # loaded late: torch takes seconds
    from sweeper.theory.activation_facts import facts_of

    facts = facts_of(name)
    return facts.lipschitz or 1.0, facts.saturates == "both", facts.gain


def _shallower(row: Mapping[Hashable, Any], settable: Settable, before: str = ", or fewer layers: ") -> str:
    """The depth whose gradient changes by less than a decade, as an option; empty where no slope is known."""
    slope = float(row["slope"])
    if not math.isfinite(slope) or slope == 0:
        return ""
    depth = math.ceil(1 / abs(slope))
    shorter = settable(f"model.depth={depth}") if depth < row["depth"] else ""
    return f"{before}{shorter}" if shorter else ""
