"""Templates filled in: nothing here decides what is said."""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from sweeper.printable import printable
from sweeper.report.card import Card
from sweeper.report.explore import CHARTS, OPENED, as_script
from sweeper.report.grid import Grid
from sweeper.study.study import Study
from sweeper.wording import unbroken

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Drawn:
    """A figure as the page embeds it."""

    name: str
    png: bytes
    width: int
    height: int
    """Pixels, told to the browser so that nothing moves while it loads."""
    alt: str
    title: str
    caption: str

    @classmethod
    def of(cls, name: str, png: bytes, alt: str, title: str, caption: str) -> "Drawn":
        """Width and height are read from the PNG's header (IHDR, its first chunk)."""
        width, height = (int.from_bytes(png[start : start + 4], "big") for start in (16, 20))
        return cls(name, png, width, height, alt, title, caption)

    @property
    def uri(self) -> str:
        """``data:image/png;base64,…``"""
        return f"data:image/png;base64,{base64.b64encode(self.png).decode('ascii')}"


@dataclass(frozen=True)
class RenderedSection:
    """A section of a page with all that it says."""

    key: str
    """Its anchor."""
    question: str
    sentences: tuple[str, ...]
    figures: tuple[Drawn, ...] = ()
    grids: tuple[Grid, ...] = ()
    """Tables, or the parts of them that the page shows."""
    how: tuple[str, ...] = ()
    unfolded: bool = False
    """Open from the start."""
    facts: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    part: str = ""
    """Heading that it stands under, with others; empty on pages of few sections, which fold nothing."""


def render(
    study: Study,
    card: Card,
    sections: Sequence[RenderedSection],
    *,
    parts: Mapping[str, str] | None = None,
    options: str = "",
    refresh: int = 0,
    explorable: Mapping[str, Any] | None = None,
    alone: bool = False,
) -> str:
    """The page. Names, questions, labels and reasons are escaped; only our own CSS and JS are not.

    `parts` are headings that sections stand under, each with a sentence; without any, sections fold nothing.
    `options` is the command that takes the options which sections name.
    Of a page that stands `alone` no tables lie beside it.
    With `refresh` it is that of a run under way: it loads itself again after so many seconds, and names
    no files beside it, as there are none yet.
    """
    css, js, library, explore = _text("page.css"), _text("page.js"), "", ""
    if explorable:
        css, library, explore = css + _text("uplot.css"), _text("uplot.min.js"), _text("explore.js")
    scripts = (js, library, explore) if explorable else (js,)
    allowed = " ".join(sorted(f"'{_hash(each)}'" for each in scripts))
    policy = (
        "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; "
        f"style-src '{_hash(css)}'; script-src {allowed}"
    )
    template = environment().get_template("page.html.j2")
    own: dict[str, Any] = {"css": Markup(css), "js": Markup(js), "policy": policy}
    own |= {"library": Markup(library), "explore_js": Markup(explore)}
    own |= {"explorable": Markup(as_script(explorable)) if explorable else ""}
    shown = explorable["charts"] if explorable else {}
    own |= {"explored": {name: chart for name, chart in CHARTS.items() if chart in shown}, "opened": OPENED}
    own |= {"parts": parts or {}, "options": options, "refresh": refresh, "alone": alone}
    return template.render(study=study, card=card, sections=sections, **own)


def _text(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


@cache
def environment() -> Environment:
    """Everything is escaped, whatever the template is called; an unknown name is an error."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["unbroken"] = _unbroken
    made.filters["command"] = _command
    return made


SMALL = re.compile(r"(?<![\w.])[\d.,]*\de-\d+|(?<![\w-])--[a-z]+")
"""``1e-4``, after whose hyphen browsers end lines, as they do after those of ``--set``."""


def _unbroken(text: str) -> Markup:
    """`unbroken`, and small numbers in one piece too, by markup: a character would be copied along."""
    escaped = str(escape(unbroken(printable(text))))
    return Markup(SMALL.sub(lambda found: f'<span class="one">{found[0]}</span>', escaped))


WORD = re.compile(r"""(?:[^\s'"]|'[^']*'|"[^"]*")+|\S+""")
"""A word of a command line, with what is quoted in it."""


def _command(text: str) -> Markup:
    """Commands, a line each, whose words are broken only where one is longer than the line: ``--set`` stays
    whole."""
    word = Markup('<span class="word">{}</span>')
    lines = [WORD.finditer(printable(line)) for line in text.split("\n")]
    return Markup("\n").join(Markup(" ").join(word.format(found[0]) for found in line) for line in lines)


def _visible(value: object) -> object:
    """Text that others wrote, without characters that hide or reorder it; our own markup as it is."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _hash(text: str) -> str:
    """As a content security policy names an inline style or script."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}"
