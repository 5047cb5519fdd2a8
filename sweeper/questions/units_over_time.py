"""Whether units saturate or die while training goes on."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from sweeper.answer.claim_words import Statement
from sweeper.answer.claims import EXPLORATORY, UNITS, YES, Claim
from sweeper.answer.rows import completed_search
from sweeper.drawing.style import canvas, themed
from sweeper.questions.layers import layer_rows
from sweeper.questions.question import WHY, FigureSpec, Question, Shown, Tables, named
from sweeper.questions.run_data import RunData
from sweeper.questions.units import units
from sweeper.wording import count, percent

COLUMNS = ["measure", "activation", "step", "layer", "median", "trials", "depth"]
PER_DECADE = 4
"""Looks in a decade of steps, as they are recorded."""


def units_over_time(run: RunData) -> pd.DataFrame:
    """Median share over the completed search trials, for each activation, look and layer.

    Columns as in `COLUMNS`; measure is ``saturated`` or ``dead``. Looks of trials of unlike length are
    put together by quarter decades of the step, and `step` is their median. Completed trials alone, so
    that a line is about the same trials from its start to its end. Empty where only one look was taken.
    """
    done = completed_search(run.trials)["trial"]
    frames = [_medians(layer_rows(run, name), done).assign(measure=name) for name in ("dead", "saturated")]
    frame = pd.concat(frames, ignore_index=True)
    return frame[COLUMNS] if frame["step"].nunique() > 1 else pd.DataFrame(columns=COLUMNS)


def _medians(rows: pd.DataFrame, done: "pd.Series[int]") -> pd.DataFrame:
    rows = rows[rows["trial"].isin(done)]
    steps = rows["step"].to_numpy(float)
    looks = np.where(steps > 0, 1 + np.round(PER_DECADE * np.log10(np.maximum(steps, 1))), 0).astype(int)
    rows = rows.assign(look=looks)
    groups = rows.groupby(["activation", "look", "layer", "depth"], observed=True)
    frame = groups["value"].agg(median="median", trials="size").reset_index()
    at = rows.groupby("look")["step"].median().astype("int64")
    return frame.assign(step=frame["look"].map(at), activation=frame["activation"].astype("str"))


COLORS = "Blues"
MEASURES = {"saturated": "saturated", "dead": "dead"}
PANELS = 6
"""Activations across; more go into further rows."""


@themed
def draw(frame: pd.DataFrame) -> Figure:
    """A map for each measure and activation of `units_over_time`: looks across, layers upwards."""
    measures = [name for name in MEASURES if (frame["measure"] == name).any()]
    names = sorted(frame["activation"].unique())
    columns = min(PANELS, len(names))
    deep = -(-len(names) // columns)
    height = 1.2 + len(measures) * deep * 1.45
    figure, panels = canvas(len(measures) * deep, columns, height=height, sharex=True, sharey=True)
    used = []
    for index, axes in enumerate(panels):
        row, column = divmod(index, columns)
        kind, place = divmod(row, deep)
        if place * columns + column >= len(names):
            figure.delaxes(axes)
            continue
        name, measure = names[place * columns + column], measures[kind]
        _map(axes, frame[(frame["measure"] == measure) & (frame["activation"] == name)])
        axes.set_title(name, fontsize=9)
        axes.set_ylabel(f"{measure}\nlayer" if column == 0 else "")
        used.append(axes)
    for axes in used[-columns:]:
        axes.tick_params(labelbottom=True)
        axes.set_xlabel("step")
    bar = figure.colorbar(
        used[0].collections[0], ax=used, shrink=0.8, aspect=12 * deep * len(measures), label="median share"
    )
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f} %"))
    return figure


def _map(axes: Axes, rows: pd.DataFrame) -> None:
    table = rows.pivot(index="layer", columns="step", values="median")
    x, y = np.arange(table.shape[1] + 1) - 0.5, np.append(table.index.to_numpy(), table.index[-1] + 1) - 0.5
    axes.pcolormesh(x, y, table.to_numpy(), cmap=COLORS, norm=Normalize(0, 1), rasterized=True)
    ticks = np.unique([0, table.shape[1] // 2, table.shape[1] - 1])
    axes.set_xticks(ticks, [f"{table.columns[k]}" for k in ticks])
    axes.grid(False)


def alt(frame: pd.DataFrame) -> str:
    """The largest share at the last look, and how it began, for each measure."""
    said = []
    for measure, rows in frame.groupby("measure", sort=False):
        last = rows[rows["step"] == rows.groupby("activation")["step"].transform("max")]
        worst = last.loc[last["median"].idxmax()]
        same = (rows["activation"] == worst["activation"]) & (rows["layer"] == worst["layer"])
        first = rows[same].sort_values("step").iloc[0]
        said.append(
            f"largest {measure} share: {worst['activation']}, layer {worst['layer']}, from "
            f"{100 * first['median']:.0f} % to {100 * worst['median']:.0f} % at step {worst['step']}"
        )
    return f"Median shares by layer and step. {'; '.join(said)}."


MOST_ROWS = 128
"""Validation rows on which layers are measured, at most."""


def first_and_last(frame: pd.DataFrame) -> pd.DataFrame:
    """Each layer at its first and its last look."""
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


WORTH_SAYING = {"dead": 0.01, "saturated": 0.05}
"""Median shares of a layer from which they are named."""
WHAT = {"dead": "dead units", "saturated": "saturated elements"}
PARTS_OF = {"dead": "units", "saturated": "elements"}


def sentences(run: RunData, tables: Tables) -> tuple[Statement, ...]:
    """For each measure and activation, the layer with the largest share at the end, and its share before."""
    ends = first_and_last(tables["units_over_time"])
    said: list[Statement] = []
    for measure, rows in ends.groupby("measure"):
        worst = rows.loc[rows.groupby("activation")["after"].idxmax()].sort_values("after", ascending=False)
        found = worst[worst["after"] >= WORTH_SAYING[str(measure)]]
        said += [_claim(str(measure), row) for row in found.to_dict("records")]
        if found.empty:
            least = percent(WORTH_SAYING[str(measure)])
            said.append(f"No layer ends with {least} or more {WHAT[str(measure)]}, whatever the activation.")
    rows_seen = f" On {count(batch, 'validation row')}." if (batch := rows_of_batch(run)) else ""
    return (*said, f"Medians over completed trials of the search, one seed each.{rows_seen}")


def rows_of_batch(run: RunData) -> int:
    """Rows of the batch on which layers are measured; 0 where the run does not say how many there are."""
    return min(MOST_ROWS, run.rows.get("validation", 0))


def _claim(measure: str, row: Mapping[Any, Any]) -> Claim:
    before, after, name = percent(row["before"]), percent(row["after"]), named(row["activation"])
    by_design = name == "relu" and measure == "saturated"
    verb = "are dead" if measure == "dead" else "are saturated"
    text = f"With {name}, {after} of the {PARTS_OF[measure]} of layer {row['layer']} {verb} at the end "
    text += f"({before} at step {row['first_step']}; {count(row['trials'], 'trial')})"
    text += "; half of a fresh ReLU layer is, by design" if by_design else ""
    shares = (row["before"], row["after"])
    return Claim(UNITS, name, YES, EXPLORATORY, "units", where=measure, interval=shares, detail=text)


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
            "Median shares over completed trials, layer 0 at the bottom, measurements at logarithmic steps "
            "from left to right. Colours that deepen to the right are units that training lost; colours "
            "that are deep from the start come from the initialisation (a fresh ReLU layer is half "
            "saturated by design)."
        ),
        missing="No shares were recorded at more than one step.",
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
        "it "
        "passes hardly any gradient. A unit is dead when its slope is exactly 0 on every row of the batch: "
        "none "
        "of these rows moves its weights. Other rows may, and in a layer above the first its inputs change "
        "while "
        "the layers below learn, so it may come back.",
        "Shares on one fixed batch of validation rows, at logarithmically spaced steps. Only completed "
        "trials count, so each line covers the same trials from start to end; other settings vary. "
        "Networks of different depth are kept apart.",
    ),
)
