"""Are more units dead at one value of a parameter than at another?"""

from sweeper.study.expect import DeadShare
from sweeper.tables.findings.better import compared
from sweeper.tables.findings.compare import difference
from sweeper.tables.findings.finding import Finding, judge, unknown
from sweeper.tables.findings.quantities import WORDS
from sweeper.tables.source import Source


def dead_share(source: Source, asked: DeadShare) -> Finding:
    """Found: the whole interval of dead(value) − dead(than) at the end of training lies above 0."""
    unit = "difference in the share of dead units"
    found = difference(source, asked.parameter, asked.value, asked.than, "dead")
    if found is None:
        return unknown(
            unit, f"Too few trainings at these values of {asked.parameter} were completed to compare."
        )
    said = f"{compared(found, asked.parameter, WORDS['dead'])}."
    verdict = judge(found.low, found.high, 0.0, below=False)
    return Finding(verdict, found.mean, found.low, found.high, unit, found.basis, said)
