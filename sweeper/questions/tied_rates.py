"""Learning rates that fresh seeds tie with that of the answer."""

import pandas as pd

from sweeper.answer.bounds import STRICTER
from sweeper.answer.confirmed import confirmed
from sweeper.questions.run_data import RunData
from sweeper.wording import count, number


def tied_rates(run: RunData) -> str:
    """Those of finalists of the answer's optimizer, activation and other choices that fresh seeds tie with
    it, and where they nearly show one to be worse; empty where none is tied."""
    assert run.answer is not None
    chosen = run.answer.parameters
    tied = run.trials[run.trials["trial"].isin(run.answer.tied)].drop_duplicates("trial")
    words = [name for name, value in chosen.items() if isinstance(value, str) and name in tied]
    alike = tied[words].eq(pd.Series({name: chosen[name] for name in words})).all(axis=1)
    alike &= tied["learning_rate"] != chosen["learning_rate"]
    rates = tied.loc[alike, "learning_rate"]
    if rates.empty:
        return ""
    low, high = number(rates.min()), number(rates.max())
    at = f"at {low}" if low == high else f"at rates from {low} to {high}"
    is_tied = "is tied" if len(rates) == 1 else "are tied"
    text = f"on fresh seeds, {count(len(rates), 'other finalist')} of the same choices {at} {is_tied} with it"
    fresh = confirmed(run.trials)
    nearly = fresh[fresh["trial"].isin(tied.loc[alike, "trial"]) & (fresh["difference_low"] > 0)]
    whose = "its interval" if len(rates) == 1 else "that of one" if len(nearly) == 1 else "those of some"
    stricter = STRICTER.replace("leaves", "leave") if whose.startswith("those") else STRICTER
    return f"{text} ({whose} {stricter})" if len(nearly) else text
