"""What is usual for each optimizer and each activation."""

from typing import Any

import pandas as pd

from sweeper.report.section import Evidence, Section, Shown
from sweeper.tables.penalty_bins import FEW
from sweeper.wording import count, listing, number


def at_the_end(bands: pd.DataFrame) -> pd.DataFrame:
    """The last step of each group, lowest median first."""
    last = bands.sort_values("step").groupby(["parameter", "group"], sort=False).tail(1)
    columns = ["parameter", "group", "median", "low", "high", "trials", "step"]
    return last.sort_values(["parameter", "median"], ascending=[False, True], ignore_index=True)[columns]


def answer(evidence: Evidence) -> tuple[str, ...]:
    """The group with the lowest median, and which quartile bands stand apart from its own."""
    ends = at_the_end(evidence.tables["bands"])
    groups = {str(name): rows.to_dict("records") for name, rows in ends.groupby("parameter", sort=False)}
    compared = {name: rows for name, rows in groups.items() if len(_enough(rows)) > 1}
    if not compared:
        row = max(ends.to_dict("records"), key=lambda row: row["trials"])
        return (
            f"Half of the completed {row['group']} trials ended with a validation loss between "
            f"{number(row['low'])} and {number(row['high'])} (n = {row['trials']}); no two groups have "
            f"{FEW} completed trials to compare.",
        )
    best = [
        f"{first['group']} among {parameter}s ({number(first['median'])}, n = {first['trials']})"
        for parameter, (first, *_) in ((name, _enough(rows)) for name, rows in compared.items())
    ]
    said = [f"The lowest median validation loss at the end belongs to {listing(best)}."]
    said += [_apart(parameter, rows) for parameter, rows in compared.items()]
    favoured = _favoured(compared) if (evidence.trials["phase"] == "exploit").any() else []
    return (*said, *favoured, *_lost(evidence.tables["heatmap"]))


def _enough(rows: list[dict[Any, Any]]) -> list[dict[Any, Any]]:
    return [row for row in rows if row["trials"] >= FEW]


def _apart(parameter: str, rows: list[dict[Any, Any]]) -> str:
    first, *others = _enough(rows)
    clear = [row["group"] for row in others if row["low"] > first["high"]]
    close = [row["group"] for row in others if row["low"] <= first["high"]]
    few = [row["group"] for row in rows if row["trials"] < FEW]
    if close:
        text = f"The middle half of {first['group']} trials overlaps with that of {listing(close)}, so their "
        text += "order is not settled by this"
        text += f"; {listing(clear)} {'lies' if len(clear) == 1 else 'lie'} above it." if clear else "."
    else:
        text = f"The middle half of {first['group']} trials lies below that of {listing(clear)}."
    return f"{text} Too few trials to compare: {listing(few)}." if few else text


def _favoured(compared: dict[str, list[dict[Any, Any]]]) -> list[str]:
    """Groups that exploitation sampled more often have better settings too; the reader must know."""
    uneven = [
        max(row["trials"] for row in rows) > 2 * min(row["trials"] for row in _enough(rows))
        for rows in compared.values()
    ]
    text = "Groups with many trials had them added where scores were good, which flatters them here."
    return [text] if any(uneven) else []


def _lost(heatmap: pd.DataFrame) -> list[str]:
    sums = heatmap.groupby("optimizer")[["completed", "trials"]].sum()
    worst = sums[sums["completed"] < 0.75 * sums["trials"]].sort_index()
    if worst.empty:
        return []
    said = [
        f"{name} ({row['trials'] - row['completed']} of {count(row['trials'], 'trial')})"
        for name, row in worst.iterrows()
    ]
    return [f"Lost to divergence, pruning or failure, and so not in the bands: {listing(said)}."]


SECTION = Section(
    key="bands",
    question="Which optimizers and activations usually train well?",
    answer=answer,
    figure="bands",
    shown=(Shown("bands", "Each group at the last step; the CSV has every step", at_the_end),),
    how=(
        "For each group of completed search trials: median, and lower and upper quartile, of the "
        "validation loss at each evaluation point. Learning rate and all other settings vary inside a "
        "group, so a band shows how forgiving a choice is over this search space, not how good it can be "
        "at its best.",
        "Exploitation samples promising settings more often, and pruned or diverged trials are not in the "
        "bands: both make groups look better than they are. One seed for each trial; no group is called "
        f"better where the middle halves overlap, and none of fewer than {FEW} trials is compared.",
    ),
)
