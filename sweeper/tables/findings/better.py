"""Is one value of a parameter better than another, or at least not worse?"""

from sweeper.study.expect import Better, NoWorse
from sweeper.tables.findings.compare import Difference, difference
from sweeper.tables.findings.finding import FOUND, NOT_FOUND, Finding, judge, text, unknown
from sweeper.tables.source import Source


def better(source: Source, asked: Better) -> Finding:
    """Found: the whole interval of objective(value) − objective(than) lies below 0."""
    return _verdict(source, asked, 0.0)


def no_worse(source: Source, asked: NoWorse) -> Finding:
    """Found: the whole interval lies below `margin` times the objective of `than` (non-inferiority)."""
    return _verdict(source, asked, asked.margin)


def _verdict(source: Source, asked: Better | NoWorse, margin: float) -> Finding:
    unit = f"difference in {source.objective.replace('_', ' ')}"
    found = difference(source, asked.parameter, asked.value, asked.than, "objective")
    if found is None:
        return unknown(
            unit, f"Too few trainings of these values of {asked.parameter} were completed to compare."
        )
    limit = margin * abs(found.than)
    verdict = judge(found.low, found.high, limit, below=True)
    if verdict == FOUND and found.more_failures:
        verdict = NOT_FOUND
    said = f"{compared(found, asked.parameter, source.objective.replace('_', ' '))}"
    if margin:
        said += f"; up to {text(limit)} worse ({100 * margin:g} %) counts as no worse"
    if found.more_failures:
        said += f"; but {found.value_name} diverged or failed on more seeds"
    return Finding(verdict, found.mean, found.low, found.high, unit, found.basis, f"{said}.")


def compared(found: Difference, parameter: str, quantity: str) -> str:
    """Both values, the difference and its interval, in words."""
    return (
        f"With {parameter} = {found.value_name} the {quantity} is {text(found.value)}, with "
        f"{found.than_name} {text(found.than)}: a difference of {text(found.mean)} (95 % interval "
        f"{text(found.low)} to {text(found.high)}; {found.basis})"
    )
