"""How did every trial do?"""

import pandas as pd

from sweeper.report.card import FIRST
from sweeper.report.section import Evidence, Section, Shown
from sweeper.wording import count, listing

ENDED = {
    "completed": "completed",
    "pruned": "pruned (behind others, stopped early)",
    "diverged": "diverged",
    "failed": "failed",
}


def settings_first(board: pd.DataFrame) -> pd.DataFrame:
    """What was tried beside what came out, the bookkeeping last."""
    last = ["outcome", "phase", "steps", "seconds", "reason"]
    first = ["rank", "trial", "objective", *(name for name in FIRST if name in board)]
    return board[[*first, *(name for name in board if name not in first and name not in last), *last]]


def answer(evidence: Evidence) -> tuple[str, ...]:
    """Outcomes of the search, and the most frequent reason of failures."""
    board, reasons = evidence.tables["leaderboard"], evidence.tables["reasons"]
    if board.empty:
        return ("No trial has finished yet.",)
    counts = board["outcome"].value_counts()
    ends = [f"{counts[name]:,} {words}" for name, words in ENDED.items() if counts.get(name)]
    said = [f"Of {count(len(board), 'trial')} of the search, {listing(ends)}."]
    failed = reasons[reasons["outcome"] == "failed"]
    if len(failed):
        worst = failed.iloc[0]
        said.append(
            f"The most frequent failure, {count(worst['trainings'], 'training')}, first in trial "
            f"#{worst['first_trial']}: {worst['reason']}"
        )
    return tuple(said)


SECTION = Section(
    key="trials",
    question="How did every trial do?",
    answer=answer,
    shown=(
        Shown("leaderboard", "Trials of the search, best first", settings_first),
        Shown("reasons", "Why trainings ended early, finalists included"),
    ),
    unfolded=True,
)
