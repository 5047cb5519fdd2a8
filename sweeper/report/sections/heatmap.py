"""Optimizer × activation."""

from sweeper.report.section import Evidence, Section, Shown, named
from sweeper.wording import listing, number


def answer(evidence: Evidence) -> tuple[str, ...]:
    """The best pair, the best of other optimizers and activations, and pairs that never completed."""
    frame = evidence.tables["heatmap"]
    done = frame.dropna(subset=["best"]).sort_values(["best", "optimizer", "activation"])
    first = done.iloc[0]
    said = [
        f"The lowest {evidence.metric}, {number(first['best'])}, came from {first['optimizer']} with "
        f"{named(first['activation'])}; {first['completed']} of its {first['trials']} trials completed."
    ]
    if len(done) > 1:
        next_best = done.iloc[1:4].to_dict("records")
        pairs = [f"{r['optimizer']} with {named(r['activation'])} ({number(r['best'])})" for r in next_best]
        said.append(
            f"Next {'comes' if len(pairs) == 1 else 'come'} {listing(pairs)}. Each is the best single "
            "training of its pair, so close scores may swap places with another seed."
        )
    lost = frame[(frame["trials"] > 0) & frame["best"].isna()]
    if len(lost):
        pairs = [f"{row['optimizer']} with {named(row['activation'])}" for row in lost.to_dict("records")]
        rest = f" and {len(pairs) - 5} more pairs" if len(pairs) > 5 else ""
        names = ", ".join(pairs[:5]) if rest else listing(pairs)
        said.append(f"No trial completed for {names}{rest}.")
    return tuple(said)


SECTION = Section(
    key="optimizer-activation",
    question="Which optimizer with which activation function?",
    answer=answer,
    figure="heatmap",
    shown=(Shown("heatmap", "One row per pair"),),
    how=(
        "For each pair, the lowest score among its completed search trials, over every learning rate and "
        "every other setting tried with it. Exploration gives all compared values the same number of "
        "trials; exploitation then adds trials where scores are good.",
        "A best-of-few is luckier or unluckier than a best-of-many: look at the counts before you compare "
        "cells.",
    ),
)
