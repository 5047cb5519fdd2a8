"""What to say of an accuracy where one class has most of the rows."""

from sweeper.answer.answer import Answer
from sweeper.study.study import Study
from sweeper.wording import percent

LARGE = 0.8
"""Share of labels that are right by one guess for all, from which the others hardly count."""


def right_by_one_guess(answer: Answer) -> float | None:
    """Share of rows on which one label for all is right, where accuracy ranks trials and it is `LARGE`."""
    own = answer.baseline.objective if answer.baseline is not None else None
    if own is None or own.score not in ("accuracy", "error"):
        return None
    share = own.chance if own.score == "accuracy" else 1 - own.chance
    return share if share >= LARGE else None


def alike(answer: Answer) -> str:
    """The objective on the same rows that counts all classes alike."""
    own = answer.baseline.objective if answer.baseline is not None else None
    return f"{own.part if own is not None else 'validation'}_balanced_accuracy"


def majority(study: Study, answer: Answer) -> tuple[str, ...]:
    """A sentence where trials are ranked by their accuracy, and one guess for all rows is right so often."""
    share = right_by_one_guess(answer)
    if share is None:
        return ()
    rows, score = study.search.objective.split("_", 1)
    text = f"One label for all rows is right on {percent(share)} of the {rows} rows, so the {score} "
    text += f'tells little of other classes: search.objective = "{alike(answer)}" counts all '
    return (f"{text}alike.",)
