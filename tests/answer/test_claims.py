"""Claims that contradict each other are found before they are words, and the weaker one gives way."""

import dataclasses

import pytest
from contradictions import contradictions

from sweeper.answer.claim_words import NO_RANKING, words
from sweeper.answer.claims import (
    AHEAD,
    ALONE,
    BEST,
    CONFIRMED,
    EFFECT,
    EXPLORATORY,
    GRADIENT,
    GUESS,
    LEARNED,
    LUCK,
    MATTERS,
    MIXED,
    NONE,
    OPEN,
    PROVISIONAL,
    RANKINGS,
    STANDING,
    TIES,
    UNITS,
    UNLEARNED,
    YES,
    Claim,
    Judged,
    contradict,
    resolve,
)

WINNER = Claim(BEST, "optimizer", "momentum", CONFIRMED, "confirmation", "10 fresh seeds", seeds=10)
LEAD = Claim(BEST, "optimizer", "adam", EXPLORATORY, "isolation", "one seed each", detail="adam 0.12")
NOTHING = Claim(LEARNED, "answer", NONE, CONFIRMED, "answer", detail="nothing was learned")
FLAT = Claim(
    EFFECT, "activation_penalty", NONE, EXPLORATORY, "penalty", where="validation_loss", detail="flat"
)
MOST = Claim(MATTERS, "activation_penalty", YES, EXPLORATORY, "importances", where="validation_loss")


def changed(claim: Claim, **columns: object) -> Claim:
    """The same claim but for some of its fields."""
    return dataclasses.replace(claim, **columns)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (WINNER, LEAD, True),
        (WINNER, changed(LEAD, direction="momentum"), False),
        (WINNER, changed(LEAD, name="activation"), False),
        (FLAT, changed(FLAT, direction="lowers"), True),
        (FLAT, changed(FLAT, direction=MIXED), False),
        (FLAT, changed(FLAT, where="activation_size", direction="lowers"), False),
        (FLAT, MOST, True),
        (changed(FLAT, direction="lowers"), MOST, False),
        (NOTHING, LEAD, True),
        (NOTHING, FLAT, False),
        (changed(NOTHING, direction=YES), LEAD, False),
        (changed(LEAD, direction=""), WINNER, False),
    ],
)
def test_contradictions_are_seen_from_both_sides(one: Claim, other: Claim, expected: bool) -> None:
    """Opposite directions, another winner, what matters and changes nothing, rankings of what is luck."""
    assert contradict(one, other) is contradict(other, one) is expected


def test_the_weaker_claim_gives_way_wherever_it_stands() -> None:
    """Confirmed before exploratory before open, more seeds before fewer; what stands agrees with itself."""
    weak = changed(LEAD, status=OPEN, direction="rmsprop")
    for claims in ((WINNER, LEAD, weak), (weak, LEAD, WINNER)):
        judged = {each.claim: each for each in resolve(claims)}
        assert [each.claim for each in resolve(claims)] == list(claims), "each in its place"
        assert judged[WINNER] == Judged(WINNER)
        assert judged[LEAD].against == judged[weak].against == WINNER
    few = changed(WINNER, direction="sgd", seeds=5)
    assert resolve((few, WINNER))[0].against == WINNER
    every = (NOTHING, WINNER, LEAD, weak, FLAT, MOST, changed(FLAT, direction="raises"))
    assert contradictions(every)
    assert contradictions(each.claim for each in resolve(every) if each.against is None) == []


def test_a_lead_of_the_search_says_that_the_answer_is_another() -> None:
    """It names the answer and why; a lead that is the answer adds nothing."""
    judged = {each.claim: each for each in resolve((WINNER, LEAD))}
    (said,) = words([LEAD], judged)
    assert "The answer is momentum, confirmed on 10 fresh seeds" in said
    same = changed(LEAD, direction="momentum")
    (said,) = words([same], {each.claim: each for each in resolve((WINNER, same))})
    assert "The answer is" not in said


def test_dotted_keys_keep_their_spelling() -> None:
    """``model.block_size`` stands in sentences as it does in the study file; ``weight_decay`` in words."""
    for name, expected in (("model.block_size", "model.block_size"), ("weight_decay", "Weight decay")):
        (said,) = words([changed(WINNER, name=name)], {})
        assert said.startswith(f"{expected}: ")


def test_nothing_is_ranked_at_the_level_of_chance() -> None:
    """Leads and importances are withdrawn with one sentence; facts and effects stay."""
    judged = {each.claim: each for each in resolve((NOTHING, LEAD, FLAT))}
    said = words(["Of 40 trials, 36 completed.", LEAD, changed(LEAD, name="activation"), FLAT], judged)
    why = NO_RANKING.format(detail="nothing was learned")
    assert said == (
        "Of 40 trials, 36 completed.",
        why,
        "Activation: adam has the best expected score in the search; adam 0.12.",
        "flat.",
    )
    judged = {each.claim: each for each in resolve((NOTHING, LEAD, changed(LEAD, name="activation")))}
    assert words([LEAD, changed(LEAD, name="activation")], judged) == (why,)


def test_what_matters_but_changes_nothing_says_both() -> None:
    """A setting above chance without an effect is qualified, not ranked on."""
    (_, said) = words([FLAT, MOST], {each.claim: each for each in resolve((FLAT, MOST))})
    assert "Yet it is not found to change the validation loss" in said


@pytest.mark.parametrize("standing", [CONFIRMED, TIES, AHEAD, ALONE, PROVISIONAL, UNLEARNED, GUESS])
def test_no_status_of_an_answer_and_no_empty_slot_gets_into_sentences(standing: str) -> None:
    """A claim that gives way never prints the code of a status, or a gap, where words belong."""
    whole = Claim(STANDING, "answer", standing, CONFIRMED, "answer", seeds=9, detail="a badge")
    doubted = [Claim(LEARNED, "answer", MIXED, CONFIRMED, "answer", detail="no better than guessing")]
    parts = [
        Claim(kind, "activation", "relu", status, "part", "6 fresh seeds", seeds=seeds, detail="as seen")
        for kind in (BEST, EFFECT, MATTERS, LUCK, GRADIENT, UNITS)
        for status in (OPEN, EXPLORATORY, CONFIRMED)
        for seeds in (1, 6)
    ]
    for part in parts:
        claims = [whole, *(doubted if standing in (UNLEARNED, GUESS) else []), part]
        for order in (claims, claims[::-1]):
            judged = {each.claim: each for each in resolve(order)}
            text = " ".join(words([part], judged))
            for gap in (f"answer is {standing},", " on :", " on .", "  "):
                assert gap not in text
            ranked = part.kind in RANKINGS and standing in (UNLEARNED, GUESS)
            instead = ("Nothing is ranked here, as", "Whether settings or luck weigh more is not told, as")
            assert not ranked or text.startswith(instead[part.kind == LUCK])


@pytest.mark.parametrize(("status", "qualified"), [(OPEN, True), (CONFIRMED, False)])
def test_a_lead_of_the_search_that_fresh_seeds_do_not_settle_says_so(status: str, qualified: bool) -> None:
    """The search tells adam from the others; on fresh seeds the answer, adam too, is tied with one."""
    fresh = dataclasses.replace(WINNER, direction="adam", status=status, detail="tied with sgd")
    assert contradict(LEAD, fresh) == contradict(fresh, LEAD) == qualified
    (said,) = words([LEAD], {LEAD: resolve([LEAD, fresh])[0]})
    assert ("The answer is adam" in said and "fresh seeds decide" in said) == qualified
