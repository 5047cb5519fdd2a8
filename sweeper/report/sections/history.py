"""Did the search run long enough?"""

import pandas as pd

from sweeper.report.section import Evidence, Section, Shown
from sweeper.wording import count, number

LATE = 0.8
"""The best found in the last fifth of the search asks for more trials."""


def improvements(history: pd.DataFrame) -> pd.DataFrame:
    """Trials that were better than all before."""
    best = history["best_so_far"]
    better = best.notna() & ((best < best.shift()) | best.shift().isna())
    return history.loc[better, ["trial", "phase", "objective"]]


def answer(evidence: Evidence) -> tuple[str, ...]:
    """When the best was found, and what each phase reached."""
    frame = evidence.tables["history"]
    found = improvements(frame)
    last, total = found.iloc[-1], len(frame)
    place = int((frame["trial"] <= last["trial"]).sum())
    since = total - place
    first = f"The lowest {evidence.metric}, {number(last['objective'])}, was found by trial #{last['trial']}"
    first += f", number {place} of {count(total, 'trial')}"
    if since == 0:
        first += ": the very last one, so more trials may well find better."
    elif place > LATE * total:
        first += f"; only {count(since, 'trial')} came after it, so more may find better."
    else:
        first += f"; the {count(since, 'trial')} after it found nothing better."
    done = frame[frame["outcome"] == "completed"].groupby("phase")["objective"].min()
    if {"explore", "exploit"} <= set(done.index):
        first_phase, second = number(done["explore"]), number(done["exploit"])
        return first, f"Exploration alone reached {first_phase}, exploitation {second}."
    return (first,)


SECTION = Section(
    key="history",
    question="Did the search run long enough?",
    answer=answer,
    figure="history",
    shown=(Shown("history", "Trials better than all before; the CSV has every trial", improvements),),
    how=(
        "Exploration spreads trials evenly over the search space, and evenly over the values that are "
        "compared; exploitation proposes settings near those that scored well. Pruned trials ended early "
        "because others were ahead at the same step; they never count as the best.",
        "One seed for each trial: late improvements of a few percent may be luck. The finalists' fresh "
        "seeds are what decides.",
    ),
)
