"""A transfer as a page of its own, like a report."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from sweeper.commands.transfer import penalty_figure
from sweeper.commands.transfer.conditions import Conditions
from sweeper.commands.transfer.figure import alt, draw
from sweeper.commands.transfer.held import OF_THE_RUN
from sweeper.commands.transfer.law import inside
from sweeper.commands.transfer.limits import beyond_the_limit
from sweeper.commands.transfer.penalty_words import penalty_fact
from sweeper.commands.transfer.penalty_words import shown as penalty_shown
from sweeper.commands.transfer.table import Found
from sweeper.commands.transfer.words import NONE, VERDICTS, next_text, sentences, unchecked, why_none
from sweeper.drawing.png import png_bytes
from sweeper.records.atomic import refuse_links, write_atomically, writing
from sweeper.report.attempts import NotMade, attempt, not_drawn
from sweeper.report.card import Card
from sweeper.report.facts import Fact
from sweeper.report.next_step import NextStep
from sweeper.report.render import Drawn, RenderedSection, render
from sweeper.report.transferred import FIGURES, KEPT, KEY, PENALTY, Kept, KeptPart, put_aside, table_of
from sweeper.report.use import LABELS
from sweeper.study.parameters import PENALTY as WEIGHT
from sweeper.study.study import Study
from sweeper.to_json import to_json
from sweeper.wording import bounds, capital, given, interval, number, shown

HOW = (
    "At each size the same grid of rates was trained on the same seeds, all else equal. The best rate is the "
    "minimum of a parabola through the rates around the lowest mean; where one of these diverged, it is that "
    "of the grid itself. Its 90 % interval comes from drawing seeds with replacement.",
    "The best rates are fitted by a power of the size, with a curvature and a misfit that are integrated "
    "over. The interval of the prediction is that of the optimum which as fine a grid would find there; it "
    "promises nothing about other data, models or lengths.",
)
HOW_PENALTY = (
    "The lowest of many means is low by luck too, so the grid of penalties only picks: at each size the "
    "best weight above 0, at the rate that suits it, is trained again on fresh seeds beside no penalty at "
    "its own best rate. Seeds are paired; the intervals of all sizes hold together at 95 % (Bonferroni). A "
    "best weight is predicted only from sizes where it beats none and is known to a factor of 10."
)


@dataclass(frozen=True)
class _Part:
    """A figure with its table."""

    name: str
    drawing: Callable[[], Figure]
    alt: str
    frame: pd.DataFrame

    def drawn(self) -> Drawn | NotMade:
        """The figure, or why it cannot be drawn."""
        title, caption = FIGURES[self.name].title, FIGURES[self.name].caption
        png = attempt(f"figure {self.name!r}", lambda: png_bytes(self.drawing()))
        return png if isinstance(png, NotMade) else Drawn.of(self.name, png, self.alt, title, caption)

    def kept(self) -> KeptPart:
        """The same for the page of the run."""
        return KeptPart(self.name, self.alt, self.frame.to_dict("records"))


def _parts(measured: pd.DataFrame, found: Found, conditions: Conditions) -> list[_Part]:
    optima = found.optima.assign(verdict=found.optima["verdict"].map(VERDICTS)).drop(
        columns=["error", "lost"]
    )
    parts = [_Part(KEY, lambda: draw(measured, found, conditions), alt(found, conditions), optima)]
    penalty = found.penalty
    if penalty is not None:
        words, frame = penalty_figure.alt(penalty, conditions), penalty_shown(penalty)
        parts.append(_Part(PENALTY, lambda: penalty_figure.draw(penalty, conditions), words, frame))
    return parts


def write_page(folder: Path, measured: pd.DataFrame, found: Found, conditions: Conditions) -> Path:
    """Write ``transfer.html`` to `folder`, and ``transfer.json`` for the page of the run; returns the first.

    Raises:
        RunFolderError: if `folder` cannot be written.
    """
    parts = _parts(measured, found, conditions)
    made = [part.drawn() for part in parts]
    said = (*sentences(found, conditions), *(not_drawn(each) for each in made if isinstance(each, NotMade)))
    how = (*HOW, *((HOW_PENALTY,) if found.penalty is not None else ()))
    section = RenderedSection(
        KEY,
        f"How does the best learning rate move with {conditions.key}?",
        said,
        tuple(each for each in made if isinstance(each, Drawn)),
        tuple(table_of(part.name, part.frame) for part in parts),
        how,
        unfolded=True,
    )
    titled = Study(
        name=conditions.study,
        question=f"Which learning rate at {conditions.key} {given(conditions.to)}?",
        trusted=True,
    )
    page = render(titled, card(found, conditions), [section], alone=True)
    winner = conditions.held if conditions.held_from == OF_THE_RUN else {}
    key = conditions.key
    tables, onward = (
        [part.kept() for part in parts],
        f"{next_text(found, conditions)} {conditions.next.command}",
    )
    kept = Kept(conditions.study, section.question, said, how, tables, winner, key, onward)
    refuse_links(folder)
    with writing("the page", folder):
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / KEPT).is_file():
            put_aside(folder, key)
        write_atomically(folder / "transfer.html", page)
        write_atomically(folder / KEPT, to_json(asdict(kept)))
    return folder / "transfer.html"


def card(found: Found, conditions: Conditions) -> Card:
    """The prediction, its check, and the command that goes on."""
    ahead, key = found.prediction, conditions.key
    step = NextStep(next_text(found, conditions), conditions.next.command)
    if ahead is None:
        return Card("none", f"{NONE}.", capital(why_none(found)), {}, _facts(found, conditions), step)
    headline = f"At {key} {given(ahead.size)}, begin with a learning rate of {number(ahead.value, 2)}."
    ends = bounds(ahead.low, ahead.high)
    lead = f"90 % interval {ends}, from the best rates at other sizes."
    if found.check is not None and not inside(found.check, found.optima, "rate"):
        lead += (
            f" Take it for rough: at {given(found.check.size)} the best rate lies outside what was predicted."
        )
    if beyond_the_limit(ahead, found.optima):
        lead += " At the nearest size trainings diverge with it: search lower rates as well."
    told = {WEIGHT} if found.penalty is not None else set()  # beside what is known of it, not as advice
    settings = {LABELS.get(name, name): shown(v) for name, v in conditions.held.items() if name not in told}
    return Card("predicted", headline, lead, settings, _facts(found, conditions), step)


def _facts(found: Found, conditions: Conditions) -> tuple[Fact, ...]:
    facts = []
    if found.exponent is not None:
        value, low, high = interval(*found.exponent)
        facts.append(
            Fact(
                "Exponent", value, f"90 % interval {low} to {high}; the best rate goes as size to this power"
            )
        )
    if found.check is not None:
        where = "inside" if inside(found.check, found.optima, "rate") else "outside"
        ends, there = bounds(found.check.low, found.check.high), found.optima.set_index("size")["rate"]
        seen = f"{number(float(there[found.check.size]), 2)} was measured at {given(found.check.size)}"
        facts.append(Fact("Check", where, f"{seen}, which the prediction, {ends}, did not use"))
    elif conditions.check is not None:
        facts.append(Fact("Check", "none", f"at {given(conditions.check)}, {unchecked(found, conditions)}"))
    else:
        facts.append(Fact("Check", "none", "--check SIZE trains one more size to test the prediction"))
    if found.penalty is not None:
        facts.append(Fact("Penalty", *penalty_fact(found.penalty, conditions)))
    return tuple(facts)
