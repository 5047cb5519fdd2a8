"""What each compared value reaches when all get the same number of trials."""

import math
from collections.abc import Mapping
from typing import Any

from sweeper.report.section import Evidence, Section, Shown, named
from sweeper.wording import count, interval, listing


def answer(evidence: Evidence) -> tuple[str, ...]:
    """The lowest expected best of each parameter, and which values it is not told from."""
    frame = evidence.tables["isolation"]
    parts = {str(name): rows.to_dict("records") for name, rows in frame.groupby("parameter", sort=False)}
    best = [f"{named(first['value'])} among {name}s" for name, (first, *_) in parts.items()]
    said = [
        f"With everything else tuned for equally many trials, {listing(best)} "
        f"{'is' if len(best) == 1 else 'are'} expected to reach the lowest {evidence.metric}; exploratory, "
        "one seed each."
    ]
    said += [_compared(name, rows) for name, rows in parts.items()]
    return (*said, *(_dealt(name, rows) for name, rows in parts.items()))


def _dealt(parameter: str, rows: list[dict[Any, Any]]) -> str:
    """How many trials each value had: a search goes where it is promising."""
    ordered = sorted(rows, key=lambda row: (-row["searched"], str(row["value"])))
    counts = [f"{named(row['value'])} {row['searched']}" for row in ordered]
    used = "the comparison uses them all"
    if rows[0]["basis"] == "explore":
        fewest, most = (pick(row["trials"] for row in rows) for pick in (min, max))
        each = f"{fewest}" if fewest == most else f"{fewest} to {most}"
        used = f"the comparison uses the {each} of each that were dealt out evenly"
    return f"Trials of each {parameter.replace('_', ' ')} in the search: {listing(counts)}; {used}."


def _compared(parameter: str, rows: list[dict[Any, Any]]) -> str:
    first, *others = rows
    named_so = parameter.replace("_", " ").capitalize()
    text = f"{named_so}: {_score(first)} at best of {count(first['budget'], 'trial')}"
    close = [row for row in others if not row["low"] > first["high"]]
    apart = [row for row in others if row["low"] > first["high"]]
    if apart:
        text += f"; higher, with intervals that do not meet: {listing([_score(row) for row in apart])}"
    if close:
        text += f"; not settled against {listing([_score(row) for row in close])}"
    return f"{text}."


def _score(row: Mapping[Any, Any]) -> str:
    mean, low, high = interval(row["expected_best"], row["low"], row["high"])
    known = math.isfinite(row["low"]) and math.isfinite(row["high"])
    return f"{named(row['value'])} {mean}" + (f" ({low} to {high})" if known else "")


SECTION = Section(
    key="isolation",
    question="Which optimizer and activation, with the rest tuned?",
    answer=answer,
    figure="isolation",
    shown=(Shown("isolation", "One row per value"),),
    how=(
        "Expected best of k trials: the mean, over all subsets of k of a value's trials, of the lowest loss "
        "(Dodge et al. 2019; unbiased form of Tang et al. 2020, arXiv 2004.14373). k is a third of the "
        "fewest trials that any value has, the same for all, so that a value tried more often is not better "
        "by that alone. Trials that diverged count at the loss before training.",
        "Explore trials alone are used where every value has at least three: they are shared out evenly, "
        "at settings that suit each value as far as is known. Intervals are 95 % bootstrap "
        "intervals over trials. All rests on one seed for each "
        "trial: it shows where to look and proves nothing; the finalists' fresh seeds decide.",
    ),
)
