"""The figures of the page for a notebook: by name, and shown where a cell ends in one or in all of them."""

from dataclasses import dataclass

from sweeper.questions import FIGURES
from sweeper.questions.run_data import RunData
from sweeper.report.notebook import escape
from sweeper.report.render import Drawn
from sweeper.report.sections import drawn, tables_of, tables_to_draw

DPI = 80
"""Dots per inch, so that all figures together add a third of a megabyte to a notebook."""


@dataclass(frozen=True)
class Figure:
    """A figure of the page."""

    drawn: Drawn

    @property
    def png(self) -> bytes:
        """The image file."""
        return self.drawn.png

    def _repr_html_(self) -> str:
        made = self.drawn
        told = {"alt": made.alt, "src": made.uri, "width": made.width, "height": made.height}
        image = " ".join(f'{name}="{escape(str(value))}"' for name, value in told.items())
        caption = f"<strong>{escape(made.title)}.</strong> {escape(made.caption)}"
        return f"<figure><figcaption>{caption}</figcaption><img {image}></figure>"


class Figures(dict[str, Figure]):
    """name -> figure, in the order of the page; a notebook shows all of them."""

    def _repr_html_(self) -> str:
        return "\n".join(figure._repr_html_() for figure in self.values())


def figures_of(run: RunData) -> Figures:
    """Every figure that has something to show and can be drawn."""
    needed = tables_to_draw(tables_of(run))
    made = ((name, drawn(FIGURES[name], frame, DPI)) for name, frame in needed.items())
    return Figures({name: Figure(each) for name, each in made if isinstance(each, Drawn)})
