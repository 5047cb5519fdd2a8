"""What to use, in words: the headline of the answer, and its settings with their labels."""

from collections.abc import Mapping
from typing import Any

from sweeper.answer.answer import Answer
from sweeper.answer.rows import FIRST, in_order
from sweeper.components.optimizers import OPTIMIZERS
from sweeper.study.parameters import SCHEDULE_KEYS
from sweeper.study.space import Fixed
from sweeper.study.study import Study
from sweeper.wording import listing, number, shown

LABELS = {
    "learning_rate": "Learning rate",
    "optimizer": "Optimizer",
    "activation": "Activation function",
    "activation_penalty": "Activation penalty",
    "penalty_kind": "Penalty kind",
    "weight_decay": "Weight decay",
    "momentum": "Momentum",
    "schedule": "Learning-rate schedule",
}
AMOUNTS = ("weight_decay", "momentum")
"""Those that a sentence gives an article."""


def settings(parameters: Mapping[str, Any], study: Study) -> dict[str, str]:
    """Label -> value, the four axes first. A penalty not asked for is left out; so is the kind of none."""
    asked = {name: value for name, value in parameters.items() if _asked(name, study)}
    asked = {name: asked[name] for name in asked if name not in _without_effect(str(parameters["optimizer"]))}
    if not _has_penalty(parameters):
        asked.pop("penalty_kind", None)
    return {LABELS.get(name, name): shown(asked[name]) for name in in_order(asked)}


def _without_effect(optimizer: str) -> tuple[str, ...]:
    """What a training of the optimizer makes no use of: nobody need set it."""
    entry = OPTIMIZERS.get(optimizer)
    return SCHEDULE_KEYS if entry is not None and entry.first_step_only else ()


def _has_penalty(parameters: Mapping[str, Any]) -> bool:
    return bool(parameters.get("activation_penalty"))


def _asked(name: str, study: Study) -> bool:
    return name in ("optimizer", "learning_rate", "activation") or name in study.space.parameters


def headline_of(study: Study, answer: Answer) -> str:
    """The first sentence of the answer."""
    return f"Use {in_words(study, answer)}."


def in_words(study: Study, answer: Answer) -> str:
    """The value of every setting that was searched: ``adam with a learning rate of 0.01 and tanh``."""
    chosen = answer.parameters
    words = [f"a learning rate of {number(chosen['learning_rate'])}"]
    if chosen.get("activation") is not None:
        words.append(str(chosen["activation"]))
    penalty = study.space.entry("activation_penalty", str(chosen["optimizer"]))
    if penalty is not None and penalty[1] != Fixed(0):
        weight = chosen.get("activation_penalty", 0.0)
        words.append(f"an activation penalty of {number(weight)}" if weight else "no activation penalty")
    others = [name for name in _searched(study, str(chosen["optimizer"])) if name in chosen]
    others = [name for name in others if name != "penalty_kind" or _has_penalty(chosen)]
    words += [_phrase(name, chosen[name]) for name in others]
    return f"{chosen['optimizer']} with {listing(words)}"


def _searched(study: Study, optimizer: str) -> list[str]:
    """What trials of the optimizer differ in beyond the four axes."""
    space = study.space
    known = space.active(optimizer) if optimizer in space.accepted else {}
    left = (*FIRST, *_without_effect(optimizer))
    varied = (name for name, (_, values) in known.items() if not isinstance(values, Fixed))
    return in_order(name for name in varied if name not in left)


def _phrase(name: str, value: Any) -> str:
    if name in AMOUNTS:
        return f"a {LABELS[name].lower()} of {shown(value)}"
    if name in LABELS:
        return f"{LABELS[name].lower()} {shown(value)}"
    return f"{name} = {shown(value)}"
