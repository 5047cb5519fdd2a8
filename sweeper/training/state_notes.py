"""What a plan says of state of the user's code with which no trial begins afresh."""

from sweeper.components.tree import applied, copied, taken
from sweeper.study.settings import Settings
from sweeper.training.setup import Task, initial_model, leaving_no_trace, pick_loss, rows_of, users_code
from sweeper.user_code.calls import user_code
from sweeper.user_code.prints import changes, prints
from sweeper.wording import listing

ROWS = 4
"""Rows of the pass that is tried."""
NAMED = 3
"""Places that are named."""
REMEMBERED = "(a result that it keeps)"
"""Ends the path of what a function remembers, which is emptied after a trial, whatever was there before."""


def state_notes(task: Task, settings: Settings) -> str:
    """In words; empty where all is put back after a pass forward and backward, or none can be made."""
    code = users_code(task, settings)
    if not code:
        return ""
    try:
        before = prints(code)
        with user_code(), leaving_no_trace(task, settings):
            _pass(task, settings)
        left = [path for path in changes(before, prints(code)) if REMEMBERED not in path]
    except Exception:  # reported by `check_configurations`, or by the trials that fail
        return ""
    if not left:
        return ""
    named = listing([*left[:NAMED], *[f"{len(left) - NAMED} more"] * (len(left) > NAMED)])
    return (
        f"a training changes {named}, which cannot be put back, so that results depend on their order: "
        "make that in the model function"
    )


def _pass(task: Task, settings: Settings) -> None:
    seed = task.study.search.seed
    model, rows = initial_model(task, settings, seed).model, rows_of(task, settings, seed)
    loss = pick_loss(task, settings, seed).function
    x, y = (copied(taken(part, slice(ROWS))) for part in (rows.x_train, rows.y_train))
    model.train()
    loss(applied(model, x), y).backward()
