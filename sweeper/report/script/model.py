"""The model part of the script: the model function called as `sweeper.components.build` calls it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sweeper.components import activations, call_sites, initializers, models, outputs, precision
from sweeper.components.activations import OWN, USERS_NAME
from sweeper.components.losses import Loss
from sweeper.components.models import MODELS
from sweeper.data.data import Data
from sweeper.errors import UserError
from sweeper.report.script.calls import call_code, call_lines, first_look
from sweeper.report.script.functions import Imported, asked, imported, quoted
from sweeper.report.script.inner import inner_text
from sweeper.report.script.maker import NOWHERE, Habits, Hidden, Maker
from sweeper.report.script.several import EACH
from sweeper.report.script.source import definitions, each_once
from sweeper.study.settings import Settings
from sweeper.study.study import Study
from sweeper.user_code.calls import source_of
from sweeper.user_code.lookup import names_function


@dataclass(frozen=True)
class ModelText:
    """What the template says about the model."""

    what: str
    """In words, for the docstring."""
    code: tuple[str, ...]
    """Functions, in order."""
    lines: tuple[str, ...]
    """Body that leaves `model`, and with a penalty the list `hidden` of its activation layers."""
    imported: Imported | None
    activation: Imported | None
    """The activation's class, where it is the user's."""
    penalised: bool
    """Whether there are activation layers to penalise, and a weight to do it with."""
    is_complex: bool
    """Whether parameters or buffers are complex numbers."""
    stars: str
    """How inputs are passed: ``*`` by position, ``**`` by name, else as they are."""
    calls: bool = False
    """Whether there are `calls`: modules that are called where the model calls activation functions."""
    marked: bool = False
    """Whether parameters have optimizer options of their own as marks."""


def model_text(study: Study, settings: Settings, data: Data, loss: Loss) -> ModelText:
    """How the script makes the model of `settings`.

    Raises:
        UserError: if a function cannot be imported by others, or an argument cannot be written down.
    """
    function, name, user = _function(study, settings)
    own = None
    if names_function(settings.activation):
        own = imported(settings.activation, "search.space.activation", USERS_NAME, study.folder)
    maker = Maker(function, asked(function), settings, data, loss)
    embedded = data.code_sizes if user is None and settings.model in models.EMBEDDED else ()
    inner = inner_text(loss)
    remembered = settings.activation_penalty > 0 and "activation" in maker.takes
    is_looked_for = "activation" not in maker.takes and (
        settings.activation_penalty > 0 or settings.activation
    )
    lines = _made(maker, name, remembered, embedded)  # first: it refuses what cannot be written down
    hidden = maker.hidden if is_looked_for else NOWHERE
    habits = maker.habits if user else Habits()
    lines += [inner.line.format(stars=maker.inner_stars)] if inner else []
    lines += _fast_paths(maker.fast_paths) if maker.activation and user else []
    lines += first_look(data, inner is not None) if habits.lazy else []
    lines += _copies(maker.copies_names) if remembered else []
    lines += _hidden_lines(hidden, maker.expression, settings)
    lines += [f"{maker.init}(model)"] if _is_initialised(maker) else []
    code = _definitions(maker, None if user else name, embedded)
    code += each_once([*inner.code, definitions(outputs, "copied")]) if inner else []
    code += [EACH] if inner and not isinstance(data.inputs, tuple | dict) else []
    code += [definitions(precision, "to_precision")] if habits.is_complex else []
    code += call_code(own_functions=settings.activation is None) if hidden.called else []
    code += [definitions(call_sites, "WritesBack")] if settings.activation and hidden.written else []
    penalised = settings.activation_penalty > 0 and (not is_looked_for or bool(hidden.places))
    return ModelText(
        what=_what(settings),
        code=tuple(code),
        lines=tuple(lines),
        imported=user,
        activation=own,
        penalised=penalised,
        is_complex=habits.is_complex,
        stars=maker.stars,
        calls=bool(hidden.called),
        marked=habits.marked,
    )


def _function(study: Study, settings: Settings) -> tuple[Any, str, Imported | None]:
    """What makes the model, its name in the script, and how it is imported if it is the user's."""
    function: Any = MODELS.get(settings.model) if isinstance(settings.model, str) else None
    if function is not None:
        return function, function.__name__, None
    _require_maker(settings.model)
    user = imported(settings.model, "model.source", "make_model", study.folder)
    _require_maker(user.function)
    return user.function, "make_model", user


def _made(maker: Maker, name: str, remembered: bool, embedded: Sequence[int]) -> list[str]:
    """The lines that leave `model`; with `remembered` its activation layers are in the list `hidden`."""
    lines = _remembering(maker.expression) if remembered else []
    made = f"{name}({', '.join(maker.arguments(remembered, bool(embedded)))})"
    if embedded:  # learnt vectors in place of codes
        made = f"Embedded({maker.row.shape[1]}, {embedded!r}, lambda width: {made})"
    return [*lines, f"model = {made}"]


def _copies(names: list[str]) -> list[str]:
    if not names:
        return []
    return [f"hidden += [model.get_submodule(name) for name in {quoted(names)}]  # copies of those"]


def _hidden_lines(hidden: Hidden, expression: str, settings: Settings) -> list[str]:
    """Put the study's activation in place of the model's own, and leave the list `hidden` for the penalty."""
    lines = _swap(hidden.swapped, expression) if settings.activation and hidden.swapped else []
    if settings.activation and hidden.written:
        lines += _swap(hidden.written, f"WritesBack({expression})", "those that write into their input")
    lines += call_lines(hidden.called, expression if settings.activation else None)
    if settings.activation_penalty > 0 and hidden.places:
        names = quoted([names[0] for names in hidden.places])
        lines.append(f"hidden = [model.get_submodule(name) for name in {names}]")
    return lines


def _is_initialised(maker: Maker) -> bool:
    """Whether the script initializes what the function has made."""
    return "init" not in maker.takes and maker.init != "torch_default"


def _definitions(maker: Maker, name: str | None, embedded: Sequence[int]) -> list[str]:
    """Functions of this package that the lines use; `name`: that of the model."""
    used = maker.expression.partition("(")[0] if maker.activation else ""
    needed = [
        (initializers, maker.init if _is_initialised(maker) or "init" in maker.takes else ""),
        (models, name or ""),
        (models, "Embedded" if embedded else ""),
        (activations, used if used in OWN else ""),
    ]
    return [definitions(module, each) for module, each in needed if each]


def _require_maker(source: Any) -> None:
    if not isinstance(source, type) and hasattr(source, "named_parameters"):
        raise UserError(
            "model.source is a module that was made already, which no script can make again; name its class, "
            "or a function that makes it, in a module of its own"
        )


def _remembering(expression: str) -> list[str]:
    return [
        "hidden = []  # activation layers; the penalty looks at what they put out",
        "",
        "def activation():",
        f"    hidden.append({expression})",
        "    return hidden[-1]",
        "",
    ]


def _fast_paths(layers: list[str]) -> list[str]:
    if not layers:
        return []
    return [
        f"for name in {quoted(layers)}:  # in evaluation, too, these apply `activation`, not what they noted",
        "    model.get_submodule(name).activation_relu_or_gelu = 0",
    ]


def _swap(places: list[list[str]], expression: str, which: str = "the hidden activation layers") -> list[str]:
    """Lines that put new activation layers in; a layer that the model uses at several places stays one."""
    if all(len(names) == 1 for names in places):
        return [
            f"for name in {quoted([names[0] for names in places])}:  # {which}",
            '    parent, _, attribute = name.rpartition(".")',
            f"    setattr(model.get_submodule(parent), attribute, {expression})",
        ]
    return [
        f"for names in [{', '.join(map(quoted, places))}]:  # where {which} are",
        f"    layer = {expression}",
        "    for name in names:",
        '        parent, _, attribute = name.rpartition(".")',
        "        setattr(model.get_submodule(parent), attribute, layer)",
    ]


def _what(settings: Settings) -> str:
    source = settings.model
    name = source if isinstance(source, str) else source_of(source)
    options = ", ".join(f"{key} {value}" for key, value in settings.model_options.items())
    parts = [name + (f" ({options})" if options else "")]
    if settings.activation:
        parts.append(f"activation {settings.activation}")
    return ", ".join(parts)
