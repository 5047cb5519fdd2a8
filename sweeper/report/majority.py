"""What to say of an accuracy where one class has most of the rows."""

from sweeper.answer.answer import Answer
from sweeper.components.metric_words import metric_words
from sweeper.study.command_line import option
from sweeper.study.study import Study
from sweeper.wording import listing, percent

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


def by_all_classes(study: Study, answer: Answer) -> tuple[str, tuple[str, ...]] | None:
    """What to do, and the setting of a score that counts all classes alike, where one guess is right too
    often for accuracy to show more, and other scores on test rows beat guessing."""
    share, found = right_by_one_guess(answer), answer.baseline
    setting = f"search.objective={alike(answer)}"
    ranks = [name for name in (found.scores_above if found is not None else ()) if name == "auc"]
    above = [*(found.beyond_rows if found is not None else ())] or ranks  # any labels have an F1 above 0
    if share is None or found is None or not (found.beaten or above) or not option(study, setting):
        return None
    scores = listing([metric_words(name) for name in above]) or "other scores"
    verb = "beats" if len(above) == 1 else "beat"
    text = f"One label for all rows is right on {percent(share)} of them, which hardly leaves room for "
    text += f"accuracy, while {scores} on test rows {verb} guessing{' by far' if found.beyond_rows else ''}: "
    text += "rank by a score that counts all classes alike:"
    return text, (setting,)
