"""Texts that stand on every page, whatever was recorded: they are true of every run."""

import re

import pytest

from sweeper.commands.compare.sections import SECTIONS
from sweeper.questions import QUESTIONS, confirmation, variance
from sweeper.questions.question import Question

ACTS = "trained|retrained|measured|scored|picked|confirmed|recorded|compared|tuned|searched|drawn|run"
PAST = re.compile(rf"\b(was|were)\b(?: \w+){{0,2}}? (?:{ACTS})\b")
WHERE = re.compile(r"\b(that|where|which|who|whose|if|as|while|no|none|nothing)\b", re.IGNORECASE)
"""Words after which something is told of what there is of a kind, or that there is none."""


def paragraphs(question: Question) -> list[str]:
    """What the page says of a question in every case: captions and how we know."""
    return [*(figure.caption for figure in question.figures), *question.how]


def tells_of_the_run(text: str) -> list[str]:
    """Clauses of a text that say what was done."""
    clauses = re.split(r"(?<=[.:;]) |, and |, so ", text)
    return [each for each in clauses if (hit := PAST.search(each)) and not WHERE.search(each[: hit.start()])]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.key)
def test_how_we_know_says_no_more_than_the_rule(question: Question) -> None:
    """Trainings, finalists and published defaults need not exist: rules are told in the present, and the past
    only of those trials that something happened to."""
    assert [clause for text in paragraphs(question) for clause in tells_of_the_run(text)] == []


def test_how_two_runs_are_compared_says_no_more_than_the_rule() -> None:
    """A run may have no fresh seeds."""
    assert [clause for part in SECTIONS for text in part.how for clause in tells_of_the_run(text)] == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("The two best trials of the search were trained again, together with the best default.", True),
        ("A published default was not tuned: what is better need not be.", True),
        ("Trials that were pruned count as not diverged.", False),
        ("No green: no second trial was as close.", False),
    ],
)
def test_a_statement_of_what_was_done_is_seen(text: str, told: bool) -> None:
    """The test sees what once stood on pages without a confirmation."""
    assert bool(tells_of_the_run(text)) is told


def test_finalists_are_called_what_they_are() -> None:
    """A published default may be one with the last score of all: no text calls all finalists the best."""
    texts = [*paragraphs(confirmation.QUESTION), *paragraphs(variance.QUESTION)]
    assert not [text for text in texts if re.search("[Ff]inalists are the best|two best trials", text)]
