"""Transfer for people: how the best rate moves, what is predicted, and when that cannot be said."""

import math
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from sweeper.commands.transfer.table import Found, inside
from sweeper.commands.transfer.trials import FEWEST
from sweeper.wording import count, given, interval, metric_words, number

WIDE = 200
VERDICTS = {
    "found": "",
    "lower edge": "best at the lowest rate: search lower ones",
    "upper edge": "best at the highest rate: search higher ones",
    "flat": "too flat to tell: the interval spans more than a factor of 10",
    "nothing": "every training diverged at every rate",
}


def sentences(found: Found, about: Mapping[str, Any]) -> list[str]:
    """What follows from the table, one finding each."""
    known = int((found.optima["verdict"] == "found").sum())
    if found.exponent is None or found.prediction is None:
        have = count(known, "size")
        return [f"Nothing is predicted: {have} with a best rate inside the grid, {FEWEST} are needed."]
    key, ahead = about["key"], found.prediction
    value, low, high = interval(*found.exponent)
    power = f"{value} (90 %: {low} to {high})"
    said = [f"The best rate goes as {key} to the power {power}."]
    said.append(
        f"Predicted for {key} {given(ahead.size)}: {number(ahead.rate, 2)} (90 %: "
        f"{number(ahead.low, 2)} to {number(ahead.high, 2)})."
    )
    if found.check is not None:
        measured = float(found.optima.loc[found.optima["size"] == found.check.size, "rate"].iloc[0])
        verdict = "inside" if inside(found.check, found.optima) else "outside"
        said.append(
            f"Check at {given(found.check.size)}: from the other sizes {number(found.check.rate, 2)} (90 %: "
            f"{number(found.check.low, 2)} to {number(found.check.high, 2)}) was predicted, "
            f"{number(measured, 2)} was measured: "
            f"{verdict} the interval."
        )
    elif about["check"] is not None:
        said.append(f"Check at {given(about['check'])}: no best rate was found there, so it checks nothing.")
    said += _price(found, about)
    if ahead.size > 4 * max(found.optima["size"]):
        said.append(
            f"{given(ahead.size)} is {number(ahead.size / max(found.optima['size']), 2)} times the "
            "largest size that was "
            "trained: no training supports a line that long."
        )
    return said


def _price(found: Found, about: Mapping[str, Any]) -> list[str]:
    last = found.optima[found.optima["verdict"] == "found"].iloc[-1]
    words = metric_words(about["objective"])
    if found.off_by_two is None:
        return [f"At {given(last['size'])}, half or twice the best rate diverges."]
    return [
        f"At {given(last['size'])}, half or twice the best rate gives a {words} of up to "
        f"{number(found.off_by_two, 4)}, "
        f"where the best gives {number(last['best'], 4)}."
    ]


def print_transfer(found: Found, about: Mapping[str, Any]) -> None:
    """A row for each size, what follows, and what was done."""
    console = Console()
    console = console if console.is_terminal else Console(width=WIDE)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for column in (about["key"], "best rate", "90 % interval", f"mean {metric_words(about['objective'])}"):
        table.add_column(column, justify="right")
    table.add_column("")
    for row in found.optima.to_dict("records"):
        ends = f"{number(row['low'], 2)} to {number(row['high'], 2)}" if math.isfinite(row["rate"]) else "–"
        numbers = [number(row[k], 4) if math.isfinite(row[k]) else "–" for k in ("rate", "best")]
        table.add_row(given(row["size"]), numbers[0], ends, numbers[1], VERDICTS[row["verdict"]])
    held = ", ".join(f"{name} = {value}" for name, value in about["held"].items())
    told = [
        f"{about['trainings']} trainings: {about['rates']} rates from {number(about['lowest_rate'], 2)} to "
        f"{number(about['highest_rate'], 2)}, {about['seeds']} seeds each; trained: {about['plan']}.",
        f"equal in all trainings: {held} ({about['held_from']}).",
    ]
    for renderable in (table, "", *sentences(found, about), "", *told):
        console.print(renderable, markup=False, highlight=False, soft_wrap=not console.is_terminal)
