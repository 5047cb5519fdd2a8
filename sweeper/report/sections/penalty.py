"""Does penalizing activations help?"""

import pandas as pd

from sweeper.report.section import Evidence, Section, Shown
from sweeper.tables.penalty_bins import FEW
from sweeper.wording import listing, number


def weights(row: "pd.Series") -> str:
    """A bin in words: ``no penalty`` or ``1e-4 to 1e-3``."""
    if row["weight_high"] == 0:
        return "no penalty"
    return f"{number(row['weight_low'])} to {number(row['weight_high'])}"


def readable(bins: pd.DataFrame) -> pd.DataFrame:
    """One column for the weight, quartiles beside it."""
    columns = ["trials", "low", "median", "high", "compared", "size_median", "size_compared"]
    shown = bins[columns].rename(columns={"size_median": "activation_size"})
    shown.insert(0, "weight", bins.apply(weights, axis=1))
    return shown


def answer(evidence: Evidence) -> tuple[str, ...]:
    """Which weights stand apart from the reference in loss and in size; most often none in loss."""
    bins = evidence.tables["penalty_bins"]
    reference, metric = bins.iloc[0], evidence.metric
    judged = bins[bins["compared"].isin(["lower", "higher", "overlaps"])]
    base = (
        f"{weights(reference) if reference['weight_high'] == 0 else 'weights of ' + weights(reference)} "
        f"(median {number(reference['median'])}, n = {reference['trials']})"
    )
    lower, higher = judged[judged["compared"] == "lower"], judged[judged["compared"] == "higher"]
    if judged.empty:
        said = [f"Too few trials to say: no two decades of the weight have {FEW} completed trials each."]
    elif lower.empty and higher.empty:
        said = [
            f"No effect on the {metric} was seen: at every weight with enough trials the middle half of the "
            f"trials overlaps with that of {base}."
        ]
    else:
        said = [
            f"Most trials with weights of {_bins(rows)} had a {way} {metric} than most with {base}."
            for way, rows in (("lower", lower), ("higher", higher))
            if len(rows)
        ]
    said += _size(bins)
    said.append(
        "All other settings differ between these trials too, and each has one seed: this is a description, "
        "not an effect of the penalty."
    )
    return tuple(said)


def _bins(bins: pd.DataFrame) -> str:
    rows = [
        f"{weights(row)} (median {number(row['median'])}, n = {row['trials']})" for _, row in bins.iterrows()
    ]
    return listing(rows)


def _size(bins: pd.DataFrame) -> list[str]:
    smaller = bins[bins["size_compared"] == "lower"]
    if smaller.empty:
        judged = bins["size_compared"].isin(["overlaps", "higher"]).any()
        return ["Nor did activations become smaller."] if judged else []
    least = smaller.loc[smaller["size_median"].idxmin()]
    return [
        f"Activations did become smaller: their root mean square is {number(bins['size_median'].iloc[0])} "
        f"in the reference and {number(least['size_median'])} with weights of {weights(least)}."
    ]


SECTION = Section(
    key="penalty",
    question="Does penalizing activations help?",
    answer=answer,
    figure="penalty",
    shown=(
        Shown("penalty_bins", "One row per decade of the weight", readable),
        Shown("penalty", "Every completed trial, by weight"),
    ),
    how=(
        "The penalty adds weight × mean over elements of a² (or |a|), summed over the activation layers, "
        "to the loss that is minimised; the losses shown are without it. Keras divides a sum over units by "
        "the batch size instead: its weight is ours divided by the number of units.",
        "Completed search trials, by decade of the weight. A decade is called lower or higher only if the "
        "middle half of its trials (lower to upper quartile) lies wholly below or above that of the "
        "reference: trials without penalty where there are any, else the smallest weights. Decades of "
        f"fewer than {FEW} trials are not compared.",
    ),
)
