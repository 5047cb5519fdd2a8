"""Two runs side by side: one page like a report, its tables and figures, and a short text."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sweeper.answer.ranked import Ranked
from sweeper.commands.compare.comparison import Comparison
from sweeper.commands.compare.pairing import Run, incomparable
from sweeper.commands.compare.sections import SECTIONS, Part
from sweeper.commands.compare.tables import TABLES
from sweeper.commands.compare.winners import compare
from sweeper.commands.compare.winners import to_dict as to_json_dict
from sweeper.commands.compare.words import card
from sweeper.components.metric_words import metric_words
from sweeper.drawing.scales import cut_at_the_axis, loss_axis
from sweeper.drawing.style import BAND_ALPHA, canvas, group_styles, handle, legend_below, themed
from sweeper.errors import RunFolderError, UserError
from sweeper.questions.question import FigureSpec
from sweeper.records.atomic import refuse_links, write_atomically
from sweeper.report.attempts import NotMade, not_drawn
from sweeper.report.grid import Grid, grid
from sweeper.report.notebook import Answered
from sweeper.report.render import Drawn, RenderedSection, render
from sweeper.report.sections import drawn
from sweeper.spreadsheet import to_csv
from sweeper.study.command_line import of_run
from sweeper.study.study import Study
from sweeper.wording import interval, number


def side_by_side(name_a: str, result_a: Answered, name_b: str, result_b: Answered) -> Comparison:
    """Everything that is said about two runs.

    Raises:
        UserError: if one has no answer yet, or their scores cannot be compared.
    """
    if name_a == name_b:
        raise UserError(f"compare: {name_a!r} was given twice; give two runs")
    a, b = _run(name_a, result_a), _run(name_b, result_b)
    reason = incomparable(a, b)
    if reason:
        raise UserError(f"{a.name} and {b.name} are not comparable: {reason}")
    found = compare(a, b)
    tables = {name: table(a, b) for name, table in TABLES.items()}
    tables["scores"] = tables["scores"].assign(paired=found.paired)
    return Comparison(a, b, found, tables)


def _run(name: str, result: Answered) -> Run:
    if result.answer is None:
        see = of_run(result.study, "status")
        raise UserError(f"run {name!r} has no completed trial, so it cannot be compared; see: {see}")
    return Run(name, result.study, result.records, result.answer, result.split)


def write(side: Comparison, folder: Path) -> Path:
    """Write ``index.html``, ``figures/`` and ``tables/`` to `folder`; returns the page.

    Raises:
        RunFolderError: if `folder` cannot be written.
    """
    refuse_links(folder, folder / "figures", folder / "tables")
    a, b, tables = side.a, side.b, side.tables
    made = {
        name: drawn(spec, tables[spec.table]) for name, spec in FIGURES.items() if len(tables[spec.table])
    }
    figures = {name: figure for name, figure in made.items() if isinstance(figure, Drawn)}
    sections = [_rendered(part, side, made.get(part.figure)) for part in SECTIONS]
    titled = Study(name=f"{a.name}-vs-{b.name}", question=_question(a, b), trusted=True)
    page = render(titled, card(side), sections)
    files: dict[str, str | bytes] = {f"figures/{name}.png": figure.png for name, figure in figures.items()}
    files |= {f"tables/{name}.csv": to_csv(frame) for name, frame in tables.items()}
    try:
        for part in ("figures", "tables"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            write_atomically(folder / name, content)
        for stale in {f"figures/{name}.png" for name in FIGURES} - set(files):
            (folder / stale).unlink(missing_ok=True)
        write_atomically(folder / "index.html", page)
    except OSError as error:
        raise RunFolderError(
            f"the comparison cannot be written to {folder}: {error.strerror}; choose another --reports folder"
        ) from None
    return folder / "index.html"


def _question(a: Run, b: Run) -> str:
    return f"Which is better, the winner of {a.name} or that of {b.name}?"


def _rendered(part: Part, side: Comparison, figure: Drawn | NotMade | None) -> RenderedSection:
    failed = (not_drawn(figure),) if isinstance(figure, NotMade) else ()
    return RenderedSection(
        part.key,
        part.question,
        (*part.sentences(side), *failed),
        (figure,) if isinstance(figure, Drawn) else (),
        tuple(_grid(each.table, each.caption, side) for each in part.shown if len(side.tables[each.table])),
        part.how,
        part.unfolded,
    )


def _grid(table: str, caption: str, side: Comparison) -> Grid:
    """Columns of the two runs bear their names."""
    names = {"a": side.a.name, "b": side.b.name}
    headings = {key: f"{name} ({key.upper()})" for key, name in names.items()}
    headings |= {f"{what} {key}": f"{what} ({key.upper()})" for key in names for what in ("best", "trials")}
    frame = side.tables[table].drop(columns="paired", errors="ignore")
    if "best_a" in frame:
        caption += f"; A is {side.a.name}, B is {side.b.name}"
    shown = grid(table, caption, frame)
    columns = [
        replace(column, heading=headings.get(column.heading, column.heading)) for column in shown.columns
    ]
    return replace(shown, columns=tuple(columns))


def to_dict(side: Comparison) -> dict[str, Any]:
    """``{"a": {name and best --json}, "b": …, "comparison": …, "differences": {key: [a, b]}}``."""
    changed = side.tables["differences"].to_dict("records")
    return {
        "a": {"name": side.a.name, **side.a.answer.to_dict()},
        "b": {"name": side.b.name, **side.b.answer.to_dict()},
        "comparison": dict(to_json_dict(side.found, side.ranked)),
        "differences": {row["key"]: [row["a"], row["b"]] for row in changed},
    }


@themed
def draw_scores(frame: pd.DataFrame) -> Figure:
    """A line of dots for each run of ``side_by_side.scores``; with `paired` seeds the two dots are joined."""
    runs = list(dict.fromkeys(frame["run"]))
    styles = group_styles(runs)
    figure, (axes,) = canvas(height=2.6)
    paired = (
        frame.pivot_table(index="seed", columns="run", values="objective")
        if frame["paired"].iloc[0]
        else None
    )
    if paired is not None and len(paired.columns) == 2:
        for _, pair in paired.dropna().iterrows():
            axes.plot([pair[name] for name in runs], [1, 2], "-", color="0.8", linewidth=1, zorder=1)
    for place, name in enumerate(runs, 1):
        rows, style = frame[frame["run"] == name], styles[name]
        seeds = rows["objective"].dropna()
        axes.plot(seeds, [place] * len(seeds), style.marker, color=style.color, alpha=0.7, markeredgewidth=0)
        first, away = rows.iloc[0], place + (-0.28 if place == 1 else 0.28)
        axes.plot([first["low"], first["high"]], [away, away], "-", color=style.color, linewidth=2.5)
        axes.plot([first["mean"]], [away], "|", color=style.color, markersize=15, markeredgewidth=2.5)
    axes.set_yticks([1, 2][: len(runs)], runs)
    axes.set_ylim(2.7, 0.3)
    axes.grid(False, axis="y")
    ranked = Ranked(frame["metric"].iloc[0])
    side = " (higher is better)" if ranked.highest else ""
    axes.set_xlabel(f"best {ranked.metric} on a fresh seed{side}")
    loss_axis(axes.xaxis, frame["objective"], highest=ranked.highest)
    ends = frame.drop_duplicates("run").set_index("run").loc[runs]
    cut_at_the_axis(
        axes, [0.72, 2.28][: len(runs)], ends["low"], ends["high"], [styles[name].color for name in runs]
    )
    return figure


@themed
def draw_curves(frame: pd.DataFrame) -> Figure:
    """Median and quartile band of each run of ``side_by_side.curves``."""
    styles = group_styles(list(dict.fromkeys(frame["run"])))
    figure, (axes,) = canvas(height=3.9)
    for name, style in styles.items():
        line = frame[frame["run"] == name]
        axes.fill_between(
            line["step"], line["low"], line["high"], color=style.color, alpha=BAND_ALPHA, linewidth=0
        )
        axes.plot(
            line["step"],
            line["median"],
            color=style.color,
            marker=style.marker,
            linestyle=style.linestyle,
            markevery=0.12,
            markeredgecolor="white",
        )
    axes.set(xlabel="optimizer step", ylabel=metric_words(frame["metric"].iloc[0]))
    axes.set_xlim(left=0)
    loss_axis(axes.yaxis, [*frame["low"], *frame["high"]])
    entries: dict[str, Line2D] = {name: handle(style) for name, style in styles.items()}
    legend_below(figure, entries, "winner of", ncols=2)
    return figure


def alt_scores(frame: pd.DataFrame) -> str:
    """Mean and interval of each run."""
    rows = frame.drop_duplicates("run").to_dict("records")
    sentences = [
        f"{row['run']} {mean} ({low} to {high})"
        for row in rows
        for mean, low, high in [interval(row["mean"], row["low"], row["high"])]
    ]
    metric = metric_words(rows[0]["metric"]).capitalize()
    return f"{metric} of the two winners on fresh seeds: {'; '.join(sentences)}."


def alt_curves(frame: pd.DataFrame) -> str:
    """Start, end and lowest median of each run."""
    sentences = []
    for name, line in frame.groupby("run", sort=False):
        values = line.sort_values("step")["median"]
        sentences.append(
            f"{name} from {number(values.iloc[0])} to {number(values.iloc[-1])}, lowest "
            f"{number(values.min())}"
        )
    return f"Median validation loss by step of the two winners: {'; '.join(sentences)}."


FIGURES = {
    "scores": FigureSpec(
        name="scores",
        title="The two winners on fresh seeds",
        table="scores",
        caption="Each small mark is one fresh seed, the bar the mean, the line its 95 % interval. "
        "Grey lines join the dots of one seed where the comparison is paired.",
        missing="No winner was retrained on a fresh seed.",
        draw=draw_scores,
        alt=alt_scores,
    ),
    "curves": FigureSpec(
        name="curves",
        title="The curves of the two winners",
        table="curves",
        caption="Lines are medians over the fresh seeds, bands reach from the lower to the upper quartile; "
        "a winner that was not retrained has the one curve of its search.",
        missing="No winner has a curve.",
        draw=draw_curves,
        alt=alt_curves,
    ),
}
"""By name, which is that of their table."""
