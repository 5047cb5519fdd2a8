"""The section of a run's page on a transfer of the same study: how its best rate moves with a size.

``sweeper transfer`` leaves ``transfer.json`` and its figures in the folder of the report, and those of a
transfer over another key as ``transfer-KEY.json`` beside them; the page takes them in, and computes nothing.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
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
    key: str = ""
    """That of the sizes."""
    onward: str = ""
    """What to do next, with the command; empty in files of earlier versions."""


@dataclass(frozen=True)
class Transferred:
    """What the page of a run takes in of a transfer."""

    section: RenderedSection
    files: Mapping[str, str | bytes]
    """Those that the section links to, by their place beside the page."""


POSSIBLE = frozenset(place for name in FIGURES for place in (f"figures/{name}.png", f"tables/{name}.csv"))


def transferred(
    study: Study, folder: Path, answered: Mapping[str, Any] | None = None
) -> tuple[Transferred, ...]:
    """The transfers of `study` in `folder`, the last one first. `answered`: the answer's parameters, from
    which those of a transfer may differ by now."""
    files = [folder / KEPT, *sorted(folder.glob(f"{KEY}-*.json"))]
    found = (_taken_in(study, file, answered or {}) for file in files if file.is_file())
    return tuple(each for each in found if each is not None)


def _taken_in(study: Study, file: Path, answered: Mapping[str, Any]) -> Transferred | None:
    made = attempt("the transfer", lambda: _read(study, file, answered))
    if not isinstance(made, NotMade):
        return made
    question, words = "Will it hold at another size?", (not_told(made),)
    return Transferred(RenderedSection(file.stem, question, words, part=ANSWER), {})


def with_transfers(
    sections: Sequence[RenderedSection], found: Sequence[Transferred]
) -> list[RenderedSection]:
    """The sections with those on transfers at the end of the answer."""
    place = max((k + 1 for k, each in enumerate(sections) if each.part == ANSWER), default=0)
    return [*sections[:place], *(each.section for each in found), *sections[place:]]


def files_of_earlier(folder: Path) -> set[str]:
    """Figures and tables beside the page that transfers over other keys have left."""
    found = [*folder.glob(f"figures/{KEY}*-*.png"), *folder.glob(f"tables/{KEY}*-*.csv")]
    return {file.relative_to(folder).as_posix() for file in found}


def put_aside(folder: Path, key: str) -> None:
    """Keep what a transfer over another key left in `folder`, under that key; what one over `key` left there
    under its own is replaced."""
    made = attempt("the earlier transfer", lambda: _kept(json.loads((folder / KEPT).read_text("utf-8"))).key)
    before = "" if isinstance(made, NotMade) else made
    files = [f"{name}{{}}{end}" for name in FIGURES for end in (".json", ".html", ".png")]
    if before and before != key:
        for file in files:
            if (folder / file.format("")).is_file():
                (folder / file.format("")).replace(folder / file.format(_mark(before)))
    for file in files:
        (folder / file.format(_mark(key))).unlink(missing_ok=True)


def _mark(key: str) -> str:
    """What files of a transfer over `key` have in their names."""
    return "-" + re.sub(r"[^\w.]", "_", key)


def _read(study: Study, file: Path, answered: Mapping[str, Any]) -> Transferred | None:
    """``None`` for a transfer of another study."""
    kept, mark = _kept(json.loads(file.read_text(encoding="utf-8"))), file.stem.removeprefix(KEY)
    if kept.study != study.name:
        return None
    drawn, tables = list[Drawn](), list[Grid]()
    files: dict[str, str | bytes] = {}
    for part in kept.parts:
        about, frame, name = FIGURES[part.name], pd.DataFrame(list(part.rows)), f"{part.name}{mark}"
        files[f"tables/{name}.csv"] = to_csv(frame)
        tables.append(replace(table_of(part.name, frame), name=name))
        if (file.parent / f"{name}.png").is_file():
            png = files[f"figures/{name}.png"] = (file.parent / f"{name}.png").read_bytes()
            drawn.append(Drawn.of(name, png, part.alt, about.title, about.caption))
    said, how = (*_outdated(kept.winner, answered), *map(str, kept.sentences)), tuple(kept.how)
    said += (kept.onward,) if kept.onward else ()
    section = RenderedSection(file.stem, kept.question, said, tuple(drawn), tuple(tables), how, part=ANSWER)
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
    common |= {"winner": told.get("winner", {}), "onward": str(told.get("onward", ""))}
    common["key"] = told.get("key") or str(told["question"]).rpartition(" ")[2].rstrip("?")
    return Kept(**common, parts=[KeptPart(**part) for part in parts])
