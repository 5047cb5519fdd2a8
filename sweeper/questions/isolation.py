"""What each compared value reaches when all get the same number of trials."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sweeper.answer.bounds import cut_ends, in_words
from sweeper.answer.claim_words import Statement
from sweeper.answer.claims import BEST, EXPLORATORY, OPEN, Claim
from sweeper.answer.ranked import Ranked
from sweeper.answer.rows import as_texts, by_size, completed_search, search_trials, with_kinds
from sweeper.components.metric_words import axis_words, metric_words
from sweeper.drawing.scales import cut_at_the_axis, log_axis, loss_axis
from sweeper.drawing.style import HUES, canvas, legend_below, themed
from sweeper.questions import heatmap
from sweeper.questions.losses import capped_losses
from sweeper.questions.question import FigureSpec, Question, Shown, Tables, named
from sweeper.questions.run_data import RunData
from sweeper.statistics.best_of_several import expected_best
from sweeper.wording import capital, count, listing, spoken, whole

COLUMNS = [
    "parameter",
    "value",
    "expected_best",
    "low",
    "high",
    "budget",
    "trials",
    "searched",
    "basis",
    "best",
    "best_trial",
    "learned_nothing",
    "evidence",
    "metric",
]
FEWEST, UNEVEN = 3, 3
"""Trials of every value in the explore phase from which that phase alone is the basis, where no value has
more than `UNEVEN` times as many as another."""
EVIDENCE = "exploratory: one seed each"
_MEAN: dict[str, Any] = {"color": HUES[0], "marker": "o", "markersize": 7}
_BEST: dict[str, Any] = {"color": "white", "marker": "D", "markeredgecolor": "black", "linestyle": "none"}


def isolation(run: RunData) -> pd.DataFrame:
    """One row for each value of each scientific parameter, the best first; columns as in `COLUMNS`.

    expected_best: mean of the best score among `budget` trials drawn from the `trials` of the value, over
    all subsets. `budget` is a third of the fewest trials that any value of the parameter has, rounded
    up, the same for all, so that a value tried more often is not better by that alone. low, high: 95 %
    bootstrap interval over trials (it covers 88 to 98 % from twelve trials on, 83 to 96 % with five to
    eight, about 70 % with three; null below `FEWEST` trials). No score counts as worse than
    the one before training, so trials that diverged count against their value; `learned_nothing` is
    their share.

    basis: ``explore`` where each value has `FEWEST` trials from that phase, published defaults left out, and
    none more than `UNEVEN` times as many as another: evenly at first, then at nuisance settings that suit
    those that had less than their part, as far as is known; ``search`` otherwise, and nothing is claimed to
    be ahead where some of these trials were proposed for the scores of others. Of trials none of which
    learned anything there is no interval. best, best_trial: the best completed trial of the whole search,
    null where there is none. All of it is one seed each: it shows where to look, and proves nothing.
    searched: trials of the value in the whole search.
    """
    losses = capped_losses(run)
    losses = losses.assign(even=(losses["phase"] == "explore") & ~losses["published"])
    least = run.ranked.costs[0]
    found = [_of_parameter(losses, name, least) for name in run.study.search.scientific if name in losses]
    frame = (
        pd.concat([part for part in found if len(part)], ignore_index=True) if any(map(len, found)) else None
    )
    if frame is None:
        return pd.DataFrame(columns=COLUMNS)
    frame = frame.assign(evidence=EVIDENCE, metric=run.objective)[COLUMNS]
    return run.ranked.read(frame, "expected_best", "best", ends=[("low", "high")])


def _of_parameter(losses: pd.DataFrame, parameter: str, least: float = -math.inf) -> pd.DataFrame:
    rows = with_kinds(losses)
    rows = rows[rows[parameter].notna()]
    rows = rows.assign(value=as_texts(rows[parameter]))
    if (rows["outcome"] == "completed").sum() == 0 or rows["value"].nunique() < 2:
        return pd.DataFrame()
    explored = rows[rows["even"]]
    even = explored["value"].nunique() == rows["value"].nunique()
    counts = explored["value"].value_counts()
    even = even and counts.min() >= FEWEST and counts.max() <= UNEVEN * counts.min()
    basis, used = ("explore", explored) if even else ("search", rows)
    budget = math.ceil(used["value"].value_counts().min() / 3)
    lines = []
    for value, part in used.groupby("value"):
        everything = rows[rows["value"] == value]
        done = everything[everything["outcome"] == "completed"].sort_values("loss", kind="stable")
        best = (done["loss"].iloc[0], done["trial"].iloc[0]) if len(done) else (math.nan, pd.NA)
        expected = expected_best(part["loss"].to_numpy(float), budget, least)
        expected = (expected[0], math.nan, math.nan) if part["capped"].all() else expected
        tail = (len(everything), basis, *best, float(part["capped"].mean()))
        lines.append((parameter, value, *expected, budget, len(part), *tail))
    frame = pd.DataFrame(lines, columns=COLUMNS[:-2]).astype({"best": float, "best_trial": "Int64"})
    frame = frame.sort_values("value", key=lambda values: values.map(by_size), ignore_index=True)
    return frame.sort_values("expected_best", kind="stable", ignore_index=True)


@themed
def draw(frame: pd.DataFrame) -> Figure:
    """A panel for each parameter of `isolation`, its values downwards, the best on top."""
    parameters = list(dict.fromkeys(frame["parameter"]))
    most = int(frame["parameter"].value_counts().max())
    figure, panels = canvas(1, len(parameters), height=1.6 + 0.32 * most, sharex=True)
    ranked = Ranked(frame["metric"].iloc[0])
    for axes, parameter in zip(panels, parameters, strict=True):
        rows = frame[frame["parameter"] == parameter].reset_index(drop=True)
        _panel(axes, rows)
        axes.set_ylim(most - 0.5, -0.5)
        budget = rows["budget"].iloc[0]
        axes.set_title(f"by {parameter}: best of {budget} trial{'s' if budget > 1 else ''}")
        axes.set_xlabel(axis_words(ranked.objective) if ranked.highest else ranked.metric)
    points = frame[["expected_best", "high", "best"]].to_numpy().ravel()
    loss_axis(panels[0].xaxis, points, highest=ranked.highest)
    if panels[0].get_xscale() == "log":
        left = float(frame["best"].min()) / 1.5
        panels[0].set_xlim(left=left)
        log_axis(panels[0].xaxis)
        for axes, parameter in zip(panels, parameters, strict=True):
            rows = frame[frame["parameter"] == parameter]
            cut_at_the_axis(axes, range(len(rows)), rows["low"], rows["high"], HUES[0])
    entries = {
        "expected best, 95 % interval": Line2D([], [], linewidth=2.5, **_MEAN),
        "best of its completed trials": Line2D([], [], **_BEST),
    }
    legend_below(figure, entries, ncols=2)
    return figure


def _panel(axes: Axes, rows: pd.DataFrame) -> None:
    places = range(len(rows))
    axes.hlines(places, rows["low"], rows["high"], color=HUES[0], linewidth=2.5)
    axes.plot(rows["expected_best"], places, linestyle="none", **_MEAN)
    axes.plot(rows["best"], places, zorder=3, **_BEST)
    names = [f"{row['value']} (n = {whole(row['trials'])})" for row in rows.to_dict("records")]
    axes.set_yticks(list(places), names)
    axes.grid(False, axis="y")


def alt(frame: pd.DataFrame) -> str:
    """Expected best with interval of each value."""
    said = []
    for parameter, rows in frame.groupby("parameter", sort=False):
        lines = ", ".join(_score(row) for row in rows.to_dict("records"))
        said.append(f"by {parameter}, best of {rows['budget'].iloc[0]}: {lines}")
    metric = metric_words(frame["metric"].iloc[0])
    return f"Expected best {metric} of equally many trials of each value, one seed each. {'; '.join(said)}."


def sentences(run: RunData, tables: Tables) -> tuple[Statement, ...]:
    """Of each parameter the value that leads and how sure that is, then how many trials there were."""
    frame = tables["isolation"]
    parts = {str(name): rows.to_dict("records") for name, rows in frame.groupby("parameter", sort=False)}
    exploited = float((search_trials(run.trials)["phase"] == "exploit").mean())
    leads = [
        _lead(name, rows, run.ranked, exploited)
        if any(row["learned_nothing"] != 1 for row in rows)
        else f"{capital(spoken(name))}: all trials compared diverged or were never better than untrained."
        for name, rows in parts.items()
    ]
    but = ", failed ones left out" if (search_trials(run.trials)["outcome"] == "failed").any() else ""
    aside = ", published defaults left out" if capped_losses(run)["published"].any() else ""
    return (
        *leads,
        *(_trials_of(name, rows, but, aside) for name, rows in parts.items()),
        *heatmap.sentences(run, tables),
    )


NOUNS = ("optimizer", "activation", "schedule", "penalty_kind")
"""Settings whose values are what the setting is called: each of them is an optimizer, and so on."""


def _trials_of(parameter: str, rows: list[dict[Any, Any]], but: str = "", aside: str = "") -> str:
    """How many trials each value had, the most first, equal numbers by value.

    `but`: which are left out; `aside`: which of the exploration are.
    """
    ordered = sorted(rows, key=lambda row: (-row["searched"], by_size(str(row["value"]))))
    counts = [_beside(named(row["value"]), whole(row["searched"]), "of") for row in ordered]
    used = "all of them are compared"
    if rows[0]["basis"] == "explore":
        trials = [row["trials"] for row in rows]
        fewest, most = min(trials), max(trials)
        each = whole(most) if fewest == most else f"{whole(fewest)} to {whole(most)}"
        used = f"the comparison takes the {each} of each that exploration tried{aside}"
    name = spoken(parameter)
    each = name if parameter in NOUNS else f"value of {name}"
    return f"Trials of each {each} in the search{but}: {listing(counts)}; {used}."


def _lead(parameter: str, rows: list[dict[Any, Any]], ranked: Ranked, exploited: float) -> Claim:
    """The value that leads; nothing is settled where a share of the trials was `exploited`."""
    first, *others = rows
    text = f"expected best of {count(first['budget'], 'trial')}: {_score(first)}"
    apart = [row for row in others if _is_apart(row, first, ranked)]
    close = [row for row in others if row not in apart]
    chosen = first["basis"] == "search" and exploited > 0
    if apart:
        text += f"; {ranked.worse}, with separate intervals: {listing([_score(row) for row in apart])}"
    if close:
        text += f"; not told apart from it: {listing([_score(row) for row in close])}"
    if chosen:
        some = "most" if exploited > 0.5 else "some"
        text += f"; {some} of these trials were proposed because of how others scored"
    return Claim(
        BEST,
        parameter,
        named(first["value"]),
        OPEN if close or chosen else EXPLORATORY,
        "isolation",
        f"best of {count(first['budget'], 'trial')}, one seed each",
        alternatives=tuple(named(row["value"]) for row in (others if chosen else close)),
        detail=text,
    )


def _is_apart(row: Mapping[Any, Any], first: Mapping[Any, Any], ranked: Ranked) -> bool:
    """Whether the whole interval of a value is worse than that of the best."""
    return bool(row["high"] < first["low"] if ranked.highest else row["low"] > first["high"])


def _score(row: Mapping[Any, Any]) -> str:
    """``relu 0.02 (0.00 [the score's limit] to 0.05)``: an interval says where it ends at that."""
    numbers = row["expected_best"], row["low"], row["high"]
    mean, low, high = in_words(*numbers, cut_ends(str(row["metric"]), *numbers, least_loss=0.0))
    known = math.isfinite(row["low"]) and math.isfinite(row["high"])
    return _beside(named(row["value"]), mean, "with") + (f" ({low} to {high})" if known else "")


def _beside(value: str, number: str, word: str) -> str:
    """``relu 0.02``, but ``0.02 with 8``: two numbers side by side cannot be told apart."""
    return f"{number} {word} {value}" if value[:1].isdigit() else f"{value} {number}"


def missing(run: RunData) -> str:
    """Why there is nothing to compare."""
    if completed_search(run.trials).empty:
        return "Nothing to compare: no trial completed."
    if not run.study.search.scientific:
        return "Nothing to compare: search.scientific names no setting."
    tried = [name for name in run.study.search.scientific if name in run.study.space.entries]
    if not tried:
        return f"Nothing to compare: the search varies no {listing(run.study.search.scientific, 'or')}."
    return f"Nothing to compare: only one value of {listing(tried)} was tried."


QUESTION = Question(
    key="isolation",
    question="Which of the compared settings did best in the search?",
    tables={"isolation": isolation, **heatmap.TABLES},
    figure=FigureSpec(
        name="isolation",
        table="isolation",
        title="Best over nuisance",
        caption=(
            "What each value reaches when all get the same number of trials, with other settings as the "
            "search tried them: the mean over all subsets of its n trials, with a 95 % bootstrap interval. "
            "Diverged trials count at the score before training, pruned ones at what they had reached. "
            "Diamonds are the best of all completed trials of a value, which more trials make better by luck "
            "alone; an arrow marks an interval that extends beyond the figure; none passes what the score "
            "can be. Exploratory: one seed each."
        ),
        missing=missing,
        draw=draw,
        alt=alt,
    ),
    sentences=sentences,
    more=(heatmap.FIGURE,),
    shown=(Shown("isolation", "One row per value"), *heatmap.TABLES_SHOWN),
    how=(
        "Expected best of k trials: the mean, over all subsets of k of a value's trials, of the best score "
        "(Dodge et al. 2019; unbiased form of Tang et al. 2020, arXiv 2004.14373). k is a third of the "
        "fewest trials that any value has, rounded up, the same for all, so that a value tried more often is "
        "not better by that alone. Trials that diverged count at the score before training.",
        "Where every value has at least three trials of the exploration, published defaults left out, and "
        "none more than three times as many as another, only those count: they are dealt out evenly at "
        "first, then to values that had less than their part of all trials, at settings that suit each as "
        "far as is known. Else all trials count; where some of them were proposed for the scores of others, "
        "no value is said to be ahead. Intervals are 95 % bootstrap intervals over trials, "
        "moved to the mean over all subsets and widened for few trials (Hesterberg 2015, arXiv 1411.5279). "
        "Those of few are rough: they hold the truth in nine of ten cases from four trials on, in eight of "
        "ten with three, and may reach beyond every score seen. Each trial has one seed, so this shows "
        "where to look and proves nothing; the finalists' fresh seeds decide.",
        *heatmap.HOW,
    ),
)
