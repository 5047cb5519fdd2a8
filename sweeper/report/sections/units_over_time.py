"""Whether units saturate or die while training goes on."""

import pandas as pd

from sweeper.report.section import Evidence, Section, Shown, named
from sweeper.wording import count, listing, percent

LEAST = 0.05
"""Changes of a median share below this are not named."""


def first_and_last(frame: pd.DataFrame) -> pd.DataFrame:
    """Each layer at its first and its last look."""
    keys = ["measure", "activation", "depth", "layer"]
    groups = frame.sort_values("step").groupby(keys)
    ends = groups.agg(
        first_step=("step", "first"),
        last_step=("step", "last"),
        before=("median", "first"),
        after=("median", "last"),
        trials=("trials", "last"),
    )
    return ends.reset_index()


def answer(evidence: Evidence) -> tuple[str, ...]:
    """The layer whose share rose most, for each measure and activation."""
    ends = first_and_last(evidence.tables["units_over_time"])
    said = []
    for measure, rows in ends.groupby("measure"):
        rows = rows.assign(rise=rows["after"] - rows["before"])
        most = rows.loc[rows.groupby("activation")["rise"].idxmax()]
        most = most[most["rise"] >= LEAST].sort_values("rise", ascending=False)
        parts = [
            f"{named(row['activation'])} (layer {row['layer']}: {percent(row['before'])} at step "
            f"{row['first_step']}, {percent(row['after'])} at step {row['last_step']:,}; "
            f"{count(row['trials'], 'trial')})"
            for row in most.to_dict("records")
        ]
        what = "units" if measure == "dead" else "elements"
        said.append(
            f"Training added {measure} {what} with {listing(parts)}."
            if parts
            else f"No layer gained {percent(LEAST)} or more {measure} {what}, whatever the activation."
        )
    return (*said, "Medians over completed trials of the search, one seed each.")


SECTION = Section(
    key="units-over-time",
    question="Do units saturate or die while training?",
    answer=answer,
    figure="units_over_time",
    shown=(Shown("units_over_time", "First and last look; the CSV has every look", first_and_last),),
    how=(
        "Shares on one fixed batch of validation rows, at looks spaced logarithmically. Completed trials "
        "alone, so that a line is about the same trials from its start to its end; other settings vary. "
        "Networks of unlike depth are kept apart.",
    ),
)
