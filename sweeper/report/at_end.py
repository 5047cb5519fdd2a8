"""What to say where a training that goes on to its end loses what its best evaluations had."""

import math

from sweeper.answer.answer import Answer
from sweeper.answer.claims import HOLLOW
from sweeper.answer.edges import Edge
from sweeper.answer.ranked import Ranked
from sweeper.study.command_line import option
from sweeper.study.study import Study
from sweeper.wording import count, distinct, number

MUCH, MOST = 0.25, 0.5
"""Shares of the gain over guessing that are worth a warning, and a rate that falls, where trainings that go
on lose them."""
COSINE = "training.schedule=cosine"
"""The setting of a rate that falls."""


def lost_at_end(study: Study, answer: Answer) -> tuple[str, ...]:
    """A sentence where the last evaluation has lost much of what the best ones gain over guessing; none where
    the answer is doubted, as no rate is advised then."""
    lost, own = _lost(answer), answer.baseline.objective if answer.baseline is not None else None
    if lost < MUCH or own is None or answer.learning is None:
        return ()
    ranked = Ranked(study.objective)
    best, mean, chance = distinct([own.winner, answer.learning.at_end, own.chance])
    beside = f"beside {best} at the best ones; guessing has {chance}"
    if lost >= 1:
        beside = f"which does not beat guessing ({chance})"
    return (
        f"At the last evaluation the mean {ranked.metric} is {mean}, {beside}: the answer's scores are the "
        f"best of its evaluations. Stop earlier, {'or ' * study.has_schedule}search lower rates"
        f"{'' if study.has_schedule else ', or let the rate fall'}.",
    )


def _lost(answer: Answer) -> float:
    """Share of the gain over guessing that trainings lose from their best evaluations to their last; 0 where
    that is not known, or the answer is doubted."""
    own = answer.baseline.objective if answer.baseline is not None else None
    if (
        answer.standing in HOLLOW
        or own is None
        or not own.better
        or answer.learning is None
        or not math.isfinite(answer.learning.at_end)
    ):
        return 0.0
    return (own.winner - answer.learning.at_end) / (own.winner - own.chance)


def should_fall(study: Study, answer: Answer, edge: Edge | None) -> str:
    """Why to let the rate fall, where trainings lose what their best evaluations had, or are unstable on most
    seeds; empty where it falls already, and at the low `edge`, as lower ones may do."""
    learning, loses = answer.learning, _lost(answer) >= MOST
    if study.has_schedule or learning is None or not (loses or learning.unsteady):
        return ""
    if not option(study, COSINE):
        return ""
    where = "The winner's "
    if edge is not None and edge.parameter == "learning_rate":
        if edge.side == "low":
            return ""
        bound = number(edge.bound)
        where = f"The winner's learning rate lies near the high end of what was searched ({bound}), and its "
    if loses:
        return f"{where}trainings lose most of what their best evaluations gained: let the rate fall."
    on = f"{learning.unstable} of {count(learning.seeds, 'fresh seed')}"
    return f"{where}trainings were unstable on {on}: let the rate fall."


def longer(study: Study, answer: Answer) -> str:
    """A clause: to train longer, where the loss ranks trials and still fell at the end on most seeds."""
    learning = answer.learning
    if learning is None or study.objective != "validation_loss" or not learning.goes_on:
        return ""
    on = f"{learning.improving} of {count(learning.seeds, 'fresh seed')}"
    return f" (raise STEPS in it: the loss still fell at the end on {on})"
