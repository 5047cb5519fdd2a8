"""Where to start searching the weight of activation regularization."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from sweeper.report.advice.facts import Facts
from sweeper.report.advice.item import COMPUTED, MEASURED, Advice, Reason, rule
from sweeper.study.parameters import PENALTY
from sweeper.study.space import Range, Values
from sweeper.wording import count, listing, number, tidied

TOPIC = "activation penalty"
DECADES = 5
ZERO = 0.25
KERAS = ("l2", "l1")
"""Kinds that Keras has."""


def advise_penalty(facts: Facts) -> Iterator[Advice]:
    """A range up to where the penalty weighs as much as the loss, zero included."""
    equal = _equal(facts)
    if facts.layers == 0 or not equal:
        return
    high = _decade(max(equal.values()))
    low = tidied(_decade(min(equal.values())) / 10**DECADES)
    entries = facts.study.space.keyed(PENALTY, 0.0)
    lacking = {key: values for key, values in entries.items() if not _covers(values, low, high)}
    if lacking:
        what = (
            f"Search weights from {number(low)} to {number(high)}, and exactly 0 in a quarter of the trials"
        )
        if spans := _spans(lacking.values()):
            what += f", in place of {listing(spans)}"
        what += "."
    else:
        what = f"Keep your weights from {listing(_spans(entries.values()))}, and exactly 0."
    wanted = {"low": low, "high": high, "log": True, "zero": ZERO}
    settings = {f"search.space.{key}": wanted for key in lacking}
    yield Advice("penalty", TOPIC, what, tuple(_reasons(facts, equal)), settings)
    in_time = all(profile.in_time for profile in facts.network.profiles.values())
    if len(facts.inputs.shape) == 2 and facts.network.recurrent and in_time and "temporal" not in equal:
        yield _temporal(list(equal))


def _covers(values: Values, low: float, high: float) -> bool:
    """Whether weights are searched about that far, and 0 beside them."""
    if not isinstance(values, Range) or not values.log or not values.zero:
        return False
    return values.low <= 30 * low and 30 * values.high >= high


def _spans(searched: Iterable[Values]) -> list[str]:
    """The ends of the ranges among them."""
    ranges = [values for values in searched if isinstance(values, Range)]
    return list(dict.fromkeys(f"{number(each.low)} to {number(each.high)}" for each in ranges))


def _equal(facts: Facts) -> dict[str, float]:
    """Kind of penalty of the study -> the weight with which it is as large as the loss before training."""
    profiles = facts.network.profiles.values()
    losses = sorted(p.loss for p in profiles if 0 < p.loss < math.inf)
    middle = losses[len(losses) // 2] if losses else 0.0
    kinds = dict.fromkeys(kind for profile in profiles for kind in profile.penalties)
    sizes = {kind: [s for p in profiles if math.isfinite(s := p.penalties[kind]) and s > 0] for kind in kinds}
    return {kind: middle / max(known) for kind, known in sizes.items() if known and middle}


def _decade(weight: float) -> float:
    return float(10.0 ** math.floor(math.log10(weight)))


def _reasons(facts: Facts, equal: Mapping[str, float]) -> Iterator[Reason]:
    for kind, weight in equal.items():
        yield Reason(
            f"before training the {kind} penalty, summed over the layers, is as large as the loss with a "
            f"weight of {number(weight)}; {count(DECADES, 'decade')} further down it hardly counts",
            MEASURED,
        )
    rows, parameters = facts.training_rows, facts.network.parameters
    yield Reason(
        f"{count(rows, 'training row')} against {count(parameters, 'parameter')}, "
        f"{number(rows / parameters)} rows for each: "
        + (
            "there is room to overfit"
            if rows <= parameters
            else "fewer parameters than rows leave less to regularize"
        ),
        MEASURED,
    )
    widths = facts.network.widths
    plain = next((equal[kind] for kind in KERAS if kind in equal), None)
    if plain and widths and len(set(widths[1:])) == 1:
        yield Reason(
            "this is the weight of a mean over elements; Keras divides a sum by the batch size, so "
            f"{number(plain)} here is {number(plain / widths[1])} there ({widths[1]} units)",
            COMPUTED,
        )
    yield Reason(
        "penalties on activations were published for recurrent language models; the trials at exactly 0 "
        "show whether one helps here",
        rule("Merity et al. 2017, arXiv 1708.01009"),
    )


def _temporal(kinds: Sequence[str]) -> Advice:
    reason = Reason(
        "for recurrent networks the change between neighbouring time steps was penalised beside the size",
        rule("Merity et al. 2017, arXiv 1708.01009: TAR"),
    )
    return Advice(
        "temporal",
        TOPIC,
        f"For sequences, compare the temporal penalty with {listing(kinds)}.",
        (reason,),
        {"search.space.penalty_kind": [*kinds, "temporal"]},
        alternative=True,
    )
