"""Which loss, from what the targets are."""

import math
from collections.abc import Iterator
from typing import Any

from sweeper.components.losses import LOSSES
from sweeper.report.advice.facts import LOSS_OF, Facts, loaded, off_scale
from sweeper.report.advice.item import COMPUTED, MEASURED, Advice, Reason, rule
from sweeper.report.unbounded import linear_output
from sweeper.wording import listing, number, percent, shown

POISSON = "torch.nn.functional:poisson_nll_loss"
HIGH_COUNT = 1000.0
"""Targets that are larger on average are amounts, such as prices, and exp(output) begins far from them."""
FEW_VALUES = 20
ONES = "the targets are 0 and 1 only"
TOPIC = "loss"
LARGE_CLASS = 0.8
"""Share of the rows from which a class leaves too few for the others to count in an accuracy."""
BY_MOST_ROWS = ("validation_loss", "train_loss", "validation_error", "validation_accuracy")
"""Objectives that count each row alike, of whatever class."""
WITH_A_WORD_FOR_GUESSING = ("cross_entropy", "mse")
"""Losses of which a constant prediction scores what has a name: entropy, variance."""


def advise_loss(facts: Facts) -> Iterator[Advice]:
    """The main loss, then what is worth comparing with it."""
    if searched := facts.study.space.listed("training.loss"):
        what = f"Keep your search of losses: {listing([_shown(each) for each in searched])}."
        yield Advice("loss", TOPIC, what, tuple(_kind(facts, own=False)))
    else:
        yield from _of_one_loss(facts)
    if off_scale(facts.study, facts.targets):
        yield _scaled(facts)


def _of_one_loss(facts: Facts) -> Iterator[Advice]:
    targets, wanted = facts.targets, LOSS_OF.get(facts.targets.kind, "mse")
    if facts.misfit or _named(facts.asked_loss) is not None:
        yield _main(facts, wanted)
    else:
        basis = "it is your own function, so there is no advice on it"
        yield Advice("loss", TOPIC, f"Keep your loss {_shown(facts.asked_loss)}.", (Reason(basis, COMPUTED),))
    if targets.kind == "counts":
        yield from _counts(facts)
    if _largest_class(facts) >= LARGE_CLASS:
        yield _unequal(facts)
    if targets.heavy_tailed and facts.asked_loss != "huber":
        yield _robust(facts)


def _main(facts: Facts, wanted: str) -> Advice:
    asked, task = facts.asked_loss, LOSSES[wanted].task
    fits = not facts.misfit and LOSSES[asked].task == task
    loss = asked if fits else wanted
    own = fits and asked not in WITH_A_WORD_FOR_GUESSING and facts.network.guess is not None
    reasons = [*_kind(facts, own)]
    if facts.misfit:
        reasons.append(Reason(f"{_shown(asked)} does not fit: {facts.misfit}", MEASURED))
    if fits:
        return Advice("loss", TOPIC, f"Keep loss {loss}.", tuple(reasons))
    return Advice("loss", TOPIC, f"Use loss {loss}.", tuple(reasons), {"training.loss": loss})


def _kind(facts: Facts, own: bool) -> Iterator[Reason]:
    """What the targets are, and what guessing scores; `own`: in the loss of the study."""
    targets = facts.targets
    if targets.kind == "classes":
        share = percent(targets.largest_share)
        text = f"the targets are {targets.classes} classes; the largest has {share} of the rows, so always "
        text += "guessing it is right that often"
        if not own:
            text += ", and predicting only the class shares gives a cross-entropy of "
            text += f"{number(targets.entropy)}: a lower loss has learned something"
        yield Reason(text, MEASURED)
    else:
        yield Reason(_of_numbers(facts), MEASURED)
    scaled = " of standardized targets" if facts.looked.data.standardize_target else ""
    if own and scaled and not facts.study.data.standardize_target:
        return  # the command below trains on targets in another unit
    if own:
        loss, guess = _shown(facts.asked_loss), number(facts.network.guess or 0.0)
        text = f"the best constant output has a {loss} loss{scaled} of {guess}"
        yield Reason(f"{text}: a lower one has learned something", MEASURED)
    elif targets.kind not in LOSS_OF:
        mean_only = number(targets.std**2)
        text = f"predicting only the mean gives a mean squared error of {mean_only}"
        if facts.study.data.standardize_target:
            text = "predicting only the mean gives a mean squared error of about 1 of standardized targets"
            text += f" ({mean_only} in their own unit)"
        yield Reason(f"{text}: that is what mse has to beat", MEASURED)


def _of_numbers(facts: Facts) -> str:
    targets = facts.targets
    span = f"from {shown(targets.low)} to {shown(targets.high)}"
    truth = facts.data.truth
    said = {
        "binary": f"the targets are {truth[0]} (0) and {truth[1]} (1)" if truth else ONES,
        "shares": f"all targets lie in 0 … 1, {span}, so they can be shares or probabilities",
        "counts": f"all targets are whole and never negative, {span}, {targets.values} different values",
        "positive": f"no target is negative: {span}, mean {number(targets.mean)}",
        "bounded": f"all targets lie in −1 … 1, {span}",
        "real": f"the targets are numbers of both signs, {span}",
    }
    one_sided = targets.kind == "real" and targets.low <= 1 and targets.high <= 0
    return f"the targets are numbers {span}" if one_sided else said[targets.kind]


def _counts(facts: Facts) -> Iterator[Advice]:
    targets = facts.targets
    if targets.values <= FEW_VALUES and targets.columns == 1:
        why = (
            f"only {targets.values} different whole numbers occur; as amounts, 3 is nearer to 4 than to 9, "
            "as labels it is not, and only you know which they are"
        )
        yield Advice(
            "labels",
            TOPIC,
            "If these whole numbers are labels, use loss cross_entropy.",
            (Reason(why, MEASURED),),
            {"training.loss": "cross_entropy"},
            alternative=True,
        )
    if targets.mean > HIGH_COUNT or not _poisson_is_possible(facts):
        return
    ratio = targets.std**2 / targets.mean
    settings: dict[str, Any] = {"training.loss": POISSON}
    if facts.study.data.standardize_target:
        settings["data.standardize_target"] = False
    yield Advice(
        "poisson",
        TOPIC,
        "If they are counts, compare a Poisson loss; it predicts exp(output), which is always positive.",
        (
            Reason(f"variance over mean of the targets is {number(ratio)}", MEASURED),
            Reason(
                "the Poisson distribution has variance = mean around each prediction; a ratio that stays "
                "far above 1 given the inputs says that it is too narrow",
                COMPUTED,
            ),
            Reason("counts call for a log link", rule("McCullagh and Nelder 1989, ch. 6")),
        ),
        settings,
        alternative=True,
    )


def _largest_class(facts: Facts) -> float:
    """Share of the most frequent class where a loss that can weigh classes does not; else NaN."""
    targets, study = facts.targets, facts.study
    loss, weight = study.training.loss, "training.class_weight"
    known = isinstance(loss, str) and loss in LOSSES and "class_weight" in LOSSES[loss].options
    if study.search.objective not in BY_MOST_ROWS:  # another score may count the rare class already
        return math.nan
    if not known or study.training.class_weight is not None or weight in study.space.parameters:
        return math.nan
    if facts.data.targets.ndim > 1 and facts.data.targets.shape[1:] != (1,):  # classes of tokens, many labels
        return math.nan
    return max(targets.mean, 1 - targets.mean) if targets.kind == "binary" else targets.largest_share


def _unequal(facts: Facts) -> Advice:
    """Classes of which one has most rows."""
    share, classes = percent(_largest_class(facts)), max(facts.targets.classes, 2)
    return Advice(
        "balanced",
        TOPIC,
        "If the rare class matters, rank by balanced accuracy and weigh the classes alike.",
        (
            Reason(f"one class has {share} of the rows, so an accuracy of {share} takes no input", MEASURED),
            Reason(
                "balanced accuracy is the mean share found of each class, for a constant output "
                f"1/{classes}; with balanced weights each class has the same part of the loss",
                COMPUTED,
            ),
        ),
        {"search.objective": "validation_balanced_accuracy", "training.class_weight": "balanced"},
        alternative=True,
    )


def _poisson_is_possible(facts: Facts) -> bool:
    """A loss of the user's is given class numbers where whole numbers came as an integer type."""
    return loaded(facts.study, None).classes is None


def _robust(facts: Facts) -> Advice:
    share = facts.targets.far_out
    return Advice(
        "huber",
        TOPIC,
        "Compare loss huber on standardized targets: outlying rows pull less.",
        (
            Reason(
                f"{percent(share)} of the targets lie more than 3 interquartile ranges outside the "
                "quartiles; of normal ones 2 in a million would",
                MEASURED,
            ),
            Reason(
                "the slope of mse grows with the error without bound, that of huber is at most 1", COMPUTED
            ),
        ),
        {"training.loss": "huber", "data.standardize_target": True, **linear_output(facts.study)},
        alternative=True,
    )


def _scaled(facts: Facts) -> Advice:
    targets = facts.targets
    size = targets.mean**2 + targets.std**2
    return Advice(
        "scaled",
        "targets",
        "Standardize the targets (with a linear output); scores are then in these units.",
        (
            Reason(
                f"they have mean {number(targets.mean)} and deviation {number(targets.std)}, so a network "
                f"that starts near 0 starts at a mean squared error of about {number(size)}, standardized at "
                "about 1",
                MEASURED,
            ),
            Reason(
                "the gradient of mse is in proportion to the error, so learning rates and penalty weights "
                "would mean something else than at a scale of 1",
                COMPUTED,
            ),
        ),
        {"data.standardize_target": True, **linear_output(facts.study)},
    )


def _named(loss: Any) -> str | None:
    return loss if isinstance(loss, str) and loss in LOSSES else None


def _shown(loss: Any) -> str:
    return loss if isinstance(loss, str) else getattr(loss, "__name__", type(loss).__name__)
