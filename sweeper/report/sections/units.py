"""Saturated and dead units."""

import pandas as pd

from sweeper.report.section import Evidence, Section, Shown, named
from sweeper.wording import listing, percent

NAMED = 0.01
"""Dead shares from here on are named."""
WORTH_SAYING = 0.05
"""Saturated shares from here on are named."""


def answer(evidence: Evidence) -> tuple[str, ...]:
    """The layer with the largest dead and the largest saturated share, for each activation, at the end."""
    frame = evidence.tables["units"]
    moment = frame["moment"].iloc[-1]
    last = frame[frame["moment"] == moment]
    when = "At the end of training" if str(moment).startswith("end") else "At initialisation"
    said = []
    dead = _worst(last[last["measure"] == "dead"], NAMED)
    if (last["measure"] == "dead").any():
        said.append(
            f"{when} some units are dead with {listing(dead)}."
            if dead
            else f"{when} no layer has more than {percent(NAMED)} dead units, whatever the activation."
        )
    saturated = _worst(last[last["measure"] == "saturated"], WORTH_SAYING)
    if (last["measure"] == "saturated").any():
        said.append(
            f"Saturated: {listing(saturated)}."
            if saturated
            else f"No layer has more than {percent(WORTH_SAYING)} saturated elements."
        )
    return tuple(said)


def _worst(rows: pd.DataFrame, least: float) -> list[str]:
    worst = rows.loc[rows.groupby("activation")["median"].idxmax()].sort_values("median", ascending=False)
    return [
        f"{named(row['activation'])} (up to {percent(row['median'])}, in layer {row['layer']})"
        for row in worst.to_dict("records")
        if row["median"] >= least
    ]


SECTION = Section(
    key="units",
    question="Are units saturated or dead?",
    answer=answer,
    figure="units",
    shown=(Shown("units", "One row per moment, activation, layer and measure"),),
    how=(
        "On one fixed batch of validation rows. An element is saturated when the slope |φ′| of the "
        "activation there is below 5 % of its steepest; it passes hardly any gradient. A unit is dead when "
        "its slope is exactly 0 on every row of the batch: it passes none, and cannot recover by itself.",
        "A ReLU is flat for every negative input, so about half of a fresh ReLU layer counts as saturated by "
        "design; what matters there is the dead share. Shares are medians over the trials of the search that "
        "share an activation.",
    ),
)
