"""Does a weight above 0 lower the loss, or the generalisation gap, against weight 0?"""

from sweeper.study.expect import Lowers
from sweeper.tables.findings.better import compared
from sweeper.tables.findings.compare import difference
from sweeper.tables.findings.finding import Finding, judge, unknown
from sweeper.tables.findings.quantities import WORDS
from sweeper.tables.source import Source


def lowers(source: Source, asked: Lowers) -> Finding:
    """Found: the whole interval of quantity(best weight above 0) − quantity(0) lies below 0."""
    quantity = WORDS.get(asked.quantity, source.objective.replace("_", " "))
    found = difference(source, asked.parameter, None, 0, asked.quantity)
    unit = f"difference in {quantity}"
    if found is None:
        return unknown(unit, f"Too few trainings with and without {asked.parameter} to compare.")
    said = f"{compared(found, asked.parameter, quantity)}."
    verdict = judge(found.low, found.high, 0.0, below=True)
    return Finding(verdict, found.mean, found.low, found.high, unit, found.basis, said)
