"""A transfer as a page of its own, like a report."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from sweeper.commands.transfer.figure import alt, draw
from sweeper.commands.transfer.table import Found, inside
from sweeper.commands.transfer.words import VERDICTS, sentences
from sweeper.drawing.png import png_bytes
from sweeper.errors import RunFolderError
from sweeper.records.atomic import refuse_links, write_atomically
from sweeper.report.attempts import NotMade, attempt, not_drawn
from sweeper.report.card import Card, Fact
from sweeper.report.grid import grid
from sweeper.report.next_step import NextStep
from sweeper.report.render import Drawn, RenderedSection, render
from sweeper.report.transferred import KEPT, Kept, rows
from sweeper.study.study import Study
from sweeper.to_json import to_json
from sweeper.wording import given, interval, number

CAPTION = (
    "Left: the mean over seeds against the learning rate at each size, with the best rate marked. Right: the "
    "best rates with their 90 % intervals, and what was predicted from them. A size that was checked was "
    "left out of its own prediction."
)
HOW = (
    "At each size the same grid of rates was trained on the same seeds, all else equal. The best rate is the "
    "minimum of a parabola through the rates around the lowest mean, its 90 % interval from drawing seeds "
    "with replacement.",
    "The best rates are fitted by a power of the size, with a curvature and a misfit that are integrated "
    "over. The interval of the prediction is that of the optimum which the same grid would find there; it "
    "promises nothing about other data, models or lengths.",
)


def write_page(folder: Path, measured: pd.DataFrame, found: Found, about: Mapping[str, Any]) -> Path:
    """Write ``transfer.html`` to `folder`, and ``transfer.json`` for the page of the run; returns the first.

    Raises:
        RunFolderError: if `folder` cannot be written.
    """
    made = attempt(
        "figure 'transfer'",
        lambda: Drawn.of(
            "transfer", png_bytes(draw(measured, found, about)), alt(found, about), "Transfer", CAPTION
        ),
    )
    said = (*sentences(found, about), *((not_drawn(made),) if isinstance(made, NotMade) else ()))
    shown = found.optima.assign(verdict=found.optima["verdict"].map(VERDICTS)).drop(columns="error")
    section = RenderedSection(
        "transfer",
        f"How does the best learning rate move with {about['key']}?",
        said,
        (made,) if isinstance(made, Drawn) else (),
        (grid("transfer", "Best rate at each size", shown),),
        HOW,
        unfolded=True,
    )
    titled = Study(
        name=about["study"],
        question=f"Which learning rate at {about['key']} {given(about['to'])}?",
        trusted=True,
    )
    page = render(titled, card(found, about), [section], alone=True)
    refuse_links(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / "transfer.html", page)
        kept = Kept(about["study"], section.question, said, rows(shown), CAPTION, alt(found, about), HOW)
        write_atomically(folder / KEPT, to_json(asdict(kept)))
    except OSError as error:
        raise RunFolderError(f"the page cannot be written to {folder}: {error.strerror}") from None
    return folder / "transfer.html"


def card(found: Found, about: Mapping[str, Any]) -> Card:
    """The prediction, its check, and the command that goes on."""
    ahead, key = found.prediction, about["key"]
    step = NextStep("Train the large network with rates of this interval:", about["next"])
    if ahead is None:
        step = NextStep("Try other rates or more sizes:", about["next"])
        return Card("none", "Nothing is predicted.", sentences(found, about)[0], {}, _facts(found), step)
    headline = f"At {key} {given(ahead.size)}, begin with a learning rate of {number(ahead.rate, 2)}."
    ends = f"{number(ahead.low, 2)} to {number(ahead.high, 2)}"
    lead = f"90 % interval {ends}, from the best rates at other sizes."
    settings = {name: str(value) for name, value in about["held"].items()}
    return Card("predicted", headline, lead, settings, _facts(found), step)


def _facts(found: Found) -> tuple[Fact, ...]:
    facts = []
    if found.exponent is not None:
        value, low, high = interval(*found.exponent)
        facts.append(
            Fact(
                "Exponent", value, f"90 % interval {low} to {high}; the best rate goes as size to this power"
            )
        )
    if found.check is not None:
        where = "inside" if inside(found.check, found.optima) else "outside"
        ends = f"{number(found.check.low, 2)} to {number(found.check.high, 2)}"
        facts.append(
            Fact(
                "Check",
                where,
                f"of the interval {ends} predicted for size {given(found.check.size)}, left out",
            )
        )
    else:
        facts.append(Fact("Check", "none", "--check SIZE trains one more size to test the prediction"))
    return tuple(facts)
