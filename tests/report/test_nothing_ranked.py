"""Where nothing is shown to be learned, no sentence, figure or table of the finalists ranks them."""

import re
from dataclasses import replace

import pytest
from report_inputs import OnDemand
from run_kinds import run_of

from sweeper.answer.claim_words import words
from sweeper.answer.claims import GUESS, TIES, UNLEARNED
from sweeper.answer.comparison import Verdict
from sweeper.questions import QUESTIONS
from sweeper.report.card import card
from sweeper.report.sections import judged

RANKS = re.compile(
    r"\btied\b|did worse|same score as|better than|too few to (?:rank|tell)|cannot rank|left the race"
)


@pytest.mark.parametrize("standing", [UNLEARNED, GUESS])
@pytest.mark.parametrize("kind", ["one clear winner", "ties", "some tied", "the search was wrong"])
def test_finalists_are_not_ranked(kind: str, standing: str) -> None:
    """However far apart they are, and whatever the race called them."""
    run = run_of(kind)
    assert run.answer is not None
    run = replace(run, answer=replace(run.answer, standing=standing))
    tables = OnDemand(run)
    (question,) = (each for each in QUESTIONS if each.key == "confirmation")
    page, given = card(run.study, run.answer, run.trials), tuple(question.sentences(run, tables))
    said = [*words(given, judged([given], page.claims)), page.lead]
    said += [figure.alt(tables[figure.table]) for figure in question.figures]
    assert [text for text in said if RANKS.search(text)] == []
    for name in ("finalists", "comparison"):
        assert set(tables[name]["verdict"]) <= {
            Verdict.WINNER,
            Verdict.UNRANKED,
            Verdict.FAILS,
            Verdict.UNSTEADY,
        }
    others = tables["comparison"].query("verdict != 'winner'")
    assert not others[["tied", "better", "simplest"]].to_numpy().any()
    unranked = others.loc[others["verdict"] == Verdict.UNRANKED, "trial"]
    guess = replace(run.answer, standing=GUESS, doubted="no better than guessing")
    assert set(guess.to_dict()["not_ranked"]) == set(unranked)


def test_json_ranks_nothing_either() -> None:
    """Who is tied where something was learned is not ranked where it was not, in what programs read too."""
    run = run_of("ties")
    assert run.answer is not None
    ranked = replace(run.answer, standing=TIES, baseline=None, learning=None)
    assert ranked.to_dict()["tied"]
    doubted = replace(ranked, standing=GUESS, doubted="worse than guessing on test rows").to_dict()
    assert doubted["tied"] == []
    assert {*ranked.tied, *ranked.unranked} <= set(doubted["not_ranked"]) == set(ranked.peers)
