"""Models that bring a training step of their own: it is their loss, where the study names none."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sweeper.components.inner_loss import STEP
from sweeper.errors import Mistake, SweeperError
from sweeper.study.sections import ModelSection, Section, TrainingSection
from sweeper.study.space import Space
from sweeper.user_code.lookup import is_built_in, names_function, resolve


def with_own_step(given: Mapping[str, Any], folder: Path | None) -> dict[str, Any]:
    """The sections of a study, whose loss is the step that the class of its model has, if none is given."""
    training = given.get("training", {})
    named = training.model_fields_set if isinstance(training, Section) else training
    if not isinstance(named, Mapping | set) or "loss" in named:
        return dict(given)
    model = given.get("model", {})
    source = model.get("source") if isinstance(model, Mapping) else getattr(model, "source", None)
    if not has_step(_looked_up(source, folder)):
        return dict(given)
    if isinstance(training, Section):
        return {**given, "training": training.model_copy(update={"loss": STEP})}
    return {**given, "training": {**training, "loss": STEP}}


def _looked_up(source: Any, folder: Path | None) -> Any:
    if not names_function(source):
        return source
    try:
        return resolve(source, folder)
    except SweeperError:  # said when all names are checked
        return None


def has_step(model: Any) -> bool:
    """Whether a class, or a module made already, has a training step."""
    return hasattr(model, "named_parameters") and callable(getattr(model, STEP, None))


def check_own_step(
    training: TrainingSection,
    model: ModelSection | None,
    space: Space | None,
    folder: Path | None,
    mistakes: list[Mistake],
) -> None:
    """A class without a step cannot train by it; what a function makes is seen when it is called."""
    if space and STEP in space.listed("training.loss"):
        problem = f"{STEP} is no choice among losses: set training.loss, or leave it out"
        mistakes.append(Mistake("search.space.training.loss", problem))
    if training.loss != STEP or model is None:
        return
    found = _looked_up(model.source, folder)
    makes = callable(found) and not hasattr(found, "named_parameters")
    if is_built_in(model.source):
        problem = f"built-in model {model.source!r} has none"
    elif found is None or makes or has_step(found):
        return
    else:
        problem = f"{getattr(found, '__name__', type(found).__name__)} has no method {STEP}(batch, batch_idx)"
    mistakes.append(Mistake("training.loss", problem, STEP))
