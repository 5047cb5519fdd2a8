"""Transfer for people: how the best rate moves, what is predicted, and when that cannot be said."""

import math
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from sweeper.commands.transfer.table import Found, inside
from sweeper.commands.transfer.trials import FEWEST
from sweeper.wording import count, metric_words

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
    value, low, high = found.exponent
    power = f"{_signed(value)} (90 %: {_signed(low)} to {_signed(high)})"
    said = [f"The best rate goes as {key} to the power {power}."]
    said.append(
        f"Predicted for {key} {ahead.size:g}: {ahead.rate:.2g} (90 %: {ahead.low:.2g} to {ahead.high:.2g})."
    )
    if found.check is not None:
        measured = float(found.optima.loc[found.optima["size"] == found.check.size, "rate"].iloc[0])
        verdict = "inside" if inside(found.check, found.optima) else "outside"
        said.append(
            f"Check at {found.check.size:g}: from the other sizes {found.check.rate:.2g} (90 %: "
            f"{found.check.low:.2g} to {found.check.high:.2g}) was predicted, {measured:.2g} was measured: "
            f"{verdict} the interval."
        )
    elif about["check"] is not None:
        said.append(f"Check at {about['check']:g}: no best rate was found there, so it checks nothing.")
    said += _price(found, about)
    if ahead.size > 4 * max(found.optima["size"]):
        said.append(
            f"{ahead.size:g} is {ahead.size / max(found.optima['size']):.2g} times the largest size that was "
            "trained: no training supports a line that long."
        )
    return said


def _price(found: Found, about: Mapping[str, Any]) -> list[str]:
    last = found.optima[found.optima["verdict"] == "found"].iloc[-1]
    words = metric_words(about["objective"])
    if found.off_by_two is None:
        return [f"At {last['size']:g}, half or twice the best rate diverges."]
    return [
        f"At {last['size']:g}, half or twice the best rate gives a {words} of up to {found.off_by_two:.4g}, "
        f"where the best gives {last['best']:.4g}."
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
        ends = f"{row['low']:.2g} to {row['high']:.2g}" if math.isfinite(row["rate"]) else "–"
        numbers = [f"{row[k]:.4g}" if math.isfinite(row[k]) else "–" for k in ("rate", "best")]
        table.add_row(f"{row['size']:g}", numbers[0], ends, numbers[1], VERDICTS[row["verdict"]])
    held = ", ".join(f"{name} = {value}" for name, value in about["held"].items())
    told = [
        f"{about['trainings']} trainings: {about['rates']} rates from {about['lowest_rate']:.2g} to "
        f"{about['highest_rate']:.2g}, {about['seeds']} seeds each; trained: {about['plan']}.",
        f"equal in all trainings: {held} ({about['held_from']}).",
    ]
    for renderable in (table, "", *sentences(found, about), "", *told):
        console.print(renderable, markup=False, highlight=False, soft_wrap=not console.is_terminal)


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")
