"""The lines of the script for a loss that the model computes: of the batch, or by its own training step."""

from dataclasses import dataclass

from sweeper.components import inner_loss
from sweeper.components.losses import Loss
from sweeper.components.users_loss import InnerLoss
from sweeper.report.script.functions import quoted
from sweeper.report.script.source import definitions, renamed

ROLE = "users_loss"
"""Name, in the script, of the user's loss function, which the model's forward pass calls."""


@dataclass(frozen=True)
class InnerText:
    """What the template says of it."""

    code: tuple[str, ...]
    """Functions of the model part."""
    loss: str
    """The function that takes the loss out of what the model puts out."""
    line: str
    """Puts the loss into the model's forward pass; `{stars}` is left open."""


def inner_text(loss: Loss) -> InnerText | None:
    """How the script has the model compute its loss; ``None`` where it does not."""
    inner = loss.inner
    if inner is None:
        return None
    taken = renamed(definitions(inner_loss, "inner_loss"), "inner_loss", "loss_function")
    names = ["InnerForward", "OwnStep" if inner.function is None else "of_batch"]
    form_code = [inner.form.code()] if inner.form else []
    code = (*form_code, *(definitions(inner_loss, name) for name in names))
    return InnerText(code, taken, f'model.forward = InnerForward(model, {_step(inner)}, "{{stars}}")')


def _step(inner: InnerLoss) -> str:
    names, form = f"({', '.join(map(quoted, inner.names))})", "as_given" if inner.form else None
    if inner.function is None:
        return f"OwnStep(model, {names}, {form})"
    copying = f"lambda *given, **asked: {ROLE}(*map(copied, given), **asked)"
    return f"partial(of_batch, {copying}, {inner.asks!r}, {inner.target_asked}, {names}, {form})"
