"""What to say where a training that goes on to its end loses what its best evaluations had."""

import math

from sweeper.answer.answer import Answer
from sweeper.answer.claims import HOLLOW
from sweeper.answer.ranked import Ranked
from sweeper.study.study import Study
from sweeper.wording import distinct

MOST = 0.5
"""Share of the gain over guessing that is worth a warning where trainings that go on lose it."""


def lost_at_end(study: Study, answer: Answer) -> tuple[str, ...]:
    """A sentence where the last evaluation has lost most of what the best ones gain over guessing; none where
    the answer is doubted, as no rate is advised then."""
    own = answer.baseline.objective if answer.baseline is not None else None
    if (
        answer.standing in HOLLOW
        or own is None
        or not own.better
        or answer.learning is None
        or not math.isfinite(answer.learning.at_end)
    ):
        return ()
    end = answer.learning.at_end
    lost = (own.winner - end) / (own.winner - own.chance)
    if lost < MOST:
        return ()
    ranked = Ranked(study.objective)
    best, mean, chance = distinct([own.winner, end, own.chance])
    beside = f"beside {best} at the best ones; guessing has {chance}"
    if lost >= 1:
        beside = f"which does not beat guessing ({chance})"
    return (
        f"At the last evaluation the mean {ranked.metric} is {mean}, {beside}: the answer's scores are the "
        "best of its evaluations. Stop earlier, search lower rates, or let the rate fall.",
    )
