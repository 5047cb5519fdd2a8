"""What to change where gradients vanish, explode or end: one or two sentences with ready options."""

import math
from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from sweeper.command_line import command_line
from sweeper.components.activations import ACTIVATIONS, initializer_of
from sweeper.questions.gradient_networks import CUT, EXPLODING, HEALTHY
from sweeper.questions.layers import START
from sweeper.questions.structures import base_of
from sweeper.study.command_line import option
from sweeper.study.study import Study
from sweeper.wording import listing, number, percent


def option_of(study: Study, setting: str) -> str:
    """The option that sets it; none for what is searched, which has had its chance, nor for another model
    where the model is the user's own or no plain stack."""
    key = setting.partition("=")[0].removeprefix("search.space.")
    searched = key in study.space.parameters and key != "activation"  # of which others can be listed
    if searched or (key == "model.source" and study.model.source != "mlp"):
        return ""
    return option(study, setting)


DEAD = 0.25
"""Median share of dead units in a layer from which they are worth a word."""
SATURATED = 0.5
"""The same for saturated elements, of activations that are flat on both sides."""


Settable = Callable[[str], str]
"""``key=value`` -> the option that sets it, empty where the study does not take it."""


def _other(words: str, trouble: str, searched: Collection[str], settable: Settable) -> str:
    """``try a steeper activation (--set …)``, but for those of them that were `searched`, which have had
    their chance."""
    cures = [name for name, entry in ACTIVATIONS.items() if trouble in entry.cures]
    tried, untried = [c for c in cures if c in searched], [c for c in cures if c not in searched]
    if not untried:
        return f"{words} were searched beside it, such as {listing(tried)}"
    names = ", ".join(f'"{name}"' for name in untried)
    return f"try {words}{_by(settable(f'search.space.activation=[{names}]'))}"


def every_option(setting: str) -> str:
    """``--set key=value`` whatever the study."""
    return command_line(["--set", setting])


@dataclass(frozen=True)
class Case:
    """An activation at a moment, and what its study allows."""

    row: Mapping[Hashable, Any]
    """One of `gradient_verdicts`."""
    at_start: str | None
    """The verdict on its activation at initialisation."""
    init: str
    """The study's initializer; empty: not known."""
    settable: Settable
    searched: Collection[str]
    """The activations that were tried."""
    highest_best: bool = False
    """Whether the answer lies at the high end of the learning rates tried."""

    @property
    def lower(self) -> str:
        """The advice of a lower rate, and what speaks against it."""
        but = ", though the highest of those tried scored best" if self.highest_best else ""
        return f"a lower learning rate{but}"

    @property
    def name(self) -> str:
        return base_of(str(self.row["activation"]))

    @property
    def verdict(self) -> str:
        return str(self.row["verdict"])

    @property
    def is_sure(self) -> bool:
        return bool(self.row.get("sure", True))

    @property
    def is_fresh(self) -> bool:
        """Whether this is before training."""
        return bool(self.row["moment"] == START)


def advice(
    row: Mapping[Hashable, Any],
    at_start: str | None,
    init: str,
    settable: Settable = every_option,
    searched: Collection[str] = (),
    *,
    highest_best: bool = False,
) -> str:
    """One or two sentences with a ready ``--set`` where the study takes it; empty where nothing is to mend.

    The arguments are those of a `Case`; the first of `RULES` that holds says what is advised.
    """
    case = Case(row, at_start, init, settable, searched, highest_best)
    return next(said for rule in RULES if (said := rule(case)) is not None)


def _dead(case: Case) -> str | None:
    """Dead units in a quarter or more of a layer, where no gradient explodes, as it does not for them: an
    activation that is never quite flat, or a lower rate (where half as many or more were dead before
    training, other initial weights)."""
    row, explodes = case.row, case.verdict == EXPLODING and case.is_sure
    if row["dead"] < DEAD or case.is_fresh or explodes:
        return None
    text = f"{percent(row['dead'])} of the units of {_layer(row, 'dead')} are dead: "
    text += _other("activations that are never quite flat", "dead", case.searched, case.settable)
    before = float(row.get("dead_before", math.nan))
    if before >= row["dead"] / 2:  # no rate did that
        draws = f"the median of {row['draws']} draws" if row["draws"] > 1 else "of the one draw on record"
        then = f"{percent(before)} were dead before training, {draws}"
        return f"{text}; else try other initial weights: {then}."
    less = ", or a smaller penalty: all of these trainings had one" if row.get("penalized", False) else ""
    return f"{text}; else try {case.lower}{less}."


def _healthy(case: Case) -> str | None:
    """Healthy, or not sure: nothing."""
    return "" if case.verdict == HEALTHY or not case.is_sure else None


def _cut(case: Case) -> str | None:
    """Cut off: what is flat at the layer where the gradient ends, as far as that is known."""
    if case.verdict != CUT:
        return None
    before = case.is_fresh or case.at_start == CUT
    return _cut_off(case.row, "other initial weights" if before else case.lower)


def _by_training(case: Case) -> str | None:
    """Healthy at initialisation but not at the end: training did it, so a lower rate, unless networks of
    higher rates are healthier."""
    if case.is_fresh or case.at_start != HEALTHY:
        return None
    if case.row.get("healthier_above", False):
        text = "It was healthy at initialisation, so training did it, but less at higher learning rates: a "
        return f"{text}lower one is no cure."
    warm = case.settable("search.space.schedule=warmup_cosine")
    text = "It was healthy at initialisation, so training did it: try "
    return f"{text}{f'a schedule with warm-up ({warm}) or ' if warm else ''}{case.lower}."


def _shrinking(case: Case) -> str | None:
    """Vanishing, and the activation's slope is nowhere above ½ (sigmoid): no usual initialisation makes up
    for it; another activation."""
    steepest, _, _ = _facts(case.name)
    if case.verdict == EXPLODING or steepest > 0.5:
        return None
    text = f"The slope of {case.name} is at most {number(steepest, 2)}, so each layer shrinks the gradient: "
    text += _other("steeper activations", "vanishing", case.searched, case.settable)
    return f"{text}{_shallower(case.row, case.settable, '; else try fewer layers')}."


def _saturated(case: Case) -> str | None:
    """Half of the elements saturated on an activation that is flat on both sides: smaller initial weights."""
    row, (_, flat, _) = case.row, _facts(case.name)
    if case.verdict == EXPLODING or not flat or row["saturated"] < SATURATED:
        return None
    text = f"{percent(row['saturated'])} of {_layer(row, 'saturated')} is saturated"
    if initializer_of(case.init or None, case.name) == "xavier":
        return f"{text} with Xavier weights: standardize the inputs, or try {case.lower}."
    return f"{text}: its initial weights are too large{_by(case.settable('model.init=xavier'))}."


def _scaled(case: Case) -> str | None:
    """An initializer that is not ``auto``: that one, or the gain of the activation."""
    if case.init == "auto":
        return None
    gain = _facts(case.name)[2]
    size = "large" if case.verdict == EXPLODING else "small"
    text = f"The initial weights are too {size} for {case.name}"
    mended = _by(case.settable("model.init=auto"))
    if not mended and gain:
        mended = f": their deviation times the root of a layer's inputs should be about {number(gain, 2)}"
    return f"{text}{mended}{_shallower(case.row, case.settable)}."


def _deep(case: Case) -> str:
    """Else fewer layers: as many as stay within a factor of ten."""
    residual = case.settable("model.source=residual_mlp")
    text = f"Try fewer layers{_shallower(case.row, case.settable, '')}"
    return f"{text}{f', or a residual model ({residual})' if residual else ''}."


RULES: tuple[Callable[[Case], str | None], ...] = (
    _dead,
    _healthy,
    _cut,
    _by_training,
    _shrinking,
    _saturated,
    _scaled,
    _deep,
)
"""In this order; the last one always holds."""


def _by(option: str) -> str:
    return f" ({option})" if option else ""


def _cut_off(row: Mapping[Hashable, Any], cure: str) -> str:
    """What lies where the gradient ends: a layer dead or saturated throughout, or neither. No rate mends what
    was cut off before the first step."""
    for measure, words in (("dead", "units"), ("saturated", "elements")):
        if row[measure] >= 0.99:
            text = f"{percent(row[measure])} of the {words} of {_layer(row, measure)} are {measure}, so no "
            return f"{text}gradient passes it: try {cure}."
    where = f" ({row['layer_names']})" if row["layer_names"] else ""
    return (
        f"No layer is dead or saturated throughout, so look for what stops the gradient above layers "
        f"{row['layers']}{where}: weights of exactly 0, or a detached tensor."
    )


def _layer(row: Mapping[Hashable, Any], measure: str) -> str:
    """``layer 3 (net.6)``"""
    name = row.get(f"{measure}_name")
    return f"layer {row[f'{measure}_layer']}" + (f" ({name})" if name and not str(name).isdecimal() else "")


def _facts(name: str) -> tuple[float, bool, float | None]:
    """Largest slope of an activation, whether it is flat on both sides, its gain; (1, no, –) where not
    known."""
    if name not in ACTIVATIONS:
        return 1.0, False, None
    # loaded late: torch takes seconds
    from sweeper.theory.activation_facts import facts_of

    facts = facts_of(name)
    return facts.lipschitz or 1.0, facts.saturates == "both", facts.gain


def _shallower(row: Mapping[Hashable, Any], settable: Settable, before: str = ", or fewer layers") -> str:
    """The depth whose gradient changes by less than a decade, as an option; empty where no slope is known."""
    slope = float(row["slope"])
    if not math.isfinite(slope) or slope == 0:
        return ""
    depth = math.ceil(1 / abs(slope))
    shorter = settable(f"model.depth={depth}") if depth < row["depth"] else ""
    return f"{before}{_by(shorter)}" if shorter else ""
