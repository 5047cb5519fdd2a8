"""Transfer for people: how the best rate moves, what is predicted, and when that cannot be said."""

import math

from rich.table import Table

from sweeper.answer.ranked import Ranked
from sweeper.commands.transfer.conditions import Conditions, Purpose
from sweeper.commands.transfer.law import Prediction, inside
from sweeper.commands.transfer.law import unchecked as why_unchecked
from sweeper.commands.transfer.limits import GUESSING, beyond_the_limit, limit_sentences
from sweeper.commands.transfer.penalty import FACTORS, Penalties, PenaltyPlan
from sweeper.commands.transfer.penalty_words import penalty_plan, penalty_sentences, verdict_of
from sweeper.commands.transfer.table import FAILED, Beside, Found
from sweeper.commands.transfer.trials import FEWEST
from sweeper.components.metric_words import metric_words
from sweeper.statistics.scaling import Place
from sweeper.terminal import plain_console
from sweeper.wording import bounds, count, given, interval, listing, number, shown

NONE = "Nothing is predicted"
VERDICTS = {
    Place.FOUND: "",
    Place.LOWER_EDGE: "best at the lowest rate: search lower ones",
    Place.UPPER_EDGE: "best at the highest rate: search higher ones",
    Place.FLAT: "too flat to tell: the interval spans more than a factor of 10",
    Place.NOTHING: "every training diverged at every rate",
    FAILED: "at no rate did all trainings run to their end without an error",
    GUESSING: "no rate is shown to beat guessing, so which one is best says nothing",
}
WITHOUT_A_PREDICTION = {
    Purpose.ADVICE: "See what keeps the model from learning:",
    Purpose.GO_BEYOND_EDGE: "Best rates lie at the edge of those tried: go beyond it:",
    Purpose.MORE_SEEDS: "Tell more closely where the best rates lie, with more seeds:",
}
"""What the next command is for where no rate is predicted."""
TELLS = " inside the grid that is known to a factor of 10"
"""What a best rate must be to count."""


def sentences(found: Found, conditions: Conditions) -> list[str]:
    """What follows from the tables, one finding each: of the rates, then of the penalty."""
    return [
        *_of_rates(found, conditions),
        *penalty_sentences(found.penalty, conditions),
        _held(found, conditions),
    ]


def _held(found: Found, conditions: Conditions) -> str:
    """At which settings all of this was measured."""
    held = ", ".join(f"{name} = {shown(value)}" for name, value in conditions.held.items())
    but = "; the trainings of the penalty vary it and the rate" if found.penalty is not None else ""
    unlike = f" Not as in the run: {listing(conditions.unlike)}." if conditions.unlike else ""
    return f"Equal in all trainings: {held} ({conditions.held_from}){but}.{unlike}"


def _of_rates(found: Found, conditions: Conditions) -> list[str]:
    if found.exponent is None or found.prediction is None:
        return [f"{NONE}: {why_none(found)}", *_without(found, conditions)]
    key, ahead = conditions.key, found.prediction
    value, low, high = interval(*found.exponent)
    power = f"{value} (90 %: {low} to {high})"
    seeds = count(conditions.seeds, "seed")
    flat = found.exponent[1] <= 0 <= found.exponent[2]
    said = [f"The best rate goes as {key} to the power {power}, by {seeds} at each rate."]
    if flat:
        said = [
            f"No trend of the best rate with {key} is shown, by {seeds} at each rate: the power is {power}.",
            "What is predicted follows that power.",
        ]
    said.append(
        f"Predicted for {key} {given(ahead.size)}: {number(ahead.value, 2)} (90 %: "
        f"{bounds(ahead.low, ahead.high)})."
    )
    if found.check is not None:
        said += _of_check(found, found.check, conditions)
    elif conditions.check is not None:
        said.append(f"Check at {given(conditions.check)}: {unchecked(found, conditions)}.")
    said += [*_without(found, conditions), *_untried(ahead, found, conditions), *_price(found, conditions)]
    said += limit_sentences(ahead, found.optima, key, conditions.seeds)
    if ahead.size > 4 * max(found.optima["size"]):
        said.append(
            f"{given(ahead.size)} is {number(ahead.size / max(found.optima['size']), 2)} times the largest "
            "size that was trained: no training supports a line that long."
        )
    return said


def why_none(found: Found) -> str:
    """Why no rate is predicted: so few sizes tell a best one."""
    known = int((found.optima["verdict"] == Place.FOUND).sum())
    have = f"only {count(known, 'size has', 'sizes have')}" if known else "no size has"
    return f"{have} a best rate{TELLS}; {FEWEST} are needed."


def _of_check(found: Found, check: Prediction, conditions: Conditions) -> list[str]:
    """The prediction for the size left out beside what was measured there, and what it costs."""
    there = found.optima[found.optima["size"] == check.size].iloc[0]
    verdict = "inside" if inside(check, found.optima, "rate") else "outside"
    text = (
        f"Check at {given(check.size)}: from the other sizes {number(check.value, 2)} (90 %: "
        f"{bounds(check.low, check.high)}) was predicted, {number(there['rate'], 2)} (90 %: "
        f"{bounds(there['low'], there['high'])}) was measured: {verdict} the interval of the prediction."
    )
    if verdict == "outside" and there["low"] <= check.high and check.low <= there["high"]:
        text += " The two intervals overlap, so they may agree."
    if found.at_check is None or found.at_check[0].rate == found.at_check[1].rate:
        return [text]
    own, near = found.at_check
    return [
        f"{text} Of the rates tried there, the one nearest to the prediction {_beside(near)}, the best one "
        f"{_beside(own)} ({metric_words(conditions.objective)})."
    ]


def _without(found: Found, conditions: Conditions) -> list[str]:
    """Sizes that have no best rate that counts, and why."""
    sizes = found.optima.groupby("verdict", sort=False)["size"]
    return [
        f"At {conditions.key} {listing([given(size) for size in own])}: {VERDICTS[str(verdict)]}."
        for verdict, own in sizes
        if VERDICTS[str(verdict)]
    ]


def _untried(ahead: Prediction, found: Found, conditions: Conditions) -> list[str]:
    """That an interval holds rates that no training had, one of a penalty included."""
    of_penalty = [] if found.penalty is None else found.penalty.tried["rate"].tolist()
    lowest = min([conditions.lowest_rate, *of_penalty])
    highest = max([conditions.highest_rate, *of_penalty])
    beyond = [f"above {number(highest, 2)}"] if ahead.high > highest else []
    beyond += [f"below {number(lowest, 2)}"] if ahead.low < lowest else []
    if not beyond:
        return []
    return [f"Rates {' and '.join(beyond)} were not tried at any size: no training shows what they do."]


def unchecked(found: Found, conditions: Conditions) -> str:
    """Why a check of the rates that was asked for checks nothing."""
    assert conditions.check is not None
    usable = found.optima[found.optima["verdict"] == Place.FOUND]
    there = found.optima.loc[found.optima["size"] == conditions.check, "verdict"]
    if there.eq(GUESSING).any():
        return "no rate is shown to beat guessing there, so it checks nothing"
    return why_unchecked(usable, conditions.check, "best rate", TELLS)


def _price(found: Found, conditions: Conditions) -> list[str]:
    last = found.optima[found.optima["verdict"] == Place.FOUND].iloc[-1]
    words = metric_words(conditions.objective)
    if found.off_by_two is None:
        return []
    own, low, high = found.off_by_two[0], *(_beside(each) for each in found.off_by_two[1:])
    sides = f"that nearest to half of it {low}, that nearest to twice it {high}"
    if any(not 1.5 < max(each.rate / own.rate, own.rate / each.rate) < 3 for each in found.off_by_two[1:]):
        sides = f"the rate below it {low}, the one above it {high}"
    return [
        f"At {given(last['size'])}, the best rate of the grid ({number(own.rate, 2)}) gives a mean {words} "
        f"of {number(own.mean, 4)}, {sides}."
    ]


def _beside(found: Beside) -> str:
    at = f"({number(found.rate, 2)})"
    if found.lost:
        return f"{at} diverges on {found.lost} of {count(found.seeds, 'seed')}"
    return f"{at} gives {number(found.mean, 4)}"


def next_text(found: Found, conditions: Conditions) -> str:
    """What the command that goes on is for."""
    if found.prediction is not None:
        penalty = ", and search its penalty" if found.penalty is not None else ""
        below = " and lower ones" if beyond_the_limit(found.prediction, found.optima) else ""
        rates = f"rates of this interval{below}"
        return f"Train at {conditions.key} {given(conditions.to)} with {rates}{penalty}:"
    return WITHOUT_A_PREDICTION[conditions.next.purpose]


def plan_line(trainings: int, sizes: int, rates: int, seeds: int, penalty: PenaltyPlan | None) -> str:
    """How many trainings a transfer makes, before it makes them."""
    line = f"plan: {trainings:,} trainings ({sizes} sizes × {rates} rates × {seeds} seeds)"
    if penalty is None:
        return line
    grid = f"{len(penalty.weights) + 1} penalties × {len(FACTORS)} rates × {seeds} seeds"
    fresh = f"2 × {penalty.fresh_seeds} on fresh seeds"
    more = f"{penalty.trainings(sizes):,} for the penalty (at each size {grid}, then {fresh})"
    return f"{line}, then {more}; --penalties 0 leaves the latter out"


def print_transfer(found: Found, conditions: Conditions) -> None:
    """A row for each size, what follows, and what was done."""
    console = plain_console()
    told = [
        f"{conditions.trainings} trainings of the rates: {conditions.rates} from "
        f"{number(conditions.lowest_rate, 2)} to {number(conditions.highest_rate, 2)}, "
        f"{count(conditions.seeds, 'seed')} each; trained: {conditions.plan}.",
    ]
    tables: list[Table | str] = [_rates(found, conditions)]
    if found.penalty is not None:
        tables += ["", _penalties(found.penalty, conditions)]
        told.insert(1, penalty_plan(found.penalty))
    onward = next_text(found, conditions)
    for renderable in (*tables, "", *sentences(found, conditions), "", *told, "", onward):
        console.print(renderable)
    console.print(f"  {conditions.next.command}", soft_wrap=True)


def _best_mean(objective: str) -> str:
    """Of the grid: the best rate lies between its rates."""
    return f"{Ranked(objective).best} mean {metric_words(objective)} of the grid"


def _rates(found: Found, conditions: Conditions) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for column in (conditions.key, "best rate", "90 % interval", _best_mean(conditions.objective)):
        table.add_column(column, justify="right")
    table.add_column("")
    for row in found.optima.to_dict("records"):
        ends = bounds(row["low"], row["high"]) if math.isfinite(row["rate"]) else "–"
        numbers = [number(row["rate"], 2), ends, number(row["best"], 4)]
        table.add_row(given(row["size"]), *numbers, VERDICTS[row["verdict"]])
    return table


def _penalties(found: Penalties, conditions: Conditions) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    changes = f"changes {metric_words(conditions.objective)} by"
    for column in (conditions.key, "best penalty", "at rate", changes, "interval"):
        table.add_column(column, justify="right")
    table.add_column("")
    for row in found.best.to_dict("records"):
        mean, low, high = interval(row["difference"], row["difference_low"], row["difference_high"])
        ends = f"{low} to {high}" if math.isfinite(row["difference_low"]) else "–"
        cells = [given(row["size"]), number(row["weight"], 2), number(row["rate"], 2), mean, ends]
        table.add_row(*cells, verdict_of(row))
    return table
