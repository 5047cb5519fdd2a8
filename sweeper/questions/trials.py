"""How did each trial do?"""

import pandas as pd

from sweeper.answer import outcomes
from sweeper.answer.rows import FIRST, completed_search, parameter_columns, search_trials
from sweeper.questions import parallel
from sweeper.questions.question import Question, Shown, Tables
from sweeper.questions.run_data import RunData
from sweeper.trial import Outcome
from sweeper.wording import capital, count, every, listing

BY_OUTCOME = [str(outcome) for outcome in Outcome]
"""Order of those that share no rank: completed, pruned, diverged, failed."""


def leaderboard_table(run: RunData) -> pd.DataFrame:
    """Every search trial: completed ones by objective, then pruned, diverged and failed ones.

    Columns: rank (from 1; null unless completed), trial, phase, outcome, objective, steps, seconds,
    the parameters that any of them has, reason (why it ended early; empty if completed).
    """
    search = search_trials(run.trials)
    done = search["trial"].isin(completed_search(run.trials)["trial"])
    place = search["outcome"].map({name: index for index, name in enumerate(BY_OUTCOME)})
    order = search.assign(_late=~done, _place=place)
    order = order.sort_values(["_late", "_place", "objective", "trial"], ignore_index=True)
    columns = [
        "trial",
        "phase",
        "outcome",
        "objective",
        "steps",
        "seconds",
        *parameter_columns(search),
        "reason",
    ]
    ranks = pd.Series(range(1, len(order) + 1), index=order.index, dtype="Int64").mask(order["_late"])
    return run.ranked.read(order[columns].assign(rank=ranks), "objective")[["rank", *columns]]


def reasons_table(run: RunData) -> pd.DataFrame:
    """See `sweeper.answer.outcomes.reasons`; all phases count."""
    return outcomes.reasons(run.trials)


ENDED = {
    "completed": "completed",
    "pruned": "pruned (behind others, stopped early)",
    "diverged": "diverged",
    "failed": "failed",
}
"""Outcome -> what became of trials, in words."""


def settings_first(board: pd.DataFrame) -> pd.DataFrame:
    """What was tried beside what came out, the bookkeeping last."""
    last = ["outcome", "phase", "steps", "seconds", "reason"]
    first = ["rank", "trial", "objective", *(name for name in FIRST if name in board)]
    return board[[*first, *(name for name in board if name not in first and name not in last), *last]]


def sentences(run: RunData, tables: Tables) -> tuple[str, ...]:
    """Outcomes of the search, and the most frequent reason of failures."""
    board, why = tables["leaderboard"], tables["reasons"]
    if board.empty:
        return ("No trial has finished yet.",)
    counts = board["outcome"].value_counts()
    ends = [f"{counts[name]:,} {words}" for name, words in ENDED.items() if counts.get(name)]
    said = [f"Of {count(len(board), 'trial')} of the search, {listing(ends)}."]
    if len(ends) == 1:
        said = [_all_ended(len(board), str(counts.index[0]))]
    failed = why[why["outcome"] == "failed"]
    if len(failed):
        worst = failed.iloc[0]
        said.append(
            f"The most frequent kind of failure, {count(worst['trainings'], 'training')}; the first, trial "
            f"#{worst['first_trial']}: {worst['reason']}"
        )
    return tuple(said)


def _all_ended(total: int, outcome: str) -> str:
    verb = ("was " if total == 1 else "were ") if outcome == "pruned" else ""
    return f"{capital(every(total, 'trial'))} of the search {verb}{ENDED[outcome]}."


QUESTION = Question(
    key="trials",
    question="How did each trial do?",
    tables={"leaderboard": leaderboard_table, "reasons": reasons_table, **parallel.TABLES},
    more=(parallel.FIGURE,),
    sentences=sentences,
    shown=(
        Shown("leaderboard", "Trials of the search, best first", settings_first),
        Shown("reasons", "Why trainings ended early, finalists included"),
    ),
)
