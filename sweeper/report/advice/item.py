"""One piece of advice: what, why, and the settings that test it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sweeper.command_line import command_line
from sweeper.toml_text import for_set

COMPUTED, MEASURED = "computed", "measured on your data"


def rule(source: str) -> str:
    """The basis of what is neither computed nor measured here."""
    return f"rule of thumb ({source})"


@dataclass(frozen=True)
class Reason:
    """A sentence, and what it stands on."""

    text: str
    basis: str
    """`COMPUTED`, `MEASURED` or a `rule`."""


@dataclass(frozen=True)
class Advice:
    """What to do about one thing."""

    key: str
    """Short name; the run that tests it is called STUDY-key."""
    topic: str
    what: str
    reasons: tuple[Reason, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Dotted key of the study file -> value; empty where the study has it already."""
    alternative: bool = False
    """To be compared with the main advice on the same topic, not combined with it."""


@dataclass(frozen=True)
class Asked:
    """How the study was named on the command line."""

    study: str
    """File or built-in name."""
    assignments: tuple[str, ...] = ()
    """Its ``--set`` arguments."""
    places: tuple[str, ...] = ()
    """``--runs DIR --reports DIR`` where these are not the usual ones."""

    def command(self, name: str, settings: Mapping[str, Any]) -> str:
        """``sweeper run STUDY --set …``: as asked, with `settings` on top and under a name of its own."""
        new = [f"name={name}"] if settings else []
        new += [f"{key}={for_set(value)}" for key, value in settings.items()]
        words = ["sweeper", "run", self.study]
        sets = (word for each in (*self.assignments, *new) for word in ("--set", each))
        return command_line([*words, *sets, *self.places])

    def comparison(self, name: str, other: str) -> str:
        """``sweeper compare NAME OTHER``: what compares two runs."""
        return command_line(["sweeper", "compare", name, other, *self.places])


def together(advice: Sequence[Advice]) -> dict[str, Any]:
    """The settings of all main advice; later ones win."""
    return {k: v for one in advice if not one.alternative for k, v in one.settings.items()}
