"""The penalty of a transfer for people: what it changes at each size, and whether a best weight can be
predicted."""

from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import pandas as pd

from sweeper.commands.transfer.conditions import Conditions
from sweeper.commands.transfer.law import inside, unchecked
from sweeper.commands.transfer.penalty import FACTORS, LEVEL, Penalties, PenaltyVerdict
from sweeper.commands.transfer.trials import FEWEST
from sweeper.components.metric_words import metric_words
from sweeper.statistics.scaling import Place
from sweeper.study.parameters import PENALTY
from sweeper.wording import bounds, count, given, interval, listing, number, percent, signed_number

VERDICTS = {
    PenaltyVerdict.BETTER: "better than no penalty",
    PenaltyVerdict.WORSE: "worse than no penalty",
    PenaltyVerdict.OPEN: "cannot be told from no penalty",
    PenaltyVerdict.DIVERGED: "not compared: some trainings diverged",
    PenaltyVerdict.NOTHING: "not compared: fewer than two pairs on fresh seeds completed",
}
PLACES = {
    Place.FOUND: "",
    Place.LOWER_EDGE: "best at the lowest weight",
    Place.UPPER_EDGE: "best at the highest weight",
    Place.FLAT: "its place is not known to a factor of 10",
    Place.NOTHING: "",
}


def penalty_sentences(found: Penalties | None, conditions: Conditions) -> list[str]:
    """What follows, one finding each; none where no penalty was tried."""
    if found is None:
        return []
    rows = found.best.to_dict("records")
    told = [row for row in rows if row["verdict"] in (PenaltyVerdict.BETTER, PenaltyVerdict.WORSE)]
    left = [row for row in rows if row["verdict"] == PenaltyVerdict.OPEN]
    said = [_effect(row, conditions) for row in told]
    if left:
        said.append(_open(left, conditions, some=bool(told)))
    said += _not_compared(rows, conditions)
    return [*said, *_predicted(found, conditions)]


def _effect(row: Mapping[str, Any], conditions: Conditions) -> str:
    """Each at its own rate: what is worse may owe it to a rate that did well on the grid by luck."""
    where, rates = (
        f"{conditions.key} {given(row['size'])}",
        [number(row[k], 2) for k in ("rate", "rate_without")],
    )
    seeds, words = count(row["seeds"], "fresh seed"), metric_words(conditions.objective)
    setting = f"an activation penalty of {number(row['weight'], 2)} at a rate of {rates[0]}"
    if row["verdict"] == PenaltyVerdict.BETTER:
        return (
            f"At {where} {setting} helps: on {seeds} it changes the {words} by {_apart(row)}, against none "
            f"at a rate of {rates[1]}."
        )
    return (
        f"At {where} no penalty is shown to help: the best setting of the grid with one, {setting}, is "
        f"worse than none at {rates[1]} on {seeds}; it changes the {words} by {_apart(row)}."
    )


def _apart(row: Mapping[str, Any]) -> str:
    """``−0.02 (−0.031 to −0.012)``, with signs."""
    mean, low, high = interval(row["difference"], row["difference_low"], row["difference_high"])
    sign = "" if mean.startswith("−") else "+"
    return f"{sign}{mean} (interval {low} to {high})"


def _open(rows: list[dict[str, Any]], conditions: Conditions, *, some: bool) -> str:
    sizes = listing([given(row["size"]) for row in rows])
    where = f"at {conditions.key} {sizes}" if some else f"at these sizes ({conditions.key} {sizes})"
    low, high = min(row["difference_low"] for row in rows), max(row["difference_high"] for row in rows)
    words = metric_words(conditions.objective)
    return (
        f"No effect of the activation penalty can be told {where}: on "
        f"{count(rows[0]['seeds'], 'fresh seed')} each, the best weight and none, each at the rate that "
        f"suited it, differ in the {words} by between {signed_number(low)} and {signed_number(high)}, so "
        "it may change nothing."
    )


def _not_compared(rows: list[dict[str, Any]], conditions: Conditions) -> Iterator[str]:
    for row in rows:
        where = f"At {conditions.key} {given(row['size'])}"
        if row["verdict"] == PenaltyVerdict.DIVERGED:
            trainings = f"{row['diverged']} of {2 * row['seeds']} trainings"
            yield f"{where} the penalty is not compared: {trainings} on fresh seeds diverged."
        elif row["verdict"] == PenaltyVerdict.NOTHING:
            yield f"{where} the penalty is not compared: fewer than two pairs on fresh seeds completed."


def penalty_fact(found: Penalties, conditions: Conditions) -> tuple[str, str]:
    """Value and meaning of the line on the card, with the weight that the rates were measured with."""
    verdicts, sizes = found.best["verdict"], f"of {count(len(found.best), 'size')}"
    seeds = f"on {count(found.plan.fresh_seeds, 'fresh seed')} the best weight of the grid against none"
    held = float(conditions.held.get(PENALTY) or 0.0)
    seeds += f"; the rates were measured {f'with {number(held)}' if held else 'without'}"
    if verdicts.isin([PenaltyVerdict.DIVERGED, PenaltyVerdict.NOTHING]).all():
        return "not compared", "trainings with a penalty, or those beside them, diverged or failed"
    if (verdicts == PenaltyVerdict.BETTER).any():
        return f"helps at {int((verdicts == 'better').sum())} {sizes}", seeds
    return ("not shown to help" if (verdicts == PenaltyVerdict.WORSE).any() else "no effect seen"), seeds


def _predicted(found: Penalties, conditions: Conditions) -> Iterator[str]:
    to = f"{conditions.key} {given(conditions.to)}"
    if found.prediction is None:
        known = int(
            ((found.best["verdict"] == PenaltyVerdict.BETTER) & (found.best["place"] == Place.FOUND)).sum()
        )
        if (found.best["verdict"] == PenaltyVerdict.BETTER).any():
            yield (
                f"No penalty is predicted for {to}: {count(known, 'size has', 'sizes have')} a best weight "
                f"that is known to a factor of 10 and better than none; {FEWEST} are needed."
            )
        yield from _unchecked(found, conditions)
        return
    ahead = found.prediction
    yield f"Predicted penalty for {to}: {number(ahead.value, 2)} (90 %: {_ends(ahead)})."
    if found.check is not None:
        measured = float(found.best.loc[found.best["size"] == found.check.size, "weight"].iloc[0])
        verdict = "inside" if inside(found.check, found.best, "weight") else "outside"
        yield (
            f"Check of the penalty at {given(found.check.size)}: from the other sizes "
            f"{number(found.check.value, 2)} (90 %: {_ends(found.check)}) was predicted, "
            f"{number(measured, 2)} was measured: {verdict} the interval."
        )
    yield from _unchecked(found, conditions)


def _unchecked(found: Penalties, conditions: Conditions) -> Iterator[str]:
    """Why a check that was asked for checks no penalty."""
    if conditions.check is None or found.check is not None:
        return
    usable = found.best[
        (found.best["verdict"] == PenaltyVerdict.BETTER) & (found.best["place"] == Place.FOUND)
    ]
    what = "best weight that is known to a factor of 10 and better than none"
    why = unchecked(usable, conditions.check, what)
    yield f"Check of the penalty at {given(conditions.check)}: {why}."


def _ends(ahead: Any) -> str:
    return bounds(ahead.low, ahead.high)


def penalty_plan(found: Penalties) -> str:
    """What was trained for it."""
    plan = found.plan
    ends = bounds(plan.weights[0], plan.weights[-1])
    return (
        f"penalty: {count(len(found.tried), 'training')}: 0 and {count(len(plan.weights), 'weight')} from "
        f"{ends}, each at {len(FACTORS)} rates on {plan.seeds} seeds; then the best weight and 0 on "
        f"{plan.fresh_seeds} fresh seeds. The intervals of all sizes hold together at {percent(LEVEL)}."
    )


def shown(found: Penalties) -> pd.DataFrame:
    """The table of sizes for pages: verdicts in words, and where the best weight lies among those tried."""
    verdicts = [verdict_of(row) for row in found.best.to_dict("records")]
    places = found.best["place"].map(PLACES)
    return found.best.assign(verdict=verdicts, place=places).drop(columns="error")


def verdict_of(row: Mapping[Hashable, Any]) -> str:
    """Whether the best weight of a size is better than none, and where it lies among those tried."""
    return "; ".join(word for word in (VERDICTS[row["verdict"]], PLACES[row["place"]]) if word)
