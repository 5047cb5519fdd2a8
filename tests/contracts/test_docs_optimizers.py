"""What `docs/science.md` says of optimizers is what their entries say: whose they are, and their limits."""

import inspect
import re
import sys

import pytest
from pages import code_words, name_in, prose, rows_to_change, table

from sweeper.components.optimizers import OPTIMIZERS, Optimizer

PAGE, HEADING = "docs/science.md", "Optimizers (`sweeper/components/optimizers/`)"
LONG = 10**9
"""Steps after which a limit that moves stands still."""
ARXIV = re.compile(r"arXiv (\d+\.\d+)")
WRITTEN = re.compile(r"\b[A-Z][a-z]{2,}|\d+\.\d+|\b\d{4}\b")
"""Names of people, numbers of arXiv, years."""


def limit_line(entry: Optimizer) -> str:
    """The line of the table of limits that the entry of an optimizer asks for."""
    if entry.limit is None:
        return f"| `{entry.name}` | – | – | {divisor(entry)} |"
    first, last = (f"{entry.limit.value(entry.chosen({}), step):.4g}" for step in (0, LONG))
    value = first if first == last else f"{first} to {last}"
    return f"| `{entry.name}` | {entry.limit.formula(entry.chosen({}))} | {value} | {divisor(entry)} |"


def divisor(entry: Optimizer) -> str:
    """What the gradient is divided by: the first paragraph that is said of `divisor` in the code."""
    if entry.divisor is None:
        return "–"
    said = (inspect.getdoc(entry.divisor) or "").partition("\n\n")[0]
    assert said, f"the divisor of {entry.name} needs a docstring: what it is, as a formula"
    return " ".join(said.split()).removesuffix(".").replace("|", "\\|")


def known(entry: Optimizer) -> str:
    """What the file of an optimizer and its entry say about where it is from."""
    file = sys.modules[entry.rules[0].update.__module__]
    return f"{file.__doc__} {entry.citation} {entry.rates.citation}"


def sources() -> dict[str, str]:
    """Name -> whose it is."""
    rows = table(PAGE, HEADING, "Name", "Source")
    return {name: row["Source"] for row in rows for name in code_words(row["Name"])}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_limits(name: str) -> None:
    """Formula, value and divisor are those of the entry."""
    lines = [line for line in prose(PAGE).splitlines() if line.startswith("|")]
    assert limit_line(OPTIMIZERS[name]) in lines, (
        f"{PAGE}, step-size limits: write, in place of what stands there of {name}, if anything does:\n"
        f"{limit_line(OPTIMIZERS[name])}"
    )


def test_limits_of_nothing_else() -> None:
    """In the order of the registry, each once."""
    told = [name_in(row["Name"]) for row in table(PAGE, HEADING, "Name", "Limit of η·λ")]
    said = rows_to_change(
        PAGE, "Step-size limits", told, OPTIMIZERS, lambda name: limit_line(OPTIMIZERS[name])
    )
    assert not said, said


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_sources(name: str) -> None:
    """Whom the page names, the file of the optimizer names; what it cites on arXiv is on the page."""
    told, entry = sources(), OPTIMIZERS[name]
    assert name in told, f"{PAGE}, table of sources: add the line\n| `{name}` | {entry.citation} |"
    text = known(entry)
    unknown = [word for word in WRITTEN.findall(told[name]) if word not in text]
    assert unknown == [], f"{PAGE}, source of {name}: its file and its entry do not say {', '.join(unknown)}"
    untold = set(ARXIV.findall(entry.citation)) - set(ARXIV.findall(told[name]))
    assert not untold, f"{PAGE}, source of {name}: add arXiv {', '.join(untold)}, which its entry cites"


def test_sources_of_nothing_else() -> None:
    """An optimizer that is gone is not on the page."""
    gone = sources().keys() - OPTIMIZERS.keys()
    assert not gone, f"{PAGE}, table of sources: take out {', '.join(gone)}"
