"""The training part of the script: loss, metric, penalty, schedule and optimizer, and their numbers."""

from dataclasses import dataclass

from sweeper.components import param_groups, penalties, schedules
from sweeper.components.optimizers import OPTIMIZERS
from sweeper.components.param_groups import PARAM_GROUPS
from sweeper.components.penalties import PENALTIES
from sweeper.components.schedules import SCHEDULES
from sweeper.data.data import Data
from sweeper.report.script.functions import Imported, imported, literal, quoted
from sweeper.report.script.model import ModelText
from sweeper.report.script.scoring import ScoringText, scoring_text
from sweeper.report.script.source import definitions, renamed
from sweeper.study.settings import Settings
from sweeper.study.study import Study
from sweeper.wording import count, given, number


@dataclass(frozen=True)
class TrainingText:
    """What the template says about the loop."""

    what: str
    """In words, for the docstring."""
    code: tuple[str, ...]
    """Functions, in order."""
    scoring: ScoringText
    groups: Imported | None
    """What gives parameters options of their own, where it is the user's."""
    grouped: bool
    """Whether they have such options."""
    optimizer: str
    """The call that makes it."""
    averages: bool
    """Whether the model is evaluated with other weights than it is trained with."""
    schedule: bool
    """Whether the learning rate changes."""
    learning_rate: str
    activation_penalty: str
    steps: int
    steps_note: str
    batch_size: int
    """Rows of a batch; 0: all of them, in their order."""
    evaluations: int
    dtype: str
    device: str


def training_text(
    study: Study, settings: Settings, data: Data, seed: int, rows: int, model: ModelText
) -> TrainingText:
    """How the script trains `model` on `rows` rows.

    Raises:
        UserError: if the user's loss cannot be imported by others.
    """
    scoring, penalised = scoring_text(study, settings, data, seed), model.penalised
    code = list(scoring.code)
    if penalised:
        name = PENALTIES[settings.penalty_kind].__name__
        code.append(renamed(definitions(penalties, name), name, "penalty_function"))
    if settings.schedule != "constant":
        name = SCHEDULES[settings.schedule].__name__
        code.append(renamed(definitions(schedules, name), name, "schedule"))
    optimizer = OPTIMIZERS[settings.optimizer]
    if optimizer.own_module:
        code.append(definitions(optimizer.own_module, optimizer.expression))
    groups = _groups(study, settings, model.marked)
    code += groups.code
    full = settings.batch_size == "full" or int(settings.batch_size) >= rows
    return TrainingText(
        what=_what(settings, penalised),
        code=tuple(code),
        scoring=scoring,
        groups=groups.imported,
        grouped=bool(groups.given),
        optimizer=_optimizer(settings, groups.given or "model.parameters()"),
        averages=optimizer.averages,
        schedule=settings.schedule != "constant",
        learning_rate=repr(float(settings.learning_rate)),
        activation_penalty=repr(float(settings.activation_penalty)),
        steps=settings.total_steps(rows),
        steps_note=_steps_note(settings, rows, full),
        batch_size=0 if full else int(settings.batch_size),
        evaluations=int(settings.evaluations),
        dtype=settings.dtype,
        device=_device(settings.device),
    )


@dataclass(frozen=True)
class _Groups:
    """Parameters with options of their own."""

    given: str
    """What the optimizer is given; empty: all parameters alike."""
    code: list[str]
    imported: Imported | None


def _groups(study: Study, settings: Settings, marked: bool) -> _Groups:
    source, user = settings.param_groups, None
    if source is None and not marked:
        return _Groups("", [], None)
    code = [definitions(param_groups, name) for name in ("own_options", "grouped")]
    name = "None" if source is None else str(source)
    if isinstance(source, str) and source in PARAM_GROUPS:
        code.append(definitions(param_groups, source))
    elif source is not None:
        name = "param_groups"
        user = imported(source, "training.param_groups", name, study.folder)
    taken = sorted(OPTIMIZERS[settings.optimizer].options)
    return _Groups(f"grouped(model, own_options(model, {name}), {quoted(taken)}, LEARNING_RATE)", code, user)


def _optimizer(settings: Settings, given_parameters: str) -> str:
    optimizer = OPTIMIZERS[settings.optimizer]
    options = {**optimizer.defaults, **settings.options}
    given = "".join(f", {name}={literal(value, name)}" for name, value in options.items())
    return f"{optimizer.expression}({given_parameters}, lr=LEARNING_RATE{given})"


def _steps_note(settings: Settings, rows: int, full: bool) -> str:
    if full:
        return f"  # each on all {rows} training rows"
    if settings.epochs is None:
        return ""
    epochs = "1 epoch" if settings.epochs == 1 else f"{given(settings.epochs)} epochs"
    full_batches = count(settings.steps_per_epoch(rows), "full batch", "full batches")
    return f"  # {epochs} of {full_batches}"


def _device(name: str) -> str:
    return '"cuda" if torch.cuda.is_available() else "cpu"' if name == "auto" else f'"{name}"'


def _what(settings: Settings, penalised: bool) -> str:
    parts = [
        settings.optimizer,
        f"learning rate {number(settings.learning_rate, 4)}",
        f"schedule {settings.schedule}",
    ]
    if penalised:
        parts.append(f"{settings.penalty_kind} activation penalty {number(settings.activation_penalty, 4)}")
    return ", ".join(parts)
