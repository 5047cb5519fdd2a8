"""What the card, the note and the terminal put into words, computed once."""

from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from sweeper.answer.answer import Answer
from sweeper.answer.bounds import stricter
from sweeper.answer.comparison import Verdict, comparison
from sweeper.answer.confirmed import FEW, confirmed
from sweeper.answer.edges import Edge, edges
from sweeper.answer.placing import Finalist, apart, finalists_of, same_scores
from sweeper.answer.ranked import Ranked
from sweeper.answer.rows import as_costs, completed_search, search_labels
from sweeper.study.study import Study


@dataclass(frozen=True)
class Summary:
    """An answer beside the trainings that it rests on."""

    completed: "pd.Series[float]"
    """Costs of the search trials that completed."""
    ranking: pd.DataFrame
    """`sweeper.answer.confirmed.confirmed`."""
    finalists: tuple[Finalist, ...]
    """The winner first."""
    tied: tuple[str, ...]
    """Labels of `Answer.tied`, in its order."""
    unranked: tuple[str, ...]
    """Those of `Answer.unranked`."""
    few_pairs: bool
    """Whether a tied finalist shares fewer than `FEW` completed seeds with the winner."""
    rows: pd.DataFrame
    """`sweeper.answer.comparison.comparison`, in the objective as people read it."""
    edge: Edge | None
    """The first setting of the winner at an edge of its range."""

    @cached_property
    def nearly_worse(self) -> list[int]:
        """Tied finalists whose interval of the difference to the winner leaves 0 out."""
        tied = [row for row in self.rows.to_dict("records")[1:] if row["verdict"] == Verdict.TIED]
        return [row["trial"] for row in tied if stricter(*apart(row)[1:3]) and not same_scores(row)]


def summarize(study: Study, answer: Answer, trials: pd.DataFrame) -> Summary:
    """The `answer` of the recorded `trials`, in costs."""
    trials = as_costs(trials, study.objective)
    ranking, known = confirmed(trials), search_labels(trials)
    tied, unranked = (known[list(peers)] for peers in (answer.tied, answer.unranked))
    few_pairs = bool((ranking.loc[ranking["trial"].isin(answer.tied), "pairs"] < FEW).any())
    outside = edges(study.space, answer.parameters, trials)
    return Summary(
        completed=completed_search(trials)["objective"],
        ranking=ranking,
        finalists=tuple(finalists_of(trials, ranking)),
        tied=tuple(tied),
        unranked=tuple(unranked),
        few_pairs=few_pairs,
        rows=comparison(trials, Ranked(study.objective, answer.least_loss)),
        edge=outside[0] if outside else None,
    )
