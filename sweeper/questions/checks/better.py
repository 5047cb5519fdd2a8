"""Is one value better than another, or no worse? Does a weight lower the loss? Are more units dead?"""

from sweeper.questions.checks.differences import WORDS, Difference, difference, read
from sweeper.questions.checks.finding import FOUND, NOT_FOUND, Finding, judge, text, unknown
from sweeper.questions.run_data import RunData
from sweeper.study.expect import Better, DeadShare, Lowers, NoWorse
from sweeper.wording import given


def better(run: RunData, asked: Better) -> Finding:
    """Found: the whole interval of objective(value) − objective(than) lies on the better side of 0."""
    return _better(run, asked, 0.0)


def no_worse(run: RunData, asked: NoWorse) -> Finding:
    """Found: no end of the interval is worse by `margin` times the objective of `than` (non-inferiority)."""
    return _better(run, asked, asked.margin)


def _better(run: RunData, asked: Better | NoWorse, margin: float) -> Finding:
    unit = f"difference in {run.metric}"
    contrast = difference(run, asked.parameter, asked.value, asked.than, "objective")
    if contrast is None:
        return unknown(
            unit, f"Too few trainings of these values of {asked.parameter} were completed to compare."
        )
    limit = margin * abs(run.ranked.value(contrast.than))
    verdict = judge(contrast.low, contrast.high, limit, below=True)
    if verdict == FOUND and contrast.more_failures:
        verdict = NOT_FOUND
    contrast = read(contrast, run.ranked)
    said = f"{compared(contrast, asked.parameter, run.metric)}"
    if margin:
        said += f"; up to {text(limit)} worse ({given(100 * margin)} %) counts as no worse"
    if contrast.more_failures:
        said += f"; but {contrast.value_name} diverged or failed on more seeds"
    return Finding(verdict, contrast.mean, contrast.low, contrast.high, unit, contrast.basis, f"{said}.")


def compared(contrast: Difference, parameter: str, quantity: str) -> str:
    """Both values, the difference and its interval, in words."""
    return (
        f"With {parameter} = {contrast.value_name} the {quantity} is {text(contrast.value)}, with "
        f"{contrast.than_name} {text(contrast.than)}: a difference of {text(contrast.mean)} (95 % interval "
        f"{text(contrast.low)} to {text(contrast.high)}; {contrast.basis})"
    )


def lowers(run: RunData, asked: Lowers) -> Finding:
    """Found: the whole interval of quantity(best weight above 0) − quantity(0) lies below 0."""
    quantity = WORDS.get(asked.quantity, run.metric)
    contrast = difference(run, asked.parameter, None, 0, asked.quantity)
    unit = f"difference in {quantity}"
    if contrast is None:
        return unknown(unit, f"Too few trainings with and without {asked.parameter} to compare.")
    verdict = judge(contrast.low, contrast.high, 0.0, below=True)
    if asked.quantity == "objective":
        contrast = read(contrast, run.ranked)
    said = f"{compared(contrast, asked.parameter, quantity)}."
    return Finding(verdict, contrast.mean, contrast.low, contrast.high, unit, contrast.basis, said)


def dead_share(run: RunData, asked: DeadShare) -> Finding:
    """Found: the whole interval of dead(value) − dead(than) at the end of training lies above 0."""
    unit = "difference in the share of dead units"
    contrast = difference(run, asked.parameter, asked.value, asked.than, "dead")
    if contrast is None:
        return unknown(
            unit, f"Too few trainings at these values of {asked.parameter} were completed to compare."
        )
    said = f"{compared(contrast, asked.parameter, WORDS['dead'])}."
    verdict = judge(contrast.low, contrast.high, 0.0, below=False)
    return Finding(verdict, contrast.mean, contrast.low, contrast.high, unit, contrast.basis, said)
