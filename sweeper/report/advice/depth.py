"""Depth: initial weights, normalization and residual connections where plain layers lose the gradient."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sweeper.components.activations import activation_of
from sweeper.components.models import RESIDUAL
from sweeper.report.advice.facts import Facts
from sweeper.report.advice.hidden import HEALTHY, LOST, decades, in_decades, predicted_decades
from sweeper.report.advice.item import COMPUTED, MEASURED, Advice, Reason, rule
from sweeper.wording import count, listing, signed

TOPIC = "depth and initial weights"
DEEP = 20
"""Hidden layers from which plain networks are compared with residual ones whatever the decades say."""

Change = Callable[[Mapping[str, Any]], "Facts | None"]
"""Facts of the study with other settings of the model; ``None`` where they are not valid."""


def advise_depth(facts: Facts, change: Change) -> Iterator[Advice]:
    """Initial weights, then what rescues a deep network, each tried on the data before it is named."""
    if facts.layers < 2:
        return
    yield from _init(facts, change)
    worst = max((abs(decades(facts, name) or 0.0) for name in _names(facts)), default=0.0)
    if worst >= LOST or facts.layers >= DEEP:
        yield from _rescue(facts, change)
    if facts.layers >= DEEP and "tanh" in facts.network.profiles:
        yield from _orthogonal(facts, change)


def _names(facts: Facts) -> tuple[str | None, ...]:
    return facts.activations or (None,)


def _init(facts: Facts, change: Change) -> Iterator[Advice]:
    """The scheme that suits the activation, where the study has another and it matters."""
    if facts.settings.init == "auto" or not facts.activations:
        return
    other = change({"model.init": "auto"})
    if other is None:
        return
    gains = {name: (decades(facts, name), decades(other, name)) for name in facts.activations}
    better = [name for name, (now, then) in gains.items() if abs(now or 0) > abs(then or 0) + 0.3]
    if not better:
        return
    changes = listing([_from_to(facts, name, *gains[name]) for name in better])
    reasons = [Reason(f"decades of the gradient from last to first layer: {changes}", MEASURED)]
    theory = [(name, predicted_decades(facts, name), predicted_decades(other, name)) for name in better]
    known = [
        f"{name} {signed(a)} and {signed(b)}" for name, a, b in theory if a is not None and b is not None
    ]
    if known:
        reasons.append(Reason(f"mean-field theory: {', '.join(known)}", COMPUTED))
    what = "Choose initial weights that suit the activation: init = auto."
    yield Advice("init", TOPIC, what, tuple(reasons), {"model.init": "auto"})


def _from_to(facts: Facts, name: str, now: float | None, then: float | None) -> str:
    suits = activation_of(name).init
    before, after = in_decades(now), in_decades(then)
    return f"{name} {before} with {facts.scheme(name)} and {after} with {suits} weights"


def _rescue(facts: Facts, change: Change) -> Iterator[Advice]:
    """Residual connections and normalization, as far as a built-in model offers them."""
    if not facts.builtin:
        yield from _changed_model(facts)
        return
    residual = RESIDUAL.get(str(facts.study.model.source))
    tried = [("residual", {"model.source": residual}, "residual blocks (x + f(x))")] if residual else []
    if not facts.network.normalizes:
        tried.append(("norm", {"model.norm": "layer"}, "layer normalization before every activation"))
    before = max(abs(decades(facts, name) or 0.0) for name in _names(facts))
    for key, settings, words in tried:
        other = change(settings)
        if other is None:
            continue
        reasons = [_shown_decades(facts), _shown_decades(other, f"with {words}: ")]
        reasons += [_residual_source()] if key == "residual" else []
        worst = max(abs(decades(other, name) or 0.0) for name in _names(other))
        if worst < LOST or worst < before / 2:
            what = f"For {count(facts.layers, 'layer')}, compare {words}."
            yield Advice(key, TOPIC, what, tuple(reasons), settings, alternative=True)


def _changed_model(facts: Facts) -> Iterator[Advice]:
    """What a model of the user's own lacks, by what it does."""
    lacks = [] if facts.network.adds_input else ["add x + f(x) around every two layers"]
    lacks += [] if facts.network.normalizes else ["a normalization before every activation"]
    if not lacks:
        return
    why = [_shown_decades(facts), *([] if facts.network.adds_input else [_residual_source()])]
    asked = {"question": "Does the changed model keep its gradients?"}
    what = f"For this depth, compare: {', or '.join(lacks)}, in your model function."
    yield Advice("deep", TOPIC, what, tuple(why), asked, alternative=True)


def _orthogonal(facts: Facts, change: Change) -> Iterator[Advice]:
    other = change({"model.init": "orthogonal", "search.space.activation": "tanh"})
    if other is None or facts.settings.init == "orthogonal":
        return
    now, then = decades(facts, "tanh"), decades(other, "tanh")
    if then is None or abs(then) > HEALTHY:
        return
    reasons = [
        Reason(
            f"tanh changes the gradient by {signed(then)} decades over {facts.layers} layers with orthogonal "
            f"weights, by {in_decades(now)} with {facts.scheme('tanh')} ones",
            MEASURED,
        ),
        Reason(
            "without activations they keep every length, not only the average one: all singular values are 1",
            rule("Saxe et al. 2013, arXiv 1312.6120; for tanh Pennington et al. 2017, arXiv 1711.04735"),
        ),
    ]
    yield Advice(
        "orthogonal",
        TOPIC,
        "For very deep plain networks, compare tanh with orthogonal weights.",
        tuple(reasons),
        {"model.init": "orthogonal", "search.space.activation": "tanh"},
        alternative=True,
    )


def _shown_decades(facts: Facts, before: str = "") -> Reason:
    changes = ", ".join(
        f"{name or 'its own activations'} {in_decades(decades(facts, name))}" for name in _names(facts)
    )
    return Reason(
        f"{before or 'plain layers: '}decades of the gradient from last to first layer {changes}", MEASURED
    )


def _residual_source() -> Reason:
    return Reason(
        "the sum passes the gradient on unchanged beside what the block does to it",
        rule("He et al. 2016, arXiv 1603.05027"),
    )
