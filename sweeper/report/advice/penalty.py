"""Where to start searching the weight of activation regularization."""

import math
from collections.abc import Iterator

from sweeper.report.advice.facts import Facts
from sweeper.report.advice.item import COMPUTED, MEASURED, Advice, Reason, rule
from sweeper.study.space import Range
from sweeper.wording import count, number, tidied

TOPIC = "activation penalty"
DECADES = 5
ZERO = 0.25


def advise_penalty(facts: Facts) -> Iterator[Advice]:
    """A range up to where the penalty weighs as much as the loss, zero included."""
    profile = facts.profile
    if facts.layers == 0 or profile is None or profile.mean_square <= 0 or profile.loss <= 0:
        return
    squares = [p.mean_square for p in facts.network.profiles.values() if p.mean_square > 0]
    losses = [p.loss for p in facts.network.profiles.values() if p.loss > 0]
    equal = sorted(losses)[len(losses) // 2] / max(squares)
    high = 10.0 ** math.floor(math.log10(equal))
    low = tidied(high / 10**DECADES)
    entry = facts.study.space.entries.get("activation_penalty")
    covered = (
        isinstance(entry, Range)
        and entry.log
        and bool(entry.zero)
        and entry.low <= 30 * low
        and 30 * entry.high >= high
    )
    span = f"from {number(low)} to {number(high)}"
    if covered:
        what = f"Keep your range of weights; advised are weights {span} and exactly 0."
    else:
        what = f"Search weights {span}, and exactly 0 in a quarter of the trials."
    settings = {"search.space.activation_penalty": {"low": low, "high": high, "log": True, "zero": ZERO}}
    yield Advice(
        "penalty", TOPIC, what, tuple(_reasons(facts, max(squares), equal)), {} if covered else settings
    )
    if len(facts.inputs.shape) == 2 and facts.study.model.source == "rnn":
        yield _temporal()


def _reasons(facts: Facts, square: float, equal: float) -> Iterator[Reason]:
    yield Reason(
        f"before training the mean squares of the activations sum to at most {number(square)} over the "
        "layers, so "
        f"with a weight of {number(equal)} the l2 penalty is as large as the loss; five decades below it "
        "is nothing",
        MEASURED,
    )
    rows, parameters = facts.training_rows, facts.network.parameters
    yield Reason(
        f"{count(rows, 'training row')} against {count(parameters, 'parameter')}, "
        f"{number(rows / parameters)} rows "
        "for each: "
        + (
            "there is room to overfit"
            if rows < parameters
            else "fewer parameters than rows leave less to regularize"
        ),
        MEASURED,
    )
    widths = facts.network.widths
    if widths and len(set(widths[1:])) == 1:
        yield Reason(
            "this is the weight of a mean over elements; Keras divides a sum by the batch size, so "
            f"{number(equal)} "
            f"here is {number(equal / widths[1])} there ({widths[1]} units)",
            COMPUTED,
        )
    yield Reason(
        "penalties on activations were published for recurrent language models; the trials at exactly 0 "
        "show whether one helps here",
        rule("Merity et al. 2017, arXiv 1708.01009"),
    )


def _temporal() -> Advice:
    reason = Reason(
        "for recurrent networks the change between neighbouring time steps was penalised beside the size",
        rule("Merity et al. 2017, arXiv 1708.01009: TAR"),
    )
    return Advice(
        "temporal",
        TOPIC,
        "For sequences, compare the temporal penalty with l2.",
        (reason,),
        {"search.space.penalty_kind": ["l2", "temporal"]},
        alternative=True,
    )
