"""Where to start searching the learning rate of each optimizer."""

import math
from collections.abc import Iterator

from sweeper.components.optimizers import OPTIMIZERS
from sweeper.report.advice.facts import Facts
from sweeper.report.advice.item import COMPUTED, MEASURED, Advice, Reason, rule
from sweeper.study.rates import as_range, search_rates
from sweeper.study.space import Range, Values
from sweeper.wording import number, percent, shown

TOPIC = "learning rate"
NEAR = 0.75
"""Decades by which a bound of the study may fall short of the advice."""


def advise_rates(facts: Facts) -> Iterator[Advice]:
    """One for each optimizer of the study."""
    space = facts.study.space
    for optimizer in space.entries["optimizer"].values or ():
        wanted, reasons = _range(facts, optimizer)
        _, present = space.active(optimizer)["learning_rate"]
        span = f"from {number(wanted[0])} to {number(wanted[1])}"
        if _covers(present, wanted):
            same = _shown(present) == f"{number(wanted[0])} to {number(wanted[1])}"
            advised = "" if same else f"; rates {span} would do, too"
            what, settings = f"{optimizer}: keep {_shown(present)}{advised}.", {}
        else:
            what = f"{optimizer}: search rates {span}, in place of {_shown(present)}."
            settings = {f"search.space.learning_rate.{optimizer}": as_range(wanted)}
        yield Advice(f"rate-{optimizer}", TOPIC, what, reasons, settings)


def _range(facts: Facts, optimizer: str) -> tuple[tuple[float, float], tuple[Reason, ...]]:
    """The rule's range, moved down to where the measured curvature says that gradient descent is stable.

    Never up: that steps of the first network would be stable does not say that higher rates train it.
    """
    entry = OPTIMIZERS[optimizer]
    known = entry.rates
    span = f"{number(known.low)} to {number(known.high)}"
    reasons = [Reason(f"usual rates are {span}: {known.why}", rule(known.citation))]
    limit = _limit(facts, optimizer)
    _, usual = search_rates(optimizer)
    low, high = search_rates(optimizer, too_high=limit if limit is not None and limit < usual else None)
    beta = float(entry.chosen(facts.settings.options).get("momentum", 0.0))
    if entry.linear and beta:
        reasons.append(
            Reason(
                f"steady gradients add up to 1/(1 − β) = {number(1 / (1 - beta))} times the rate (β = "
                f"{number(beta)})",
                COMPUTED,
            )
        )
    if limit is not None:
        reasons += _curvature(facts, optimizer, limit, moved=limit < usual)
    if entry.moves_by_rate and facts.network.weight_size > 0:
        share = high / facts.network.weight_size
        reasons.append(
            Reason(
                "its first step moves each weight by about the rate itself; weights start with a root mean "
                f"square of {number(facts.network.weight_size)}, so {number(high)} is {percent(share)} of "
                "one",
                MEASURED,
            )
        )
    return (low, high), tuple(reasons)


def _limit(facts: Facts, optimizer: str) -> float | None:
    """Largest stable rate at the initial weights of the flattest activation; for gradient descent alone."""
    found = [p.sharpness for p in facts.network.profiles.values() if p.sharpness]
    entry = OPTIMIZERS[optimizer]
    if entry.limit is None or not entry.linear or not found:
        return None
    return entry.limit.value(entry.chosen(facts.settings.options), 0) / min(found)


def _curvature(facts: Facts, optimizer: str, limit: float, *, moved: bool) -> Iterator[Reason]:
    found = [p.sharpness for p in facts.network.profiles.values() if p.sharpness]
    entry = OPTIMIZERS[optimizer]
    formula = entry.limit.formula(entry.chosen(facts.settings.options)) if entry.limit else ""
    between = f"{number(min(found))} to {number(max(found))}" if len(found) > 1 else number(found[0])
    yield Reason(
        f"the largest curvature λ of the loss before training is {between}, by activation, on "
        f"{facts.network.rows} rows",
        MEASURED,
    )
    yield Reason(
        f"on a quadratic of the smallest of these, full-batch steps are stable up to {formula}/λ = "
        f"{number(limit)}",
        COMPUTED,
    )
    if not moved:
        return
    yield Reason(
        "networks can stand rates above it at first, since they move to flatter places; noise of small "
        "batches lowers it: so the range ends at the next power of ten, and keeps its width",
        rule("Lewkowycz et al. 2020, arXiv 2003.02218; Wu, Ma and E 2018, NeurIPS"),
    )


def _covers(present: Values, wanted: tuple[float, float]) -> bool:
    if not isinstance(present, Range) or not present.log:
        return False
    below, above = math.log10(present.low / wanted[0]), math.log10(wanted[1] / present.high)
    return below <= NEAR and above <= NEAR


def _shown(values: Values) -> str:
    if isinstance(values, Range):
        return f"{number(values.low)} to {number(values.high)}{'' if values.log else ' (not logarithmic)'}"
    return shown(values.values or ())
