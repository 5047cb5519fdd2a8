"""No page contradicts itself: the claims of many kinds of runs, and what is left of them as sentences."""

import math
import re
from functools import cache
from itertools import pairwise

import pytest
from contradictions import contradictions
from run_kinds import KINDS, run_of, told

from sweeper.answer.answer import answer
from sweeper.answer.claim_words import words
from sweeper.answer.claims import (
    AHEAD,
    ALONE,
    BEATS,
    BEST,
    CONFIRMED,
    GUESS,
    LEARNED,
    LUCK,
    NONE,
    OPEN,
    PROVISIONAL,
    STANDING,
    TIES,
    UNLEARNED,
    YES,
    Claim,
    Judged,
)
from sweeper.questions import QUESTIONS
from sweeper.report.card import BADGES, card
from sweeper.report.sections import judged
from sweeper.statistics.race import ENOUGH_SEEDS

UNSETTLED = (
    "not settled",
    "tied with",
    "not shown to be better",
    "too few seeds",
    "cannot rank",
    "too few to tell",
    "as good",
)
"""What no page says of an answer that it calls confirmed."""


@cache
def judged_claims(kind: str) -> list[Judged]:
    """Every claim of the page of a kind of run."""
    page = told(kind)
    return list(judged(page.sections, page.card.claims).values())


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_never_contradicts_itself(kind: str) -> None:
    """Of all claims of a page, those that stand agree pair by pair, and what gives way says to what."""
    found = judged_claims(kind)
    assert contradictions(each.claim for each in found if each.against is None) == []
    assert all(each.against is None for each in found if each.claim.kind == BEATS)
    assert all(each.against in [other.claim for other in found] for each in found if each.against)


@pytest.mark.parametrize("kind", KINDS)
def test_the_status_of_the_answer_agrees_with_every_sentence(kind: str) -> None:
    """Confirmed stands above nothing that leaves the answer open; tied only where something is; no claim
    of the page contradicts the status."""
    run, page = run_of(kind), told(kind).card
    said = " ".join([page.lead, *(f"{fact.value} {fact.meaning}" for fact in page.facts), *spoken_by(kind)])
    unsettled = [words for words in UNSETTLED if words in said.replace("no better than", "")]
    if page.standing == CONFIRMED:
        assert unsettled == []
    if page.standing in (TIES, AHEAD):
        assert unsettled
    assert (page.standing == TIES) == bool(run.answer is not None and run.answer.tied)
    expected = {
        "one clear winner": CONFIRMED,
        "the search was wrong": CONFIRMED,
        "ties": TIES,
        "some tied": TIES,
    }
    expected |= {"three seeds": PROVISIONAL, "one fresh seed": PROVISIONAL, "one finalist": ALONE}
    assert page.standing == expected.get(kind, page.standing)
    status = [claim for claim in page.claims if claim.kind == STANDING]
    claims = [each.claim for each in judged_claims(kind) if each.against is None]
    assert [pair for pair in contradictions(claims) if set(pair) & set(status)] == []


OF_FRESH_SEEDS = {"seeds": 6, "section": "confirmation"}
BEATEN, LUCKY = (
    Claim(BEATS, "answer", YES, CONFIRMED, "answer"),
    Claim(LUCK, "f", "luck", CONFIRMED, "luck", seeds=6),
)
SETTLED = Claim(BEST, "optimizer", "adam", CONFIRMED, **OF_FRESH_SEEDS)
UNTOLD = Claim(BEST, "optimizer", "adam", OPEN, **OF_FRESH_SEEDS)
NOTHING = Claim(LEARNED, "answer", NONE, CONFIRMED, "answer")


@pytest.mark.parametrize(
    ("standing", "against"),
    [
        (CONFIRMED, {UNTOLD, NOTHING}),
        (TIES, {NOTHING}),
        (AHEAD, {NOTHING}),
        (ALONE, {SETTLED, LUCKY, NOTHING}),
        (PROVISIONAL, {SETTLED, LUCKY, NOTHING}),
        (UNLEARNED, {SETTLED, LUCKY, BEATEN}),
        (GUESS, {SETTLED, LUCKY}),
    ],
)
def test_a_status_contradicts_what_would_belie_it(standing: str, against: set[Claim]) -> None:
    """Each status of an answer beside each claim that a section can make of it."""
    status = Claim(STANDING, "answer", standing, CONFIRMED, "answer")
    claims = (BEATEN, LUCKY, SETTLED, UNTOLD, NOTHING)
    assert {claim for claim in claims if contradictions([status, claim])} == against


def test_every_status_has_words() -> None:
    """The badge names each; only the one that is confirmed is called so."""
    assert {CONFIRMED, TIES, AHEAD, ALONE, PROVISIONAL, UNLEARNED, GUESS} < set(BADGES)
    assert [standing for standing, text in BADGES.items() if text.startswith("Confirmed")] == [CONFIRMED]


@pytest.mark.parametrize("kind", ["three seeds", "ties", "one clear winner"])
def test_confirmed_takes_five_seeds_and_no_tie(kind: str) -> None:
    """No value is called confirmed on fewer seeds, or while another one is tied with it."""
    claims = [each.claim for each in judged_claims(kind)]
    best = [claim for claim in claims if claim.kind == BEST and claim.section == "confirmation"]
    assert best
    for claim in best:
        assert (claim.status == CONFIRMED) <= (claim.seeds >= ENOUGH_SEEDS and not claim.alternatives)


def test_one_finalist_is_not_spoken_of_as_several() -> None:
    """Nothing is said of finalists together where there is one."""
    said = " ".join(spoken_by("one finalist"))
    assert "finalists together" not in said
    assert "as the only finalist" in said


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
    page = told(kind).card
    said = " ".join([page.lead, *(f"{fact.label} {fact.meaning}" for fact in page.facts), *spoken_by(kind)])
    assert "tied" not in said
    assert "better than" not in said.replace("never better than before", "")
    assert "confirmed on" not in said
    assert "fresh seeds decide" not in said.replace("proves nothing; the finalists' fresh seeds decide", "")
    assert page.standing == "provisional"


def spoken_by(kind: str) -> list[str]:
    """Every sentence of the sections of a kind of run, with what its claims give way to."""
    claims = {each.claim: each for each in judged_claims(kind)}
    return [text for said in told(kind).sections for text in words(said, claims)]


@pytest.mark.parametrize("kind", KINDS)
def test_no_sentence_leans_on_one_that_may_be_withdrawn(kind: str) -> None:
    """A claim may give way to another sentence, or to none: what follows it names what it is about."""
    for said in told(kind).sections:
        for before, text in pairwise(said):
            if isinstance(before, Claim) and isinstance(text, str):
                assert not re.match(r"(It|Its|They|Their)\b", text)


@pytest.mark.parametrize("kind", ["null", "ties", "one clear winner"])
def test_card_and_section_say_the_same_of_luck(kind: str) -> None:
    """The card leads with what the race would have detected, else with luck, which is always an interval."""
    sure = {fact.label: fact for fact in told(kind).card.facts}["How sure"]
    (said,) = [text for text in spoken_by(kind) if "of the variance of" in text.lower()]
    assert said
    if sure.meaning.startswith("would be detected in 80 % of such races"):
        assert re.match(
            r"a difference of [\d.e-]+( \([\d.,<>]+ (% of|times) the winner's mean\))?$", sure.value
        )
        assert re.search(r"luck is <?[\d.]+ % \(95 % interval <?[\d.]+ % to >?[\d.]+ %\)", sure.meaning)
    else:
        interval = r"<?[\d.]+ % to >?[\d.]+ % of the differences on a seed are luck \(95 % interval\)$"
        assert re.match(interval, sure.value)
        assert re.search(r"luck is <?[\d.]+ % by the best estimate", sure.meaning)


@pytest.mark.parametrize(
    ("seeds", "reason"),
    [(3, "Fewer than 5 fresh seeds cannot show"), (5, "These scores do not")],
)
def test_no_verdict_on_luck_names_its_cause(seeds: int, reason: str) -> None:
    """Few seeds decide nothing, however narrow their intervals; of more, it is the intervals."""
    open_claim = Claim(LUCK, "finalists", "", OPEN, "luck", f"2 finalists on {seeds} seeds", seeds=seeds)
    (said,) = words([open_claim], {})
    assert said.startswith(reason)


@pytest.mark.parametrize("kind", ["three seeds", "one fresh seed", "ties"])
def test_only_enough_seeds_tie(kind: str) -> None:
    """What is said of any run, captions and methods too, calls nobody tied on fewer than five seeds."""
    run = run_of(kind)
    spoken = [
        *spoken_by(kind),
        *(q.figure.caption for q in QUESTIONS if q.figure),
        *(h for q in QUESTIONS for h in q.how),
    ]
    tied = [text for text in spoken if re.search(r"\b(is|are) tied\b", text)]
    few = run.answer.confirmed.seeds < ENOUGH_SEEDS
    assert all(f"{ENOUGH_SEEDS} seeds or more" in text for text in tied) if few else tied


def test_no_interval_of_a_loss_reaches_below_what_it_can_be() -> None:
    """The end is cut off and says so; a loss that may be negative keeps it."""
    run = run_of("ties")
    tested = {"trial": run.answer.trial, "scores": [{"loss": 0.11}, {"loss": 0.13}]}
    for floor, cut in ((0.0, True), (-math.inf, False)):
        found = answer(run.records.trials, tested, least_loss=floor)
        facts = {fact.label: fact.meaning for fact in card(run.study, found, run.records.trials).facts}
        assert ("loss 0 [the score's limit] to" in facts["Test set"]) is cut
        assert ("loss −0.01 to" in facts["Test set"]) is not cut
