"""What the pages of many kinds of runs say, as an editor would look over it."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from report_inputs import CHANGES, SHARES, OnDemand, changed, made_input, made_study
from synthetic_records import SyntheticRecords, synthetic_records

from sweeper.answer.answer import answer
from sweeper.answer.claim_words import words
from sweeper.components.activations import ACTIVATIONS
from sweeper.components.optimizers import OPTIMIZERS
from sweeper.components.penalties import PENALTIES
from sweeper.questions import QUESTIONS
from sweeper.questions.question import FigureSpec
from sweeper.questions.run_data import RunData
from sweeper.report.card import card
from sweeper.report.sections import judged, statements

NOUNS = "activation decade finalist layer network other pair range row seed setting step trial unit value"
WRONG = {
    "a zero with a minus sign": r"−0(\.0*)?(?![\d.])",
    "a number that is none": r"(?<!loss )\bnan\b|\binf\b|\bNone\b(?! of)|\bNaT\b|<NA>",
    "all of one or two": r"\b[Aa]ll [12] ",
    "thousands of percent": r"\d{4,} ?%|\d,\d{3} ?%",
    "a space too many": r" {2}|\( | \)| [,;:](?!-)| \.(?!\d)",
    "a plural of one": rf"(?<![\d.,#–] )(?<![\d.,–])\b1 ({'|'.join(f'{noun}s' for noun in NOUNS.split())})\b",
    "punctuation of its own": r"\.\.|,,|;;|\(\)|,\.|;\.|:\.",
    "a before a vowel": r"\b[Aa] (8|11|18|80|8\d)\b(?! ×)",
    "a value of Python": r"\bTrue\b|\bFalse\b|\{\w*\}|<\w+ object",
    "digits that nobody needs": r"\d\.\d{7,}",
}
NAMES = {*ACTIVATIONS, *OPTIMIZERS, *PENALTIES}
"""With which a sentence may begin, as they are written."""


def small(kind: str) -> SyntheticRecords:
    """Records of a kind of run."""
    made = synthetic_records(40, finalists=4, seeds={"three seeds": 3, "two seeds": 2}.get(kind, 5))
    trials, curves = made.trials, made.curves
    confirm = trials["phase"] == "confirm"
    done = trials["outcome"] == "completed"
    if kind in CHANGES:
        return changed(made, kind)
    if kind == "null":
        noise = np.random.default_rng(0).normal(size=len(trials))
        return replace(
            made, trials=trials.assign(objective=trials["objective"].where(~done, 0.7 + 0.01 * noise))
        )
    if kind == "two finalists":
        kept = trials.loc[confirm, "trial"].drop_duplicates().head(2)
        return replace(made, trials=trials[~confirm | trials["trial"].isin(kept)])
    if kind == "one optimizer":
        return replace(made, trials=trials.assign(optimizer="adam", momentum=np.nan))
    if kind == "tiny losses":
        curves = curves.assign(value=curves["value"].where(curves["metric"] != "validation_loss", 1e-9))
        return replace(made, trials=trials.assign(objective=trials["objective"] * 1e-9), curves=curves)
    if kind == "huge effects":
        weight = trials["activation_penalty"]
        return replace(made, trials=trials.assign(objective=trials["objective"] * (1 + 1e9 * weight)))
    if kind == "two trials diverged":
        first = trials["trial"].isin([0, 1])
        outcome = trials["outcome"].mask(first, "diverged").mask(~first & ~confirm & ~done, "completed")
        return replace(made, trials=trials[first | done].assign(outcome=outcome[first | done]))
    if kind == "two kinds of penalty":
        return replace(made, trials=trials.assign(penalty_kind=np.where(trials["trial"] % 2 > 0, "l1", "l2")))
    return made


KINDS = (
    *("all diverged", "no confirmation", "finalists diverged", "one trial", "one fresh seed"),
    *("own activations", "dead gradients", "null", "two finalists", "three seeds", "one optimizer"),
    *("tiny losses", "huge effects", "two trials diverged", "two kinds of penalty", "unranked", "auc"),
)


def run_of(kind: str) -> RunData:
    """A run of a kind, with all that its page is made of."""
    made = small(kind)
    if kind != "auc":
        shares = SHARES.assign(low=SHARES["low"] - 0.3) if kind == "unranked" else SHARES
        run = made_input(made, importances=shares)
    else:
        scores = made.curves[made.curves["metric"] == "validation_accuracy"].assign(metric="validation_auc")
        records = replace(
            made,
            trials=made.trials.assign(objective=(1 - made.trials["objective"] / 2.6).clip(0.5, 1.0)),
            curves=pd.concat([made.curves, scores], ignore_index=True),
        )
        search = {**made_study().to_dict()["search"], "objective": "validation_auc"}
        study = made_study(search=search)
        run = made_input(records, study=study, test=False)
        run = replace(run, answer=answer(records.trials, None, objective=study.objective))
    return replace(run, rows={"validation": 359})


@cache
def told(kind: str) -> tuple[list[str], list[str]]:
    """Every sentence of the sections of a page; then its card, and what figures are to those who do not see
    them."""
    run = run_of(kind)
    tables = OnDemand(run)
    asked = [question for question in QUESTIONS if question.applies(run, tables)]
    said = [statements(question, run, tables) for question in asked]
    shown = card(run.study, run.answer, run.records.trials)
    claims = judged(said, shown.claims)
    beside = [shown.lead, *(f"{fact.value} {fact.meaning}" for fact in shown.facts)]
    beside += [text for question in asked for text in _figures(question.figures, tables)]
    return [text for part in said for text in words(part, claims)], beside


def _figures(specs: Iterable[FigureSpec], tables: OnDemand) -> Iterator[str]:
    for spec in specs:
        yield spec.caption
        if len(tables[spec.table]):
            yield spec.alt(tables[spec.table])


@pytest.mark.parametrize("kind", KINDS)
def test_pages_read_as_an_editor_would_leave_them(kind: str) -> None:
    """No page of any kind of run holds what is never right: negative zeros, "All 2", "1 seeds", nan …"""
    sentences, beside = told(kind)
    found = [
        f"{what}: …{text[max(0, hit.start() - 40) : hit.end() + 40]}…"
        for text in (*sentences, *beside)
        for what, pattern in WRONG.items()
        for hit in re.finditer(pattern, text)
    ]
    assert found == []


@pytest.mark.parametrize("kind", KINDS)
def test_sentences_begin_with_a_capital(kind: str) -> None:
    """Names of activations, optimizers and penalties alone stay as they are written."""
    for text in told(kind)[0]:
        first = re.split(r"[\s:,.]", text)[0]
        assert not first[0].islower() or first in NAMES, text


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("from −0.00 to 1", "a zero with a minus sign"),
        ("All 2 diverged", "all of one or two"),
        ("+87172 % more", "thousands of percent"),
        ("on 1 seeds", "a plural of one"),
        ("is  one", "a space too many"),
        ("29485.167969123", "digits that nobody needs"),
    ],
)
def test_the_editor_sees_mistakes(text: str, what: str) -> None:
    """What was once on a page is found."""
    assert re.search(WRONG[what], text)
