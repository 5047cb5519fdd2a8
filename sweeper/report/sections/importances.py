"""Which parameters mattered."""

from sweeper.report.section import Evidence, Section, Shown
from sweeper.wording import listing, percent


def answer(evidence: Evidence) -> tuple[str, ...]:
    """The shares in words."""
    rows = evidence.tables["importances"].to_dict("records")
    shares = [f"{row['parameter']} ({percent(row['importance'])})" for row in rows]
    if len(shares) == 1:
        return (
            f"Only {rows[0]['parameter']} varied in every trial, so there is nothing to weigh it against.",
        )
    return (
        f"What sets the best trials apart most is {shares[0]}, then {listing(shares[1:4])}.",
        "This holds for the ranges that were searched; a share says how much a choice mattered, not which "
        "value is best.",
    )


SECTION = Section(
    key="importances",
    question="Which settings matter most?",
    answer=answer,
    figure="importances",
    shown=(Shown("importances", "Shares sum to 1"),),
    how=(
        "PED-ANOVA (Watanabe, Bansal and Hutter 2023, arXiv 2304.10255) over the trials of the search: how "
        "much the distribution of each parameter among the best tenth differs from that among all. Failed "
        "trials are left out, diverged ones count as the worst. Parameters that only some trials have are "
        "left out.",
        "Exploitation samples promising regions more densely, which colours the shares; parameters that "
        "only matter together may get too little.",
    ),
)
