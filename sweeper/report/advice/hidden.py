"""Which hidden activations, from what they do to gradients over the depth of this study."""

import math
from collections.abc import Iterator

import numpy as np

from sweeper.components.activations import ADVISED
from sweeper.errors import UserError
from sweeper.report.advice.facts import Facts
from sweeper.report.advice.item import COMPUTED, MEASURED, Advice, Reason, rule
from sweeper.theory.activation_facts import facts_of
from sweeper.theory.mean_field import born_dead_probability, initial_variances, propagation
from sweeper.wording import count, listing, number, percent, signed, times

TOPIC = "hidden activations"
HEALTHY, LOST = 1.0, 2.0
"""Decades by which gradients may change between the last and the first hidden layer; from which on they
count as vanished or exploded."""
MOST = 6
BORN_DEAD = 0.01
"""Probability from which another activation is compared."""


def advise_hidden(facts: Facts) -> Iterator[Advice]:
    """What to search, and what vanishes or explodes, each with its decades."""
    if facts.network.unmeasured:
        what = (
            "Nothing is advised from gradients: the layers of this model are not measured, though it trains."
        )
        yield Advice("hidden", TOPIC, what, (Reason(facts.network.unmeasured, MEASURED), *_swapped(facts)))
        return
    if facts.layers == 0:
        return
    swappable = [name for name in facts.network.profiles if name is not None]
    if not swappable:
        yield _own(facts)
        return
    yield _search(facts, swappable)
    for name in facts.activations:
        change = decades(facts, name)
        if change is not None and abs(change) >= LOST:
            yield _lost(facts, name, change)
    if (
        "relu" in facts.activations
        and "leaky_relu" not in facts.activations
        and _born_dead(facts) > BORN_DEAD
    ):
        yield _dead(facts)


def decades(facts: Facts, name: str | None) -> float | None:
    """log10 of the measured gradient norm at the first hidden layer over the last; ``None`` for one. Infinite
    where one of both is no finite number."""
    gradients = facts.network.profiles[name].gradients if name in facts.network.profiles else ()
    if len(gradients) < 2 or gradients[-1] == 0:
        return None
    if not (math.isfinite(gradients[0]) and math.isfinite(gradients[-1])):
        return math.inf
    return math.log10(gradients[0] / gradients[-1]) if gradients[0] > 0 else -math.inf


def in_decades(change: float | None) -> str:
    """``−0.59``; ``−∞`` where nothing arrives, ``∞`` where it is too large for a number."""
    return {-math.inf: "−∞", math.inf: "∞"}.get(change or 0.0) or signed(change or 0.0)


def predicted_decades(facts: Facts, name: str) -> float | None:
    """The same, from mean-field theory; ``None`` where that is not about this model."""
    profile = facts.predicted(name)
    return None if profile is None or profile[0] == 0 else float(np.log10(profile[0] / profile[-1]))


def _search(facts: Facts, swappable: list[str]) -> Advice:
    sound = [name for name in swappable if abs(decades(facts, name) or 0.0) <= HEALTHY]
    own = [name for name in sound if name in facts.activations]
    chosen = [*own, *(name for name in ADVISED if name in sound and name not in own)]
    chosen = own if len(own) >= MOST else chosen[:MOST]
    if not chosen:
        what = (
            "No activation keeps its gradient at this depth and these weights: first see the advice on depth."
        )
        return Advice("hidden", TOPIC, what, (*_table(facts, swappable), *_swapped(facts)))
    same = set(chosen) == set(facts.activations)
    what = f"{'Keep searching' if same else 'Search'} {listing(chosen)}."
    reasons = [
        *_table(facts, chosen),
        *_swapped(facts),
        Reason(
            "the best one differs between tasks, so compare them",
            rule("Ramachandran et al. 2017, arXiv 1710.05941"),
        ),
    ]
    settings = {} if same else {"search.space.activation": chosen}
    return Advice("hidden", TOPIC, what, tuple(reasons), settings)


def _swapped(facts: Facts) -> Iterator[Reason]:
    """Which layers that is about."""
    if facts.network.swapped:
        yield Reason(f"activation layers {facts.network.swapped}", MEASURED)


def _table(facts: Facts, names: list[str]) -> Iterator[Reason]:
    """Decades of each, measured, and predicted where theory is about this model."""
    if facts.layers < 2:
        over_time = f"; over time, inside the {listing(facts.network.recurrent)}, it still can"
        what = "with one hidden layer no gradient can vanish between layers"
        yield Reason(what + over_time * bool(facts.network.recurrent), COMPUTED)
        return
    where = f"between the last and the first of {count(facts.layers, 'hidden layer')}"
    found = [f"{name} {in_decades(decades(facts, name))}" for name in names]
    yield Reason(
        f"before training, the gradient changes {where} by these decades: {listing(found)} (a decade is a "
        "factor of 10)",
        MEASURED,
    )
    theory = [(name, predicted_decades(facts, name)) for name in names]
    known = [f"{name} {signed(value)}" for name, value in theory if value is not None]
    if known:
        yield Reason(f"mean-field theory for these widths and weights: {listing(known)}", COMPUTED)


def _lost(facts: Facts, name: str, change: float) -> Advice:
    verb = "vanish" if change < 0 else "explode"
    others = [a for a in facts.activations if a != name and abs(decades(facts, a) or 0.0) < LOST]
    reasons = [
        Reason(_change(facts, change), MEASURED),
        *_theory(facts, name),
        *_why(name, change),
    ]
    what = f"{name}: gradients {verb} at this depth. Leave it out, or see the advice on depth."
    settings = {"search.space.activation": others} if others else {}
    return Advice(f"no-{name.replace('_', '-')}", TOPIC, what, tuple(reasons), settings, alternative=True)


def _change(facts: Facts, change: float) -> str:
    where = f"at the first of {count(facts.layers, 'hidden layer')}"
    if change == math.inf:
        return f"before training its gradient is too large for a finite number {where}"
    if math.isinf(change):
        return f"before training no gradient arrives {where}"
    than = "smaller" if change < 0 else "larger"
    return f"before training its gradient is {times(change)} {than} {where} than at the last"


def _theory(facts: Facts, name: str) -> Iterator[Reason]:
    value = predicted_decades(facts, name)
    if value is None:
        return
    widths = facts.network.widths or ()
    deep = propagation(name, *initial_variances(facts.scheme(name), widths[-1], widths[-1]))
    yield Reason(
        f"mean-field theory for the widths of this network and {facts.scheme(name)} weights: {signed(value)} "
        "decades; deep inside, each layer multiplies the variance of the gradient by χ = "
        f"{number(deep.chi)}, so it changes by a factor e in {number(deep.depth_scale)} layers",
        COMPUTED,
    )


def _why(name: str, change: float) -> Iterator[Reason]:
    try:
        facts = facts_of(name)
    except UserError:  # a class of the user's that is not a function of each number by itself
        return
    if change < 0 and facts.lipschitz is not None and facts.lipschitz < 1:
        yield Reason(f"its slope is never above {number(facts.lipschitz)}", COMPUTED)
    if change < 0 and facts.saturates not in ("no", None):
        sides = {"both": "both sides", "left": "the left", "right": "the right"}[facts.saturates]
        yield Reason(f"it saturates on {sides}: φ′ goes to 0 there", COMPUTED)


def _born_dead(facts: Facts) -> float:
    widths = facts.network.widths
    return born_dead_probability(min(widths[1:]), len(widths) - 1) if widths else 0.0


def _dead(facts: Facts) -> Advice:
    widths = facts.network.widths or (1, 1)
    share = facts.network.profiles["relu"].dead
    reasons = (
        Reason(
            f"{count(len(widths) - 1, 'layer')} of {min(widths[1:])} ReLU units are constant from the start "
            f"with probability {percent(_born_dead(facts))} (one nonzero input, no bias: 1 − (1 − 2⁻ᴺ)ᴸ, Lu "
            "et al. 2019)",
            COMPUTED,
        ),
        Reason(f"{percent(share)} of the ReLU units are dead on all rows before training", MEASURED),
    )
    settings = {"search.space.activation": [*facts.activations, "leaky_relu"]}
    return Advice(
        "leaky",
        TOPIC,
        "relu: so narrow a network may be born dead. Compare leaky_relu.",
        reasons,
        settings,
        alternative=True,
    )


def _own(facts: Facts) -> Advice:
    change = decades(facts, None)
    said = (
        ""
        if change is None
        else f"; its gradient changes by {in_decades(change)} decades from last to first layer"
    )
    text = f"the model brings its own activations, and they cannot be swapped from outside{said}"
    return Advice("hidden", TOPIC, "Keep the model's own activations.", (Reason(text, MEASURED),))
