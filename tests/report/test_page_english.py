"""What the pages of many kinds of runs say, as an editor would look over it."""

import re
from functools import cache

import pytest
from run_kinds import KINDS, told

from sweeper.answer.claim_words import words
from sweeper.components.activations import ACTIVATIONS
from sweeper.components.optimizers import OPTIMIZERS
from sweeper.components.penalties import PENALTIES
from sweeper.report.sections import judged

NOUNS = "activation decade finalist layer network other pair range row seed setting step trial unit value"
WRONG = {
    "a zero with a minus sign": r"−0(\.0*)?(?![\d.])",
    "an exponent with a true minus sign": r"\de−",
    "a number that is none": r"(?<!loss )\bnan\b|\binf\b|\bNone\b(?! of)|\bNaT\b|<NA>",
    "all of one or two": r"\b[Aa]ll [12] ",
    "thousands of percent": r"\d{4,} ?%|\d,\d{3} ?%",
    "a space too many": r" {2}|\( | \)| [,;:](?!-)| \.(?!\d)",
    "a plural of one": rf"(?<![\d.,#–] )(?<![\d.,–])\b1 ({'|'.join(f'{noun}s' for noun in NOUNS.split())})\b",
    "several that are one": rf"(?<![\d.,#–])\b1 (of [\d,]+ )?({NOUNS.replace(' ', 's?|')}s?) "
    r"(\w+ or )?(do|are|were|have|include|contain)\b",
    "each of one": r"\b(one|1) (fresh |search )?seed\b[^;.(]*, (on )?each\b|\blast 1 |\bOf [01] (?!other)",
    "punctuation of its own": r"\.\.|,,|;;|\(\)|,\.|;\.|:\.",
    "a before a vowel": r"\b[Aa] (8|11|18|80|8\d)\b(?! ×)",
    "a value of Python": r"\bTrue\b|\bFalse\b|\{\w*\}|<\w+ object",
    "digits that nobody needs": r"\d\.\d{7,}",
    "brackets within brackets": r"\([^()`]*\([^()`]*\)[^()`]*\)",
}
NAMES = {*ACTIVATIONS, *OPTIMIZERS, *PENALTIES}
"""With which a sentence may begin, as they are written."""


FROM_THE_LAST = KINDS[::-1]
"""Another process may be at them from the first on: each page is waited for or made once."""


@cache
def read(kind: str) -> tuple[list[str], list[str]]:
    """Every sentence of the sections of a page; then its card, and what figures are to those who do not see
    them."""
    page = told(kind)
    claims = judged(page.sections, page.card.claims)
    facts = [f"{fact.value} {fact.meaning}" for fact in page.card.facts]
    return [text for part in page.sections for text in words(part, claims)], [
        page.card.lead,
        *facts,
        *page.beside,
    ]


@pytest.mark.parametrize("kind", FROM_THE_LAST)
def test_pages_read_as_an_editor_would_leave_them(kind: str) -> None:
    """No page of any kind of run holds what is never right: negative zeros, "All 2", "1 seeds", nan …"""
    sentences, beside = read(kind)
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
    for text in read(kind)[0]:
        first = re.split(r"[\s:,.]", text)[0]
        assert not first[0].islower() or first in NAMES, text


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("from −0.00 to 1", "a zero with a minus sign"),
        ("All 2 diverged", "all of one or two"),
        ("1 of 10 trials diverged or were never better", "several that are one"),
        ("the intervals of 1 decade contain 0", "several that are one"),
        ("one seed on 88 rows, each at its best evaluation", "each of one"),
        ("The last 1 trial of 20 did not beat", "each of one"),
        ("Of 1 value tried in both, 1 reached", "each of one"),
        ("+87172 % more", "thousands of percent"),
        ("on 1 seeds", "a plural of one"),
        ("is  one", "a space too many"),
        ("29485.167969123", "digits that nobody needs"),
        ("relu 0.02 (0.00 (the score's limit) to 0.05)", "brackets within brackets"),
    ],
)
def test_the_editor_sees_mistakes(text: str, what: str) -> None:
    """What was once on a page is found."""
    assert re.search(WRONG[what], text)
