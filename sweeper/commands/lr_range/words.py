"""The learning-rate range test for people and for programs."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table

from sweeper.command_line import command_line
from sweeper.commands.lr_range.table import FLAT, NEAR, SAFETY, WINDOW, RangeVerdict, ranges
from sweeper.commands.lr_range.trials import TRAINING, VALIDATION, Conditions
from sweeper.study.rates import as_range, search_rates
from sweeper.terminal import plain_console
from sweeper.toml_text import in_toml
from sweeper.wording import given, listing, number, percent, tidied

LOSSES = {
    VALIDATION: "validation losses",
    TRAINING: "training losses, mean over the last steps of each: the classes are weighted in them alone",
}
SAID = {
    RangeVerdict.FOUND: "",
    RangeVerdict.OPEN: "nothing diverged: higher rates may work too",
    RangeVerdict.FLAT: "no rate lowered the loss enough: give more --steps",
    RangeVerdict.GUESSED: "no rate got clearly below guessing: more --steps may help",
    RangeVerdict.DIVERGED: "every rate diverged: test lower ones",
}


def settings(suggestions: pd.DataFrame) -> list[str]:
    """``--set`` values for the range to search, one for each optimizer with a suggestion."""
    rows = ranges(suggestions).to_dict("records")
    return [_setting(row["optimizer"], (row["low"], row["high"])) for row in rows]


def _setting(optimizer: str, ends: tuple[float, float]) -> str:
    return f"search.space.learning_rate.{optimizer}={in_toml(as_range(ends))}"


def lower(suggestions: pd.DataFrame, lowest: Mapping[str, float]) -> list[str]:
    """``--set`` values by which the test begins lower, of optimizers with which every rate diverged: three
    decades below the `lowest` that was tested."""
    diverged = (
        suggestions["verdict"].eq(RangeVerdict.DIVERGED).groupby(suggestions["optimizer"], sort=False).all()
    )
    tested = {str(name): lowest[name] for name in diverged[diverged].index}
    return [_setting(name, (tidied(rate / 1e3, 2), tidied(rate, 2))) for name, rate in tested.items()]


def to_dict(suggestions: pd.DataFrame, conditions: Conditions, figure: Path | None = None) -> dict[str, Any]:
    """For JSON, which has no NaN: `conditions`, one entry per combination, the ``--set``."""
    rows = [
        {str(name): _plain(value) for name, value in row.items() if name != "group"}
        for row in suggestions.to_dict("records")
    ]
    further = {"set": settings(suggestions), "set_to_test_lower": lower(suggestions, conditions.lowest_rates)}
    return {**vars(conditions), "figure": figure, "combinations": rows, **further}


def print_lr_range(suggestions: pd.DataFrame, conditions: Conditions) -> None:
    """A row for each combination, how to read it, and the range to search next."""
    console = plain_console()
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for column in ("optimizer", "setting"):
        table.add_column(column)
    for column in ("suggestion", "diverges\nfrom", "lowest\nloss", "at rate", "start"):
        table.add_column(column, justify="right")
    table.add_column("")
    for row in suggestions.to_dict("records"):
        numbers = [row[k] for k in ("suggestion", "boundary", "best_loss", "best_rate", "start")]
        table.add_row(row["optimizer"], row["group"], *map(_short, numbers), SAID[row["verdict"]])
    for renderable in (table, "", *_legend(conditions)):
        console.print(renderable)
    to_search = settings(suggestions)
    if to_search:
        console.print("\nthe ranges to search next:")
        for line in origins(suggestions):
            console.print(line)
        _print_settings(console, to_search)
    if to_test := lower(suggestions, conditions.lowest_rates):
        console.print("\nlower rates to test next:")
        _print_settings(console, to_test)


def _print_settings(console: Console, settings: Sequence[str]) -> None:
    for setting in settings:
        console.print(f"  {command_line(['--set', setting])}", soft_wrap=True)


def _legend(conditions: Conditions) -> list[str]:
    held = ", ".join(f"{name} = {value}" for name, value in conditions.held.items())
    lines = [
        f"{conditions.trainings} trainings of {conditions.steps} steps, {conditions.rates} rates each, "
        f"one seed ({conditions.seed}), constant rate; losses are {LOSSES[conditions.metric]}.",
        f"suggestion: the largest rate whose loss (running median over {WINDOW} rates) is within "
        f"{percent(NEAR)} of the lowest, and at most 1/{given(SAFETY)} of the rate from which on most rates "
        "diverge (NaN, or a loss that ends above its start).",
        "So few steps favour large rates: longer trainings may want smaller ones.",
    ]
    if conditions.guessing is not None:
        lines.append(
            f"guessing ({conditions.guess}) loses {number(conditions.guessing)}; where no rate gets "
            f"{percent(FLAT)} below that, none is suggested."
        )
    lines.append(f"trained: {conditions.plan}.")
    return lines + ([f"equal in all trainings: {held}."] if held else [])


def origins(suggestions: pd.DataFrame) -> list[str]:
    """How the range of each optimizer came about, a line for all of which the same is true."""
    named: dict[str, list[str]] = {}
    for row in ranges(suggestions).to_dict("records"):
        own = suggestions[suggestions["optimizer"] == row["optimizer"]].dropna(subset=["suggestion"])
        origin = _origin((row["low"], row["high"]), search_rates(str(row["optimizer"])), own["boundary"])
        named.setdefault(origin, []).append(str(row["optimizer"]))
    return [f"with {listing(names)}, {origin}." for origin, names in named.items()]


def _origin(found: tuple[float, float], default: tuple[float, float], boundaries: "pd.Series[float]") -> str:
    """How a range differs from the default one; `boundaries`: of each combination, null where nothing
    diverged."""
    if found == default:
        return "the default range"
    if boundaries.isna().all():
        return (
            "the default range, widened by powers of ten to leave half a decade around each suggestion: "
            "nothing diverged"
        )
    moved = "the default range, moved by powers of ten to end where most rates diverged"
    moved += " (with some settings nothing did)" if boundaries.isna().any() else ""
    if math.isclose(found[1] / found[0], default[1] / default[0]):
        return moved
    return (
        f"{moved}, and widened to hold the range of each setting, half a decade below each suggestion "
        "included"
    )


def _short(value: float) -> str:
    return "-" if not math.isfinite(value) else number(value)


def _plain(value: Any) -> Any:
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value
