"""No page contradicts itself: the claims of many kinds of runs, and what is left of them as sentences."""

import math
import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from report_inputs import CHANGES, SHARES, OnDemand, changed, made_input
from synthetic_records import SyntheticRecords, synthetic_records

from sweeper.answer.answer import answer
from sweeper.answer.claim_words import Statement, words
from sweeper.answer.claims import BEATS, BEST, CONFIRMED, Claim, Judged, contradictions
from sweeper.answer.confirmed import ENOUGH_SEEDS
from sweeper.questions import QUESTIONS
from sweeper.questions.run_data import RunData
from sweeper.report.card import card
from sweeper.report.sections import judged, statements


@cache
def made_of(kind: str) -> RunData:
    """A run of one kind."""
    if kind in CHANGES:
        return made_input(changed(synthetic_records(40), kind))
    seeds = {"three seeds": 3, "two seeds": 2}.get(kind, 5)
    made = synthetic_records(40, finalists=4, seeds=seeds, seed=len(kind))
    trials, confirm = made.trials, made.trials["phase"] == "confirm"
    noise = np.random.default_rng(len(kind)).normal(size=len(trials))
    scores = trials["objective"]
    if kind == "null":
        scores = scores.mask(scores.notna(), 0.7 + 0.01 * noise)
    elif kind == "ties":
        scores = scores.mask(confirm & scores.notna(), 0.1 + 0.01 * noise)
    elif kind == "one clear winner":
        first = trials.loc[confirm, "trial"].iloc[0]
        scores = scores.mask(confirm & (trials["trial"] != first), 0.5 + 0.01 * noise)
    elif kind == "the search was wrong":  # the last of the finalists wins on fresh seeds
        last = trials.loc[confirm, "trial"].iloc[-1]
        scores = scores.mask(confirm, 0.4 + 0.01 * noise).mask(confirm & (trials["trial"] == last), 0.1)
    shares = SHARES if kind != "null" else SHARES.assign(chance=0.9)
    run = made_input(
        SyntheticRecords(trials.assign(objective=scores), made.curves, made.layers), importances=shares
    )
    return replace(run, rows={"validation": 359})


KINDS = (
    "all diverged",
    "finalists diverged",
    "one fresh seed",
    "dead gradients",
    "null",
    "ties",
    "one clear winner",
    "the search was wrong",
    "three seeds",
)


@cache
def said_of(kind: str) -> list[tuple[Statement, ...]]:
    """What each section of the page of a kind of run states."""
    run = made_of(kind)
    tables = OnDemand(run)
    return [statements(question, run, tables) for question in QUESTIONS if question.applies(run, tables)]


@cache
def judged_claims(kind: str) -> list[Judged]:
    """Every claim of the page of a kind of run."""
    run = made_of(kind)
    told = card(run.study, run.answer, run.records.trials).claims
    return list(judged(said_of(kind), told).values())


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_never_contradicts_itself(kind: str) -> None:
    """Of all claims of a page, those that stand agree pair by pair, and what gives way says to what."""
    found = judged_claims(kind)
    assert contradictions(each.claim for each in found if each.against is None) == []
    assert all(each.against is None for each in found if each.claim.kind == BEATS)
    assert all(each.against in [other.claim for other in found] for each in found if each.against)


@pytest.mark.parametrize("kind", ["three seeds", "ties", "one clear winner"])
def test_confirmed_takes_five_seeds_and_no_tie(kind: str) -> None:
    """No value is called confirmed on fewer seeds, or while another one is tied with it."""
    claims = [each.claim for each in judged_claims(kind)]
    best = [claim for claim in claims if claim.kind == BEST and claim.section == "confirmation"]
    assert best
    for claim in best:
        assert (claim.status == CONFIRMED) <= (claim.seeds >= ENOUGH_SEEDS and not claim.alternatives)


def test_sections_of_the_search_name_the_answer_where_they_lead_elsewhere() -> None:
    """Each lead of the search that is not the answer's value gives way to the claim of the fresh seeds."""
    found = judged_claims("the search was wrong")
    answers = {each.claim.name: each.claim for each in found if each.claim.section == "confirmation"}
    leads = [each for each in found if each.claim.kind == BEST and each.claim.section == "isolation"]
    assert leads
    for lead in leads:
        answer = answers.get(lead.claim.name)
        differs = isinstance(answer, Claim) and answer.direction != lead.claim.direction
        assert (lead.against == answer) is differs or answer is None


@pytest.mark.parametrize("kind", ["one fresh seed", "three seeds"])
def test_few_seeds_tie_nothing(kind: str) -> None:
    """Below five fresh seeds nobody is called tied, better or confirmed, on the card or in a section."""
    run = made_of(kind)
    told = card(run.study, run.answer, run.records.trials)
    said = " ".join([told.lead, *(f"{fact.label} {fact.meaning}" for fact in told.facts), *spoken_by(kind)])
    assert "tied" not in said
    assert "better than" not in said.replace("no better than before", "")
    assert "confirmed on" not in said
    assert "fresh seeds decide" not in said.replace("proves nothing; the finalists' fresh seeds decide", "")
    assert told.standing == "provisional"


def spoken_by(kind: str) -> list[str]:
    """Every sentence of the sections of a kind of run, with what its claims give way to."""
    claims = {each.claim: each for each in judged_claims(kind)}
    return [text for said in said_of(kind) for text in words(said, claims)]


@pytest.mark.parametrize("kind", ["null", "ties", "one clear winner"])
def test_card_and_section_say_the_same_of_luck(kind: str) -> None:
    """Where the section leaves open whether luck weighs more, the card does not put a share in bold."""
    run = made_of(kind)
    sure = {fact.label: fact for fact in card(run.study, run.answer, run.records.trials).facts}["How sure"]
    (said,) = [text for text in spoken_by(kind) if "of the variance of" in text.lower()]
    assert bool(re.match(r"\d+ % to >?\d+ % of the variance", sure.value)) is ("do not settle" in said)
    assert re.search(r"95 % interval <?[\d.]+ % to >?[\d.]+ %", sure.meaning)


def test_no_interval_of_a_loss_reaches_below_what_it_can_be() -> None:
    """The end is cut off and says so; a loss that may be negative keeps it."""
    run = made_of("ties")
    tested = {"trial": run.answer.trial, "scores": [{"loss": 0.11}, {"loss": 0.13}]}
    for floor, cut in ((0.0, True), (-math.inf, False)):
        found = answer(run.records.trials, tested, least_loss=floor)
        facts = {fact.label: fact.meaning for fact in card(run.study, found, run.records.trials).facts}
        assert ("loss 0 (cut off) to" in facts["Test set"]) is cut
        assert ("loss −0.01 to" in facts["Test set"]) is not cut
