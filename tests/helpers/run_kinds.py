"""Made-up runs of many kinds, and what their pages say: computed once for all tests and all processes."""

import pickle
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from filelock import FileLock
from report_inputs import CHANGES, SHARES, OnDemand, changed, made_input, made_study
from synthetic_records import SyntheticRecords, synthetic_records

from sweeper.answer.answer import answer
from sweeper.answer.claim_words import Statement
from sweeper.questions import QUESTIONS
from sweeper.questions.question import FigureSpec
from sweeper.questions.run_data import RunData
from sweeper.report.card import Card, card
from sweeper.report.sections import statements

SHARED: list[Path] = []
"""The folder in which all processes of the tests keep what they have computed."""
KINDS = (
    *CHANGES,
    *("null", "two finalists", "three seeds", "one optimizer", "tiny losses", "huge effects"),
    *("two trials diverged", "two kinds of penalty", "unranked", "auc", "ties", "one clear winner"),
    *("one finalist", "some tied", "the search was wrong", "the best came late"),
    "rates are compared",
)


def _records(kind: str) -> SyntheticRecords:
    made = synthetic_records(40, finalists=4, seeds=3 if kind == "three seeds" else 5)
    return changed(made, kind) if kind in CHANGES else replace(made, trials=_trials(made, kind))


def _trials(made: SyntheticRecords, kind: str) -> pd.DataFrame:
    trials, scores = made.trials, made.trials["objective"]
    confirm, done = trials["phase"] == "confirm", trials["outcome"] == "completed"
    noise = 0.01 * np.random.default_rng(len(kind)).normal(size=len(trials))
    finalists = trials.loc[confirm, "trial"].drop_duplicates().tolist()
    of_first, of_last = trials["trial"] == finalists[0], trials["trial"] == finalists[-1]
    if kind == "null":
        scores = scores.where(~done, 0.7 + noise)
    elif kind == "two finalists":
        return trials[~confirm | trials["trial"].isin(finalists[:2])]
    elif kind == "one finalist":
        return trials[~confirm | of_first]
    elif kind == "one optimizer":
        return trials.assign(optimizer="adam", momentum=np.nan)
    elif kind == "tiny losses":
        scores = scores * 1e-9
    elif kind == "huge effects":
        scores = scores * (1 + 1e9 * trials["activation_penalty"])
    elif kind == "two trials diverged":
        first = trials["trial"].isin([0, 1])
        outcome = trials["outcome"].mask(first, "diverged").mask(~first & ~confirm & ~done, "completed")
        return trials[first | done].assign(outcome=outcome[first | done])
    elif kind == "two kinds of penalty":
        return trials.assign(penalty_kind=np.where(trials["trial"] % 2 > 0, "l1", "l2"))
    elif kind == "auc":
        scores = (1 - scores / 2.6).clip(0.5, 1.0)
    elif kind == "ties":
        scores = scores.mask(confirm & scores.notna(), 0.1 + noise)
    elif kind == "one clear winner":
        scores = scores.mask(confirm & ~of_first, 0.5 + noise)
    elif kind == "some tied":
        scores = scores.mask(confirm, 0.5 + noise)
        scores = scores.mask(confirm & trials["trial"].isin(finalists[:2]), 0.1 + noise)
    elif kind == "the search was wrong":  # the last of the finalists wins on fresh seeds
        scores = scores.mask(confirm, 0.4 + noise).mask(confirm & of_last, 0.1)
    elif kind == "the best came late":
        scores = scores.where(trials.index != trials.index[~confirm & done][-1], 0.01)
    return trials.assign(objective=scores)


@cache
def run_of(kind: str) -> RunData:
    """A run of a kind, with all that its page is made of."""
    made = _records(kind)
    if kind == "tiny losses":
        losses = made.curves["metric"] == "validation_loss"
        made = replace(made, curves=made.curves.assign(value=made.curves["value"].mask(losses, 1e-9)))
    if kind == "auc":
        scores = made.curves[made.curves["metric"] == "validation_accuracy"].assign(metric="validation_auc")
        made = replace(made, curves=pd.concat([made.curves, scores], ignore_index=True))
        study = made_study(search={**made_study().to_dict()["search"], "objective": "validation_auc"})
        run = made_input(made, study=study, test=False)
        run = replace(run, answer=answer(made.trials, None, objective=study.objective))
    elif kind == "rates are compared":
        search = {**made_study().to_dict()["search"], "scientific": ["optimizer", "learning_rate"]}
        listed = 10 ** np.log10(made.trials["learning_rate"]).round()
        made = replace(made, trials=made.trials.assign(learning_rate=listed))
        run = made_input(made, study=made_study(search=search), importances=SHARES)
    else:
        shares = SHARES.assign(chance=0.9) if kind == "null" else SHARES
        shares = shares.assign(low=shares["low"] - 0.3) if kind == "unranked" else shares
        run = made_input(made, importances=shares)
    return replace(run, rows={"validation": 359})


@dataclass(frozen=True)
class Told:
    """What the page of a run says."""

    statements: dict[str, tuple[Statement, ...]]
    """Key of a question -> what it states, also where it does not apply."""
    applying: frozenset[str]
    """Keys of the questions that apply."""
    card: Card
    beside: list[str]
    """What figures are to those who do not see them."""

    @property
    def sections(self) -> list[tuple[Statement, ...]]:
        """What each section of the page states."""
        return [said for key, said in self.statements.items() if key in self.applying]


@cache
def told(kind: str) -> Told:
    """What the page of a run of this kind says."""
    file = SHARED[0] / f"{kind}.pickle"
    with FileLock(f"{file}.lock"):
        if not file.exists():
            file.write_bytes(pickle.dumps(_told(run_of(kind))))
    found: Told = pickle.loads(file.read_bytes())
    return found


def _told(run: RunData) -> Told:
    tables = OnDemand(run)
    said = {question.key: statements(question, run, tables) for question in QUESTIONS}
    asked = [question for question in QUESTIONS if question.applies(run, tables)]
    beside = [text for question in asked for text in _figures(question.figures, tables)]
    shown = card(run.study, run.answer, run.records.trials)
    return Told(said, frozenset(question.key for question in asked), shown, beside)


def _figures(specs: Iterable[FigureSpec], tables: OnDemand) -> Iterator[str]:
    for spec in specs:
        yield spec.caption
        if len(tables[spec.table]):
            yield spec.alt(tables[spec.table])
