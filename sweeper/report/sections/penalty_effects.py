"""What the activation penalty changes, other settings held alike."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from sweeper.report.section import Evidence, Section, Shown
from sweeper.tables.penalty_effects import KINDS, QUANTITIES, VS_LOWEST, VS_ZERO
from sweeper.wording import count, listing, number

LOSS = "validation_loss"
NAMES = {
    LOSS: "validation loss",
    "generalisation_gap": "generalisation gap",
    "activation_size": "activation size",
    "sparsity": "sparsity",
}


def answer(evidence: Evidence) -> tuple[str, ...]:
    """Effects on the loss, then on all else, l1 against l2, and the weight in the convention of Keras."""
    frame = evidence.tables["penalty_effects"]
    decades = frame[frame["contrast"].isin([VS_ZERO, VS_LOWEST])]
    said = [text for name in QUANTITIES if (text := _of_quantity(name, decades[decades["quantity"] == name]))]
    if not said:
        said = ["Too few trials to compare decades of the weight."]
    kinds = frame[(frame["contrast"] == KINDS) & (frame["quantity"] == LOSS)]
    said += [f"l1 against l2 at the same weight, validation loss: {_stated(row)}." for row in _rows(kinds)]
    return (*said, *_keras(evidence.tables["keras_weights"]), "One seed behind each trial.")


def _rows(frame: pd.DataFrame) -> list[dict[Any, Any]]:
    return frame.to_dict("records")


def _of_quantity(quantity: str, rows: pd.DataFrame) -> str:
    """Decades with an effect, or that none has one and how far the intervals reach."""
    if rows.empty:
        return ""
    name = NAMES[quantity]
    base = "no penalty" if rows["contrast"].iloc[0] == VS_ZERO else "the lowest weights"
    found = rows[rows["found"]]
    if found.empty:
        unit = rows["unit"].iloc[0]
        reach = f"{_change(rows['low'].min(), unit)} to {_change(rows['high'].max(), unit)}"
        return (
            f"{name.capitalize()}: no effect found against {base}; the intervals of "
            f"{count(len(rows), 'decade')} contain 0 and reach from {reach}."
        )
    parts = [
        f"weights of {number(row['weight_low'])} to {number(row['weight_high'])} {_verb(row)}"
        for row in _rows(found)
    ]
    rest = len(rows) - len(found)
    end = f"; no effect found in {count(rest, 'other decade')}" if rest else ""
    return f"{name.capitalize()}, against {base}: {'; '.join(parts)}{end}."


def _verb(row: Mapping[Any, Any]) -> str:
    return f"{row['finding'].removesuffix('s')} it: {_numbers(row)}"


def _stated(row: Mapping[Any, Any]) -> str:
    return f"{row['finding']}, {_numbers(row)}"


def _numbers(row: Mapping[Any, Any]) -> str:
    unit = row["unit"]
    ends = f"{_change(row['low'], unit)} to {_change(row['high'], unit)}"
    return f"{_change(row['effect'], unit)} (95 % interval {ends})"


def _change(value: float, unit: str) -> str:
    """``+12 %`` or ``−0.031``."""
    size = number(100 * value if unit == "relative" else value)
    return f"{'+' if value > 0 else ''}{size}{' %' if unit == 'relative' else ''}"


def _keras(frame: pd.DataFrame) -> tuple[str, ...]:
    if frame.empty:
        return ()
    parts = [
        f"{number(row['keras_weight'])} for layers of {row['size']} units"
        for row in _rows(frame.drop_duplicates("size"))
    ]
    first = frame.iloc[0]
    return (
        f"The winner's {first['kind']} weight, {number(first['weight'])}, as activity_regularizer of Keras: "
        f"{listing(parts)}.",
    )


SECTION = Section(
    key="penalty-effects",
    question="What does the penalty change, other settings held alike?",
    answer=answer,
    figure="penalty_effects",
    shown=(
        Shown("penalty_effects", "One row per quantity and contrast"),
        Shown("keras_weights", "The winner's weight in the convention of Keras"),
    ),
    how=(
        "One regression for each quantity and contrast, next to a parabola in log10 of the learning rate for "
        "each optimizer and a step for each activation and kind of penalty. 95 % intervals with HC3 errors, "
        "those of the decades of a quantity wide enough to hold together. Losses, activation size and other "
        "positive quantities change by percent; gap and sparsity by their own unit.",
        "No effect found is not the same as no effect: read how far the intervals reach. The weight of Keras "
        "is ours divided by the activations of a layer, because Keras sums where we take the mean.",
    ),
)
