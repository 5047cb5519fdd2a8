"""The section of a run's page on a transfer of the same study: how its best rate moves with a size.

``sweeper transfer`` leaves ``transfer.json`` and its figures in the folder of the report; the page takes them
in, and computes nothing.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from sweeper.questions.question import ANSWER
from sweeper.report.attempts import NotMade, attempt, not_told
from sweeper.report.grid import Grid, grid
from sweeper.report.render import Drawn, RenderedSection
from sweeper.spreadsheet import to_csv
from sweeper.study.study import Study
from sweeper.wording import shown

KEPT = "transfer.json"
KEY, PENALTY = "transfer", "transfer_penalty"


@dataclass(frozen=True)
class About:
    """What is said of a figure and of its table, whatever they show."""

    title: str
    caption: str
    table: str
    columns: tuple[str, ...]
    """Those of its table that the page shows; the CSV has all."""


FIGURES = {
    KEY: About(
        "Transfer",
        "Left: the mean over seeds against the learning rate at each size, with the best rate marked. "
        "Right: the best rates with their 90 % intervals, and what was predicted from them. A size that "
        "was checked was left out of its own prediction.",
        "Best rate at each size",
        ("size", "rate", "low", "high", "best", "verdict"),
    ),
    PENALTY: About(
        "Penalty by size",
        "Left: the mean over seeds against the weight of the penalty, each weight at the rate that suits "
        "it. Right: what the best weight above 0 changes on fresh seeds, with the interval of the paired "
        "difference; one that crosses the line cannot tell the penalty from none.",
        "Best penalty at each size, beside none on fresh seeds",
        ("size", "weight", "rate", "difference", "difference_low", "difference_high", "verdict"),
    ),
}


def table_of(name: str, frame: pd.DataFrame) -> Grid:
    """The table of a part as a page shows it."""
    about = FIGURES[name]
    return grid(name, about.table, frame[[column for column in about.columns if column in frame]])


@dataclass(frozen=True)
class KeptPart:
    """A figure of a transfer, ``NAME.png`` beside the page, with its table."""

    name: str
    alt: str
    rows: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Kept:
    """What the page of a run says of a transfer, as ``transfer.json`` has it."""

    study: str
    question: str
    sentences: Sequence[str]
    how: Sequence[str]
    parts: Sequence[KeptPart]
    winner: Mapping[str, Any] = field(default_factory=dict)
    """What it held equal, where that is from the winner of the run."""


@dataclass(frozen=True)
class Transferred:
    """What the page of a run takes in of a transfer."""

    section: RenderedSection
    files: Mapping[str, str | bytes]
    """Those that the section links to, by their place beside the page."""


POSSIBLE = frozenset(place for name in FIGURES for place in (f"figures/{name}.png", f"tables/{name}.csv"))


def transferred(study: Study, folder: Path, answered: Mapping[str, Any] | None = None) -> Transferred | None:
    """The transfer of `study` in `folder`; ``None`` where there is none. `answered`: the answer's parameters,
    from which those of the transfer may differ by now."""
    if not (folder / KEPT).is_file():
        return None
    made = attempt("the transfer", lambda: _read(study, folder, answered or {}))
    if isinstance(made, NotMade):
        words = (not_told(made),)
        return Transferred(RenderedSection(KEY, "Will it hold at another size?", words, part=ANSWER), {})
    return made


def with_transfer(sections: Sequence[RenderedSection], found: Transferred | None) -> list[RenderedSection]:
    """The sections with that on the transfer at the end of the answer; as they are without one."""
    if found is None:
        return list(sections)
    place = max((k + 1 for k, each in enumerate(sections) if each.part == ANSWER), default=0)
    return [*sections[:place], found.section, *sections[place:]]


def _read(study: Study, folder: Path, answered: Mapping[str, Any]) -> Transferred | None:
    """``None`` for a transfer of another study."""
    told = json.loads((folder / KEPT).read_text(encoding="utf-8"))
    kept = _kept(told)
    if kept.study != study.name:
        return None
    drawn, tables = list[Drawn](), list[Grid]()
    files: dict[str, str | bytes] = {}
    for part in kept.parts:
        about, frame = FIGURES[part.name], pd.DataFrame(list(part.rows))
        files[f"tables/{part.name}.csv"] = to_csv(frame)
        tables.append(table_of(part.name, frame))
        if (folder / f"{part.name}.png").is_file():
            png = files[f"figures/{part.name}.png"] = (folder / f"{part.name}.png").read_bytes()
            drawn.append(Drawn.of(part.name, png, part.alt, about.title, about.caption))
    said, how = (*_outdated(kept.winner, answered), *map(str, kept.sentences)), tuple(kept.how)
    section = RenderedSection(KEY, kept.question, said, tuple(drawn), tuple(tables), how, part=ANSWER)
    return Transferred(section, files)


def _outdated(winner: Mapping[str, Any], answered: Mapping[str, Any]) -> tuple[str, ...]:
    """That the run has another winner since it was held equal in the transfer."""
    unlike = [name for name in winner if name in answered and shown(winner[name]) != shown(answered[name])]
    if not unlike:
        return ()
    return ("The run has another answer since: what follows was measured with its former winner.",)


def _kept(told: dict[str, Any]) -> Kept:
    """``transfer.json``; one of before the penalty was tried has its one part at the top."""
    parts = told.get("parts") or [{"name": KEY, "alt": told["alt"], "rows": told["rows"]}]
    common = {name: told[name] for name in ("study", "question", "sentences", "how")}
    common["winner"] = told.get("winner", {})
    return Kept(**common, parts=[KeptPart(**part) for part in parts])
