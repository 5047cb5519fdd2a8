"""Made-up runs for the report: synthetic records with the study that they would belong to."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from synthetic_records import SyntheticRecords, synthetic_records

from sweeper.answer.answer import answer
from sweeper.answer.claim_words import Statement, words
from sweeper.questions import FIGURES, QUESTIONS, TABLES
from sweeper.questions.question import Tables
from sweeper.questions.run_data import SHARPNESS_METRICS, BeingMeasured, RunData
from sweeper.records.store import Records
from sweeper.report import page
from sweeper.report.sections import judged, sentences
from sweeper.study.study import Study

SHARES = pd.DataFrame(
    {
        "parameter": ["learning_rate", "activation", "activation_penalty", "optimizer"],
        "importance": [0.42, 0.311, 0.18, 0.089],
        "low": [0.31, 0.22, 0.11, 0.02],
        "high": [0.55, 0.41, 0.29, 0.15],
        "chance": 0.2,
    }
)
SPACE = {
    "optimizer": ["sgd", "momentum", "adam", "rmsprop"],
    "activation": ["sigmoid", "tanh", "relu", "gelu"],
    "learning_rate": {"low": 1e-4, "high": 1.0, "log": True},
    "activation_penalty": {"low": 1e-6, "high": 1e-1, "log": True, "zero": 0.25},
    "momentum": 0.9,
}


def made_study(**sections: Any) -> Study:
    """The study of `synthetic_records`; `sections` replace keys."""
    raw = {"name": "made", "question": "Which settings suit?", "search": {"trials": 60, "space": SPACE}}
    return Study(trusted=True, **{**raw, **sections})


def made_input(
    records: SyntheticRecords, *, study: Study | None = None, test: bool = True, **changes: Any
) -> RunData:
    """A report on `records`, the winner tested on two seeds unless `test` is false."""
    found = answer(records.trials, None)
    if found is not None and test:
        scores = [{"loss": 0.11, "accuracy": 0.968}, {"loss": 0.13, "accuracy": 0.972}]
        found = answer(records.trials, {"trial": found.trial, "scores": scores})
    kept = Records(records.trials, records.curves, records.layers)
    given = {"importances": SHARES, "seconds": 61.2, "notes": ("Two processes, one thread each.",)}
    given["drawn"] = range(len(records.trials))
    return RunData(study or made_study(), kept, found, **{**given, **changes})


def warned_input(records: SyntheticRecords) -> RunData:
    """The same with two warnings."""
    told = made_input(records)
    assert told.answer is not None
    warned = replace(told.answer, warnings=("Only a few rows are left.", "Classes look like numbers."))
    return replace(told, answer=warned)


def sharp_input(run: RunData) -> RunData:
    """The same with the sharpness of a trial."""
    trial = run.records.trials.iloc[0]
    rows = [
        {"trial": trial["trial"], "seed": trial["seed"], "step": step, "metric": metric, "value": 1.0 + step}
        for step in (0, 1, 4)
        for metric in SHARPNESS_METRICS
    ]
    more = pd.DataFrame(rows).astype(run.records.curves.dtypes.to_dict())
    curves = pd.concat([run.records.curves, more], ignore_index=True)
    return replace(run, records=replace(run.records, curves=curves))


def full_input(records: SyntheticRecords) -> RunData:
    """All that a run may hold: an expectation, the sharpness of a trial, a winner with a penalty."""
    expect = {"finding": "adam is better.", "check": "better", "parameter": "optimizer", "value": "adam"}
    run = sharp_input(made_input(records, study=made_study(expect=expect)))
    assert run.answer is not None
    parameters = {**run.answer.parameters, "activation_penalty": 1e-3}
    return replace(run, answer=replace(run.answer, parameters=parameters))


def needs_sharpness(table: str, run: RunData) -> bool:
    """Whether this table cannot be made while the sharpness is being measured: it reads `run.sharpness`."""
    try:
        TABLES[table](replace(run, measuring=True))
    except BeingMeasured:
        return True
    return False


class OnDemand(dict[str, pd.DataFrame]):
    """The tables of a run, each computed when it is asked for."""

    def __init__(self, run: RunData, given: Tables | None = None) -> None:
        super().__init__(given or {})
        self.run = run

    def __missing__(self, name: str) -> pd.DataFrame:
        self[name] = TABLES[name](self.run)
        return self[name]

    def having(self, **frames: pd.DataFrame) -> "OnDemand":
        """The same with other frames."""
        return OnDemand(self.run, {**self, **frames})

    def every(self) -> dict[str, pd.DataFrame]:
        """All of them, computed."""
        return {name: self[name] for name in TABLES}


class Asked(NamedTuple):
    """What sentences are made of."""

    run: RunData
    tables: OnDemand


def asked_of(run: RunData) -> Asked:
    """The run with its tables."""
    return Asked(run, OnDemand(run))


def with_columns(asked: Asked, table: str, **columns: object) -> Asked:
    """The same asked with other values in one table."""
    frame = asked.tables[table].assign(**columns)
    return Asked(asked.run, asked.tables.having(**{table: frame}))


def spoken(said: Iterable[Statement]) -> tuple[str, ...]:
    """Facts and claims of one section as its sentences, without the claims of others."""
    given = tuple(said)
    return words(given, judged([given]))


def sentences_of(run: RunData, *keys: str) -> dict[str, str]:
    """Key of a question -> all it says, without drawing anything; of all questions without `keys`."""
    tables = OnDemand(run)
    asked = [question for question in QUESTIONS if question.key in keys or not keys]
    return {question.key: " ".join(sentences(question, run, tables)) for question in asked}


@contextmanager
def undrawn() -> Iterator[None]:
    """While open, one small picture for all figures of the page, where pictures are not what is tested."""
    small = Figure(figsize=(0.5, 0.5))
    specs = {name: replace(spec, draw=lambda frame: small) for name, spec in FIGURES.items()}
    with mock.patch.object(page, "FIGURES", specs):
        yield


def changed(records: SyntheticRecords, what: str) -> SyntheticRecords:
    """Records with something missing or gone wrong."""
    trials, curves, layers = records.trials, records.curves, records.layers
    confirm = trials["phase"] == "confirm"
    if what == "nothing yet":
        return SyntheticRecords(trials.head(0), curves.head(0), layers.head(0))
    if what in ("all diverged", "all failed"):
        outcome, reason = (
            what.split()[1],
            "RuntimeError: <b>no</b>" if "failed" in what else "loss nan at step 3",
        )
        trials = trials[~confirm].assign(outcome=outcome, objective=np.nan, reason=reason)
        layers = layers.head(0) if outcome == "failed" else layers
        curves = curves.head(0) if outcome == "failed" else curves
    elif what == "no confirmation":
        trials = trials[~confirm]
    elif what == "finalists diverged":
        trials = trials.assign(
            outcome=trials["outcome"].mask(confirm, "diverged"), objective=trials["objective"].mask(confirm)
        )
    elif what == "one trial":
        best = trials[(trials["outcome"] == "completed") & ~confirm]["trial"].iloc[0]
        trials = trials[(trials["trial"] == best) & ~confirm]
    elif what == "one fresh seed":
        trials = trials[~confirm | (trials["seed"] == 1)]
    elif what == "no layers":
        layers = layers.head(0)
    elif what == "own activations":
        trials = trials.assign(activation=pd.Series(None, index=trials.index, dtype="str"))
    elif what == "dead gradients":
        layers = layers.assign(value=layers["value"].mask(layers["measure"] == "gradient_norm", 0.0))
    return SyntheticRecords(trials, curves, layers)


CHANGES = [
    "nothing yet",
    "all diverged",
    "all failed",
    "no confirmation",
    "finalists diverged",
    "one trial",
    "one fresh seed",
    "no layers",
    "own activations",
    "dead gradients",
]

__all__ = [
    "CHANGES",
    "SHARES",
    "Asked",
    "asked_of",
    "changed",
    "full_input",
    "made_input",
    "made_study",
    "needs_sharpness",
    "sentences_of",
    "sharp_input",
    "spoken",
    "synthetic_records",
    "undrawn",
    "warned_input",
]
