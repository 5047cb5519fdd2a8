"""How trainings ended: counted, and what has to be said about it."""

import pandas as pd

from sweeper.records.schema import Outcome
from sweeper.wording import count, every

PHASES = ("explore", "exploit", "confirm")


def counts(trials: pd.DataFrame) -> dict[str, dict[str, int]]:
    """phase -> outcome -> number of recorded trainings, zeros included."""
    table = pd.crosstab(trials["phase"], trials["outcome"])
    full = table.reindex(index=PHASES, columns=[str(outcome) for outcome in Outcome], fill_value=0)
    return {str(phase): {str(k): int(v) for k, v in row.items()} for phase, row in full.iterrows()}


def outcomes_in_words(rows: pd.DataFrame) -> str:
    """``22 completed, 2 pruned``; outcomes that did not occur are left out."""
    counts = rows["outcome"].value_counts()
    return ", ".join(f"{counts[outcome]:,} {outcome}" for outcome in Outcome if outcome in counts)


def unmeasured(trials: pd.DataFrame) -> str:
    """That layers of completed trainings were not measured to their end, and why; empty if all were."""
    blind = trials[(trials["outcome"] == "completed") & trials["reason"].fillna("").ne("")]
    if blind.empty:
        return ""
    first = blind.iloc[0]
    who = count(len(blind), "training")
    return f"The layers of {who} were not measured to the end. Trial {first['trial']}: {first['reason']}."


def all_failed(trials: pd.DataFrame) -> str:
    """Why a run has failed in which every trial did, or in which there was none."""
    if trials.empty:
        return "no trial was trained"
    reasons = trials["reason"].value_counts()
    return f"{every(len(trials), 'trial')} failed; the reason of {reasons.iloc[0]}: {reasons.index[0]}"
