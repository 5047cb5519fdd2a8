"""Where to start searching the learning rate of each optimizer."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from sweeper.report.advice.facts import Facts
from sweeper.report.advice.item import COMPUTED, MEASURED, Advice, Reason, rule
from sweeper.study.space import Range, Values
from sweeper.theory.stability import sgd_limit
from sweeper.wording import number, percent, shown

TOPIC = "learning rate"
NEAR = 0.75
"""Decades by which a bound of the study may fall short of the advice."""


@dataclass(frozen=True)
class Rates:
    """A range, and who says so."""

    low: float
    high: float
    why: str
    source: str


_ADAM = "two decades to either side of the published default, 1e-3"
RULES: dict[str, Rates] = {
    "sgd": Rates(
        1e-3,
        10.0,
        "0.01 is a usual default for standardized inputs and rates above 1 are rare; one decade more on top "
        "costs little, since what diverges ends early",
        "Bengio 2012, arXiv 1206.5533, section 3.1.1",
    ),
    "adam": Rates(1e-5, 1e-1, _ADAM, "Kingma and Ba 2014, arXiv 1412.6980"),
    "adamw": Rates(1e-5, 1e-1, _ADAM, "Loshchilov and Hutter 2017, arXiv 1711.05101"),
    "nadam": Rates(1e-5, 1e-1, "two decades to either side of 1e-3, as for Adam", "Dozat 2016"),
    "radam": Rates(1e-5, 1e-1, _ADAM, "Liu et al. 2019, arXiv 1908.03265"),
    "adamax": Rates(1e-5, 1e-1, "two decades around 1e-3; published: 2e-3", "Kingma and Ba 2014"),
    "rmsprop": Rates(1e-5, 1e-1, _ADAM, "Tieleman and Hinton 2012, lecture 6.5"),
    "adagrad": Rates(1e-4, 1.0, "two decades to either side of torch's default, 1e-2", "torch.optim.Adagrad"),
    "adadelta": Rates(
        1e-2, 10.0, "around 1, which is the method without a rate", "Zeiler 2012, arXiv 1212.5701"
    ),
    "lion": Rates(
        1e-6, 1e-2, "3 to 10 times below those of AdamW", "Chen et al. 2023, arXiv 2302.06675, section 5"
    ),
}
RULES["momentum"] = RULES["nesterov"] = Rates(
    1e-4,
    1.0,
    "that of plain gradient descent, divided by 10",
    "Bengio 2012, arXiv 1206.5533",
)
ABOVE = 3.0
"""Multiple of the stability limit, rounded to a power of 10, up to which rates are searched."""
BY_THE_RATE = ("adam", "adamw", "nadam", "adamax", "lion")
"""Optimizers whose first step moves every weight by about the learning rate, whatever the gradient."""


def advise_rates(facts: Facts) -> Iterator[Advice]:
    """One for each optimizer of the study."""
    space = facts.study.space
    for optimizer in space.entries["optimizer"].values or ():
        wanted, reasons = _range(facts, optimizer)
        _, present = space.active(optimizer)["learning_rate"]
        span = f"from {number(wanted[0])} to {number(wanted[1])}"
        if _covers(present, wanted):
            what, settings = f"{optimizer}: keep {_shown(present)}; advised are rates {span}.", {}
        else:
            what = f"{optimizer}: search rates {span}; the study has {_shown(present)}."
            found = {"low": wanted[0], "high": wanted[1], "log": True}
            settings = {f"search.space.learning_rate.{optimizer}": found}
        yield Advice(f"rate-{optimizer}", TOPIC, what, reasons, settings)


def _range(facts: Facts, optimizer: str) -> tuple[tuple[float, float], tuple[Reason, ...]]:
    """The rule's range, moved to where the measured curvature says that gradient descent is stable."""
    known = RULES[optimizer]
    span = f"{number(known.low)} to {number(known.high)}"
    reasons = [Reason(f"usual rates are {span}: {known.why}", rule(known.source))]
    low, high = known.low, known.high
    limit = _limit(facts, optimizer)
    if optimizer in ("momentum", "nesterov"):
        beta = _momentum(facts, optimizer)
        reasons.append(
            Reason(
                f"steady gradients add up to 1/(1 − β) = {number(1 / (1 - beta))} times the rate (β = "
                f"{number(beta)})",
                COMPUTED,
            )
        )
    if limit is not None:
        high = 10.0 ** round(math.log10(ABOVE * limit))
        low = float(f"{high / 1e4:.0e}")
        reasons += _curvature(facts, optimizer, limit)
    if optimizer in BY_THE_RATE:
        share = high / facts.network.weight_size
        reasons.append(
            Reason(
                "its first step moves each weight by about the rate itself; weights start with a root "
                "mean square of "
                f"{number(facts.network.weight_size)}, so {number(high)} is {percent(share)} of one",
                MEASURED,
            )
        )
    return (low, high), tuple(reasons)


def _momentum(facts: Facts, optimizer: str) -> float:
    return float(facts.settings.options.get("momentum", 0.9)) if optimizer != "sgd" else 0.0


def _limit(facts: Facts, optimizer: str) -> float | None:
    """Largest stable rate at the initial weights of the flattest activation; for gradient descent alone."""
    found = [p.sharpness for p in facts.network.profiles.values() if p.sharpness]
    if optimizer not in ("sgd", "momentum", "nesterov") or not found:
        return None
    limit = sgd_limit(_momentum(facts, optimizer), nesterov=optimizer == "nesterov")
    return limit / min(found)


def _curvature(facts: Facts, optimizer: str, limit: float) -> Iterator[Reason]:
    found = [p.sharpness for p in facts.network.profiles.values() if p.sharpness]
    formula = {"sgd": "2/λ", "momentum": "2(1 + β)/λ", "nesterov": "2(1 + β)/((1 + 2β)λ)"}[optimizer]
    between = f"{number(min(found))} to {number(max(found))}" if len(found) > 1 else number(found[0])
    yield Reason(
        f"the largest curvature λ of the loss before training is {between}, by activation, on "
        f"{facts.network.rows} rows",
        MEASURED,
    )
    yield Reason(
        f"on a quadratic of the smallest of these, full-batch steps are stable up to {formula} = "
        f"{number(limit)}",
        COMPUTED,
    )
    yield Reason(
        "networks can stand rates above it at first, since they move to flatter places; noise of small "
        "batches "
        "lowers it: so up to about 3 times the limit, and four decades down from there",
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
