"""Whether the best trials crowd at a bound of a searched range: then a better value may lie outside."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from sweeper.answer.claim_words import Statement
from sweeper.answer.claims import EXPLORATORY, RANGE, Claim
from sweeper.answer.edges import Edge, crowded, edges, own_ranges, ranges_of
from sweeper.questions.question import Shown
from sweeper.questions.run_data import RunData
from sweeper.study.space import Range
from sweeper.wording import capital, count, listing, number, spoken


def range_edges(run: RunData) -> pd.DataFrame:
    """Whether the best trials cluster at a bound of a searched range, see `sweeper.answer.edges.crowded`.

    A wider range is suggested for rates, and for what the answer has at that bound: where it lies elsewhere,
    fresh seeds spoke against the bound.
    """
    found = crowded(run.trials, ranges_of(run.study.space))
    won = {edge.key for edge in edges_of_answer(run)}
    rate = found["key"].map(lambda key: run.study.space.base(key) == "learning_rate").astype(bool)
    kept = (rate | found["key"].isin(won)) & run.advises
    drawn = [_drawn_by(run, key) for key in found["key"]]
    return found.assign(suggestion=found["suggestion"].where(kept, ""), drawn_by=drawn)


def _drawn_by(run: RunData, key: str) -> str:
    """The optimizers whose trials draw from a range; empty where all do."""
    space = run.study.space
    every = [str(name) for name in space.entries["optimizer"].values or ()]
    own = [name for name in every if any(key == found for found, _ in space.active(name).values())]
    return listing(own) if len(own) < len(every) else ""


def _best(row: Mapping[Any, Any]) -> str:
    """``the best 4 trials``, of all that drew from the range."""
    among = f" with {row['drawn_by']}" if row["drawn_by"] else ""
    return f"the best {row['best_trials']} trials{among}"


def edges_of_answer(run: RunData) -> tuple[Edge, ...]:
    """Settings of the answer at the edge of their range, which the card names too."""
    if run.answer is None or not run.advises:
        return ()
    return edges(run.study.space, run.answer.parameters, run.trials)


def highest_rates_best(run: RunData) -> bool:
    """Whether the answer lies at the high end of the learning rates tried."""
    return any(e.side == "high" and e.parameter == "learning_rate" for e in edges_of_answer(run))


def sentences(run: RunData, frame: pd.DataFrame) -> tuple[Statement, ...]:
    """Ranges at a bound of which more than half of the best trials lie, where the winner learned at all."""
    if run.answer is None or not run.advises:
        return ()
    winners = {edge.key: edge for edge in edges_of_answer(run)}
    rows = [row for row in frame.to_dict("records") if row["at_edge"]]
    own = [edge for key, edge in winners.items() if key not in {row["key"] for row in rows}]
    rest = frame[(frame["unshown"] != "") & ~frame["key"].isin(list(winners))]
    unshown = tuple(map(_not_shown, rest.to_dict("records")))
    if not rows and not own and not unshown:
        others = len(ranges_of(run.study.space)) > len(frame)
        which_ones = "with enough trials to tell" if others else "checked"
        crowded = frame[frame["near_low"] > CROWD]  # at no edge, as the range has a zero
        which = "another bound" if len(crowded) else "a bound"
        ranges = f"the {count(len(frame), 'range')} {which_ones}"
        if len(frame) == 1:
            ranges = f"{frame['key'].iloc[0]}, the one range {which_ones}"
        said = (f"The best trials do not crowd at {which} of {ranges}.",)
        zeros = tuple(map(_before_zero, crowded.to_dict("records")))
        return (*zeros, *(said if len(frame) else ()), *_alone(run, frame.drop(crowded.index)))
    return (
        *(_at_a_bound(row, won=row["key"] in winners) for row in rows),
        *(_claim(edge.key, edge.side, _lies(edge), f"--set {edge.setting}") for edge in own),
        *unshown,
    )


def _alone(run: RunData, frame: pd.DataFrame) -> Iterator[str]:
    """Settings of the answer, else of the best trial of the search, that lie within `BESIDE` of a bound at
    which no crowd is told of."""
    assert run.answer is not None
    own, ranges = own_ranges(run.study.space, run.answer.parameters), ranges_of(run.study.space)
    for row in frame.to_dict("records"):
        key = str(row["key"])
        found = [(f"The answer's own {spoken(key)}", own[key][2])] if key in own else []
        of = f"best trial with {row['drawn_by']}" if row["drawn_by"] else "best trial of the search"
        found.append((f"The {spoken(key)} of the {of}", row["best"]))
        for side in ("low", "high"):
            at = [(who, value) for who, value in found if _beside(ranges[key], side, float(value))]
            for who, value in at[:1]:
                near = _near(row, side)
                which = f"({number(value)}) lies next to"
                which = "lies at" if math.isclose(value, row[side], rel_tol=1e-3) else which
                yield (
                    f"{who} {which} the {side} end ({number(row[side])}), near which "
                    f"{'lies' if near == 1 else 'lie'} {near or 'none'} of {_best(row)}."
                )


CROWD = 0.5
"""Share of the best trials from which they crowd at a bound."""


def _before_zero(row: Mapping[Any, Any]) -> str:
    """Of best trials that lie at the low bound of a range beyond which the 0 was tried."""
    return (
        f"{_near(row, 'low')} of {_best(row)} lie near the low end of {spoken(str(row['key']))} "
        f"({number(row['low'])}); beyond it lies 0, which was tried, too, so no wider range is proposed."
    )


BESIDE = 0.05
"""Share of a range, next to a bound, in which a single setting is told of."""


def _beside(values: Range, side: str, value: float) -> bool:
    place = values.position(value) if values.low <= value <= values.high else 0.5
    return place < BESIDE if side == "low" else place > 1 - BESIDE


def _near(row: Mapping[Any, Any], side: str) -> int:
    """How many of the best trials lie near the bound at `side`."""
    return round(row["best_trials"] * row[f"near_{side}"])


def _not_shown(row: Mapping[Any, Any]) -> str:
    """Of best trials that lie at a bound without showing that better values lie beyond it."""
    side = "low" if row["near_low"] > row["near_high"] else "high"
    near = _near(row, side)
    who = f"{'All' if near == row['best_trials'] else near} of {_best(row)}"
    return f"{who} lie near the {side} end of {row['key']} ({number(row[side])}), but {row['unshown']}."


def _lies(edge: Edge) -> str:
    return f"The answer lies near the {edge.side} end of {edge.key} ({number(edge.bound)})"


def _at_a_bound(row: Mapping[Any, Any], *, won: bool) -> Claim | str:
    key, side = str(row["key"]), str(row["side"])
    share = "all" if row[f"near_{side}"] == 1 else "more than half"
    best = f"{share} of {_best(row)}"
    who = f"The answer and {best} lie" if won else f"{capital(best)} lie"
    text = f"{who} near the {side} end of {key} ({number(row[side])})"
    if not row["suggestion"]:
        return f"{text}; the answer does not, so no wider range is proposed."
    return _claim(key, side, text, row["suggestion"])


def _claim(key: str, side: str, text: str, suggestion: str) -> Claim:
    detail = f"{text}; a better value may lie outside ({suggestion} searches there too)"
    return Claim(RANGE, key, side, EXPLORATORY, "learning-rate", detail=detail)


TABLES = {"range_edges": range_edges}
SHOWN = Shown("range_edges", "Do the best trials cluster at a bound?")
HOW = (
    "Trials crowd at a bound when so many of the best lie in the outer 15 % of the range, and more than "
    "half, that it would happen at any of the ranges that trials drew from in one study of 20, were all "
    "places equally good. A learning rate does not where two trials or more lie beyond the last one within "
    "10 % of the best, towards that bound, one of them by a tenth of a decade or more, nor where the trials "
    "beyond the best one score worse the nearer they lie to the bound (one-sided test of Kendall's τ at 5 "
    "%). For settings other than the learning rate, it would be as rare were the best any of the trials: "
    "where the search tried mostly values near the bound, the best lie there, too. And the trials there "
    "score better than the rest in a one-sided Mann-Whitney test at 5 %."
)
