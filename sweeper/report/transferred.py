"""The section of a run's page on a transfer of the same study: how its best rate moves with a size.

``sweeper transfer`` leaves ``transfer.json`` and ``transfer.png`` in the folder of the report; the page takes
both in, and computes nothing.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sweeper.questions.question import ANSWER
from sweeper.report.attempts import NotMade, attempt, not_told
from sweeper.report.grid import grid
from sweeper.report.render import Drawn, RenderedSection
from sweeper.spreadsheet import to_csv
from sweeper.study.study import Study

KEPT, FIGURE = "transfer.json", "transfer.png"
KEY = "transfer"


@dataclass(frozen=True)
class Kept:
    """What the page of a run says of a transfer, as ``transfer.json`` has it."""

    study: str
    question: str
    sentences: Sequence[str]
    rows: Sequence[Mapping[str, Any]]
    """Of the table: the best rate at each size."""
    caption: str
    alt: str
    how: Sequence[str]


def rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """A table for JSON, which has no NaN."""
    finite = {
        str(name): [None if isinstance(v, float) and not np.isfinite(v) else v for v in frame[name].tolist()]
        for name in frame
    }
    return [dict(zip(finite, values, strict=True)) for values in zip(*finite.values(), strict=True)]


@dataclass(frozen=True)
class Transferred:
    """What the page of a run takes in of a transfer."""

    section: RenderedSection
    files: Mapping[str, str | bytes]
    """Those that the section links to, by their place beside the page."""


POSSIBLE = frozenset({f"figures/{KEY}.png", f"tables/{KEY}.csv"})


def transferred(study: Study, folder: Path) -> Transferred | None:
    """The transfer of `study` in `folder`; ``None`` where there is none."""
    if not (folder / KEPT).is_file():
        return None
    made = attempt("the transfer", lambda: _read(study, folder))
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


def _read(study: Study, folder: Path) -> Transferred | None:
    """``None`` for a transfer of another study."""
    kept = Kept(**json.loads((folder / KEPT).read_text(encoding="utf-8")))
    if kept.study != study.name:
        return None
    frame, drawn = pd.DataFrame(list(kept.rows)), list[Drawn]()
    files: dict[str, str | bytes] = {f"tables/{KEY}.csv": to_csv(frame)}
    if (folder / FIGURE).is_file():
        png = files[f"figures/{KEY}.png"] = (folder / FIGURE).read_bytes()
        drawn.append(Drawn.of(KEY, png, kept.alt, "Transfer", kept.caption))
    said, table = tuple(map(str, kept.sentences)), grid(KEY, "Best rate at each size", frame)
    how = tuple(kept.how)
    section = RenderedSection(KEY, kept.question, said, tuple(drawn), (table,), how, part=ANSWER)
    return Transferred(section, files)
