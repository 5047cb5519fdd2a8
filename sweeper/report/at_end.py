"""What to say where a training that goes on to its end loses what its best evaluation had."""

import math

from sweeper.answer.answer import Answer
from sweeper.answer.ranked import Ranked
from sweeper.study.study import Study
from sweeper.wording import distinct


def lost_at_end(study: Study, answer: Answer) -> tuple[str, ...]:
    """A sentence where the mean at the last evaluation does not beat guessing, though the best ones do."""
    own = answer.baseline.objective if answer.baseline is not None else None
    if own is None or not own.better or answer.learning is None or not math.isfinite(answer.learning.at_end):
        return ()
    end = answer.learning.at_end
    if (end > own.chance) if own.higher else (end < own.chance):
        return ()
    ranked = Ranked(study.objective)
    mean, chance = distinct([end, own.chance])
    return (
        f"At the last evaluation the mean {ranked.metric} is {mean}, which does not beat guessing "
        f"({chance}): the answer's scores are the best of its evaluations. Stop there, or search lower rates "
        "or one that falls.",
    )
