"""How the best trials of the search converged."""

import pandas as pd

from sweeper.report.section import Evidence, Section, Shown
from sweeper.statistics.curve_class import EARLY, RISE
from sweeper.wording import count, number, percent


def answer(evidence: Evidence) -> tuple[str, ...]:
    """Where the best trial had its lowest loss, where it ended, and how many of the others still fell."""
    frame = evidence.tables["convergence"]
    metric = "validation_loss" if (frame["metric"] == "validation_loss").any() else "train_loss"
    curves = frame[frame["metric"] == metric]
    name, best = metric.replace("_", " "), curves[curves["rank"] == curves["rank"].min()]
    step, lowest, end, last = _ends(best)
    said = [
        f"The {name} of {best['label'].iloc[0]} was lowest, {number(lowest)}, at step {step:,} of {end:,}"
    ]
    if step == end:
        said[0] += ", its last evaluation: more steps may lower it further."
    elif lowest <= 0 or last <= (1 + RISE) * lowest:
        said[0] += f", and {number(last)} at the end: it had levelled off."
    elif step <= EARLY * end:
        said[0] += f", then rose to {number(last)}: shorter training or more regularization may help."
    else:
        said[0] += f", and {number(last)} at the end: a rise so late may be noise."
    if curves["rank"].nunique() == 1:
        return (*said, "One seed.")
    lines = [_ends(line) for _, line in curves.groupby("rank")]
    falling = sum(at == stop for at, _, stop, _ in lines)
    said.append(
        f"{falling} of the {count(len(lines), 'best trial')} shown {'was' if falling == 1 else 'were'} "
        "lowest at the last evaluation; one seed each."
    )
    return tuple(said)


def _ends(line: pd.DataFrame) -> tuple[int, float, int, float]:
    """Step and value of the lowest point, last step and value."""
    low, last = line.loc[line["value"].idxmin()], line.loc[line["step"].idxmax()]
    return int(low["step"]), float(low["value"]), int(last["step"]), float(last["value"])


SECTION = Section(
    key="convergence",
    question="Did the best trials converge?",
    answer=answer,
    figure="convergence",
    shown=(Shown("convergence", "Losses at every evaluation point"),),
    how=(
        "Validation rows were scored at evenly spaced steps, the first before training. The training loss "
        "is the mean over the batches since the evaluation before, without the penalty, so it has no value "
        "at step 0.",
        f"“Rose” means that the last loss is more than {percent(RISE)} above the lowest, and that the lowest "
        f"came before the last {percent(1 - EARLY)} of the steps. Each curve is one training with one seed.",
    ),
)
