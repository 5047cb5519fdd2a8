"""How trainings ended: counted, and what has to be said about it."""

import pandas as pd

from sweeper.records.schema import PHASES
from sweeper.trial import Outcome
from sweeper.wording import count, every


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


def all_failed(trials: pd.DataFrame, what: str = "trial") -> str:
    """Why nothing is left where every one failed, or there was none; of `trials` number, seed, outcome and
    reason are read."""
    if trials.empty:
        return f"no {what} was trained"
    worst, first = reasons(trials).iloc[0], trials["reason"].iloc[0]
    if trials["reason"].eq(first).all():
        how = "; the reason of each" if len(trials) > 1 else ""
    elif worst["trainings"] < len(trials):
        how = f", most often ({worst['trainings']:,}) like #{worst['first_trial']}"
    else:
        how = f", all like #{worst['first_trial']}"
    return f"{every(len(trials), what)} failed{how}: {worst['reason']}"


OFTEN = 0.2
"""Share of failed trials from which readers of the answer have to know."""


def often_failed(trials: pd.DataFrame) -> str:
    """That many trials of the search failed, and the most frequent reason; empty where few did."""
    search = trials[trials["phase"] != "confirm"]
    failed = search[search["outcome"] == "failed"]
    if len(failed) < max(2, OFTEN * len(search)):
        return ""
    worst = reasons(failed).iloc[0]
    said = f"{len(failed):,} of {count(len(search), 'trial')} of the search failed"
    often = f"most often ({worst['trainings']:,})" if worst["trainings"] < len(failed) else "all"
    return f"{said}, {often} like #{worst['first_trial']}: {worst['reason']}"


REASON_COLUMNS = ["outcome", "trainings", "first_trial", "reason"]
NUMBERS = r"\b(?:nan|inf)\b|[-+]?\d[\d.,e+-]*"


def reasons(trials: pd.DataFrame) -> pd.DataFrame:
    """Why trainings ended early; columns as in `REASON_COLUMNS`, the most frequent first.

    Reasons that differ in numbers alone ("… at step 37") are of one kind; `reason` is that of
    `first_trial`, the first in the search or else among the confirmations, word for word. Empty if every
    training was completed.
    """
    early = trials[trials["outcome"] != "completed"].sort_values(["trial", "seed"])
    if "phase" in early:  # a confirmation comes after the search, whatever its trial's number
        early = early.sort_values("phase", key=lambda phases: phases == "confirm", kind="stable")
    kind = early["reason"].fillna("").astype("str").str.replace(NUMBERS, "…", regex=True)
    groups = early.groupby([early["outcome"], kind], sort=False)
    found = groups.agg(
        trainings=("trial", "size"), first_trial=("trial", "first"), reason=("reason", "first")
    )
    frame = found.reset_index("outcome").reset_index(drop=True)[REASON_COLUMNS]
    return frame.sort_values("trainings", ascending=False, kind="stable", ignore_index=True)
