"""The charts of the page that can be explored: whose place they take, and what they draw, as JSON.

They show what the figures beside them show, trial by trial, so that one trial can be followed from chart to
chart; without scripts the figures stand alone.
"""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from sweeper.answer.ranked import Ranked
from sweeper.answer.rows import FIRST
from sweeper.drawing.decades import spans_decades
from sweeper.statistics.sizes import every_nth
from sweeper.to_json import to_json
from sweeper.trial import Outcome, raised
from sweeper.wording import number, spoken, tidied

CHARTS: Mapping[str, str] = {"learning_rate": "rates", "convergence": "curves", "parallel": "settings"}
"""Figure -> the chart that it can be exchanged for."""
OPENED = ("convergence", "parallel")
"""Figures in whose place the chart stands from the start: single lines cannot be told apart there."""
DIGITS, MOST = 5, 2000
"""Significant digits; points of a chart, of more every so many."""


def explorable(tables: Mapping[str, pd.DataFrame], objective: str) -> dict[str, Any]:
    """The charts by name; one that has nothing to show is left out."""
    none, ranked = pd.DataFrame(), Ranked(objective)  # `none` of a table that could not be made
    made = {
        "rates": _rates(tables.get("learning_rate", none), highest=ranked.highest),
        "curves": _curves(tables.get("learning_curves", none)),
        "settings": _settings(tables.get("parallel", none)),
    }
    charts = {name: chart for name, chart in made.items() if chart}
    if not charts:
        return {}
    return {
        "metric": ranked.metric,
        "highest": ranked.highest,
        "trials": _trials(tables["leaderboard"], charts),
        "charts": charts,
    }


def _trials(board: pd.DataFrame, charts: Mapping[str, Any]) -> dict[str, str]:
    """Number -> the trial in words, of all that some chart shows."""
    wanted = {number for chart in charts.values() for number in chart["trial"]}
    rows = board[board["trial"].isin(wanted)]
    names = [name for name in FIRST if name in rows]
    found = {}
    for row in rows.to_dict("records"):
        said = [_word(name, row[name]) for name in names if not pd.isna(row[name])]
        found[str(row["trial"])] = " · ".join([f"#{row['trial']}", *said, str(row["outcome"])])
    return found


def _word(name: str, value: Any) -> str:
    short = {"learning_rate": "lr ", "activation_penalty": "penalty "}.get(name, "")
    return f"{short}{number(value)}" if isinstance(value, float) else f"{short}{value}"


def _rates(frame: pd.DataFrame, *, highest: bool) -> dict[str, Any]:
    """A point for each trial: rate, score, optimizer, whether it learned nothing or was pruned."""
    if frame.empty:
        return {}
    columns = frame[frame["loss"].notna() & (frame["learning_rate"] > 0)]
    columns = columns.iloc[:: every_nth(len(columns), MOST)]
    return {
        "trial": columns["trial"].tolist(),
        "x": _short(columns["learning_rate"]),
        "y": _short(columns["loss"]),
        "group": columns["optimizer"].astype("str").tolist(),
        "lost": columns["capped"].astype(bool).tolist(),
        "pruned": (columns["outcome"] == Outcome.PRUNED).tolist(),
        "log": spans_decades(columns["loss"], highest=highest),
    }


def _curves(frame: pd.DataFrame) -> dict[str, Any]:
    """A line of validation losses for each trial, the best first."""
    rows = frame[frame["metric"] == "validation_loss"] if len(frame) else frame
    if rows.empty:
        return {}
    lines = [part.sort_values("step") for _, part in rows.groupby("rank", sort=True)]
    starts = [float(line["value"].iloc[0]) for line in lines]
    top = raised(sorted(starts)[len(starts) // 2], 1.15)
    return {
        "trial": [int(line["trial"].iloc[0]) for line in lines],
        "x": [line["step"].tolist() for line in lines],
        "y": [_short(line["value"]) for line in lines],
        "top": tidied(top, DIGITS),
        "log": spans_decades(rows["value"]),
    }


def _settings(frame: pd.DataFrame) -> dict[str, Any]:
    """A line for each trial across the places of its settings, with the ticks of each axis."""
    if frame.empty:
        return {}
    from sweeper.questions.parallel import axes_of, positions  # loaded late: the live page has no charts

    names = axes_of(frame)
    placed = {name: positions(frame[name]) for name in names}
    return {
        "trial": frame["trial"].tolist()[::-1],
        "names": ["score" if name == "objective" else spoken(name) for name in names],
        "ticks": [[[round(place, 4), text] for place, text in placed[name][1]] for name in names],
        "y": [[round(float(placed[name][0][k]), 4) for name in names] for k in range(len(frame))][::-1],
    }


def _short(values: "pd.Series") -> list[float | None]:
    return [tidied(value, DIGITS) if math.isfinite(value) else None for value in values.astype(float)]


def as_script(found: Mapping[str, Any]) -> str:
    """JSON for an element that no browser runs: nothing in it ends the element."""
    return to_json(found, indent=None).replace("<", "\\u003c")
