"""Whether units saturate or die while training goes on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from sweeper.answer.claim_words import Statement
from sweeper.answer.claims import EXPLORATORY, UNITS, YES, Claim
from sweeper.drawing.style import legend_below, themed
from sweeper.questions.layer_maps import layer_map, panels_of
from sweeper.questions.layers import END, at_moments, layer_rows, of_depth, other_depths, over_time
from sweeper.questions.question import WHY, FigureSpec, Question, Shown, Tables, named
from sweeper.questions.run_data import RunData
from sweeper.questions.seeds import split_of
from sweeper.questions.units import units
from sweeper.study.data_keys import GROUPS
from sweeper.trial import MEASURED_ROWS
from sweeper.wording import count, percent

COLUMNS = ["measure", "activation", "step", "layer", "median", "trials", "depth"]


def units_over_time(run: RunData) -> pd.DataFrame:
    """Median share over the completed search trials, for each activation, measurement and layer.

    Columns as in `COLUMNS`; measure is ``saturated`` or ``dead``; measurements as in `over_time`. Empty
    where there is only one.
    """
    frames = [over_time(run, name).assign(measure=name) for name in ("dead", "saturated")]
    frame = pd.concat(frames, ignore_index=True).astype({"step": "int64"})  # one of them may be empty
    return frame[COLUMNS] if frame["step"].nunique() > 1 else pd.DataFrame(columns=COLUMNS)


@dataclass(frozen=True)
class Share:
    """What of a layer is counted."""

    worth_saying: float
    """The median share of a layer from which it is named, and an activation has a panel."""
    what: str
    parts: str
    """What they are a share of."""


SHARES = {
    "dead": Share(0.01, "dead units", "units"),
    "saturated": Share(0.05, "saturated elements", "elements"),
}
COLORS, DOTS = "Blues", "#D55E00"
LARGEST = 160.0
"""Area of the dot of a layer in which every unit is dead, in square points."""


@themed
def draw(frame: pd.DataFrame) -> Figure:
    """A map for each activation of `units_over_time`: measurements across, layers upwards; colour for
    saturated elements, a dot for dead units."""
    every = sorted(frame["activation"].unique())
    worth = frame["measure"].map({name: share.worth_saying for name, share in SHARES.items()})
    seen = frame["median"] >= worth
    names = sorted(frame.loc[seen, "activation"].unique()) or every[:1]
    figure, panels = panels_of(names)
    layers = sorted(frame["layer"].unique())
    for axes, name in zip(panels, names, strict=True):
        rows = frame[frame["activation"] == name]
        mesh = layer_map(axes, rows[rows["measure"] == "saturated"], COLORS, Normalize(0, 1), layers)
        _dots(axes, rows[rows["measure"] == "dead"], layers)
        axes.set_title(name, fontsize=9)
    bar = figure.colorbar(mesh, ax=panels, shrink=0.9, label="saturated elements")
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: percent(value)))
    blank = [name for name in every if name not in names]
    entries = {
        f"{share} % of the units dead": Line2D(
            [], [], marker="o", color=DOTS, linestyle="none", markersize=(LARGEST * share / 100) ** 0.5
        )
        for share in (10, 50, 100)
    }
    title = f"next to nothing saturated or dead with {', '.join(blank)}" if blank else ""
    legend_below(figure, entries, title, ncols=3)
    return figure


def _dots(axes: Axes, rows: pd.DataFrame, layers: Sequence[int]) -> None:
    """A dot for each cell with dead units, its area their share."""
    columns = {step: place for place, step in enumerate(sorted(rows["step"].unique()))}
    places = {layer: place for place, layer in enumerate(layers)}
    seen = rows[rows["median"] >= SHARES["dead"].worth_saying]
    axes.scatter(
        seen["step"].map(columns),
        seen["layer"].map(places),
        s=LARGEST * seen["median"],
        color=DOTS,
        edgecolor="white",
        linewidth=0.5,
        zorder=3,
    )


def alt(frame: pd.DataFrame) -> str:
    """The largest share at the last measurement, and how it began, for each measure."""
    said = []
    for measure, rows in frame.groupby("measure", sort=False):
        last = rows[rows["step"] == rows.groupby("activation")["step"].transform("max")]
        worst = last.loc[last["median"].idxmax()]
        same = (rows["activation"] == worst["activation"]) & (rows["layer"] == worst["layer"])
        first = rows[same].sort_values("step").iloc[0]
        began, ended = (_share(row["median"], measure) for row in (first, worst))
        change = f"from {began} to {ended}" if began != ended else ended
        where = f"{worst['activation']}, layer {worst['layer']}, {change} at the end"
        where = where if worst["median"] > 0 else "0 % in every layer at the end"
        said.append(f"largest {measure} share: {where}")
    return f"Median shares by layer and step. {'; '.join(said)}."


def _share(value: float, measure: Any) -> str:
    """With a decimal where it would be rounded up to what is worth a sentence."""
    worth = SHARES[str(measure)].worth_saying
    return percent(value, int(value < worth and percent(value) == percent(worth)))


def first_and_last(frame: pd.DataFrame) -> pd.DataFrame:
    """Each layer at its first and its last measurement."""
    keys = ["measure", "activation", "depth", "layer"]
    groups = frame.sort_values("step").groupby(keys)
    ends = groups.agg(
        first_step=("step", "first"),
        last_step=("step", "last"),
        before=("median", "first"),
        after=("median", "last"),
        trials=("trials", "last"),
    )
    return ends.reset_index()


def sentences(run: RunData, tables: Tables) -> tuple[Statement, ...]:
    """For each measure and activation, the layer with the largest share at the end, and its share before."""
    ends = first_and_last(tables["units_over_time"])
    said: list[Statement] = []
    for measure, rows in ends.groupby("measure"):
        worst = rows.loc[rows.groupby("activation")["after"].idxmax()].sort_values("after", ascending=False)
        found = worst[worst["after"] >= SHARES[str(measure)].worth_saying]
        which = of_depth(run, str(measure))
        said += [_claim(str(measure), row, which) for row in found.to_dict("records")]
        if found.empty:
            said.append(_none(run, str(measure), which))
    said += filter(None, [other_depths(run, "dead")])
    more = " or more" if split_of(run) == GROUPS and 0 < rows_of_batch(run) < MEASURED_ROWS else ""
    rows_seen = f" On {count(batch, 'validation row')}{more}." if (batch := rows_of_batch(run)) else ""
    draw = "Medians over completed trials of the search, which share a seed: step 0 is one draw of weights."
    return (*said, f"{draw}{rows_seen}")


def _none(run: RunData, measure: str, which: str) -> str:
    """No layer has a median worth a word; how many trials have one of which its own share is. `which`: the
    networks that were seen, where others were not."""
    rows = at_moments(run, layer_rows(run, measure))[END]
    largest = rows.groupby("trial")["value"].max()
    share = SHARES[measure]
    least, with_it = percent(share.worth_saying), int((largest >= share.worth_saying).sum())
    if not with_it:
        return f"No layer of a completed trial{which} ends with {least} or more {share.what}."
    said = f"No layer ends with {least} or more {share.what} in the median trial of an activation"
    have = "has" if with_it == 1 else "have"
    return f"{said}; {with_it} of {count(len(largest), 'trial')}{which} {have} one that does."


def rows_of_batch(run: RunData) -> int:
    """Rows of the batch on which layers are measured; 0 where the run does not say how many there are."""
    return min(MEASURED_ROWS, run.rows.get("validation", 0))


def _claim(measure: str, row: Mapping[Any, Any], which: str) -> Claim:
    before, after, name = percent(row["before"]), percent(row["after"]), named(row["activation"])
    by_design = name == "relu" and measure == "saturated"
    verb = "are dead" if measure == "dead" else "are saturated"
    text = f"With {name}, {after} of the {SHARES[measure].parts} of layer {row['layer']} {verb} at the end "
    text += f"({before} at step {row['first_step']}; {count(row['trials'], 'trial')}{which})"
    text += "; half of a fresh ReLU layer is, by design" if by_design else ""
    return Claim(UNITS, name, YES, EXPLORATORY, "units", where=measure, detail=text)


def missing(run: RunData) -> str:
    """Why there is nothing to draw."""
    if units(run).empty:
        return "No shares of dead and saturated units are on record."
    return "Shares of dead and saturated units are on record at fewer than two steps."


QUESTION = Question(
    key="units",
    question="Do units saturate or die?",
    part=WHY,
    tables={"units": units, "units_over_time": units_over_time},
    figure=FigureSpec(
        name="units_over_time",
        table="units_over_time",
        title="Saturated and dead units while training",
        caption=(
            "Median shares over completed trials, the first layer at the bottom, measurements at "
            "logarithmic steps from left to right, the last column at the end of each training: colour for "
            "saturated elements, the area of a dot for dead units. What grows to the right was lost in "
            "training; what is there from the start comes from the initialisation (a fresh ReLU layer is "
            "half saturated by design)."
        ),
        missing=missing,
        draw=draw,
        alt=alt,
    ),
    sentences=sentences,
    shown=(
        Shown("units_over_time", "First and last measurement; the CSV has all", first_and_last),
        Shown("units", "One row per moment, activation, layer and measure"),
    ),
    how=(
        "An element is saturated when the slope |φ′| of the activation there is below 5 % of its steepest; "
        "it passes hardly any gradient. A unit is dead when its slope is exactly 0 on every row of the "
        "batch: none of these rows moves its weights. Other rows may, and in a layer above the first its "
        "inputs change while the layers below learn, so it may come back.",
        "Shares on one fixed batch of validation rows, at logarithmically spaced steps. Only completed "
        "trials count; other settings vary. The first and the last column are of all of them; where "
        "trainings differ in length, a column in between is of those that were measured there. Of "
        "networks of unlike depth, those of the answer's where five completed trials have it, else those of "
        "the depth that most have.",
    ),
)
