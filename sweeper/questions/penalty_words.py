"""What the activation penalty changes, in sentences."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from sweeper.answer.bounds import HIGH, LOW
from sweeper.answer.claim_words import Statement
from sweeper.answer.claims import EFFECT, EXPLORATORY, MIXED, NONE, Claim
from sweeper.answer.rows import completed_search, search_trials
from sweeper.components.metric_words import metric_words
from sweeper.components.penalties import formula
from sweeper.questions import penalty
from sweeper.questions.penalty_bounds import LARGE, mark, scales
from sweeper.questions.penalty_contrasts import ANY, BETWEEN, PER_DECADE, VS_LOWEST, VS_ZERO, objective_name
from sweeper.questions.penalty_keras import in_keras
from sweeper.questions.question import Tables
from sweeper.questions.run_data import RunData
from sweeper.study.parameters import PENALTY
from sweeper.wording import (
    capital,
    count,
    listing,
    number,
    percent,
    signed_interval,
    signed_number,
    signed_percents,
    span,
)

EXPLORE = "explore"
"""The basis of effects: trials whose weights were not chosen for their scores."""
MOST_PRUNED = 0.1
"""Share of the exploration that may be pruned before the rest is no even draw any more."""


def sentences(run: RunData, tables: Tables) -> tuple[Statement, ...]:
    """Effects on the objective, then on all else, kinds against each other, what the penalty is, and the
    weight in the convention of Keras."""
    frame = tables["penalty_effects"]
    decades = frame[frame["contrast"].isin([VS_ZERO, VS_LOWEST])]
    trends = found_trends(frame) if len(decades) else frame[frame["contrast"] == PER_DECADE]
    spread = scales(run)
    said: list[Statement] = [
        _effects(
            str(name),
            decades[decades["quantity"] == name],
            trends[trends["quantity"] == name],
            spread.get(str(name), math.inf),
        )
        for name in pd.concat([decades, trends])["quantity"].unique()
    ]
    if decades.empty:
        said += _not_compared(tables["penalty_bins"])
    between = frame["contrast"].str.contains(BETWEEN, regex=False)
    kinds = frame[between & (frame["quantity"] == objective_name(run))]
    said += [_compared(row) for row in _rows(kinds)]
    said += [_meant(kind) for kind in sorted(set(tables["penalty"]["kind"]) - {penalty.NO_KIND})]
    said += _beside_the_answer(run, decades[decades["quantity"] == objective_name(run)])
    said += _unlike(tables["penalty_bins"], decades[decades["quantity"] == objective_name(run)])
    said += _not_held(frame)
    said += _of_trials(run, frame)
    return (*said, *in_keras(tables["keras_weights"]), "One seed behind each trial.")


def _not_compared(bins: pd.DataFrame) -> list[str]:
    """That no decade is held against another with other settings equal, and what the table of decades is."""
    compared = bins["compared"].isin(["lower", "higher", "overlaps"]).any()
    beside = "; the table that compares their quartiles holds nothing equal" if compared else ""
    return [f"Too few trials to compare decades of the weight with other settings held equal{beside}."]


def _beside_the_answer(run: RunData, rows: pd.DataFrame) -> list[str]:
    """Why the answer has a weight of a decade that does worse than none: where it has one."""
    weight = 0.0 if run.answer is None else float(run.answer.parameters.get(PENALTY, 0.0))
    worse = rows["effect"] < 0 if run.ranked.highest else rows["effect"] > 0
    own = rows[rows["found"] & worse & (rows["weight_low"] <= weight) & (weight <= rows["weight_high"])]
    kind = None if run.answer is None else run.answer.parameters.get("penalty_kind")
    if own.empty or (kind is not None and not own["kind"].isin([ANY, kind]).any()):
        return []
    return [
        f"The answer's weight, {number(weight)}, is one of those all the same: this is an average over other "
        "settings, and with its own it was ranked first."
    ]


def _unlike(bins: pd.DataFrame, rows: pd.DataFrame) -> list[str]:
    """What it means that trials of some decade lie elsewhere where no effect of its weight was found."""
    apart = bins["compared"].isin(["lower", "higher"]).any()
    if not apart or rows.empty or rows["found"].any():
        return []
    some = " as far as there are trials enough" if rows["not_held"].any() else ""
    return [
        "At least one decade of the table lies wholly below or above its reference all the same: those "
        f"trials have other settings, too, and with these held equal{some} no difference is shown."
    ]


def _left_out(frame: pd.DataFrame) -> list[str]:
    """The settings that some effect does not hold equal, a text for each group of them."""
    return [str(names) for names in frame["not_held"].unique() if names]


def _not_held(frame: pd.DataFrame) -> list[str]:
    """What the regressions could not hold equal, and for which quantities; where it is not the same in all of
    them, in which comparisons."""
    groups = _left_out(frame)
    return [
        f"Too few trials to hold {names} equal throughout{_in_which(rows) if len(groups) > 1 else ''}: some "
        f"effects on {listing(quantities)} may come from there."
        for names in groups
        for rows in [frame[frame["not_held"] == names]]
        for quantities in [[metric_words(str(name)) for name in rows["quantity"].unique()]]
    ]


def _in_which(rows: pd.DataFrame) -> str:
    of_kinds = rows["contrast"].str.contains(BETWEEN, regex=False)
    named = [] if of_kinds.all() else ["weights"]
    return f" where {listing([*named, *(['kinds'] if of_kinds.any() else [])])} are compared"


def survivors(run: RunData) -> float:
    """Share of the exploration that was pruned, by its scores: those left are no longer even draws."""
    search = search_trials(run.trials)
    explored = search[search["phase"] == "explore"]
    return float((explored["outcome"] == "pruned").mean()) if len(explored) else 0.0


def _of_trials(run: RunData, frame: pd.DataFrame) -> list[str]:
    """Of which trials effects are, where some were proposed for the scores of others."""
    done = completed_search(run.trials)
    explored = int((done["phase"] == "explore").sum())
    if (frame["basis"] == "survivors").any() and (pruned := survivors(run)):
        return [
            f"{percent(pruned)} of the exploration was pruned by its scores, so these are differences "
            "between the trials that were left: those that last with a weight may differ in other settings "
            "too."
        ]
    if frame.empty or explored == len(done):
        return []
    if (frame["basis"] == EXPLORE).all():
        return [
            f"Effects are those of the {count(explored, 'completed trial')} of the exploration alone: what "
            "exploitation proposes has other settings that suit its weight."
        ]
    some = "most" if 2 * explored < len(done) else "some"
    return [
        "Exploration has too few trials to show effects, so these are differences between all trials, "
        f"{some} of which were proposed because of how others scored: settings that suit a weight may make "
        "them."
    ]


def held_equal(frame: pd.DataFrame) -> str:
    """``other searched settings equal``, and which are not."""
    left = _left_out(frame)
    return "other searched settings equal" + (f" (in part not {'; '.join(left)})" if left else "")


def _compared(row: Mapping[Any, Any]) -> str:
    """Of two kinds at the same weight, what the first one does to the objective."""
    first, other = str(row["contrast"]).split(BETWEEN)
    return f"{first} against {other} at the same weight, {metric_words(row['quantity'])}: {_stated(row)}."


def _meant(kind: str) -> str:
    return f"The {kind} penalty is its weight × the {formula(kind)}, summed over the activation layers."


def of_kind(row: Mapping[Any, Any]) -> str:
    """`` of l1`` where kinds differ."""
    return "" if row["kind"] == ANY else f" of {row['kind']}"


def _wide(rows: pd.DataFrame, scale: float) -> bool:
    """Whether intervals reach beyond what is large."""
    large = LARGE * (1.0 if rows["unit"].iloc[0] == "relative" else scale)
    return bool((rows["low"] < -large).any() or (rows["high"] > large).any())


def _rows(frame: pd.DataFrame) -> list[dict[Any, Any]]:
    return frame.to_dict("records")


def found_trends(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of `penalty_effects`: changes per decade of the weight whose interval leaves 0 out."""
    return frame[(frame["contrast"] == PER_DECADE) & frame["found"]]


def trend_words(rows: pd.DataFrame) -> str:
    """What a tenfold weight does to a quantity, kind by kind."""
    said = [f"a tenfold weight{of_kind(row)} {_trend(row)}" for row in _rows(rows)]
    return f"among weights above 0, {'; '.join(said)}"


def _trend(row: Mapping[Any, Any]) -> str:
    """``lowers it: −3 %``; what was not found is not shown to change it."""
    return f"{_does(row) if row['found'] else 'is not shown to change it'}: {_numbers(row)}"


def other_contrasts(rows: pd.DataFrame) -> str:
    """What trends and pairs of kinds are, where no decade could be compared."""
    trends, pairs = rows[rows["contrast"] == PER_DECADE], rows[rows["contrast"] != PER_DECADE]
    said = [trend_words(trends)] if len(trends) else []
    return "; ".join(
        [*said, *(f"{row['contrast']} at the same weight, {_stated(row)}" for row in _rows(pairs))]
    )


def _claim(quantity: str, rows: pd.DataFrame, text: str) -> Claim:
    """What was found, or that nothing was where no interval leaves 0 out."""
    ways = set(rows.loc[rows["found"], "finding"])
    direction = NONE if not ways else MIXED if len(ways) > 1 else str(ways.pop())
    decades = rows[rows["contrast"] != PER_DECADE]  # a trend is of their trials again
    trials = int((decades if len(decades) else rows)["trials"].sum())
    evidence = f"{count(trials, 'trial')}, one seed each"
    return Claim(EFFECT, PENALTY, direction, EXPLORATORY, "penalty", evidence, quantity, detail=text)


def decades_found(rows: pd.DataFrame) -> str:
    """What the decades of a quantity do that have an effect, and how many have none."""
    found = rows[rows["found"]]
    parts = [f"{_weights(row)} {_verb(row)}" for row in _rows(found)]
    rest = len(rows) - len(found)
    return "; ".join(
        [*parts, *([f"no {contrast_of(rows)} found in {count(rest, 'other decade')}"] if rest else [])]
    )


def _effects(quantity: str, rows: pd.DataFrame, trends: pd.DataFrame, scale: float) -> Claim:
    """Decades with an effect, and the trend over them; or that there is none, and how far intervals reach.

    `scale`: what changes are measured by that are no shares of the quantity.
    """
    name = capital(metric_words(quantity))
    if rows.empty:
        found = trends[trends["found"]]
        words = trend_words(found if len(found) else trends)
        return _claim(quantity, trends, f"{name}: {words}")
    base = "no penalty" if rows["contrast"].iloc[0] == VS_ZERO else "the lowest weights"
    if rows["found"].any():
        said = [decades_found(rows), *([] if trends.empty else [trend_words(trends)])]
        return _claim(quantity, pd.concat([rows, trends]), f"{name}, against {base}: {'; '.join(said)}")
    if not trends.empty:
        return _claim(
            quantity,
            trends,
            f"{name}: no single decade is shown to differ from {base}, but {trend_words(trends)}",
        )
    text = f"{name}: no {contrast_of(rows)} found against {base}; the "
    text += f"interval{'s' * (len(rows) > 1)} of {_decades(rows)} "
    ends = "includes no change and reaches" if len(rows) == 1 else "include no change and reach"
    text += f"{ends} {_reach(rows)}"
    text += f", too wide to rule out a large {contrast_of(rows)}" if _wide(rows, scale) else ""
    return _claim(quantity, rows, text)


def _reach(rows: pd.DataFrame) -> str:
    """``from −25 % to +53 %``"""
    lowest, highest = rows.loc[rows["low"].idxmin()], rows.loc[rows["high"].idxmax()]
    reach, relative = (float(lowest["low"]), float(highest["high"])), rows["unit"].iloc[0] == "relative"
    low, high = signed_percents(*reach) if relative else map(signed_number, reach)
    said = mark(lowest["quantity"])
    return f"from {low}{said * (LOW in lowest['cut'])} to {high}{said * (HIGH in highest['cut'])}"


def _decades(rows: pd.DataFrame) -> str:
    """``4 decades``, ``3 decades of l1 and 2 of l2``."""
    counts = rows.groupby("kind")["weight_low"].nunique()
    parts = [count(int(n), "decade") + ("" if kind == ANY else f" of {kind}") for kind, n in counts.items()]
    return listing(parts)


def _weights(row: Mapping[Any, Any]) -> str:
    kind = "" if row["kind"] == ANY else f"{row['kind']} "
    ends = span(row["weight_low"], row["weight_high"])
    return f"the {kind}weight {ends}" if _is_one(row) else f"{kind}weights of {ends}"


def _is_one(row: Mapping[Any, Any]) -> bool:
    """Whether a single weight was tried, as far as people read it."""
    return number(row["weight_low"]) == number(row["weight_high"])


def _verb(row: Mapping[Any, Any]) -> str:
    return f"{_does(row, several=not _is_one(row))}: {_numbers(row)}"


def _does(row: Mapping[Any, Any], *, several: bool = False) -> str:
    """``lowers it``; of trials that were proposed for their scores, that it goes with lower values."""
    if not row["found"]:
        return str(row["finding"]) if row["basis"] == EXPLORE else "no difference found"
    if row["basis"] == EXPLORE:
        return f"{row['finding'].removesuffix('s') if several else row['finding']} it"
    return f"{'go' if several else 'goes'} with {'lower' if row['effect'] < 0 else 'higher'} values"


def contrast_of(rows: pd.DataFrame) -> str:
    """What contrasts of these trials can show."""
    return "effect" if (rows["basis"] == EXPLORE).all() else "difference"


def _stated(row: Mapping[Any, Any]) -> str:
    return f"{_does(row)}, {_numbers(row)}"


def _numbers(row: Mapping[Any, Any]) -> str:
    numbers = row["effect"], row["low"], row["high"]
    relative = row["unit"] == "relative"
    effect, low, high = signed_percents(*numbers) if relative else signed_interval(*numbers)
    said = mark(row["quantity"])
    low, high = low + said * (LOW in row["cut"]), high + said * (HIGH in row["cut"])
    return f"{effect} (95 % interval {low} to {high})"
