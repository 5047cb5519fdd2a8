"""Which activation after the last layer, from the range of the targets."""

import math
from collections.abc import Iterator, Mapping
from inspect import signature
from typing import Any

from sweeper.components.losses import LOSSES, Loss
from sweeper.components.models import MODELS
from sweeper.report.advice.facts import LOSS_OF, Facts
from sweeper.report.advice.item import COMPUTED, MEASURED, Advice, Reason
from sweeper.theory.activation_facts import catalogue, facts_of
from sweeper.wording import listing, number, shown

TOPIC = "output activation"
MODULES = {"softplus": "nn.Softplus()", "tanh": "nn.Tanh()", "sigmoid": "nn.Sigmoid()"}


BOUNDED = {"positive": "softplus", "counts": "softplus", "bounded": "tanh"}
"""Kind of the targets -> the output that reaches nothing beyond them."""
BEYOND = {"softplus": "negative", "tanh": "beyond −1 and 1"}


def advise_output(facts: Facts) -> Iterator[Advice]:
    """One for the kind of the targets, and one to compare where targets have bounds."""
    kind = facts.targets.kind
    if kind in BOUNDED and facts.settings.model_options.get("output") == BOUNDED[kind]:
        yield _bounded(facts, BOUNDED[kind])
        return
    if kind == "classes":
        yield _linear(
            facts, tuple(_double_softmax(_inside(facts), facts.targets.classes)) or _any_number(facts)
        )
    elif kind in ("binary", "shares"):
        yield _linear(facts, tuple(_double_sigmoid(_inside(facts))) or _any_number(facts))
    else:
        yield _linear(facts, _any_number(facts))
    if kind in ("positive", "counts"):
        yield _positive(facts)
    elif kind == "bounded":
        yield _within(facts)


def _linear(facts: Facts, reasons: tuple[Reason, ...]) -> Advice:
    present = facts.settings.model_options.get("output", "linear")
    if present != "linear":
        what, settings = "Make the output linear.", {"model.output": "linear"}
    elif facts.builtin:
        what, settings = "Keep the output linear.", {}
    else:
        ends, settings = facts.network.last, {}
        linear = ends in ("Addmm", "Mm", "Add", "Bmm", "Baddbmm", "Convolution", "Mv")
        what = "Keep the linear layer at the end." if linear else "Let your model end in a linear layer."
        if ends:  # a model of several outputs ends in several operations
            seen = f"it ends in {'a linear layer' if linear else ends.lower()} now"
            reasons = (*reasons, Reason(seen, MEASURED))
    return Advice("output", TOPIC, what, reasons, settings)


def _bounded(facts: Facts, name: str) -> Advice:
    """Of a built-in model whose output has the bounds of the targets already."""
    what = f"Keep the {name} output if the targets can never be {BEYOND[name]}; else compare a linear one."
    reach = Reason(f"the range of {name} is {facts_of(name).range}", COMPUTED)
    return Advice("output", TOPIC, what, (reach, *_any_number(facts)), {"model.output": "linear"}, True)


def _inside(facts: Facts) -> Loss:
    """The loss of the study, where it is one for such targets, else the usual one."""
    asked, usual = facts.study.training.loss, LOSSES[LOSS_OF[facts.targets.kind]]
    named = LOSSES.get(asked, usual) if isinstance(asked, str) else usual
    return named if named.task == usual.task else usual


def _double_softmax(loss: Loss, classes: int) -> Iterator[Reason]:
    """Below what no loss could get behind another softmax: what the loss is of a model that is sure."""
    # loaded late: torch takes seconds
    import torch

    if loss.inside != "softmax":
        return
    floor = loss.function(torch.eye(classes, dtype=torch.float64), torch.arange(classes)).item()
    formula = f": ln(1 + {classes - 1}/e)" if loss.name == "cross_entropy" else ""
    yield Reason(
        f"{loss.name} has softmax inside; with another one before it no loss below {number(floor)} could be "
        f"reached with {classes} classes, however sure the model is{formula}",
        COMPUTED,
    )


def _double_sigmoid(loss: Loss) -> Iterator[Reason]:
    highest = 1 / (1 + math.exp(-1))
    if loss.inside == "a sigmoid":
        yield Reason(
            f"{loss.name} has the sigmoid inside; with another one before it every probability would lie "
            f"between 0.5 and {number(highest)}",
            COMPUTED,
        )


def _any_number(facts: Facts) -> tuple[Reason, ...]:
    targets = facts.targets
    small = [f"{name} {facts_of(name).range}" for name in ("sigmoid", "tanh", "relu")]
    reasons = [
        Reason(
            f"a linear layer reaches every number; of others, {listing(small)} are all that can come out",
            COMPUTED,
        )
    ]
    if targets.kind in ("positive", "counts") and targets.std > 0:
        away = targets.mean / targets.std
        reasons.append(
            Reason(
                f"the mean of the targets lies {number(away)} deviations above 0: the smaller that is, the "
                "more often a linear output will be negative",
                MEASURED,
            )
        )
    return tuple(reasons)


def _positive(facts: Facts) -> Advice:
    """Softplus, because it is what the catalogue has above 0 that is smooth, unbounded and elementwise."""
    positive = catalogue(positive=True, smooth=True, bounded=False)
    smooth = [f for f in positive if f.elementwise and not f.outputs.low_taken]
    names, alone = [f"{f.name} {f.range}" for f in smooth], len(smooth) == 1
    softplus, elu, relu = smooth[0].name, facts_of("elu"), facts_of("relu")
    reasons = (
        Reason(f"no target is negative (lowest {shown(facts.targets.low)})", MEASURED),
        Reason(
            f"of all activations known here, {listing(names)} {'is the only one' if alone else 'are those'} "
            f"above 0 everywhere, smooth and unbounded; elu is not positive, its range is {elu.range}",
            COMPUTED,
        ),
        Reason(
            f"relu {relu.range} is flat below 0: an output that is negative on every row gets no "
            "gradient at all",
            COMPUTED,
        ),
        *_far(facts),
    )
    ask = "Where negative predictions make no sense, compare a softplus output"
    ask += ", or take the logarithm of the targets in your data (predictions are then exp(output))."
    return _output_advice(facts, softplus, ask, reasons)


def _far(facts: Facts) -> Iterator[Reason]:
    mean = facts.targets.mean
    if mean > 10:
        yield Reason(
            f"softplus starts near ln 2 = 0.69 and the targets have mean {number(mean)}: divide them by it "
            "in your data, standardizing would make some negative",
            MEASURED,
        )


def _within(facts: Facts) -> Advice:
    targets = facts.targets
    reasons = (
        Reason(f"all targets lie between {shown(targets.low)} and {shown(targets.high)}", MEASURED),
        Reason(f"the range of tanh is {facts_of('tanh').range}; its ends are never reached", COMPUTED),
    )
    return _output_advice(
        facts, "tanh", "If −1 and 1 are true bounds of the targets, compare a tanh output.", reasons
    )


def _output_advice(facts: Facts, name: str, what: str, reasons: tuple[Reason, ...]) -> Advice:
    settings: dict[str, Any] = {}
    source = facts.study.model.source
    if isinstance(source, str) and source in MODELS and "output" in signature(MODELS[source]).parameters:
        settings["model.output"] = name
        settings |= _unscaled(facts)
    else:
        what += f" First add {MODULES[name]} after the last layer of your model, then:"
        settings |= _unscaled(facts) or {"data.standardize_target": False}
    if facts.misfit:
        settings["training.loss"] = "mse"
    return Advice(name, TOPIC, what, reasons, settings, alternative=True)


def _unscaled(facts: Facts) -> Mapping[str, Any]:
    """Standardized targets are negative for about half of the rows."""
    return {"data.standardize_target": False} if facts.study.data.standardize_target else {}
