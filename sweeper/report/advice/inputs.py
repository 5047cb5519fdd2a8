"""Scale and shape of the inputs, and the batches they come in."""

import math
from collections.abc import Iterator

from sweeper.data.column_words import column_lines, useless
from sweeper.report.advice.facts import Facts, unstandard
from sweeper.report.advice.item import COMPUTED, MEASURED, Advice, Reason, rule
from sweeper.wording import count, listing, number

TOPIC = "inputs and model"
SMALL_BATCH = 8


def advise_inputs(facts: Facts) -> Iterator[Advice]:
    """Standardization, a model that sees the shape of the rows, batches too small for batch norm."""
    if facts.data.columns:
        yield _columns(facts)
    if unstandard(facts.study, facts.inputs):
        yield _standardize(facts)
    shape = facts.inputs.shape
    if len(shape) == 3 and facts.study.model.source == "mlp":
        yield _other_model(facts, "cnn", "images", f"(channels, height, width) = {shape}")
    elif len(shape) == 2 and facts.study.model.source == "mlp":
        yield _other_model(facts, "rnn", "sequences", f"(time, features) = {shape}")
    if facts.network.recurrent:
        yield _gates(facts)
    size = facts.settings.batch_size
    if facts.settings.model_options.get("norm") == "batch" and size != "full" and int(size) < SMALL_BATCH:
        yield _batch_norm(int(size))


def _columns(facts: Facts) -> Advice:
    """How the columns of a table are read; those that look useless may be left out."""
    section = facts.study.data
    lines = column_lines(facts.data, section.split, facts.study.search.seed)
    reasons = tuple(Reason(line, MEASURED) for line in lines)
    spare = useless(facts.data)
    if not spare:
        return Advice("columns", TOPIC, "Columns are read so; data.columns says otherwise.", reasons)
    what = f"Compare a run without what looks like no input: {', '.join(spare)}."
    settings = {"data.drop": [*(section.drop or ()), *spare]}
    return Advice("columns", TOPIC, what, reasons, settings, alternative=True)


def _standardize(facts: Facts) -> Advice:
    found = facts.inputs
    span = f"deviations from {number(found.smallest_std)} to {number(found.largest_std)}"
    reasons = [
        Reason(
            f"columns have {span} and means up to {number(found.largest_offset)} deviations from 0", MEASURED
        ),
        Reason(
            f"first-layer pre-activations have a variance in proportion to the mean square of the inputs: "
            f"{number(found.mean_square)} as they come, 1 standardized",
            COMPUTED,
        ),
        Reason(
            "different scales give different curvature along the weights, and one rate must serve all",
            rule("LeCun et al. 1998, Efficient BackProp, section 4.3"),
        ),
    ]
    return Advice("standardize", TOPIC, "Standardize the inputs.", tuple(reasons), {"data.standardize": True})


def _other_model(facts: Facts, model: str, what: str, shape: str) -> Advice:
    flat = math.prod(facts.inputs.shape)
    reasons = (
        Reason(f"each row has the shape {shape}; an mlp sees it as {flat} unrelated numbers", MEASURED),
        Reason(
            "weights shared over positions or times suit data with neighbouring positions or times",
            rule("Goodfellow et al. 2016, Deep Learning, chapters 9 and 10"),
        ),
    )
    settings = {"model": {"source": model}}
    return Advice(
        model, TOPIC, f"For {what}, compare the built-in {model}.", reasons, settings, alternative=True
    )


def _gates(facts: Facts) -> Advice:
    kinds = facts.network.recurrent
    gated = [kind for kind in kinds if kind != "RNN"]
    reasons = [
        Reason(
            f"mean-field numbers are about plain feed-forward layers, not about {listing(kinds)} layers: "
            f"these have {'gates and ' * bool(gated)}activations of their own, which no activation of the "
            f"study replaces; it replaces those of {count(facts.layers, 'activation layer')} beside them",
            COMPUTED,
        )
    ]
    if gated:
        why = "Greff et al. 2015, arXiv 1503.04069, find the learning rate to matter most for LSTMs"
        what = "gated networks are usually trained with an adaptive optimizer and rates around 1e-3"
        reasons.append(Reason(what, rule(why)))
    stay = "gates" if gated else "recurrent layers"
    what = f"Compare few activations and many rates: the {stay} stay as they are."
    settings = {"search.scientific": ["optimizer"]}
    return Advice("gates", TOPIC, what, tuple(reasons), settings, alternative=True)


def _batch_norm(size: int) -> Advice:
    reasons = (
        Reason(
            f"batch normalization estimates mean and variance from {size} rows: the variance with a relative "
            f"error of about √(2/{size - 1}) = {number(math.sqrt(2 / max(size - 1, 1)))}"
            if size > 1
            else "batch normalization knows no variance from one row",
            COMPUTED,
        ),
        Reason("layer normalization does not depend on the batch", rule("Ba et al. 2016, arXiv 1607.06450")),
    )
    what = "Batches are too small for batch normalization: use layer normalization."
    return Advice("layer-norm", TOPIC, what, reasons, {"model.norm": "layer"})
